//! Flows with their executions, configurations of authenticators, and required actions.

use keyraft_model::{AuthenticatorConfig, Execution, Flow, FlowId, RequiredAction, Rest};
use serde_json::Value;

use super::{
    names::Names,
    shape::{entity, give_id, members, take_list, text, texts_in, wrong},
};
use crate::{Error, image::Representation};

/// Takes flows and configurations out of a representation.
pub(super) fn build(
    given: &mut Representation,
    names: &mut Names,
) -> Result<(Vec<Flow>, Vec<AuthenticatorConfig>), Error> {
    let configs = configs(given, names)?;
    let mut open = Vec::new();
    for (place, value) in take_list(given, "authenticationFlows", "$")?.into_iter().enumerate() {
        let path = format!("$.authenticationFlows[{place}]");
        let mut flow = members(value, &path)?;
        give_id(&mut flow);
        let alias = text(&flow, "alias", &path)?.to_owned();
        let id = FlowId::from(text(&flow, "id", &path)?);
        if names.flows.insert(alias.clone(), id).is_some() {
            return Err(wrong(&path, &format!("the flow {alias:?} stands here twice")));
        }
        open.push((flow, path));
    }
    let flows =
        open.into_iter().map(|(flow, path)| self::flow(flow, &path, names)).collect::<Result<_, _>>()?;
    Ok((flows, configs))
}

fn configs(given: &mut Representation, names: &mut Names) -> Result<Vec<AuthenticatorConfig>, Error> {
    let mut configs = Vec::new();
    for (place, value) in take_list(given, "authenticatorConfig", "$")?.into_iter().enumerate() {
        let path = format!("$.authenticatorConfig[{place}]");
        let mut config = members(value, &path)?;
        give_id(&mut config);
        texts_in(&mut config, "config");
        let config: AuthenticatorConfig = entity(config, &path)?;
        names.configs.insert(config.alias.clone(), config.id.clone());
        configs.push(config);
    }
    Ok(configs)
}

fn flow(mut given: Rest, path: &str, names: &mut Names) -> Result<Flow, Error> {
    let executions = take_list(&mut given, "authenticationExecutions", path)?;
    let mut flow: Flow = entity(given, path)?;
    for (place, value) in executions.into_iter().enumerate() {
        let path = format!("{path}.authenticationExecutions[{place}]");
        flow.executions.push(execution(members(value, &path)?, &path, names)?);
    }
    flow.executions.sort_by_key(|execution| execution.priority);
    Ok(flow)
}

fn execution(mut given: Rest, path: &str, names: &mut Names) -> Result<Execution, Error> {
    let name = |given: &mut Rest, name: &str| match given.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (flow, config) = (name(&mut given, "flowAlias"), name(&mut given, "authenticatorConfig"));
    given.insert("id".into(), Value::String(keyraft_crypto::random::uuid()));
    let mut execution: Execution = entity(given, path)?;
    if let Some(alias) = flow {
        let found = names.flows.get(&alias).cloned();
        execution.flow =
            Some(found.ok_or_else(|| {
                wrong(&format!("{path}.flowAlias"), &format!("there is no flow {alias:?}"))
            })?);
    }
    if let Some(alias) = config {
        execution.config = names.configs.get(&alias).cloned();
        if execution.config.is_none() {
            names
                .findings
                .kept
                .push(format!("{path}.authenticatorConfig: there is no configuration {alias:?}"));
        }
    }
    Ok(execution)
}

/// Takes required actions out of a representation.
pub(super) fn required_actions(given: &mut Representation) -> Result<Vec<RequiredAction>, Error> {
    let mut actions: Vec<RequiredAction> = Vec::new();
    for (place, value) in take_list(given, "requiredActions", "$")?.into_iter().enumerate() {
        let path = format!("$.requiredActions[{place}]");
        let mut action = members(value, &path)?;
        texts_in(&mut action, "config");
        // Exports write the alias alone where it is the provider as well.
        let alias = text(&action, "alias", &path)?.to_owned();
        action.entry("providerId").or_insert_with(|| Value::String(alias.clone()));
        action.entry("name").or_insert_with(|| Value::String(alias.clone()));
        if actions.iter().any(|action| action.alias == alias) {
            return Err(wrong(&path, &format!("the required action {alias:?} stands here twice")));
        }
        actions.push(entity(action, &path)?);
    }
    Ok(actions)
}
