//! `authentication/flows`.

use keyraft_core::flows::NewFlow;
use keyraft_model::{Flow, FlowId};
use serde_json::json;

use super::{Sentences, shapes};
use crate::{
    context::Context,
    error::Error,
    json::{self, Object},
    reply::Reply,
};

/// The characters that no alias has: it stands in addresses.
const RESERVED: &str = ":/?#@!$&()*+,;=[]\\";

/// The flow or sub-flow that the path names by its alias.
///
/// # Errors
/// 404.
pub(super) fn by_alias(cx: &Context) -> Result<&Flow, Error> {
    cx.realm.flow_by_alias(cx.parameter("flowAlias")).ok_or_else(|| Error::not_found("Flow not found"))
}

/// Refuses an alias that an address could not carry.
pub(super) fn may_be_alias(alias: &str) -> Result<(), Error> {
    match alias.chars().find(|character| RESERVED.contains(*character)) {
        Some(character) => Err(Error::plain(format!("Character '{character}' not allowed."))),
        None => Ok(()),
    }
}

fn read_new<'a>(given: &'a Object, default_description: Option<&'a str>) -> NewFlow<'a> {
    let flag = |name: &str| given.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
    NewFlow {
        id: json::text(given, "id").filter(|id| !id.is_empty()),
        alias: json::text(given, "alias").unwrap_or_default(),
        description: json::text(given, "description").or(default_description),
        provider_id: json::text(given, "providerId").unwrap_or_default(),
        top_level: flag("topLevel"),
        built_in: flag("builtIn"),
    }
}

/// The flow of a door that no list shows.
const HIDDEN: &str = "saml ecp";

/// `GET flows`: those that can be bound.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let flows = cx.realm.flows.iter().filter(|flow| flow.top_level && flow.alias != HIDDEN);
    Ok(Reply::Json(flows.map(|flow| shapes::flow(&cx.realm, flow)).collect()))
}

/// `POST flows`.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("AuthenticationFlowRepresentation")?;
    let new = read_new(&given, Some(""));
    if cx.realm.flow_by_alias(new.alias).is_none() {
        may_be_alias(new.alias)?;
    }
    let sentences = Sentences { taken: format!("Flow {} already exists", new.alias), ..Sentences::default() };
    let made = cx.core.change_flows(&cx.realm, |flows| flows.add(&new)).await;
    Ok(cx.created(made.map_err(|error| sentences.say(error))?.as_str()))
}

/// `GET flows/{id}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let flow = cx.realm.flows.iter().find(|flow| flow.id.as_str() == cx.parameter("id"));
    let flow = flow.ok_or_else(|| Error::not_found("Could not find flow with id"))?;
    Ok(Reply::Json(shapes::flow(&cx.realm, flow)))
}

/// `PUT flows/{id}`: takes the whole representation.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("AuthenticationFlowRepresentation")?;
    let id = FlowId::from(cx.parameter("id"));
    let sentences = Sentences {
        no_flow: "Could not find flow with id",
        no_alias: "Failed to update flow with empty alias name",
        taken: "Flow alias name already exists".to_owned(),
        ..Sentences::default()
    };
    let done = cx.core.update_flow(&cx.realm, &id, &read_new(&given, None)).await;
    done.map_err(|error| sentences.say(error))?;
    Ok(Reply::Nothing)
}

/// `DELETE flows/{id}`, with everything below it.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let sentences = Sentences { built_in: "Can't delete built in flow", ..Sentences::default() };
    let done = cx.core.delete_flow(&cx.realm, &FlowId::from(cx.parameter("id"))).await;
    done.map_err(|error| sentences.say(error))?;
    Ok(Reply::Nothing)
}

/// `POST flows/{flowAlias}/copy`.
pub(crate) async fn copy(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("{*}")?;
    let name = json::text(&given, "newName").unwrap_or_default();
    may_be_alias(name)?;
    let alias = cx.parameter("flowAlias");
    let made = cx.core.change_flows(&cx.realm, |flows| flows.copy(alias, name)).await;
    Ok(cx.created(made.map_err(|error| Sentences::default().say(error))?.as_str()))
}

/// `GET flows/{flowAlias}/executions`: every step, those of sub-flows after the sub-flow.
pub(crate) async fn executions(cx: Context) -> Result<Reply, Error> {
    let steps = keyraft_core::flows::walk(&cx.realm, by_alias(&cx)?);
    let shown: Result<Vec<_>, Error> = steps.iter().map(|step| shapes::info(&cx.realm, step)).collect();
    Ok(Reply::Json(json!(shown?)))
}
