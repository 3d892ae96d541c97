//! `events/config`: what a realm records.

use keyraft_model::Rest;
use serde_json::{Value, json};

use crate::{context::Context, error::Error, reply::Reply};

/// The event types that are recorded when the realm names none.
static DEFAULT_TYPES: &str = include_str!("events/types.txt");

/// Listeners that a realm may name: Keycloak's own two.
const LISTENERS: [&str; 2] = ["jboss-logging", "email"];

/// `GET events/config`.
pub(crate) async fn config(cx: Context) -> Result<Reply, Error> {
    let realm = &cx.realm.realm;
    let set = |name: &str| realm.rest.get(name).and_then(Value::as_bool).unwrap_or(false);
    let named =
        realm.rest.get("enabledEventTypes").and_then(Value::as_array).filter(|types| !types.is_empty());
    let types = named.cloned().unwrap_or_else(|| DEFAULT_TYPES.lines().map(Value::from).collect());
    let mut shown = json!({"eventsEnabled": realm.events_enabled});
    if let Some(expiration) =
        realm.rest.get("eventsExpiration").filter(|value| value.as_i64().unwrap_or(0) > 0)
    {
        shown["eventsExpiration"] = expiration.clone();
    }
    shown["eventsListeners"] = json!(realm.events_listeners);
    shown["enabledEventTypes"] = types.into();
    shown["adminEventsEnabled"] = set("adminEventsEnabled").into();
    shown["adminEventsDetailsEnabled"] = set("adminEventsDetailsEnabled").into();
    Ok(Reply::Json(shown))
}

/// `PUT events/config`. Events are off unless the body says otherwise, as in Keycloak.
pub(crate) async fn set_config(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("RealmEventsConfigRepresentation")?;
    let listeners = given.get("eventsListeners").and_then(Value::as_array);
    let is_known = |name: &Value| name.as_str().is_some_and(|name| LISTENERS.contains(&name));
    if !listeners.into_iter().flatten().all(is_known) {
        return Err(Error::plain("Unknown event listener"));
    }
    let mut changed: Rest = given;
    if changed.get("eventsEnabled").is_none_or(Value::is_null) {
        changed.insert("eventsEnabled".to_owned(), false.into());
    }
    cx.core.update_realm(&cx.realm, &changed).await?;
    Ok(Reply::Nothing)
}
