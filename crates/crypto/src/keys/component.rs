//! Keys in the config of Keycloak's key components.

use zeroize::Zeroizing;

use super::algorithm::Curve;
use super::material::{KeyMaterial, Kind};
use crate::{Error, der, encoding};

impl KeyMaterial {
    /// Reads the key that a component's config holds; `get` gives the first value of a config name.
    ///
    /// Private keys are base64 DER (PKCS#1 or PKCS#8) or PEM. `None` when the config holds no key yet: a
    /// generated kind of component comes without one when an administrator makes it.
    ///
    /// # Errors
    /// `KeyUnusable` when a member is there and cannot be read.
    pub fn from_component<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Self>, Error> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let kid = get("kid").map(str::to_owned);
        let certificate = get("certificate").map(der::from_text).transpose()?;
        let private = |text: &str| der::from_text(text).map(Zeroizing::new);
        if let Some(text) = get("privateKey") {
            return Self::rsa(&private(text)?, certificate, kid).map(Some);
        }
        for (prefix, agreement) in [("ecdsa", false), ("ecdh", true)] {
            if let Some(text) = get(&format!("{prefix}PrivateKey")) {
                let curve: Curve =
                    get(&format!("{prefix}EllipticCurveKey")).unwrap_or(Curve::P256.as_str()).parse()?;
                return Self::ec(curve, &private(text)?, agreement, certificate).map(Some);
            }
        }
        if let Some(text) = get("eddsaPrivateKey") {
            return Self::ed25519(&private(text)?).map(Some);
        }
        get("secret").map(|secret| Self::from_secret(secret, kid)).transpose()
    }

    fn from_secret(secret: &str, kid: Option<String>) -> Result<Self, Error> {
        let secret = encoding::from_base64url(secret.trim_end_matches('='))
            .filter(|secret| !secret.is_empty())
            .ok_or(Error::KeyUnusable("secret is not base64url"))?;
        let kid = kid.ok_or(Error::KeyUnusable("a secret without kid"))?;
        Ok(Self { kid, kind: Kind::Secret(Zeroizing::new(secret)), certificate: None })
    }

    /// The members of the component config that hold this key, as Keycloak writes them.
    ///
    /// # Errors
    /// As [`KeyMaterial::public_key`].
    pub fn to_component(&self) -> Result<Vec<(&'static str, Zeroizing<String>)>, Error> {
        let text = |der: &[u8]| Zeroizing::new(encoding::base64(der));
        let mut config = match &self.kind {
            Kind::Rsa(pkcs1) => vec![("privateKey", text(pkcs1))],
            Kind::Ec { curve, pkcs8, agreement } => {
                let names = if *agreement {
                    ["ecdhPrivateKey", "ecdhPublicKey", "ecdhEllipticCurveKey"]
                } else {
                    ["ecdsaPrivateKey", "ecdsaPublicKey", "ecdsaEllipticCurveKey"]
                };
                self.pair(names, text(pkcs8), curve.as_str())?
            }
            Kind::Ed25519(pkcs8) => self.pair(
                ["eddsaPrivateKey", "eddsaPublicKey", "eddsaEllipticCurveKey"],
                text(pkcs8),
                "Ed25519",
            )?,
            Kind::Secret(secret) => {
                let secret = Zeroizing::new(encoding::base64url(secret));
                vec![("kid", Zeroizing::new(self.kid.clone())), ("secret", secret)]
            }
        };
        if let Some(certificate) = &self.certificate {
            config.push(("certificate", text(certificate)));
        }
        Ok(config)
    }

    fn pair(
        &self,
        [private_name, public_name, curve_name]: [&'static str; 3],
        private: Zeroizing<String>,
        curve: &str,
    ) -> Result<Vec<(&'static str, Zeroizing<String>)>, Error> {
        let public = self.public_key_base64()?.unwrap_or_default();
        Ok(vec![
            (private_name, private),
            (public_name, Zeroizing::new(public)),
            (curve_name, Zeroizing::new(curve.to_owned())),
        ])
    }
}
