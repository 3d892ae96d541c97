//! Sessions.

use std::collections::HashMap;

use keyraft_cluster::session::UserSession;
use keyraft_model::ClientUuid;
use serde_json::{Map, Value, json};

/// A session as Keycloak's `UserSessionRepresentation`.
pub(crate) fn session(
    session: &UserSession,
    username: &str,
    client_ids: &HashMap<ClientUuid, String>,
) -> Value {
    let clients: Map<String, Value> = session
        .clients
        .keys()
        .filter_map(|id| Some((id.to_string(), Value::from(client_ids.get(id)?.clone()))))
        .collect();
    json!({
        "id": session.sid,
        "username": username,
        "userId": session.user.as_str(),
        "ipAddress": session.ip_address,
        "start": whole_seconds(session.started.0),
        "lastAccess": whole_seconds(session.last_use.0),
        "rememberMe": session.remember_me,
        "clients": clients,
        "transientUser": false,
    })
}

/// Keycloak keeps these times in seconds and shows them in milliseconds.
fn whole_seconds(ms: i64) -> i64 {
    ms.div_euclid(1000) * 1000
}
