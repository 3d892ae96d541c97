//! Events: every success and failure at a door, logged once and counted.
//!
//! Text that a stranger chose (user names, client ids) reaches the log as a field, never as a message, and never a
//! metric: each text would be a series that stays in memory.

use keyraft_model::Event;

/// Where events go.
#[derive(Clone, Debug, Default)]
pub struct Events(());

impl Events {
    /// Records an event: `warn` for a failure, `debug` otherwise, which are the levels of Keycloak's
    /// `jboss-logging` listener. The counter knows kinds alone; those of failures end in `_ERROR`.
    pub fn emit(&self, event: &Event) {
        let Event { kind, realm_id, client_id, user_id, session_id, ip_address, error, details, .. } = event;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let told = || serde_json::to_string(details).unwrap_or_default();
        if let Some(error) = error {
            tracing::warn!(
                target: "keyraft::events", kind, realm = %realm_id, client = text(client_id), user = text(user_id),
                session = text(session_id), ip = text(ip_address), error, details = told(), "event"
            );
        } else {
            tracing::debug!(
                target: "keyraft::events", kind, realm = %realm_id, client = text(client_id), user = text(user_id),
                session = text(session_id), ip = text(ip_address), details = told(), "event"
            );
        }
        metrics::counter!("keyraft_user_events_total", "event" => kind.clone()).increment(1);
    }
}
