//! `authentication/required-actions`.

use http::StatusCode;
use keyraft_core::{Error as CoreError, flows, user_profile::Fault};
use keyraft_model::{Attributes, RequiredAction};
use serde_json::{Value, json};

use super::providers::{self, ActionProvider};
use crate::{
    context::Context,
    error::Error,
    json::{self, Object},
    reply::Reply,
};

fn found(cx: &Context) -> Result<&RequiredAction, Error> {
    let alias = cx.parameter("alias");
    let action = cx.realm.required_actions.iter().find(|action| action.alias == alias);
    action.ok_or_else(|| Error::not_found("Failed to find required action"))
}

/// Where an action is removed or moved, Keycloak ends the sentence.
fn gone_meanwhile() -> Error {
    Error::not_found("Failed to find required action.")
}

fn gone(error: CoreError) -> Error {
    match error {
        CoreError::NotFound(_) => Error::not_found("Failed to find required action"),
        other => other.into(),
    }
}

/// Changes the action of the path.
async fn change(cx: &Context, change: impl Fn(&mut RequiredAction) + Send + Sync) -> Result<Reply, Error> {
    let alias = found(cx)?.alias.as_str();
    let changed = cx.core.change_required_actions(&cx.realm, |actions| {
        let action = actions.iter_mut().find(|action| action.alias == alias);
        change(action.ok_or(CoreError::NotFound("required action"))?);
        Ok(())
    });
    changed.await.map_err(gone)?;
    Ok(Reply::Nothing)
}

/// The settings of an action in a representation, without those that it does not have.
///
/// # Errors
/// 400 for a time that is no number.
fn config(cx: &Context, given: &Object) -> Result<Option<Attributes>, Error> {
    let known = settings(cx).unwrap_or_default();
    let is_known = |name: &str| known.iter().any(|property| property["name"] == name);
    let Some(members) = given.get("config").and_then(Value::as_object) else { return Ok(None) };
    let mut config = Attributes::new();
    for (name, value) in members.iter().filter(|(name, _)| is_known(name)) {
        let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { continue };
        if name == MAX_AGE && text.parse::<u32>().is_err() {
            let params = vec![];
            let fault = Fault { field: name.clone(), message: "error-invalid-value".to_owned(), params };
            return Err(CoreError::Profile(vec![fault]).into());
        }
        config.insert(name.clone(), text.to_owned());
    }
    Ok(Some(config))
}

/// How old a login may be, in seconds, for a person to choose an action himself.
const MAX_AGE: &str = "max_auth_age";

/// `GET required-actions`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(json!(cx.realm.required_actions)))
}

/// `GET required-actions/{alias}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(json!(found(&cx)?)))
}

/// `PUT required-actions/{alias}`: takes the whole representation.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("RequiredActionProviderRepresentation")?;
    let flag = |name: &str| given.get(name).and_then(Value::as_bool).unwrap_or(false);
    let (enabled, default_action) = (flag("enabled"), flag("defaultAction"));
    let priority = given.get("priority").and_then(Value::as_i64).unwrap_or(0);
    let config = config(&cx, &given)?;
    change(&cx, |action| {
        if let Some(name) = json::text(&given, "name") {
            name.clone_into(&mut action.name);
        }
        (action.enabled, action.default_action, action.priority) = (enabled, default_action, priority);
        if let Some(config) = &config {
            action.config.clone_from(config);
        }
    })
    .await
}

/// `DELETE required-actions/{alias}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let alias = found(&cx).map_err(|_| gone_meanwhile())?.alias.as_str();
    let removed = cx.core.change_required_actions(&cx.realm, |actions| {
        actions.retain(|action| action.alias != alias);
        Ok(())
    });
    removed.await?;
    Ok(Reply::Nothing)
}

/// `GET unregistered-required-actions`.
pub(crate) async fn unregistered(cx: Context) -> Result<Reply, Error> {
    let is_offered = |provider: &&ActionProvider| {
        cx.realm.required_actions.iter().any(|action| action.provider_id == provider.id)
    };
    let others = providers::required_actions().iter().filter(|provider| !is_offered(provider));
    Ok(Reply::Json(
        others.map(|provider| json!({"providerId": provider.id, "name": provider.name})).collect(),
    ))
}

/// `POST register-required-action`.
pub(crate) async fn register(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("{*}")?;
    let id = json::text(&given, "providerId").unwrap_or_default();
    let provider = providers::required_actions().iter().find(|provider| provider.id == id);
    let unknown = || Error::plain("Required Action Provider with given providerId not found");
    let provider = provider.ok_or_else(unknown)?;
    let name = json::text(&given, "name").unwrap_or(&provider.name);
    let registered = cx.core.change_required_actions(&cx.realm, |actions| {
        if actions.iter().any(|action| action.alias == provider.id) {
            return Err(CoreError::Conflict { what: "required action", name: provider.id.clone() });
        }
        let last = actions.iter().map(|action| action.priority).max();
        actions.push(RequiredAction {
            alias: provider.id.clone(),
            name: name.to_owned(),
            provider_id: provider.id.clone(),
            enabled: true,
            priority: last.map_or(0, |last| last.saturating_add(1)),
            ..RequiredAction::default()
        });
        Ok(())
    });
    registered.await.map_err(|error| match error {
        CoreError::Conflict { .. } => {
            let taken = "A Required Action Provider with given alias already exists.".to_owned();
            Error::Described(StatusCode::CONFLICT, "conflict", taken)
        }
        other => other.into(),
    })?;
    Ok(Reply::Nothing)
}

/// The settings that the action of the path has, if it has any.
fn settings(cx: &Context) -> Option<&'static [Value]> {
    let action = found(cx).ok()?;
    let provider = providers::required_actions().iter().find(|provider| provider.id == action.provider_id);
    provider?.properties.as_deref()
}

/// Refuses an action without settings.
fn configurable(cx: &Context) -> Result<(), Error> {
    settings(cx).map(|_| ()).ok_or_else(|| Error::plain("RequiredAction is not configurable"))
}

/// `GET required-actions/{alias}/config`.
pub(crate) async fn read_config(cx: Context) -> Result<Reply, Error> {
    configurable(&cx)?;
    Ok(Reply::Json(json!({"config": found(&cx)?.config})))
}

/// `GET required-actions/{alias}/config-description`.
pub(crate) async fn describe_config(cx: Context) -> Result<Reply, Error> {
    let properties = settings(&cx);
    let unknown = || Error::not_found("Could not find configurable RequiredAction provider");
    Ok(Reply::Json(json!({"properties": properties.ok_or_else(unknown)?})))
}

/// `PUT required-actions/{alias}/config`.
pub(crate) async fn update_config(cx: Context) -> Result<Reply, Error> {
    configurable(&cx)?;
    let given = cx.object("RequiredActionConfigRepresentation")?;
    let config = config(&cx, &given)?.unwrap_or_default();
    change(&cx, |action| action.config.clone_from(&config)).await
}

/// `DELETE required-actions/{alias}/config`.
pub(crate) async fn delete_config(cx: Context) -> Result<Reply, Error> {
    configurable(&cx)?;
    change(&cx, |action| action.config.clear()).await
}

async fn shift(cx: Context, down: bool) -> Result<Reply, Error> {
    let alias = found(&cx).map_err(|_| gone_meanwhile())?.alias.as_str();
    let shifted = cx.core.change_required_actions(&cx.realm, |actions| {
        flows::shift(actions, alias, down).then_some(()).ok_or(CoreError::NotFound("required action"))
    });
    shifted.await.map_err(gone)?;
    Ok(Reply::Nothing)
}

/// `POST required-actions/{alias}/raise-priority`.
pub(crate) async fn raise(cx: Context) -> Result<Reply, Error> {
    shift(cx, false).await
}

/// `POST required-actions/{alias}/lower-priority`.
pub(crate) async fn lower(cx: Context) -> Result<Reply, Error> {
    shift(cx, true).await
}
