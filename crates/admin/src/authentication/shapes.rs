//! Flows and steps as the API shows them.

use keyraft_core::{RealmView, flows::Step};
use keyraft_model::{Execution, Flow, Requirement};
use serde_json::{Map, Value, json};

use super::providers;
use crate::error::Error;

/// `AuthenticationFlowRepresentation`.
pub(super) fn flow(realm: &RealmView, flow: &Flow) -> Value {
    let mut shown = json!({"id": flow.id, "alias": flow.alias});
    if let Some(description) = &flow.description {
        shown["description"] = json!(description);
    }
    shown["providerId"] = json!(flow.provider_id);
    shown["topLevel"] = json!(flow.top_level);
    shown["builtIn"] = json!(flow.built_in);
    shown["authenticationExecutions"] = flow.executions.iter().map(|step| exported(realm, step)).collect();
    shown
}

/// `AuthenticationExecutionExportRepresentation`: others are named by their aliases.
fn exported(realm: &RealmView, step: &Execution) -> Value {
    let mut shown = Map::new();
    let config = step.config.as_ref().and_then(|id| realm.configs.iter().find(|config| config.id == *id));
    if let Some(config) = config {
        shown.insert("authenticatorConfig".into(), json!(config.alias));
    }
    basic(step, &mut shown);
    let below = step.flow.as_ref().and_then(|id| realm.flows.iter().find(|flow| flow.id == *id));
    if let Some(below) = below {
        shown.insert("flowAlias".into(), json!(below.alias));
    }
    shown.insert("userSetupAllowed".into(), json!(step.user_setup_allowed));
    shown.into()
}

/// `AuthenticationExecutionRepresentation`: others are named by their ids.
pub(super) fn execution(parent: &Flow, step: &Execution) -> Value {
    let mut shown = Map::new();
    if let Some(config) = &step.config {
        shown.insert("authenticatorConfig".into(), json!(config));
    }
    basic(step, &mut shown);
    shown.insert("id".into(), json!(step.id));
    if let Some(flow) = &step.flow {
        shown.insert("flowId".into(), json!(flow));
    }
    shown.insert("parentFlow".into(), json!(parent.id));
    shown.into()
}

fn basic(step: &Execution, shown: &mut Map<String, Value>) {
    if let Some(authenticator) = &step.authenticator {
        shown.insert("authenticator".into(), json!(authenticator));
    }
    let is_flow = step.flow.is_some();
    shown.insert("authenticatorFlow".into(), json!(is_flow));
    shown.insert("requirement".into(), json!(step.requirement));
    shown.insert("priority".into(), json!(step.priority));
    // Keycloak says it twice, once with a typing error that old programs read.
    shown.insert("autheticatorFlow".into(), json!(is_flow));
}

/// How much a flow may need a sub-flow, by the sub-flow's kind.
fn choices(flow: &Flow) -> &'static [&'static str] {
    match flow.provider_id.as_str() {
        "form-flow" => &["REQUIRED", "DISABLED"],
        "client-flow" => &["REQUIRED", "ALTERNATIVE", "DISABLED"],
        "basic-flow" => &["REQUIRED", "ALTERNATIVE", "DISABLED", "CONDITIONAL"],
        _ => &[],
    }
}

/// `AuthenticationExecutionInfoRepresentation`.
///
/// # Errors
/// 404 for a step of a kind that nobody knows.
pub(super) fn info(realm: &RealmView, step: &Step<'_>) -> Result<Value, Error> {
    let execution = step.execution;
    let mut shown = json!({"id": execution.id, "requirement": execution.requirement});
    if let Some(flow) = step.flow {
        shown["displayName"] = json!(flow.alias);
        if let Some(description) = &flow.description {
            shown["description"] = json!(description);
        }
        shown["requirementChoices"] = json!(choices(flow));
        shown["configurable"] = json!(false);
        shown["authenticationFlow"] = json!(true);
        if let Some(authenticator) =
            execution.authenticator.as_ref().filter(|_| flow.provider_id == "form-flow")
        {
            shown["providerId"] = json!(authenticator);
        }
        shown["flowId"] = json!(flow.id);
    } else {
        let kind = execution.authenticator.as_deref().unwrap_or_default();
        let provider = providers::find(kind);
        let provider = provider.ok_or_else(|| Error::not_found("Could not find authenticator provider"))?;
        shown["displayName"] = json!(provider.display_name);
        let config = execution.config.as_ref();
        let config = config.and_then(|id| realm.configs.iter().find(|config| config.id == *id));
        if let Some(config) = config {
            shown["alias"] = json!(config.alias);
        }
        shown["requirementChoices"] = json!(provider.choices);
        shown["configurable"] = json!(provider.configurable);
        shown["providerId"] = json!(provider.id);
        if let Some(config) = config {
            shown["authenticationConfig"] = json!(config.id);
        }
    }
    shown["level"] = json!(step.level);
    shown["index"] = json!(step.index);
    shown["priority"] = json!(execution.priority);
    Ok(shown)
}

/// The requirement of that name.
///
/// # Errors
/// 400.
pub(super) fn requirement(name: &str) -> Result<Requirement, Error> {
    match name {
        "REQUIRED" => Ok(Requirement::Required),
        "ALTERNATIVE" => Ok(Requirement::Alternative),
        "CONDITIONAL" => Ok(Requirement::Conditional),
        "DISABLED" => Ok(Requirement::Disabled),
        _ => Err(Error::message(format!("Unknown requirement {name}"))),
    }
}
