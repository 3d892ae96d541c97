//! The keys of a fresh realm, as components.
//!
//! An RSA key takes 40 to 80 ms: keys are made on threads of their own, side by side.

use keyraft_crypto::keys::{KeyMaterial, RsaBits};
use keyraft_model::{Component, component::KEY_PROVIDER};
use tokio::task::spawn_blocking;

use crate::Error;

/// A key's place among a realm's components: provider, and configuration beside the key itself.
const RSA_SIGNATURE: (&str, &str, &[(&str, &str)]) =
    ("rsa-generated", "rsa-generated", &[("keyUse", "SIG"), ("priority", "100")]);
const RSA_ENCRYPTION: (&str, &str, &[(&str, &str)]) = (
    "rsa-enc-generated",
    "rsa-enc-generated",
    &[("keyUse", "ENC"), ("priority", "100"), ("algorithm", "RSA-OAEP")],
);
const HMAC: (&str, &str, &[(&str, &str)]) =
    ("hmac-generated-hs512", "hmac-generated", &[("priority", "100"), ("algorithm", "HS512")]);
const AES: (&str, &str, &[(&str, &str)]) = ("aes-generated", "aes-generated", &[("priority", "100")]);

/// Bytes of the secrets in Keycloak.
const HMAC_BYTES: usize = 128;
const AES_BYTES: usize = 32;

/// The four keys that Keycloak gives a realm, for the components of the realm `realm_id` named `name`.
///
/// # Errors
/// [`Error::Internal`] when the cryptographic library fails.
pub(crate) async fn generate(realm_id: &str, name: &str, now_secs: u64) -> Result<Vec<Component>, Error> {
    let [signature, encryption] = [name.to_owned(), name.to_owned()]
        .map(|name| spawn_blocking(move || KeyMaterial::generate_rsa(RsaBits::B2048, &name, now_secs)));
    let secrets = [KeyMaterial::generate_secret(HMAC_BYTES), KeyMaterial::generate_secret(AES_BYTES)];
    let mut components = Vec::with_capacity(4);
    for (task, place) in [(signature, RSA_SIGNATURE), (encryption, RSA_ENCRYPTION)] {
        let made = task.await.map_err(|error| Error::Internal(format!("a key was not made: {error}")))?;
        components.push(component(realm_id, place, &made.map_err(|error| failed(&error))?)?);
    }
    for (material, place) in secrets.iter().zip([HMAC, AES]) {
        components.push(component(realm_id, place, material)?);
    }
    Ok(components)
}

fn component(
    realm_id: &str,
    (name, provider, config): (&str, &str, &[(&str, &str)]),
    material: &KeyMaterial,
) -> Result<Component, Error> {
    let mut component = Component {
        id: keyraft_crypto::random::uuid().into(),
        name: Some(name.into()),
        provider_id: provider.into(),
        provider_type: KEY_PROVIDER.into(),
        parent_id: realm_id.into(),
        ..Component::default()
    };
    for (name, value) in material.to_component().map_err(|error| failed(&error))? {
        component.config.insert(name.into(), vec![value.to_string()]);
    }
    for (name, value) in config {
        component.config.insert((*name).into(), vec![(*value).into()]);
    }
    Ok(component)
}

fn failed(error: &keyraft_crypto::Error) -> Error {
    Error::Internal(format!("a key was not made: {error}"))
}
