//! `authentication/…`: flows with their steps, configurations of steps, required actions, and what there is to
//! choose from.

pub(crate) mod configs;
pub(crate) mod executions;
pub(crate) mod flows;
pub(crate) mod providers;
pub(crate) mod required_actions;
mod shapes;

use http::StatusCode;
use keyraft_core::flows::FlowError;

use crate::error::Error;

/// What each operation says in words of its own when a change of flows is refused.
pub(crate) struct Sentences {
    /// Of a flow that is not there.
    no_flow: &'static str,
    /// Of a flow that came with the realm.
    built_in: &'static str,
    /// Of a name that is needed.
    no_alias: &'static str,
    /// Of a name that is taken.
    taken: String,
}

impl Default for Sentences {
    fn default() -> Self {
        Self {
            no_flow: "Flow not found",
            built_in: "It is illegal to modify execution in a built in flow",
            no_alias: "Failed to create flow with empty alias name",
            taken: "New flow alias name already exists".to_owned(),
        }
    }
}

impl Sentences {
    /// Keycloak's answer.
    pub(crate) fn say(self, error: FlowError) -> Error {
        let exists = |sentence: String| Error::Message(StatusCode::CONFLICT, sentence);
        match error {
            FlowError::NoFlow => Error::not_found(self.no_flow),
            FlowError::NoExecution => Error::not_found("Illegal execution"),
            FlowError::NoConfig => Error::not_found("Could not find authenticator config"),
            FlowError::BuiltIn => Error::plain(self.built_in),
            FlowError::NoAlias => exists(self.no_alias.to_owned()),
            FlowError::Taken => exists(self.taken),
            FlowError::NoKind => Error::duplicate(),
            FlowError::Bound => exists("The flow is bound: no door may lead nowhere".to_owned()),
            FlowError::Core(error) => error.into(),
        }
    }
}

/// An address below `authentication` of this realm.
fn address(cx: &crate::context::Context, rest: &str) -> String {
    let realm = keyraft_web::extract::segment(&cx.realm.realm.realm);
    format!("{}/admin/realms/{realm}/authentication/{rest}", cx.origin.admin)
}
