use serde_json::{Map, Value, json};

use super::*;
use crate::{Error, encoding, jose};

/// Keys, JWKs and tokens that Keycloak 26.7.3 made.
fn keycloak() -> Value {
    serde_json::from_str(include_str!("../../testdata/keycloak.json")).unwrap()
}

fn material(entry: &Value) -> KeyMaterial {
    KeyMaterial::from_component(|name| entry["config"][name].as_str()).unwrap().unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn exported(key: &KeyMaterial) -> Vec<(&'static str, String)> {
    key.to_component().unwrap().into_iter().map(|(name, value)| (name, value.to_string())).collect()
}

#[test]
fn keycloaks_components_give_its_kids_and_its_jwks_to_the_letter() {
    for entry in keycloak()["keys"].as_array().unwrap() {
        let key = material(entry);

        assert_eq!(key.kid(), entry["kid"]);
        let published = &entry["jwk"];
        let jwk = match published["use"].as_str() {
            Some("sig") => {
                let algorithm = published["alg"].as_str().unwrap().parse().unwrap();
                key.signing_key(algorithm).unwrap().jwk()
            }
            Some(_) => key.encryption_jwk(published["alg"].as_str().unwrap()).unwrap(),
            None => None,
        };
        assert_eq!(serde_json::to_string(&jwk).unwrap(), published.to_string());
    }
}

#[test]
fn tokens_of_keycloak_verify_with_its_keys_private_and_public() {
    let keycloak = keycloak();
    for (alg, token) in object(&keycloak["tokens"]) {
        let (algorithm, token) = (alg.parse::<Algorithm>().unwrap(), token.as_str().unwrap());
        let kid = jose::decode_unverified(token).unwrap().header.kid().unwrap().to_owned();
        let entry = keycloak["keys"].as_array().unwrap().iter().find(|entry| entry["kid"] == kid).unwrap();

        let signing = material(entry).signing_key(algorithm).unwrap();
        assert!(jose::verify([signing.verifying_key()], &[algorithm], token).is_ok(), "{alg}");
        if let Some(jwk) = entry["jwk"].as_object() {
            let public = VerifyingKey::from_jwk(jwk).unwrap();
            assert!(jose::verify([&public], &[algorithm], token).is_ok(), "{alg}");
        }
    }
}

#[test]
fn components_are_written_as_they_were_read() {
    for entry in keycloak()["keys"].as_array().unwrap() {
        let written = exported(&material(entry));

        let read = object(&entry["config"]);
        assert_eq!(written.len(), read.len());
        for (name, value) in written {
            assert_eq!(read[name], value, "{name}");
        }
    }
}

#[test]
fn generated_keys_sign_and_survive_their_component() {
    let ec = |curve: Curve| (KeyMaterial::generate_ec(curve).unwrap(), curve.algorithm());
    let rsa = KeyMaterial::generate_rsa(RsaBits::B2048, "demo", 1_800_000_000).unwrap();
    let secret = KeyMaterial::generate_secret(128);
    for (key, algorithm) in [
        (rsa.clone(), Algorithm::RS256),
        (rsa.clone(), Algorithm::RS384),
        (rsa.clone(), Algorithm::RS512),
        (rsa.clone(), Algorithm::PS256),
        (rsa.clone(), Algorithm::PS384),
        (rsa, Algorithm::PS512),
        ec(Curve::P256),
        ec(Curve::P384),
        ec(Curve::P521),
        (KeyMaterial::generate_ed25519().unwrap(), Algorithm::EdDSA),
        (secret.clone(), Algorithm::HS256),
        (secret.clone(), Algorithm::HS384),
        (secret, Algorithm::HS512),
    ] {
        let config = exported(&key);
        let get =
            |name: &str| config.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        let again = KeyMaterial::from_component(get).unwrap().unwrap();

        let signature = key.signing_key(algorithm).unwrap().sign(b"message").unwrap();

        let verifying = again.signing_key(algorithm).unwrap().verifying_key().clone();
        assert_eq!(again.kid(), key.kid());
        assert!(verifying.verifies(algorithm, b"message", &signature), "{algorithm}");
        assert!(!verifying.verifies(algorithm, b"massage", &signature), "{algorithm}");
    }
}

#[test]
fn a_certificate_names_the_realm_and_holds_the_key() {
    let key = KeyMaterial::generate_rsa(RsaBits::B2048, "demo", 1_800_000_000).unwrap();
    let certificate = key.certificate().unwrap();

    let verifying = VerifyingKey::from_certificate(&encoding::base64(certificate), None).unwrap();

    assert_eq!(verifying.public_key(), key.public_key().unwrap().as_ref());
    let contains = |needle: &[u8]| certificate.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"\x0c\x04demo") && contains(b"270115075820Z") && contains(b"370114080000Z"));
}

#[test]
fn private_keys_come_as_pkcs8_and_pem_too() {
    let keycloak = keycloak();
    let rsa = keycloak["keys"].as_array().unwrap().iter().find(|e| e["jwk"]["alg"] == "RS256").unwrap();
    let pkcs1 = rsa["config"]["privateKey"].as_str().unwrap();
    let pkcs8 = {
        use crate::der::{INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, element};
        let oid = element(OID, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]]);
        let kind = element(SEQUENCE, &[&oid, &element(NULL, &[])]);
        let key = element(OCTET_STRING, &[&encoding::from_base64(pkcs1).unwrap()]);
        encoding::base64(&element(SEQUENCE, &[&element(INTEGER, &[&[0]]), &kind, &key]))
    };
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{pkcs1}\n-----END RSA PRIVATE KEY-----\n");

    for text in [pkcs8.as_str(), pem.as_str()] {
        let key =
            KeyMaterial::from_component(|name| (name == "privateKey").then_some(text)).unwrap().unwrap();
        assert_eq!(key.kid(), rsa["kid"]);
        assert_eq!(exported(&key), [("privateKey", pkcs1.to_owned())]);
    }
}

#[test]
fn an_empty_component_holds_no_key_and_a_broken_one_is_an_error() {
    assert!(KeyMaterial::from_component(|_| None).unwrap().is_none());
    for name in ["privateKey", "ecdsaPrivateKey", "eddsaPrivateKey", "secret"] {
        let read = KeyMaterial::from_component(|wanted| (wanted == name).then_some("**********"));
        assert!(matches!(read, Err(Error::KeyUnusable(_))), "{name}");
    }
}

#[test]
fn a_key_refuses_algorithms_of_other_kinds() {
    let (ec, ed) = (KeyMaterial::generate_ec(Curve::P256).unwrap(), KeyMaterial::generate_ed25519().unwrap());
    let secret = KeyMaterial::generate_secret(64);

    assert!(ec.signing_key(Algorithm::ES384).is_err() && ec.signing_key(Algorithm::HS256).is_err());
    assert!(ed.signing_key(Algorithm::RS256).is_err() && secret.signing_key(Algorithm::RS256).is_err());
    assert!(KeyMaterial::generate_ecdh(Curve::P256).unwrap().signing_key(Algorithm::ES256).is_err());
    assert!(SigningKey::hmac(b"", "kid", Algorithm::HS256).is_err());
    let public = ec.signing_key(Algorithm::ES256).unwrap().verifying_key().clone();
    assert!(Algorithm::SYMMETRIC.into_iter().all(|hmac| !public.fits(hmac)));
}

#[test]
fn public_jwks_from_outside_are_checked() {
    let good = json!({"kty": "EC", "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        VerifyingKey::from_jwk(object(&jwk))
    };

    assert!(VerifyingKey::from_jwk(object(&good)).is_ok());
    assert!(with("y", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyN".into()).is_err(), "not on the curve");
    assert!(with("alg", "ES384".into()).is_err() && with("alg", "none".into()).is_err());
    assert!(with("use", "enc".into()).is_err() && with("d", "AA".into()).is_err());
    for (bytes, exponent, accepted) in
        [(256, "AQAB", true), (255, "AQAB", false), (1_025, "AQAB", false), (256, "AQAAAAAAAAE", false)]
    {
        let jwk = json!({"kty": "RSA", "n": encoding::base64url(&vec![0xff; bytes]), "e": exponent});
        assert_eq!(VerifyingKey::from_jwk(object(&jwk)).is_ok(), accepted, "{bytes} bytes, e {exponent}");
    }
    assert!(VerifyingKey::from_jwk(object(&json!({"kty": "oct", "k": "c2VjcmV0"}))).is_err());
}

#[test]
fn the_thumbprint_matches_rfc_7638_section_3_1() {
    let jwk = json!({"kty": "RSA", "e": "AQAB", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});

    let key = PublicKey::from_jwk(object(&jwk)).unwrap();

    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn algorithm_names_go_there_and_back_and_none_is_none() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
        assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
    }
    for name in ["none", "None", "rs256", "", "HS1"] {
        assert!(matches!(name.parse::<Algorithm>(), Err(Error::AlgorithmUnknown(_))));
    }
}

#[test]
fn private_parts_never_print() {
    let key = KeyMaterial::generate_secret(32);
    let shown = format!("{key:?} {:?}", key.signing_key(Algorithm::HS256).unwrap());

    assert!(shown.contains('…') && !shown.contains(&encoding::base64url(key.secret().unwrap())));
    assert!(!shown.contains(&format!("{:?}", key.secret().unwrap())));
}
