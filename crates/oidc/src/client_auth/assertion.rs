//! A signed statement of who the client is (RFC 7523, OpenID Connect Core section 9): `private_key_jwt` and
//! `client_secret_jwt`.
//!
//! The client is found by what the assertion says and then everything is checked against what the client's
//! settings say: the algorithms, the keys, how long an assertion may live. Each is good once.

use std::sync::Arc;

use keyraft_cluster::command::{OnceKey, OnceKind};
use keyraft_core::ClientView;
use keyraft_crypto::keys::{Algorithm, VerifyingKey};
use keyraft_crypto::{digest, jose};
use keyraft_model::{Client, DurationMs};
use keyraft_wire::oauth::{ErrorCode, Params};
use serde_json::{Map, Value};

use super::{ClientAuthError, find};
use crate::Oidc;
use crate::asked::Asked;

/// How far the client's clock may be off.
const SKEW_SECS: i64 = 15;
/// How far away `exp` may be: each `jti` is remembered until then. A day and the skew.
const MAX_LIFESPAN_SECS: i64 = 24 * 3600 + SKEW_SECS;

const ASYMMETRIC: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];
const SYMMETRIC: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

/// What is wrong with an assertion; the texts are those that clients hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum AssertionError {
    #[error("Invalid signature algorithm")]
    Algorithm,
    #[error("Unable to load public key")]
    NoKey,
    #[error("Client authentication with signed JWT failed: Signature on JWT token failed validation")]
    Signature,
    #[error(
        "Client authentication with client secret signed JWT failed: Signature on JWT token by client secret  failed validation"
    )]
    SecretSignature,
    #[error(
        "Client authentication with client secret signed JWT failed: Signature on JWT token by client secret failed validation"
    )]
    SecretAlgorithm,
    #[error("Invalid token audience")]
    Audience,
    #[error("Multiple audiences not allowed")]
    ManyAudiences,
    #[error("Token exp claim is required")]
    NoExp,
    #[error("Token jti claim is required")]
    NoJti,
    #[error("Token is not active")]
    NotActive,
    #[error("Token was issued in the future")]
    FromTheFuture,
    #[error("Token expiration is too far in the future and iat claim not present in token")]
    TooLong,
    #[error("Token reuse detected")]
    Reused,
}

impl AssertionError {
    /// The `error` beside the text.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::SecretSignature | Self::SecretAlgorithm => ErrorCode::UnauthorizedClient,
            Self::Algorithm
            | Self::NoKey
            | Self::Signature
            | Self::Audience
            | Self::ManyAudiences
            | Self::NoExp
            | Self::NoJti
            | Self::NotActive
            | Self::FromTheFuture
            | Self::TooLong
            | Self::Reused => ErrorCode::InvalidClient,
        }
    }
}

pub(super) async fn authenticate(
    oidc: &Oidc,
    asked: &Asked,
    params: &Params,
    assertion: &str,
) -> Result<Arc<ClientView>, ClientAuthError> {
    let Ok(unverified) = jose::decode_unverified(assertion) else {
        // What is no assertion proves nothing of the client that the request names beside it.
        let named = params.standard("client_id").ok_or(ClientAuthError::NoClient)?;
        find(oidc, asked, named).await?;
        return Err(ClientAuthError::WrongProof);
    };
    let text =
        |name: &str| unverified.claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let client_id = text("sub").filter(|sub| text("iss") == Some(*sub)).ok_or(ClientAuthError::NoClient)?;
    let client = find(oidc, asked, client_id).await?;
    if params.get("client_id").is_some_and(|named| named != client_id) {
        return Err(ClientAuthError::WrongProof);
    }
    let claims = match client.client.client_authenticator_type.as_str() {
        "client-jwt" if client.client.is_confidential() => {
            let keys = keys(oidc, &client.client).await?;
            verify(&keys, &allowed(&client.client, &ASYMMETRIC), assertion)?
        }
        "client-secret-jwt" if client.client.is_confidential() => {
            verify_by_secret(&client.client, assertion)?
        }
        _ => return Err(ClientAuthError::WrongProof),
    };
    let now = oidc.core.sessions.view().await?.now().secs();
    check_audience(&claims, &[&asked.issuer, &token_endpoint(&asked.issuer)])?;
    let (jti, lifespan) = check_times(&client.client, &claims, now)?;
    let key = OnceKey {
        kind: OnceKind::ClientAssertion,
        realm: asked.realm.realm.id.clone(),
        owner: client.client.id.to_string(),
        id: digest::sha256(jti.as_bytes()),
    };
    if !oidc.core.sessions.take_once(key, lifespan).await? {
        return Err(AssertionError::Reused.into());
    }
    Ok(client)
}

fn token_endpoint(issuer: &str) -> String {
    format!("{issuer}/protocol/openid-connect/token")
}

/// The algorithms that a client may use: the one of its settings, else all of the kind.
fn allowed(client: &Client, kind: &[Algorithm]) -> Vec<Algorithm> {
    let only = client.attribute("token.endpoint.auth.signing.alg");
    kind.iter().copied().filter(|algorithm| only.is_none_or(|only| only == algorithm.as_str())).collect()
}

fn verify(
    keys: &[VerifyingKey],
    allowed: &[Algorithm],
    assertion: &str,
) -> Result<Map<String, Value>, AssertionError> {
    use keyraft_crypto::Error;
    match jose::verify(keys, allowed, assertion) {
        Ok(verified) => Ok(verified.claims),
        Err(Error::AlgorithmNotAllowed(_)) => Err(AssertionError::Algorithm),
        Err(Error::NoKeyFits) => Err(AssertionError::NoKey),
        Err(_) => Err(AssertionError::Signature),
    }
}

fn verify_by_secret(client: &Client, assertion: &str) -> Result<Map<String, Value>, ClientAuthError> {
    use keyraft_crypto::Error;
    let secret =
        client.secret.as_deref().filter(|secret| !secret.is_empty()).ok_or(ClientAuthError::WrongProof)?;
    let keys: Vec<_> = SYMMETRIC
        .into_iter()
        .filter_map(|algorithm| VerifyingKey::hmac(secret.as_bytes(), None, algorithm).ok())
        .collect();
    match jose::verify(&keys, &allowed(client, &SYMMETRIC), assertion) {
        Ok(verified) => Ok(verified.claims),
        Err(Error::AlgorithmNotAllowed(_)) => Err(AssertionError::SecretAlgorithm.into()),
        Err(_) => Err(AssertionError::SecretSignature.into()),
    }
}

/// The public keys of a client: its JWK Set, by address or by value, or its certificate.
async fn keys(oidc: &Oidc, client: &Client) -> Result<Vec<VerifyingKey>, AssertionError> {
    if client.is_attribute("use.jwks.url") {
        let url = client.attribute("jwks.url").ok_or(AssertionError::NoKey)?;
        return oidc.client_keys.fetch(&oidc.core.outbound, url).await.ok_or(AssertionError::NoKey);
    }
    if client.is_attribute("use.jwks.string") {
        let set = client.attribute("jwks.string").ok_or(AssertionError::NoKey)?;
        return jose::parse_jwks(set).map_err(|_| AssertionError::NoKey);
    }
    let certificate = client.attribute("jwt.credential.certificate");
    let key = match (certificate, client.attribute("jwt.credential.public.key")) {
        (Some(text), _) => VerifyingKey::from_certificate(text, None),
        (None, Some(text)) => VerifyingKey::from_public_key(text, None),
        (None, None) => return Err(AssertionError::NoKey),
    };
    key.map(|key| vec![key]).map_err(|_| AssertionError::NoKey)
}

/// An assertion is for us alone: a second audience could replay it here.
fn check_audience(claims: &Map<String, Value>, expected: &[&str]) -> Result<(), AssertionError> {
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one.as_str(),
        Some(Value::Array(list)) => match &list[..] {
            [Value::String(one)] => one,
            [_, _, ..] => return Err(AssertionError::ManyAudiences),
            _ => return Err(AssertionError::Audience),
        },
        _ => return Err(AssertionError::Audience),
    };
    if expected.contains(&audience) { Ok(()) } else { Err(AssertionError::Audience) }
}

/// Checks the times and returns the `jti` with how long it must be remembered.
fn check_times<'c>(
    client: &Client,
    claims: &'c Map<String, Value>,
    now: i64,
) -> Result<(&'c str, DurationMs), AssertionError> {
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let exp = number("exp").filter(|exp| *exp > 0).ok_or(AssertionError::NoExp)?;
    let jti = claims
        .get("jti")
        .and_then(Value::as_str)
        .filter(|jti| !jti.is_empty())
        .ok_or(AssertionError::NoJti)?;
    if exp.saturating_add(SKEW_SECS) <= now
        || number("nbf").is_some_and(|nbf| nbf.saturating_sub(SKEW_SECS) > now)
    {
        return Err(AssertionError::NotActive);
    }
    if number("iat").is_some_and(|iat| iat.saturating_sub(SKEW_SECS) > now) {
        return Err(AssertionError::FromTheFuture);
    }
    let most = client.attribute_number("token.endpoint.auth.signing.max.exp").filter(|secs| *secs > 0);
    let left = exp.saturating_sub(now);
    if left > most.map_or(MAX_LIFESPAN_SECS, |most| most.saturating_add(SKEW_SECS).min(MAX_LIFESPAN_SECS)) {
        return Err(AssertionError::TooLong);
    }
    Ok((jti, DurationMs::from_secs(left.saturating_add(2 * SKEW_SECS))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 43_200;

    #[expect(clippy::needless_pass_by_value, reason = "reads better at its callers' `json!`")]
    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn times(value: Value) -> Result<(), AssertionError> {
        check_times(&Client::default(), &claims(value), NOON).map(|_| ())
    }

    #[test]
    fn an_assertion_has_one_audience_and_it_is_us() {
        let check = |value: Value| {
            check_audience(&claims(serde_json::json!({ "aud": value })), &["iss", "iss/token"])
        };
        assert_eq!(check("iss".into()), Ok(()));
        assert_eq!(check(serde_json::json!(["iss/token"])), Ok(()));
        assert_eq!(check(serde_json::json!(["iss", "other"])), Err(AssertionError::ManyAudiences));
        for bad in [Value::from("other"), Value::Null, serde_json::json!([]), serde_json::json!([1])] {
            assert_eq!(check(bad), Err(AssertionError::Audience));
        }
    }

    #[test]
    fn an_assertion_lives_now_and_not_for_long() {
        let json = |exp: i64, extra: &str, at: i64| serde_json::json!({ "exp": exp, "jti": "j", extra: at });
        assert_eq!(times(json(NOON + 60, "iat", NOON)), Ok(()));
        assert_eq!(times(json(NOON - 60, "iat", NOON)), Err(AssertionError::NotActive));
        assert_eq!(times(json(NOON + 60, "nbf", NOON + 60)), Err(AssertionError::NotActive));
        assert_eq!(times(json(NOON + 60, "iat", NOON + 60)), Err(AssertionError::FromTheFuture));
        assert_eq!(times(json(i64::MAX, "iat", NOON)), Err(AssertionError::TooLong));
        assert_eq!(times(serde_json::json!({ "jti": "j" })), Err(AssertionError::NoExp));
        assert_eq!(times(serde_json::json!({ "exp": NOON + 60 })), Err(AssertionError::NoJti));
    }
}
