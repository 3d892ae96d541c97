//! A forger's workshop: tokens signed with keys that the test gave a realm itself, and tokens that lie.

use anyhow::{Context as _, Result};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use keyraft_harness::{Keyraft, Realm};
use serde_json::{Value, json};

use crate::shop::reply;

/// Keys that realms are made with.
pub(crate) struct Forge {
    rsa: RsaKeyPair,
    secret: Vec<u8>,
}

/// What the realms call the secret.
const SECRET_KID: &str = "the-forgers-secret";

impl Forge {
    /// New keys.
    pub(crate) fn new() -> Result<Self> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let secret = (0..64).map(|byte| byte * 3 + 1).collect();
        Ok(Self { rsa, secret })
    }

    /// The secret.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// A realm that has these keys.
    pub(crate) async fn realm<'a>(&self, keyraft: &'a Keyraft, name: &str) -> Result<Realm<'a>> {
        let der: Pkcs8V1Der<'_> = self.rsa.as_der()?;
        let rsa = json!({
            "priority": ["900"], "algorithm": ["RS256"], "privateKey": [STANDARD.encode(der.as_ref())],
        });
        let secret = json!({
            "priority": ["900"], "algorithm": ["HS512"], "kid": [SECRET_KID],
            "secret": [URL_SAFE_NO_PAD.encode(&self.secret)],
        });
        let keys = json!([
            { "name": "rsa", "providerId": "rsa", "config": rsa },
            { "name": "secret", "providerId": "hmac-generated", "config": secret },
        ]);
        keyraft.realm(name, json!({ "components": { "org.keycloak.keys.KeyProvider": keys } })).await
    }

    /// Signs with the RSA key; header and claims are text as they stand.
    pub(crate) fn rs256(&self, header: &str, claims: &str) -> Result<String> {
        let signed = signing_input(header, claims);
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(with_signature(&signed, &signature))
    }

    /// Signs with the secret.
    pub(crate) fn hs512(&self, header: &str, claims: &str) -> String {
        mac(hmac::HMAC_SHA512, &self.secret, header, claims)
    }

    /// Forms in which a verifier could take the public key for a secret.
    pub(crate) fn public_keys(&self) -> Result<Vec<Vec<u8>>> {
        let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = self.rsa.public_key().as_der()?;
        let text = STANDARD.encode(spki.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        let pkcs1 = self.rsa.public_key().as_ref().to_vec();
        let modulus = self.rsa.public_key().modulus().big_endian_without_leading_zero().to_vec();
        Ok(vec![
            spki.as_ref().to_vec(),
            text.into_bytes(),
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
            pkcs1,
            modulus,
        ])
    }

    /// The public key as a JWK, with whatever `kid` the forger likes.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = self.rsa.public_key();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": encode(key.modulus().big_endian_without_leading_zero()),
            "e": encode(key.exponent().big_endian_without_leading_zero()),
        })
    }
}

/// Signs with a secret.
pub(crate) fn mac(algorithm: hmac::Algorithm, secret: &[u8], header: &str, claims: &str) -> String {
    let signed = signing_input(header, claims);
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
    with_signature(&signed, tag.as_ref())
}

/// A token without a signature.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    with_signature(&signing_input(header, claims), &[])
}

fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn with_signature(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Header and claims of a token.
pub(crate) fn opened(token: &str) -> Result<(Value, Value)> {
    let part = |at: usize| {
        let text = token.split('.').nth(at).context("not a token")?;
        Ok::<Value, anyhow::Error>(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text)?)?)
    };
    Ok((part(0)?, part(1)?))
}

/// The `kid` of the RS256 key that a realm shows.
pub(crate) async fn shown_kid(realm: &Realm<'_>) -> Result<String> {
    let keys = reply(realm.keyraft().http().get(realm.endpoint("certs"))).await?;
    let keys = keys.body["keys"].as_array().context("no keys")?;
    let key = keys.iter().find(|key| key["alg"] == "RS256" && key["use"] == "sig").context("no RS256 key")?;
    Ok(key["kid"].as_str().context("no kid")?.to_owned())
}
