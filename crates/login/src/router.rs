//! The endpoints of this room, and how a request finds its login in progress again.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use keyraft_core::RealmView;
use keyraft_web::{CookieJar, Fields, Form, Query, RequestOrigin, extract::Locales};

use crate::{
    auth_session::Place,
    authenticate, consent,
    journey::Journey,
    login::{BROWSER, Login},
    protocol::{Browser, LoginRequest},
    required_action, view,
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
            get(reset_credentials).post(reset_credentials),
        )
        .route("/realms/{realm}/login-actions/registration", get(registration).post(registration))
        .route("/realms/{realm}/login-actions/action-token", get(action_token))
        .with_state(login)
}

/// What a browser brought to one of the endpoints.
pub(crate) struct Arrival {
    pub(crate) realm: Arc<RealmView>,
    pub(crate) query: Fields,
    pub(crate) headers: HeaderMap,
    pub(crate) origin: RequestOrigin,
}

/// The surroundings of a request, for handlers.
pub(crate) type Asked = (Path<String>, Query, RequestOrigin, HeaderMap);

impl Arrival {
    /// Finds the realm; the error is the answer.
    pub(crate) async fn at(login: &Login, asked: Asked) -> Result<Self, Box<Response>> {
        let (Path(name), Query(query), origin, headers) = asked;
        match login.parts().core.realm(&name).await {
            Ok(Some(realm)) => Ok(Self { realm, query, headers, origin }),
            Ok(None) => Err(Box::new(view::no_realm(&headers))),
            Err(error) => Err(Box::new(view::unavailable_without_realm(&headers, origin.at, &error))),
        }
    }

    pub(crate) fn cookies(&self) -> CookieJar {
        CookieJar::read(&self.headers, &self.origin, &self.realm.realm)
    }

    /// Puts the login in progress together again.
    ///
    /// Without its cookies a browser cannot go on: whoever lost them starts the same request again, where
    /// `client_data` still says which it was; else there is nothing to start.
    pub(crate) async fn journey(&self, login: &Login) -> Result<Journey, Box<Response>> {
        let cookies = self.cookies();
        let client_id = self.query.filled("client_id").unwrap_or_default();
        let found = login.parts().core.client(&self.realm, client_id).await;
        let client = match found {
            Ok(client) => client,
            Err(error) => {
                return Err(Box::new(view::unavailable_without_realm(&self.headers, self.origin.at, &error)));
            }
        };
        let request = self.request(login, client_id);
        let browser_id = cookies.get(BROWSER).map(str::to_owned);
        let tab_id = self.query.filled("tab_id").filter(|id| is_tab_id(id));
        let (Some(client), Some(request), Some(browser_id), Some(tab_id)) =
            (client, request, browser_id, tab_id)
        else {
            let client = login.parts().core.client(&self.realm, client_id).await.ok().flatten();
            return Err(Box::new(view::cookies_missing(self, login, client.as_deref())));
        };
        if !client.client.enabled || !self.realm.realm.enabled {
            return Err(Box::new(view::disabled(self, &client)));
        }
        let browser = Browser {
            realm: Arc::clone(&self.realm),
            client,
            cookies,
            origin: self.origin.clone(),
            locales: Locales::read(&self.headers, &self.query),
        };
        let tab_id = tab_id.to_owned();
        Journey::new(login.clone(), browser, request, browser_id, tab_id)
            .await
            .map_err(|(browser, error)| Box::new(view::unavailable(&browser, &error)))
    }

    pub(crate) fn request(&self, login: &Login, client_id: &str) -> Option<LoginRequest> {
        let place = Place { realm: &self.realm.realm.id, client_id };
        let data = self.query.filled("client_data")?;
        login.parts().sealing.open_request(place, data).filter(|request| request.client_id == client_id)
    }
}

fn is_tab_id(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Starts the same client's request again, in a new tab and with nothing proven.
async fn restart(
    State(login): State<Login>,
    path: Path<String>,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
) -> Response {
    let arrival = match Arrival::at(&login, (path, query, origin, headers)).await {
        Ok(arrival) => arrival,
        Err(response) => return *response,
    };
    let client_id = arrival.query.filled("client_id").unwrap_or_default();
    let client = match login.parts().core.client(&arrival.realm, client_id).await {
        Ok(client) => client,
        Err(error) => return view::unavailable_without_realm(&arrival.headers, arrival.origin.at, &error),
    };
    let (Some(client), Some(request)) = (client, arrival.request(&login, client_id)) else {
        return view::cookies_missing(&arrival, &login, None);
    };
    if !client.client.enabled || !arrival.realm.realm.enabled {
        return view::disabled(&arrival, &client);
    }
    let browser = Browser {
        realm: Arc::clone(&arrival.realm),
        client,
        cookies: arrival.cookies(),
        origin: arrival.origin.clone(),
        locales: Locales::read(&arrival.headers, &arrival.query),
    };
    login.begin(browser, request).await
}

/// Resetting a password by mail: not available while the realm does not allow it, nor without mail.
async fn reset_credentials(
    State(login): State<Login>,
    path: Path<String>,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
    _form: Form,
) -> Response {
    refuse(&login, (path, query, origin, headers), "resetCredentialNotAllowedMessage").await
}

/// Self-registration: not available while the realm does not allow it.
async fn registration(
    State(login): State<Login>,
    path: Path<String>,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
    _form: Form,
) -> Response {
    let arrival = match Arrival::at(&login, (path, query, origin, headers)).await {
        Ok(arrival) => arrival,
        Err(response) => return *response,
    };
    match arrival.journey(&login).await {
        Ok(journey) => view::error(&journey, StatusCode::BAD_REQUEST, "registrationNotAllowedMessage"),
        Err(response) => *response,
    }
}

/// A link that was mailed: none is issued by this release, so every one is unknown.
async fn action_token(
    State(login): State<Login>,
    path: Path<String>,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
) -> Response {
    refuse(&login, (path, query, origin, headers), "invalidCodeMessage").await
}

async fn refuse(login: &Login, asked: Asked, key: &str) -> Response {
    match Arrival::at(login, asked).await {
        Ok(arrival) => view::error_at(&arrival, StatusCode::BAD_REQUEST, key),
        Err(response) => *response,
    }
}
