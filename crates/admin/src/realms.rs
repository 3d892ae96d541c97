//! Realms: listing, creating, reading, changing and deleting them, and a few of their small lists.

use http::StatusCode;
use keyraft_core::{
    Error as CoreError,
    authority::{MASTER, Right},
};
use serde_json::{Value, json};

use crate::{context::Context, error::Error, json, reply::Reply, representation};

/// `GET /admin/realms`: those that the caller has any authority over, whole where he may view them.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let brief = cx.query.flag("briefRepresentation").unwrap_or(false);
    let names = if cx.asker.realm.realm.realm == MASTER {
        cx.core.list_realms().await?.into_iter().map(|realm| realm.realm).collect()
    } else {
        vec![cx.asker.realm.realm.realm.clone()]
    };
    let mut shown = Vec::new();
    for name in names {
        let Some(view) = cx.core.realm(&name).await? else { continue };
        let authority = cx.core.authority(&cx.asker, &view).await?;
        if authority.has(Right::ViewRealm) {
            let whole = || representation::realm(&view);
            shown.push(if brief { representation::realm_brief(&view.realm) } else { whole() });
        } else if authority.has(Right::AnyAdmin) {
            shown.push(json!({"realm": view.realm.realm}));
        }
    }
    if shown.is_empty() { Err(Error::forbidden()) } else { Ok(Reply::Json(shown.into())) }
}

/// `POST /admin/realms`: a body that does not read has one sentence, whatever is wrong with it.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    if cx.asker.realm.realm.realm != MASTER || !cx.authority.may_create_realms() {
        return Err(Error::forbidden());
    }
    cx.takes("application/json")?;
    let given = json::object(&cx.body, "RealmRepresentation")
        .map_err(|_| Error::message("unable to read contents from stream"))?;
    let name = cx.core.create_realm(given, &cx.asker).await.map_err(|error| match error {
        CoreError::Invalid { field, rule } if field == "name" => Error::plain(rule),
        CoreError::Invalid { rule, .. } => Error::message(rule),
        other => other.into(),
    })?;
    Ok(cx.created(&name))
}

/// `GET ~`: an outline for those who may not view the settings.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let whole = cx.authority.has(Right::ViewRealm);
    Ok(Reply::Json(if whole {
        representation::realm(&cx.realm)
    } else {
        representation::realm_outline(&cx.realm.realm, &cx.authority)
    }))
}

/// `PUT ~`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("RealmRepresentation")?;
    cx.core.update_realm(&cx.realm, &given).await.map_err(|error| match error {
        CoreError::Invalid { field, rule } if field == "name" => Error::plain(rule),
        other => other.into(),
    })?;
    Ok(Reply::Nothing)
}

/// `DELETE ~`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    cx.core.delete_realm(&cx.realm).await?;
    Ok(Reply::Nothing)
}

/// `POST clear-…-cache`: every node reads anew what it needs.
pub(crate) async fn clear_caches(cx: Context) -> Result<Reply, Error> {
    cx.core.caches.drop_all(&cx.realm.realm.id);
    Ok(Reply::Nothing)
}

/// Required actions by which a person registers a credential.
const REGISTRATORS: [&str; 4] = [
    "CONFIGURE_TOTP",
    "webauthn-register",
    "webauthn-register-passwordless",
    "CONFIGURE_RECOVERY_AUTHN_CODES",
];

/// `GET credential-registrators`.
pub(crate) async fn credential_registrators(cx: Context) -> Result<Reply, Error> {
    let actions = &cx.realm.required_actions;
    let enabled = |alias: &&str| actions.iter().any(|action| action.enabled && action.alias == *alias);
    Ok(Reply::Json(REGISTRATORS.into_iter().filter(enabled).map(Value::from).collect()))
}

/// `GET client-policies/policies`: the realm's own, as they came; this release has no policies of its own.
pub(crate) async fn client_policies(cx: Context) -> Result<Reply, Error> {
    kept(&cx, "clientPolicies", "policies", "include-global-policies", "globalPolicies")
}

/// `GET client-policies/profiles`.
pub(crate) async fn client_profiles(cx: Context) -> Result<Reply, Error> {
    kept(&cx, "clientProfiles", "profiles", "include-global-profiles", "globalProfiles")
}

fn kept(cx: &Context, member: &str, list: &str, flag: &str, global: &str) -> Result<Reply, Error> {
    let stored = cx.realm.realm.rest.get(member).and_then(|kept| kept.get(list)).cloned();
    let mut shown = json!({});
    shown[list] = stored.unwrap_or_else(|| json!([]));
    if cx.query.flag(flag) == Some(true) {
        shown[global] = json!([]);
    }
    if shown[list].is_array() {
        return Ok(Reply::Json(shown));
    }
    let damaged = format!("the realm's {member} is no list");
    Err(Error::Described(StatusCode::INTERNAL_SERVER_ERROR, "unknown_error", damaged))
}
