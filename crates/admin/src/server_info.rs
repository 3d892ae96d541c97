//! `GET /admin/serverinfo`: what tools ask a server about itself before they talk to it.

use keyraft_core::{
    authority::{MASTER, Right},
    mappers::TYPES,
    policies::password,
};
use serde_json::{Map, Value, json};

use crate::{context::Context, error::Error, reply::Reply};

/// The release of Keycloak whose API this one is.
const SPEAKS: &str = "26.7.3";

/// `GET /admin/serverinfo`: for whoever has authority anywhere; facts of the system for those who manage.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let (is_admin, manages) = reach(&cx).await?;
    if !is_admin {
        return Err(Error::forbidden());
    }
    let mut shown = Map::new();
    if manages {
        let now = cx.core.sessions.view().await?.now();
        shown.insert("systemInfo".to_owned(), system(now.0));
        shown.insert("cpuInfo".to_owned(), json!({"processorCount": processors()}));
    }
    shown.insert(
        "profileInfo".to_owned(),
        json!({
            "name": "default",
            "disabledFeatures": [],
            "previewFeatures": [],
            "experimentalFeatures": [],
        }),
    );
    shown.insert("features".to_owned(), json!([]));
    shown.insert(
        "cryptoInfo".to_owned(),
        json!({
            "cryptoProvider": "aws-lc-rs",
            "supportedKeystoreTypes": [],
            "clientSignatureSymmetricAlgorithms": ["HS256", "HS384", "HS512"],
            "clientSignatureAsymmetricAlgorithms":
                ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
        }),
    );
    let theme = json!([{"name": "keyraft"}]);
    let themes = ["common", "admin", "login", "welcome", "account", "email"];
    shown
        .insert("themes".to_owned(), themes.iter().map(|kind| ((*kind).to_owned(), theme.clone())).collect());
    shown.insert("socialProviders".to_owned(), json!([]));
    shown.insert("identityProviders".to_owned(), json!([]));
    shown.insert("providers".to_owned(), providers());
    shown.insert("protocolMapperTypes".to_owned(), mapper_types());
    shown.insert("builtinProtocolMappers".to_owned(), json!({}));
    shown.insert("clientInstallations".to_owned(), json!({}));
    shown.insert("componentTypes".to_owned(), json!({}));
    shown.insert("passwordPolicies".to_owned(), policies());
    shown.insert(
        "enums".to_owned(),
        json!({
            "operationType": ["ACTION", "CREATE", "DELETE", "UPDATE"],
            "resourceType": [],
            "eventType": include_str!("events/types.txt").lines().collect::<Vec<_>>(),
        }),
    );
    shown.insert("parameterizedScopeTypes".to_owned(), json!([]));
    Ok(Reply::Json(shown.into()))
}

/// Whether the caller is an administrator of anything, and whether he manages his realm.
async fn reach(cx: &Context) -> Result<(bool, bool), Error> {
    let manages = cx.authority.has(Right::ManageRealm);
    if cx.authority.has(Right::AnyAdmin) || cx.authority.may_create_realms() {
        return Ok((true, manages));
    }
    if cx.asker.realm.realm.realm == MASTER {
        for realm in cx.core.list_realms().await? {
            let Some(view) = cx.core.realm(&realm.realm).await? else { continue };
            if cx.core.authority(&cx.asker, &view).await?.has(Right::AnyAdmin) {
                return Ok((true, false));
            }
        }
    }
    Ok((false, false))
}

fn system(now_ms: i64) -> Value {
    let at = jiff::Timestamp::from_millisecond(now_ms).map(|at| at.to_string()).unwrap_or_default();
    json!({
        "version": SPEAKS,
        "serverTime": at,
        "osName": std::env::consts::OS,
        "osArchitecture": std::env::consts::ARCH,
        "fileEncoding": "UTF-8",
        "userLocale": "en",
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Names that tools look for before they use them.
fn providers() -> Value {
    let of = |names: &[&str]| {
        let providers: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!({"order": 0}))).collect();
        json!({"internal": false, "providers": providers})
    };
    json!({
        "eventsListener": of(&["jboss-logging"]),
        "keys": of(&["rsa-generated", "rsa-enc-generated", "hmac-generated", "aes-generated", "ecdsa-generated", "rsa"]),
        "login-protocol": of(&["openid-connect"]),
        "password-hashing": of(&["argon2", "pbkdf2-sha512", "pbkdf2-sha256", "pbkdf2"]),
        "password-policy": of(&password::NAMES),
        "protocol-mapper": of(TYPES),
        "signature": of(&["ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]),
        "user-profile": of(&["declarative-user-profile"]),
    })
}

fn mapper_types() -> Value {
    let of = |prefix: &str| -> Value {
        let types = TYPES.iter().filter(|name| name.starts_with(prefix));
        types.map(|name| json!({"id": name, "name": name, "category": "Token mapper", "helpText": "", "priority": 0, "properties": []})).collect()
    };
    json!({"openid-connect": of("oidc-"), "saml": of("saml-")})
}

fn policies() -> Value {
    let kept = password::NAMES.iter().filter(|name| **name != "passwordBlacklist");
    kept.map(|name| json!({"id": name, "displayName": name, "multipleSupported": *name == "regexPattern"}))
        .collect()
}
