//! Configurations of steps: `authentication/config`, and those that a step is given.

use keyraft_model::{AuthenticatorConfig, FlowId};
use serde_json::{Value, json};

use super::{Sentences, flows::may_be_alias};
use crate::{
    context::Context,
    error::Error,
    json::{self, Object},
    reply::Reply,
};

fn read_new(given: &Object) -> AuthenticatorConfig {
    let members = given.get("config").and_then(Value::as_object).into_iter().flatten();
    let filled = members
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .filter(|(_, value)| !value.is_empty());
    AuthenticatorConfig {
        id: json::text(given, "id").map(FlowId::from).unwrap_or_default(),
        alias: json::text(given, "alias").unwrap_or_default().to_owned(),
        config: filled.map(|(name, value)| (name.clone(), value.to_owned())).collect(),
    }
}

fn sentences(verb: &'static str, alias: &str) -> Sentences {
    Sentences {
        no_alias: verb,
        taken: format!("Authentication execution configuration {alias} already exists"),
        ..Sentences::default()
    }
}

const NO_NAME: &str = "Failed to create authentication execution configuration with empty alias name";

/// `POST executions/{executionId}/config`: instead of the one that the step has.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("AuthenticatorConfigRepresentation")?;
    let (config, step) = (read_new(&given), FlowId::from(cx.parameter("executionId")));
    may_be_alias(&config.alias)?;
    let sentences = sentences(NO_NAME, &config.alias);
    let made = cx.core.change_flows(&cx.realm, |flows| flows.configure(&step, config.clone())).await;
    Ok(cx.created(made.map_err(|error| sentences.say(error))?.as_str()))
}

/// `POST config`: one that no step has.
pub(crate) async fn create_alone(cx: Context) -> Result<Reply, Error> {
    let config = read_new(&cx.object("AuthenticatorConfigRepresentation")?);
    may_be_alias(&config.alias)?;
    let sentences = sentences(NO_NAME, &config.alias);
    let made = cx.core.change_flows(&cx.realm, |flows| flows.add_config(config.clone())).await;
    Ok(cx.created(made.map_err(|error| sentences.say(error))?.as_str()))
}

fn found(cx: &Context) -> Result<&AuthenticatorConfig, Error> {
    let config = cx.realm.configs.iter().find(|config| config.id.as_str() == cx.parameter("id"));
    config.ok_or_else(|| Error::not_found("Could not find authenticator config"))
}

/// `GET config/{id}`, and below a step.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(json!(found(&cx)?)))
}

/// `PUT config/{id}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("AuthenticatorConfigRepresentation")?;
    let config = AuthenticatorConfig { id: FlowId::from(cx.parameter("id")), ..read_new(&given) };
    let sentences = sentences(
        "Failed to update authentication execution configuration with empty alias name",
        &config.alias,
    );
    let done = cx.core.change_flows(&cx.realm, |flows| flows.reconfigure(config.clone())).await;
    done.map_err(|error| sentences.say(error))?;
    Ok(Reply::Nothing)
}

/// `DELETE config/{id}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let id = FlowId::from(cx.parameter("id"));
    let done = cx.core.change_flows(&cx.realm, |flows| flows.unconfigure(&id)).await;
    done.map_err(|error| Sentences::default().say(error))?;
    Ok(Reply::Nothing)
}
