//! The admin REST API, one file per resource.
//!
//! A request is authenticated, matched against the one `routes` table, checked for the right that its row
//! asks, and handed to the row's operation. Operations read bodies strictly (`json`), have `core` do the
//! work, and write Keycloak's representations (`representation`). This room decides nothing about
//! identities itself, and believes no claim of a token: authority is what the caller holds as stored now.

mod attack_detection;
mod authentication;
mod client_scopes;
mod client_secret;
mod client_sessions;
mod clients;
mod cluster;
mod components;
mod composites;
mod console;
mod context;
mod credentials;
mod default_groups;
mod dispatch;
mod emails;
mod error;
mod events;
mod groups;
mod json;
mod keys;
mod profile;
mod protocol_mappers;
mod query;
mod realms;
mod reply;
mod representation;
mod role_mappings;
mod roles;
mod routes;
mod scope_lists;
mod scope_mappings;
mod server_info;
mod sessions;
mod unbuilt;
mod user_groups;
mod user_sessions;
mod users;

use axum::{Router, routing::any};
use keyraft_oidc::Oidc;

/// The admin API below `/admin`. `Oidc` says who presents a token.
///
/// The console's pages share the prefix `/admin/{realm}/console`; of those only `whoami` is answered here.
pub fn router(oidc: Oidc) -> Router {
    Router::new()
        .route("/admin/realms", any(dispatch::serve))
        .route("/admin/realms/", any(dispatch::serve))
        .route("/admin/realms/{*rest}", any(dispatch::serve))
        .route("/admin/serverinfo", any(dispatch::serve))
        .route("/admin/cluster", any(dispatch::serve))
        .route("/admin/{realm}/console/whoami", any(dispatch::serve))
        .with_state(oidc)
}
