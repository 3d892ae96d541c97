//! What the steps of flows and the required actions can be: every one that Keycloak has, so that imported flows read
//! as they do there. A login refuses by name what this release cannot run.

use std::{collections::HashMap, sync::LazyLock};

use keyraft_model::Flow;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{context::Context, error::Error, reply::Reply};

/// What an administrator can choose from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Providers {
    authenticators: Vec<Provider>,
    client_authenticators: Vec<Provider>,
    form_actions: Vec<Provider>,
    forms: Vec<Value>,
    per_client: Value,
    required_actions: Vec<ActionProvider>,
}

/// A kind of step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Provider {
    pub(crate) id: String,
    pub(crate) display_name: String,
    description: String,
    /// How much a flow may need it.
    pub(crate) choices: Vec<String>,
    /// Whether a configuration means anything to it.
    pub(crate) configurable: bool,
    supports_secret: Option<bool>,
    #[serde(default)]
    properties: Vec<Value>,
}

/// A required action that a realm can offer.
#[derive(Debug, Deserialize)]
pub(crate) struct ActionProvider {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `None`: it has no settings.
    pub(crate) properties: Option<Vec<Value>>,
}

static PROVIDERS: LazyLock<Providers> = LazyLock::new(|| {
    serde_json::from_str(include_str!("providers.json"))
        .expect("the file is part of this program; a test reads it")
});

/// Steps of every kind, by name.
static BY_ID: LazyLock<HashMap<&'static str, &'static Provider>> = LazyLock::new(|| {
    let all = &*PROVIDERS;
    let lists = [&all.authenticators, &all.client_authenticators, &all.form_actions];
    lists.into_iter().flatten().map(|provider| (provider.id.as_str(), provider)).collect()
});

/// The kind of step of that name.
pub(crate) fn find(id: &str) -> Option<&'static Provider> {
    BY_ID.get(id).copied()
}

/// The kind of step of that name that fits into a flow.
pub(crate) fn fitting(flow: &Flow, id: &str) -> Option<&'static Provider> {
    let list = match flow.provider_id.as_str() {
        "client-flow" => &PROVIDERS.client_authenticators,
        "form-flow" => &PROVIDERS.form_actions,
        _ => &PROVIDERS.authenticators,
    };
    list.iter().find(|provider| provider.id == id)
}

/// The required actions that a realm can offer.
pub(crate) fn required_actions() -> &'static [ActionProvider] {
    &PROVIDERS.required_actions
}

fn listed(providers: &[Provider]) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        supports_secret: Option<bool>,
        display_name: &'a str,
        description: &'a str,
        id: &'a str,
    }
    let shown = providers.iter().map(|provider| Shown {
        supports_secret: provider.supports_secret,
        display_name: &provider.display_name,
        description: &provider.description,
        id: &provider.id,
    });
    Reply::Json(json!(shown.collect::<Vec<_>>()))
}

/// `GET authenticator-providers`.
pub(crate) async fn authenticators(_: Context) -> Result<Reply, Error> {
    Ok(listed(&PROVIDERS.authenticators))
}

/// `GET client-authenticator-providers`.
pub(crate) async fn client_authenticators(_: Context) -> Result<Reply, Error> {
    Ok(listed(&PROVIDERS.client_authenticators))
}

/// `GET form-action-providers`.
pub(crate) async fn form_actions(_: Context) -> Result<Reply, Error> {
    Ok(listed(&PROVIDERS.form_actions))
}

/// `GET form-providers`.
pub(crate) async fn forms(_: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(json!(PROVIDERS.forms)))
}

/// `GET per-client-config-description`.
pub(crate) async fn per_client(_: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(PROVIDERS.per_client.clone()))
}

/// `GET config-description/{providerId}`.
pub(crate) async fn description(cx: Context) -> Result<Reply, Error> {
    let provider = find(cx.parameter("providerId"))
        .ok_or_else(|| Error::not_found("Could not find authenticator provider"))?;
    Ok(Reply::Json(json!({
        "name": provider.display_name,
        "providerId": provider.id,
        "helpText": provider.description,
        "properties": provider.properties,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_a_name_of_its_own_and_something_to_choose() {
        let all = &*PROVIDERS;
        let count = all.authenticators.len() + all.client_authenticators.len() + all.form_actions.len();

        assert_eq!((count, BY_ID.len()), (52, 52));
        assert!(BY_ID.values().all(|provider| !provider.choices.is_empty()));
        assert_eq!(required_actions().len(), 14);
    }
}
