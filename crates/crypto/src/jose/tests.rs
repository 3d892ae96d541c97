use serde_json::{Value, json};

use super::*;
use crate::keys::{Algorithm, Curve, KeyMaterial, SigningKey, VerifyingKey};
use crate::{Error, encoding};

const ES256: &[Algorithm] = &[Algorithm::ES256];

fn key() -> SigningKey {
    KeyMaterial::generate_ec(Curve::P256).unwrap().signing_key(Algorithm::ES256).unwrap()
}

fn hmac_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::hmac(b"a secret that is shared", "shared", algorithm).unwrap()
}

/// A token of exactly these texts, with a right signature.
fn raw(key: &SigningKey, header: &str, claims: &str) -> String {
    let signed = [header, claims].map(|part| encoding::base64url(part.as_bytes())).join(".");
    let signature = encoding::base64url(&key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[test]
fn a_signed_token_verifies_and_gives_its_claims() {
    let key = key();
    let extra = [("x", json!(1))];
    let token =
        sign(&key, HeaderFields { typ: Some("JWT"), kid: None, extra: &extra }, &json!({"sub": "alice"}))
            .unwrap();

    let verified = verify([key.verifying_key()], ES256, &token).unwrap();

    assert_eq!(verified.claims["sub"], "alice");
    assert_eq!((verified.header.typ(), verified.header.kid()), (Some("JWT"), Some(key.kid())));
    let header = encoding::from_base64url(token.split('.').next().unwrap()).unwrap();
    let expected = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}","x":1}}"#, key.kid());
    assert_eq!(String::from_utf8(header).unwrap(), expected);
}

#[test]
fn the_header_never_chooses_the_algorithm() {
    let (ec, hmac) = (key(), hmac_key(Algorithm::HS256));
    let keys = [ec.verifying_key(), hmac.verifying_key()];
    let by_hmac = sign(&hmac, HeaderFields::default(), &json!({})).unwrap();
    let unsigned = format!("{}.{}.", encoding::base64url(br#"{"alg":"none"}"#), encoding::base64url(b"{}"));

    assert!(verify(keys, &[Algorithm::ES256, Algorithm::HS256], &by_hmac).is_ok());
    assert!(matches!(verify(keys, ES256, &by_hmac), Err(Error::AlgorithmNotAllowed(alg)) if alg == "HS256"));
    for allowed in [&[][..], ES256, &Algorithm::ALL] {
        assert!(matches!(verify(keys, allowed, &unsigned), Err(Error::AlgorithmNotAllowed(_))));
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let rsa = KeyMaterial::generate_rsa(crate::keys::RsaBits::B2048, "demo", 0).unwrap();
    let public = rsa.signing_key(Algorithm::RS256).unwrap().verifying_key().clone();
    let spki = public.public_key().unwrap().to_spki();
    let forger = SigningKey::hmac(&spki, rsa.kid(), Algorithm::HS256).unwrap();

    let token = sign(&forger, HeaderFields::default(), &json!({})).unwrap();

    let allowed = [Algorithm::RS256, Algorithm::HS256];
    assert!(matches!(verify([&public], &allowed, &token), Err(Error::NoKeyFits)));
}

#[test]
fn a_jwk_bound_to_one_algorithm_verifies_no_other() {
    let rsa = KeyMaterial::generate_rsa(crate::keys::RsaBits::B2048, "demo", 0).unwrap();
    let (rs, ps) = (rsa.signing_key(Algorithm::RS256).unwrap(), rsa.signing_key(Algorithm::PS256).unwrap());
    let token = sign(&ps, HeaderFields::default(), &json!({})).unwrap();
    let allowed = [Algorithm::RS256, Algorithm::PS256];

    assert!(matches!(verify([rs.verifying_key()], &allowed, &token), Err(Error::NoKeyFits)));
    let public = rs.verifying_key().public_key().unwrap().clone();
    let unbound = VerifyingKey::public(public, None, None).unwrap();
    assert!(verify([&unbound], &allowed, &token).is_ok());
}

#[test]
fn a_changed_token_is_refused() {
    let key = key();
    let token = sign(&key, HeaderFields::typ("JWT"), &json!({"sub": "alice"})).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = raw(&key, r#"{"alg":"ES256"}"#, r#"{"sub":"mallory"}"#);

    let swapped = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    for forged in [swapped, format!("{signed}."), format!("{signed}.{}", encoding::base64url(&[0; 64]))] {
        assert!(matches!(verify([key.verifying_key()], ES256, &forged), Err(Error::SignatureInvalid)));
    }
}

#[test]
fn a_token_does_not_bring_its_own_key() {
    let (ours, theirs) = (key(), key());
    let jwk = serde_json::to_string(&theirs.jwk().unwrap()).unwrap();
    let header = format!(r#"{{"alg":"ES256","jwk":{jwk},"jku":"https://mallory.example/jwks"}}"#);

    let token = raw(&theirs, &header, "{}");

    assert!(matches!(verify([ours.verifying_key()], ES256, &token), Err(Error::SignatureInvalid)));
}

#[test]
fn critical_extensions_and_duplicate_members_are_refused() {
    let key = key();
    for header in
        [r#"{"alg":"ES256","crit":["exp"]}"#, r#"{"alg":"ES256","crit":[]}"#, r#"{"alg":"ES256","b64":true}"#]
    {
        let token = raw(&key, header, "{}");
        assert!(
            matches!(verify([key.verifying_key()], ES256, &token), Err(Error::CriticalExtension)),
            "{header}"
        );
    }
    for (header, claims) in [
        (r#"{"alg":"none","alg":"ES256"}"#, "{}"),
        (r#"{"alg":"ES256"}"#, r#"{"sub":"alice","sub":"mallory"}"#),
        (r#"{"alg":"ES256"}"#, r#"{"a":{"b":1,"\u0062":2}}"#),
        (r#"{"alg":"ES256"}"#, "[]"),
        (r#"["alg"]"#, "{}"),
    ] {
        let token = raw(&key, header, claims);
        assert!(
            matches!(verify([key.verifying_key()], ES256, &token), Err(Error::TokenMalformed(_))),
            "{claims}"
        );
    }
}

#[test]
fn malformed_and_oversized_tokens_are_refused() {
    let key = key();
    let good = raw(&key, r#"{"alg":"ES256"}"#, "{}");
    for bad in
        [String::new(), "..".to_owned(), good.replacen('.', "..", 1), format!("{good}.x"), format!("{good}=")]
    {
        assert!(matches!(verify([key.verifying_key()], ES256, &bad), Err(Error::TokenMalformed(_))), "{bad}");
    }
    let long = raw(&key, r#"{"alg":"ES256"}"#, &json!({"a": "b".repeat(MAX_TOKEN_BYTES)}).to_string());
    assert!(matches!(verify([key.verifying_key()], ES256, &long), Err(Error::TokenTooLarge { .. })));
}

#[test]
fn the_kid_narrows_the_candidates() {
    let (first, second) = (key(), key());
    let keys = [first.verifying_key(), second.verifying_key()];
    let named = |kid| sign(&second, HeaderFields { kid, ..HeaderFields::default() }, &json!({})).unwrap();

    assert!(verify(keys, ES256, &named(None)).is_ok());
    assert!(matches!(verify(keys, ES256, &named(Some(first.kid()))), Err(Error::SignatureInvalid)));
    assert!(matches!(verify(keys, ES256, &named(Some("unknown"))), Err(Error::NoKeyFits)));
    assert!(verify(keys, ES256, &raw(&second, r#"{"alg":"ES256"}"#, "{}")).is_ok());
}

#[test]
fn a_jwk_set_gives_the_keys_it_can_and_skips_the_rest() {
    let key = key();
    let set = json!({"keys": [
        key.jwk().unwrap(),
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "new", "alg": "new"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        17,
    ]});

    let keys = parse_jwks(&set.to_string()).unwrap();

    assert_eq!(keys.iter().map(VerifyingKey::kid).collect::<Vec<_>>(), [Some(key.kid())]);
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(matches!(parse_jwks(bad), Err(Error::JwksMalformed)), "{bad}");
    }
}

#[test]
fn half_hashes_match_openid_connect_core_appendix_a() {
    let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";

    assert_eq!(half_hash(Algorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(half_hash(Algorithm::RS256, code), "LDktKdoQak3Pk0cnXxCltA");
    assert_eq!(half_hash(Algorithm::EdDSA, code), half_hash(Algorithm::RS512, code));
}

#[test]
fn the_hs256_token_of_rfc_7515_appendix_a_1_verifies() {
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let secret = encoding::from_base64url(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    );
    let key = VerifyingKey::hmac(&secret.unwrap(), None, Algorithm::HS256).unwrap();

    let verified = verify([&key], &[Algorithm::HS256], token).unwrap();

    assert_eq!(verified.into_claims::<Value>().unwrap()["iss"], "joe");
}
