//! A realm's keys, parsed once: which signs, which still verify, what the world is shown.
//!
//! Keys are components, as in Keycloak. `enabled` off: not used at all. `active` off (passive): verifies
//! what it signed before, and signs nothing new. The highest `priority` of an algorithm signs.

use bytes::Bytes;
use keyraft_crypto::keys::{Algorithm, Jwk, KeyMaterial, SigningKey, VerifyingKey};
use keyraft_model::{Component, component::KEY_PROVIDER};
use serde::Serialize;

/// One key of a realm, usable or not.
#[derive(Debug)]
pub struct RealmKey {
    /// The component that holds it.
    pub component: Component,
    /// Its id in tokens.
    pub kid: String,
    /// Higher signs first.
    pub priority: i64,
    /// Whether it is used at all.
    pub enabled: bool,
    /// Whether it signs new tokens.
    pub active: bool,
    /// The JOSE algorithm that its component names (`RS256`, `RSA-OAEP`, `HS512`; `AES` for an AES secret).
    pub algorithm: String,
    /// The private part.
    pub material: KeyMaterial,
    /// Parsed for signing; none for encryption and AES keys.
    pub signing: Option<SigningKey>,
}

/// The keys of one realm, by falling priority.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<RealmKey>,
    key_set: Bytes,
}

/// A JWK Set (RFC 7517 section 5).
#[derive(Serialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    fn to_text(&self) -> Bytes {
        serde_json::to_vec(self).expect("a JWK is text members and no more").into()
    }
}

impl Default for KeyRing {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl KeyRing {
    /// Parses the key components of a realm. A component that holds no usable key is left out and logged:
    /// one bad key must not take the realm away.
    pub fn new(components: &[Component]) -> Self {
        let mut keys: Vec<_> = components
            .iter()
            .filter(|component| component.provider_type == KEY_PROVIDER)
            .filter_map(|component| match RealmKey::parse(component) {
                Ok(key) => key,
                Err(error) => {
                    tracing::error!(component = %component.id, %error, "key component is not usable");
                    None
                }
            })
            .collect();
        // Of equal priority, keys that sign come before those that encrypt, as people expect them in the JWK Set.
        keys.sort_by(|a, b| {
            let kind = a.signing.is_none().cmp(&b.signing.is_none());
            b.priority.cmp(&a.priority).then(kind).then_with(|| a.component.id.cmp(&b.component.id))
        });
        let jwks = keys.iter().filter(|key| key.enabled).filter_map(RealmKey::jwk).collect();
        let key_set = JwkSet { keys: jwks }.to_text();
        Self { keys, key_set }
    }

    /// Every key, by falling priority.
    pub fn iter(&self) -> impl Iterator<Item = &RealmKey> {
        self.keys.iter()
    }

    /// The key that signs new tokens with this algorithm.
    pub fn active(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        let named = self.keys.iter().filter(|key| key.enabled && key.active);
        named.filter_map(|key| key.signing.as_ref()).find(|key| key.algorithm() == algorithm)
    }

    /// Keys that may have signed a token with this algorithm, passive ones included.
    pub fn verifying(&self, algorithm: Algorithm) -> impl Iterator<Item = &VerifyingKey> {
        let enabled = self.keys.iter().filter(|key| key.enabled);
        enabled
            .filter_map(|key| key.signing.as_ref())
            .filter(move |key| key.algorithm() == algorithm)
            .map(SigningKey::verifying_key)
    }

    /// All keys that may have signed a token, of any algorithm.
    pub fn all_verifying(&self) -> impl Iterator<Item = &VerifyingKey> {
        let enabled = self.keys.iter().filter(|key| key.enabled);
        enabled.filter_map(|key| key.signing.as_ref()).map(SigningKey::verifying_key)
    }

    /// The public keys as the text of a JWK Set (RFC 7517 section 5), written once.
    pub fn key_set(&self) -> Bytes {
        self.key_set.clone()
    }
}

impl RealmKey {
    fn parse(component: &Component) -> Result<Option<Self>, keyraft_crypto::Error> {
        let Some(material) = KeyMaterial::from_component(|name| component.config(name))? else {
            return Ok(None);
        };
        let is = |name: &str| component.config(name).is_none_or(|text| text == "true");
        let provider = component.provider_id.as_str();
        let algorithm = match (material.natural_algorithm(), component.config("algorithm")) {
            (Some(natural), _) => natural.as_str().to_owned(),
            (None, Some(named)) => named.to_owned(),
            (None, None) => default_algorithm(provider).to_owned(),
        };
        let encrypts =
            provider.contains("-enc") || provider.starts_with("ecdh") || provider.starts_with("aes");
        let signing = match algorithm.parse::<Algorithm>() {
            Ok(algorithm) if !encrypts => Some(material.signing_key(algorithm)?),
            _ => None,
        };
        Ok(Some(Self {
            kid: material.kid().to_owned(),
            priority: component.config("priority").and_then(|text| text.parse().ok()).unwrap_or(0),
            enabled: is("enabled"),
            active: is("active"),
            algorithm,
            material,
            signing,
            component: component.clone(),
        }))
    }

    fn jwk(&self) -> Option<Jwk> {
        match &self.signing {
            Some(key) => key.jwk(),
            None => self.material.encryption_jwk(&self.algorithm).ok().flatten(),
        }
    }
}

fn default_algorithm(provider: &str) -> &'static str {
    match provider {
        "rsa-enc-generated" | "rsa-enc" => "RSA-OAEP",
        "hmac-generated" => "HS512",
        "aes-generated" => "AES",
        "ecdh-generated" => "ECDH-ES",
        _ => "RS256",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(material: &KeyMaterial, provider: &str, extra: &[(&str, &str)]) -> Component {
        let mut component = Component {
            id: material.kid().chars().take(36).collect::<String>().into(),
            provider_id: provider.into(),
            provider_type: KEY_PROVIDER.into(),
            ..Component::default()
        };
        for (name, value) in material.to_component().expect("a generated key is readable") {
            component.config.insert(name.into(), vec![value.to_string()]);
        }
        for (name, value) in extra {
            component.config.insert((*name).into(), vec![(*value).into()]);
        }
        component
    }

    fn shown(ring: &KeyRing) -> usize {
        let set: serde_json::Value = serde_json::from_slice(&ring.key_set()).expect("JSON");
        set["keys"].as_array().expect("a list").len()
    }

    #[test]
    fn the_highest_priority_signs_and_a_passive_key_still_verifies() {
        let [old, new] = [KeyMaterial::generate_ed25519(), KeyMaterial::generate_ed25519()]
            .map(|material| material.expect("keys generate"));
        let passive = component(&old, "eddsa-generated", &[("priority", "200"), ("active", "false")]);
        let active = component(&new, "eddsa-generated", &[("priority", "100")]);

        let ring = KeyRing::new(&[passive, active]);

        assert_eq!(ring.active(Algorithm::EdDSA).map(SigningKey::kid), Some(new.kid()));
        assert_eq!(ring.verifying(Algorithm::EdDSA).count(), 2);
        assert_eq!(shown(&ring), 2);
    }

    #[test]
    fn a_disabled_key_is_not_used_at_all() {
        let material = KeyMaterial::generate_ed25519().expect("keys generate");
        let ring = KeyRing::new(&[component(&material, "eddsa-generated", &[("enabled", "false")])]);

        assert!(ring.active(Algorithm::EdDSA).is_none());
        assert_eq!(ring.verifying(Algorithm::EdDSA).count(), 0);
        assert_eq!(shown(&ring), 0);
    }

    #[test]
    fn an_hmac_secret_is_never_shown() {
        let material = KeyMaterial::generate_secret(64);
        let ring = KeyRing::new(&[component(&material, "hmac-generated", &[("algorithm", "HS512")])]);

        assert!(ring.active(Algorithm::HS512).is_some());
        assert_eq!(shown(&ring), 0);
    }
}
