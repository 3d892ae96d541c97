//! `/`: in production the way to the account pages, in development a page that says what runs here.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use keyraft_core::Core;
use keyraft_web::extract::Locales;
use keyraft_web::{Fields, Frame, Messages, Page, RequestId, RequestOrigin, failure, page};

use crate::account::WelcomePage;

/// The realm of the server's own administrators.
const MASTER: &str = "master";

#[derive(Clone)]
struct Welcome {
    core: Core,
    is_development: bool,
}

/// The route `/`.
pub fn router(core: Core, is_development: bool) -> Router {
    Router::new().route("/", get(show)).with_state(Welcome { core, is_development })
}

async fn show(
    State(welcome): State<Welcome>,
    origin: RequestOrigin,
    id: RequestId,
    headers: HeaderMap,
) -> Response {
    let realm = match welcome.core.realm(MASTER).await {
        Ok(Some(realm)) => realm,
        Ok(None) => return failure::no_page(&headers, Some(id), "Realm does not exist"),
        Err(error) => {
            tracing::error!(%error, "the first page was not served");
            return failure::internal(&headers, Some(id));
        }
    };
    let account = format!("{}/account", origin.realm_path(&realm.realm));
    if !welcome.is_development {
        return page::redirect(StatusCode::FOUND, &account);
    }
    let t = Messages::without_realm(&Locales::read(&headers, &Fields::default()));
    let frame = Frame::new(&t, &realm.realm.realm, &origin.root);
    let issuer = origin.issuer(&realm.realm);
    Page::new(&WelcomePage { t: &t, frame: &frame, issuer: &issuer, account: &account }, &t).into_response()
}
