//! Levels of authentication and their names (`acr`, OpenID Connect Core sections 2 and 3.1.2.1).
//!
//! A level is a number; a realm or a client may give levels names (`acr.loa.map`). Without a name a level is
//! called by its number.

use std::collections::BTreeMap;

use keyraft_login::protocol::Finished;
use keyraft_model::{Client, Realm};
use keyraft_wire::oauth::AuthorizationRequest;
use serde::Deserialize;

use crate::authorize::gates::AuthorizeError;

/// Names of levels: of the client, else of the realm.
fn names(realm: &Realm, client: &Client) -> BTreeMap<String, i64> {
    let text = client.attribute("acr.loa.map").or_else(|| realm.attribute("acr.loa.map"));
    let map: BTreeMap<String, serde_json::Value> =
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let level = |value: &serde_json::Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    map.iter().filter_map(|(name, value)| Some((name.clone(), level(value)?))).collect()
}

/// Every `acr` that a realm knows, for its discovery document: named levels, `0` and `1`.
pub(crate) fn known(realm: &Realm) -> Vec<String> {
    let named = names(realm, &Client::default()).into_keys();
    ["0".to_owned(), "1".to_owned()]
        .into_iter()
        .chain(named.filter(|name| name != "0" && name != "1"))
        .collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClaimsRequest {
    id_token: TokenClaims,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenClaims {
    acr: Option<AcrClaim>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AcrClaim {
    essential: bool,
    value: Option<String>,
    values: Vec<String>,
}

/// The level that a request asks for, by `acr_values` or by an essential claim.
///
/// # Errors
///
/// An essential `acr` that has no level. An unknown name in `acr_values` is a wish and ignored, and so are
/// claims that cannot be read.
pub(crate) fn requested_level(
    realm: &Realm,
    client: &Client,
    request: &AuthorizationRequest,
) -> Result<Option<i64>, AuthorizeError> {
    let names = names(realm, client);
    let level = |acr: &str| names.get(acr).copied().or_else(|| acr.parse().ok());
    let claims: ClaimsRequest =
        request.claims.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if let Some(acr) = claims.id_token.acr.filter(|acr| acr.essential) {
        let mut wanted = acr.value.iter().chain(&acr.values).peekable();
        if wanted.peek().is_some() {
            return wanted.find_map(|acr| level(acr)).map(Some).ok_or(AuthorizeError::Claims);
        }
    }
    let default = client.attribute("default.acr.values").map(|text| text.replace("##", " "));
    let wanted = request.acr_values.as_deref().or(default.as_deref()).unwrap_or_default();
    Ok(wanted.split(' ').filter(|acr| !acr.is_empty()).find_map(level))
}

/// What tokens say about how somebody signed in. A session that was there proves nothing anew: level 0, unless a
/// level was asked for that it has.
pub(crate) fn reached(realm: &Realm, client: &Client, requested: Option<i64>, finished: &Finished) -> String {
    let level = if finished.is_fresh {
        finished.level.max(1)
    } else {
        match requested {
            Some(requested) if requested <= finished.level.max(1) => finished.level.max(1),
            _ if finished.level > 1 => finished.level,
            _ => 0,
        }
    };
    let names = names(realm, client);
    let best = names.iter().filter(|(_, of)| **of <= level).max_by_key(|(_, of)| **of);
    best.map_or_else(|| level.to_string(), |(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(acr_values: Option<&str>, claims: Option<&str>) -> AuthorizationRequest {
        AuthorizationRequest {
            acr_values: acr_values.map(str::to_owned),
            claims: claims.map(str::to_owned),
            ..AuthorizationRequest::default()
        }
    }

    #[test]
    fn a_wish_may_be_unknown_and_a_demand_may_not() {
        let mut realm = Realm::default();
        realm.attributes.insert("acr.loa.map".into(), r#"{"gold":2}"#.into());
        let level = |request| requested_level(&realm, &Client::default(), &request).ok();
        let essential =
            |acr: &str| format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{acr}"]}}}}}}"#);

        assert_eq!(level(asks(Some("tin gold"), None)), Some(Some(2)));
        assert_eq!(level(asks(Some("tin"), None)), Some(None));
        assert_eq!(level(asks(None, Some("{"))), Some(None));
        assert_eq!(level(asks(None, Some(&essential("gold")))), Some(Some(2)));
        assert_eq!(level(asks(None, Some(&essential("tin")))), None);
    }

    #[test]
    fn levels_have_the_names_that_the_realm_gives_them() {
        let mut realm = Realm::default();
        realm.attributes.insert("acr.loa.map".into(), r#"{"gold":"2"}"#.into());
        assert_eq!(known(&realm), ["0", "1", "gold"]);
        assert_eq!(known(&Realm::default()), ["0", "1"]);
    }
}
