//! The routes of this room, by Keycloak's paths.

use axum::Router;
use axum::routing::{any, get, options, post};
use http::HeaderMap;

use crate::cors::{self, allow, preflight};
use crate::{
    Oidc, authorize, discovery, introspection, jwks, logout, realm_info, revocation, session_iframe, token,
    unbuilt, userinfo,
};

const READ_ONLY: &str = "HEAD, GET, OPTIONS";

/// Every endpoint of OAuth 2 and OpenID Connect.
pub fn router(oidc: Oidc) -> Router {
    protocol()
        .route("/realms/{realm}", public(get(realm_info::realm), cors::GET))
        .route("/realms/{realm}/", public(get(realm_info::realm), cors::GET))
        .route(
            "/realms/{realm}/.well-known/openid-configuration",
            public(get(discovery::document), cors::READ),
        )
        .route(
            "/realms/{realm}/.well-known/oauth-authorization-server",
            public(get(discovery::document), cors::READ),
        )
        .route("/.well-known/{provider}/realms/{realm}", public(get(discovery::root), cors::READ))
        .route("/realms/{realm}/{*rest}", any(unbuilt::unknown))
        .with_state(oidc)
}

/// Endpoints below `/realms/{realm}/protocol/openid-connect`. Each is a route of its own: a router nested in another
/// takes every path apart twice.
fn protocol() -> Router<Oidc> {
    let read = || options(|| async { allow(READ_ONLY) });
    let routes = [
        ("/auth", get(authorize::get).post(authorize::post).merge(fixed("HEAD, POST, GET, OPTIONS"))),
        ("/registrations", get(authorize::registrations)),
        ("/forgot-credentials", get(authorize::forgot_credentials)),
        ("/token", public(post(token::token), cors::POST)),
        ("/token/introspect", post(introspection::introspect).merge(fixed("HEAD, POST, OPTIONS"))),
        ("/userinfo", public(get(userinfo::get).post(userinfo::post), cors::GET)),
        ("/revoke", public(post(revocation::revoke), cors::POST)),
        ("/logout", public(get(logout::get).post(logout::post), cors::GET)),
        ("/logout/logout-confirm", get(logout::confirm_directly).post(logout::confirm)),
        ("/logout/backchannel-logout", post(logout::from_upstream)),
        ("/certs", public(get(jwks::certs), cors::READ)),
        ("/login-status-iframe.html", get(session_iframe::iframe).merge(read())),
        ("/login-status-iframe.html/init", get(session_iframe::init).merge(read())),
        ("/3p-cookies/step1.html", get(session_iframe::step_1).merge(read())),
        ("/3p-cookies/step2.html", get(session_iframe::step_2).merge(read())),
    ];
    routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        router.route(&format!("/realms/{{realm}}/protocol/openid-connect{path}"), methods)
    })
}

/// With an answer to preflights.
fn public(
    methods: axum::routing::MethodRouter<Oidc>,
    allowed: &'static str,
) -> axum::routing::MethodRouter<Oidc> {
    methods.merge(options(move |headers: HeaderMap| async move { preflight(&headers, allowed) }))
}

/// With an answer to `OPTIONS` that scripts cannot use.
fn fixed(allowed: &'static str) -> axum::routing::MethodRouter<Oidc> {
    options(move || async move { allow(allowed) })
}
