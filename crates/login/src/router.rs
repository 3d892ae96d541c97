//! The endpoints of this room.

use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};

use crate::{
    action_link, arrival::Arrival, authenticate, consent, login::Login, registration, required_action,
    reset_credentials, view,
};

/// The routes below `/realms/{realm}/login-actions`.
pub fn router(login: Login) -> Router {
    Router::new()
        .route(
            "/realms/{realm}/login-actions/authenticate",
            get(authenticate::show).post(authenticate::submit),
        )
        .route(
            "/realms/{realm}/login-actions/required-action",
            get(required_action::show).post(required_action::submit),
        )
        .route("/realms/{realm}/login-actions/consent", post(consent::submit))
        .route("/realms/{realm}/login-actions/restart", get(restart))
        .route(
            "/realms/{realm}/login-actions/reset-credentials",
            get(reset_credentials::show).post(reset_credentials::submit),
        )
        .route(
            "/realms/{realm}/login-actions/registration",
            get(registration::show).post(registration::submit),
        )
        .route("/realms/{realm}/login-actions/action-token", get(action_link::follow))
        .with_state(login)
}

/// Starts the same client's request again, in a new tab and with nothing proven.
async fn restart(State(login): State<Login>, arrival: Arrival) -> Response {
    match arrival.asked(&login).await {
        Ok(Some((client, request))) => login.begin(arrival.browser(client), request).await,
        Ok(None) => view::cookies_missing(&arrival, &login).await,
        Err(response) => *response,
    }
}
