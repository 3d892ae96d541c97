//! Steps of flows: `authentication/executions`, and those that a flow is given.

use keyraft_core::flows::{FlowError, Flows, NewFlow};
use keyraft_model::{Execution, Flow, FlowId, Requirement};
use serde_json::Value;

use super::{Sentences, address, providers, shapes};
use crate::{
    context::Context,
    error::Error,
    json::{self, Object},
    reply::Reply,
};

fn path_id(cx: &Context) -> FlowId {
    FlowId::from(cx.parameter("executionId"))
}

async fn change<T: Send>(
    cx: &Context,
    sentences: Sentences,
    change: impl Fn(&mut Flows) -> Result<T, FlowError> + Send + Sync,
) -> Result<T, Error> {
    cx.core.change_flows(&cx.realm, change).await.map_err(|error| sentences.say(error))
}

/// The flow that the path names, which is to be given a step.
fn parent(cx: &Context) -> Option<&Flow> {
    cx.realm.flow_by_alias(cx.parameter("flowAlias"))
}

const NO_PARENT: &str = "Parent flow doesn't exist";

/// A step that the named provider runs; what can only be required is.
fn step(parent: &Flow, provider: Option<&str>) -> Result<Execution, Error> {
    let name = provider.unwrap_or("null");
    let found = providers::fitting(parent, name);
    let found =
        found.ok_or_else(|| Error::plain(format!("No authentication provider found for id: {name}")))?;
    let requirement = match found.choices.as_slice() {
        [only] => shapes::requirement(only)?,
        _ => Requirement::Disabled,
    };
    Ok(Execution { authenticator: Some(name.to_owned()), requirement, ..Execution::default() })
}

/// The whole number of that name.
///
/// # Errors
/// 400 for anything else in its place.
fn number(given: &Object, name: &str) -> Result<Option<i64>, Error> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(number) => {
            let whole = number.as_i64();
            whole.map(Some).ok_or_else(|| Error::message(format!("{name} is not a whole number")))
        }
    }
}

/// `POST flows/{flowAlias}/executions/execution`.
pub(crate) async fn add(cx: Context) -> Result<Reply, Error> {
    let parent = parent(&cx).ok_or_else(|| Error::plain(NO_PARENT))?;
    let given = cx.object("{*}")?;
    let illegal = "It is illegal to add execution to a built in flow";
    if parent.built_in {
        return Err(Error::plain(illegal));
    }
    let step = step(parent, json::text(&given, "provider"))?;
    let sentences = Sentences { built_in: illegal, ..Sentences::default() };
    let place = number(&given, "priority")?;
    let id = change(&cx, sentences, |flows| flows.add_step(&parent.id, step.clone(), place)).await?;
    Ok(Reply::Created(address(&cx, &format!("executions/{id}"))))
}

/// `POST flows/{flowAlias}/executions/flow`.
pub(crate) async fn add_flow(cx: Context) -> Result<Reply, Error> {
    let parent = parent(&cx).ok_or_else(|| Error::message(NO_PARENT))?;
    let given = cx.object("{*}")?;
    let illegal = "It is illegal to add sub-flow to a built in flow";
    if parent.built_in {
        return Err(Error::plain(illegal));
    }
    let text = |name: &str| json::text(&given, name);
    let new = NewFlow {
        alias: text("alias").unwrap_or_default(),
        description: text("description").or(Some("")),
        provider_id: text("type").unwrap_or_default(),
        ..NewFlow::default()
    };
    let runs_as = text("provider").filter(|_| new.provider_id == "form-flow");
    let (sentences, place) =
        (Sentences { built_in: illegal, ..Sentences::default() }, number(&given, "priority")?);
    let made = change(&cx, sentences, |flows| flows.add_sub_flow(&parent.id, &new, runs_as, place)).await?;
    Ok(Reply::Created(address(&cx, &format!("flows/{made}"))))
}

/// `PUT flows/{flowAlias}/executions`: how much the flow needs a step, its place, and a sub-flow's name.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("AuthenticationExecutionInfoRepresentation")?;
    cx.realm.flow_by_alias(cx.parameter("flowAlias")).ok_or_else(|| Error::not_found("flow not found"))?;
    let id = FlowId::from(json::text(&given, "id").unwrap_or_default());
    let known = cx.realm.flows.iter().flat_map(|flow| &flow.executions).find(|step| step.id == id);
    let known = known.ok_or_else(|| Error::not_found("Illegal execution"))?;
    let requirement = match json::text(&given, "requirement") {
        Some(name) => shapes::requirement(name)?,
        None => known.requirement,
    };
    // An absent place is the first, as in Keycloak.
    let (place, name) = (Some(number(&given, "priority")?.unwrap_or(0)), json::text(&given, "displayName"));
    let below = known.flow.as_ref().and_then(|id| cx.realm.flows.iter().find(|flow| flow.id == *id));
    let sentences = Sentences { taken: "Flow alias name already exists".to_owned(), ..Sentences::default() };
    change(&cx, sentences, |flows| {
        flows.require(&id, requirement, place)?;
        if let (Some(below), Some(name)) = (below.filter(|below| !below.built_in), name) {
            let description = json::text(&given, "description").or(below.description.as_deref());
            flows.rename(&below.id, name, description)?;
        }
        Ok(())
    })
    .await?;
    Ok(Reply::Nothing)
}

/// `POST executions`: a step, or a sub-flow that is there already.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("AuthenticationExecutionRepresentation")?;
    let text = |name: &str| json::text(&given, name).filter(|text| !text.is_empty());
    let parent = text("parentFlow").ok_or_else(|| Error::plain("No parent flow set on new execution"))?;
    let parent = cx.realm.flows.iter().find(|flow| flow.id.as_str() == parent);
    let parent = parent.ok_or_else(|| Error::plain(NO_PARENT))?;
    let illegal = "It is illegal to add execution to a built in flow";
    if parent.built_in {
        return Err(Error::plain(illegal));
    }
    if let Some(name) = text("authenticator").filter(|name| providers::fitting(parent, name).is_none()) {
        return Err(Error::plain(format!("No authentication provider found for id: {name}")));
    }
    let step = Execution {
        authenticator: text("authenticator").map(str::to_owned),
        config: text("authenticatorConfig").map(FlowId::from),
        flow: text("flowId").map(FlowId::from),
        requirement: text("requirement").map_or(Ok(Requirement::Disabled), shapes::requirement)?,
        ..Execution::default()
    };
    if step.authenticator.is_none() && step.flow.is_none() {
        return Err(Error::plain("An execution is a provider or a flow"));
    }
    let is_flow = |id: &FlowId| cx.realm.flows.iter().any(|flow| flow.id == *id && flow.id != parent.id);
    if step.flow.as_ref().is_some_and(|id| !is_flow(id)) {
        return Err(Error::plain("Sub-flow doesn't exist"));
    }
    let sentences = Sentences { built_in: illegal, ..Sentences::default() };
    let id = change(&cx, sentences, |flows| flows.add_step(&parent.id, step.clone(), None)).await?;
    Ok(cx.created(id.as_str()))
}

/// `GET executions/{executionId}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let id = path_id(&cx);
    let of = |flow: &Flow| flow.executions.iter().position(|step| step.id == id);
    let found = cx.realm.flows.iter().find_map(|flow| Some((flow, flow.executions.get(of(flow)?)?)));
    let (flow, step) = found.ok_or_else(|| Error::not_found("Illegal execution"))?;
    Ok(Reply::Json(shapes::execution(flow, step)))
}

/// `DELETE executions/{executionId}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let sentences = Sentences {
        built_in: "It is illegal to remove execution from a built in flow",
        ..Sentences::default()
    };
    let id = path_id(&cx);
    change(&cx, sentences, |flows| flows.remove_step(&id)).await?;
    Ok(Reply::Nothing)
}

/// `POST executions/{executionId}/raise-priority`.
pub(crate) async fn raise(cx: Context) -> Result<Reply, Error> {
    let id = path_id(&cx);
    change(&cx, Sentences::default(), |flows| flows.shift(&id, false)).await?;
    Ok(Reply::Nothing)
}

/// `POST executions/{executionId}/lower-priority`.
pub(crate) async fn lower(cx: Context) -> Result<Reply, Error> {
    let id = path_id(&cx);
    change(&cx, Sentences::default(), |flows| flows.shift(&id, true)).await?;
    Ok(Reply::Nothing)
}
