//! Authentication flows: trees of executions that a login walks.

use serde::{Deserialize, Serialize};

use crate::{Attributes, FlowId};

/// A flow or sub-flow, as Keycloak's `AuthenticationFlowRepresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Flow {
    /// Its row.
    pub id: FlowId,
    /// Unique in the realm; the realm's bindings name it.
    pub alias: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `basic-flow`, `client-flow` or `form-flow`.
    pub provider_id: String,
    /// Whether it can be bound; a sub-flow cannot.
    pub top_level: bool,
    /// Whether it came with the realm and cannot be changed.
    pub built_in: bool,
    /// Its executions, by rising priority.
    pub executions: Vec<Execution>,
}

/// One step of a flow: an authenticator, or a sub-flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Execution {
    /// Its row; the `execution` parameter of form actions.
    pub id: FlowId,
    /// The provider id of the authenticator; a form sub-flow has one too (`registration-page-form`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticator: Option<String>,
    /// The configuration that it runs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<FlowId>,
    /// The sub-flow that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowId>,
    /// How much the flow needs it.
    pub requirement: Requirement,
    /// Lower runs first.
    pub priority: i64,
    /// Keycloak's `userSetupAllowed`, kept for exports.
    pub user_setup_allowed: bool,
}

/// How much a flow needs an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Requirement {
    /// Must succeed.
    Required,
    /// One of its alternatives must succeed.
    Alternative,
    /// A sub-flow that counts as required when its conditions hold.
    Conditional,
    /// Is not run.
    #[default]
    Disabled,
}

/// An authenticator's configuration, as Keycloak's `AuthenticatorConfigRepresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticatorConfig {
    /// Its row.
    pub id: FlowId,
    /// For people.
    pub alias: String,
    /// What the authenticator reads.
    pub config: Attributes,
}
