//! Keycloak's representations, member by member in its order.

mod client;
mod group;
mod realm;
mod role;
mod session;
mod user;

pub(crate) use client::{Reach, client, client_scope, effective_mapper, scope_reference};
pub(crate) use group::{GroupShape, group};
pub(crate) use realm::{realm, realm_brief, realm_outline};
pub(crate) use role::{role, roles};
pub(crate) use session::session;
pub(crate) use user::{access, credential, user};

use serde_json::{Map, Value};

/// A JSON object under construction.
pub(crate) type Members = Map<String, Value>;

/// Adds a member, unless there is nothing to say.
pub(crate) fn put_some(members: &mut Members, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value.into());
    }
}

/// Adds a member.
pub(crate) fn put(members: &mut Members, name: &str, value: impl Into<Value>) {
    members.insert(name.to_owned(), value.into());
}

/// A model entity as the JSON that it serialises to; ours have no way to fail.
pub(crate) fn plain(entity: &impl serde::Serialize) -> Members {
    match serde_json::to_value(entity) {
        Ok(Value::Object(members)) => members,
        _ => Members::new(),
    }
}
