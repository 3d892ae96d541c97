//! A key for an algorithm that a client asks for and the realm has none of, made on first use.
//!
//! Keycloak's fallback keys: components named `fallback-{algorithm}` of the lowest priority, so that any key an
//! administrator adds later signs instead. Two nodes may make one each at the same time; both verify, one signs.

use std::sync::Arc;

use keyraft_crypto::keys::{Algorithm, Curve, KeyMaterial, RsaBits};
use keyraft_model::{Component, component::KEY_PROVIDER};
use keyraft_store::components;
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{Core, Error, RealmView};

/// Below every key that somebody chose.
const PRIORITY: &str = "-100";

/// Bytes of a secret for HMACs.
const HMAC_BYTES: usize = 64;

/// Held by whoever makes a key: else a burst of first requests would make one each, and the store would turn most
/// of them away.
static MAKING: Mutex<()> = Mutex::const_new(());

impl Core {
    /// The realm as it is once it has an active key for `algorithm`: itself, or with a fallback key.
    ///
    /// A realm whose administrator switched off the key that it has for the algorithm gets none: that was a
    /// decision.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Internal`] when no key can be made.
    pub async fn with_signing_key(
        &self,
        realm: &Arc<RealmView>,
        algorithm: Algorithm,
    ) -> Result<Arc<RealmView>, Error> {
        if needs_none(realm, algorithm) {
            return Ok(Arc::clone(realm));
        }
        let _making = MAKING.lock().await;
        let realm = self.realm(&realm.realm.realm).await?.ok_or(Error::NotFound("realm"))?;
        if needs_none(&realm, algorithm) {
            return Ok(realm);
        }
        let name = realm.realm.realm.clone();
        let now_secs = self.sessions.view().await?.now().secs().unsigned_abs();
        let made = spawn_blocking(move || generate(algorithm, &name, now_secs)).await;
        let made = made.map_err(|error| Error::Internal(format!("a key was not made: {error}")))?;
        let component = component(&realm.realm.id, algorithm, &made.map_err(failed)?)?;
        let id = &realm.realm.id;
        self.store
            .write(|tx| {
                let (id, component) = (id.clone(), component.clone());
                async move { components::insert(&tx, &id, &component).await }
            })
            .await
            .map_err(|error: keyraft_store::Error| Error::from(error))?;
        self.realm(&realm.realm.realm).await?.ok_or(Error::NotFound("realm"))
    }
}

/// Whether a realm has an active key for the algorithm, or one that somebody switched off.
fn needs_none(realm: &RealmView, algorithm: Algorithm) -> bool {
    realm.keys.active(algorithm).is_some() || realm.keys.iter().any(|key| key.algorithm == algorithm.as_str())
}

fn generate(algorithm: Algorithm, realm: &str, now_secs: u64) -> Result<KeyMaterial, keyraft_crypto::Error> {
    match algorithm.curve() {
        Some(curve) => KeyMaterial::generate_ec(curve),
        None if algorithm == Algorithm::EdDSA => KeyMaterial::generate_ed25519(),
        None if algorithm.is_symmetric() => Ok(KeyMaterial::generate_secret(HMAC_BYTES)),
        None => KeyMaterial::generate_rsa(RsaBits::B2048, realm, now_secs),
    }
}

fn component(
    realm: &keyraft_model::RealmId,
    algorithm: Algorithm,
    material: &KeyMaterial,
) -> Result<Component, Error> {
    let (provider, member, value) = match algorithm.curve() {
        Some(Curve::P256) => ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-256"),
        Some(Curve::P384) => ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-384"),
        Some(Curve::P521) => ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-521"),
        None if algorithm == Algorithm::EdDSA => ("eddsa-generated", "eddsaEllipticCurveKey", "Ed25519"),
        None if algorithm.is_symmetric() => ("hmac-generated", "algorithm", algorithm.as_str()),
        None => ("rsa-generated", "algorithm", algorithm.as_str()),
    };
    let mut component = Component {
        id: keyraft_crypto::random::uuid().into(),
        name: Some(format!("fallback-{algorithm}")),
        provider_id: provider.into(),
        provider_type: KEY_PROVIDER.into(),
        parent_id: realm.to_string(),
        ..Component::default()
    };
    for (name, value) in material.to_component().map_err(failed)? {
        component.config.insert(name.into(), vec![value.to_string()]);
    }
    component.config.insert(member.into(), vec![value.into()]);
    component.config.insert("priority".into(), vec![PRIORITY.into()]);
    Ok(component)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn failed(error: keyraft_crypto::Error) -> Error {
    Error::Internal(format!("a key was not made: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyRing;

    #[test]
    fn a_fallback_key_signs_with_its_algorithm() {
        for algorithm in Algorithm::ALL {
            let material = generate(algorithm, "lab", 0).expect("keys generate");
            let component = component(&"r".into(), algorithm, &material).expect("keys are readable");

            let ring = KeyRing::new(&[component]);

            assert!(ring.active(algorithm).is_some(), "{algorithm}");
        }
    }
}
