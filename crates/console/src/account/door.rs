//! Lets the person who is signed in on this browser in, and sends everybody else to sign in.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use keyraft_core::{Core, Error, RealmView, UserRecord};
use keyraft_crypto::random;
use keyraft_login::identity::{self, Identity};
use keyraft_web::extract::{Locales, query_value};
use keyraft_web::pages::ErrorPage;
use keyraft_web::{CookieJar, Fields, Frame, Messages, RequestId, RequestOrigin, csrf, failure, page};

use super::pages::{Bar, Tab};

/// The client whose sign-in opens the account pages.
const CLIENT: &str = "account-console";

/// A request for an account page.
pub(super) struct Call {
    pub(super) realm: String,
    pub(super) query: Fields,
    pub(super) origin: RequestOrigin,
    pub(super) id: RequestId,
    pub(super) headers: HeaderMap,
}

/// Whoever is signed in.
pub(super) struct Visitor {
    pub(super) realm: Arc<RealmView>,
    pub(super) identity: Identity,
    pub(super) user: Arc<UserRecord>,
    pub(super) t: Messages,
    pub(super) root: String,
    home: String,
}

impl Visitor {
    /// The person behind a request for the page `here` (empty, or `/devices`). The error is the answer.
    pub(super) async fn enter(core: &Core, call: &Call, here: &str) -> Result<Self, Box<Response>> {
        let unavailable = |error: &Error| {
            tracing::error!(%error, "an account page was not served");
            Box::new(failure::internal(&call.headers, Some(call.id)))
        };
        let realm = core.realm(&call.realm).await.map_err(|error| unavailable(&error))?;
        let Some(realm) = realm else {
            return Err(Box::new(failure::no_page(&call.headers, Some(call.id), "Realm does not exist")));
        };
        let t = Messages::for_locale(&realm.realm, &Locales::read(&call.headers, &call.query));
        let issuer = call.origin.issuer(&realm.realm);
        let cookies = CookieJar::read(&call.headers, &call.origin, &realm.realm);
        let found =
            identity::find(core, &realm, &issuer, &cookies).await.map_err(|error| unavailable(&error))?;
        let home = format!("{}/account", call.origin.realm_path(&realm.realm));
        let came_back = call.query.has("code") || call.query.has("error");
        let Some(identity) = found else {
            let refusal = Refusal { call, realm: &realm, t: &t, home: &home };
            return Err(Box::new(match (came_back, call.query.get("error")) {
                (false, _) => sign_in(&issuer, here),
                (true, Some(_)) => refusal.page(StatusCode::FORBIDDEN, "accessDenied"),
                (true, None) => refusal.page(StatusCode::BAD_REQUEST, "cookieNotFoundMessage"),
            }));
        };
        if came_back {
            // Takes the code out of the address; it is never redeemed and dies by itself.
            return Err(Box::new(page::redirect(StatusCode::FOUND, &format!("{home}{here}"))));
        }
        let user = core.user(&realm, &identity.session.user).await.map_err(|error| unavailable(&error))?;
        let Some(user) = user.filter(|user| user.user.enabled) else {
            let refusal = Refusal { call, realm: &realm, t: &t, home: &home };
            return Err(Box::new(refusal.page(StatusCode::FORBIDDEN, "accountDisabledMessage")));
        };
        let root = call.origin.root.clone();
        Ok(Self { realm, identity, user, t, root, home })
    }

    /// What stands around the page.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame::new(&self.t, self.realm.realm.title(), &self.root)
    }

    /// The bar, with the page `here` marked.
    pub(super) fn bar(&self, here: &str) -> Bar {
        let tab = |key: &str, path: &str| Tab {
            text: self.t.get(key).into_owned(),
            href: format!("{}{path}", self.home),
            current: path == here,
        };
        let realm_path = self.home.trim_end_matches("/account");
        Bar {
            person: self.person().to_owned(),
            sign_out: format!("{realm_path}/protocol/openid-connect/logout?client_id={CLIENT}"),
            tabs: vec![tab("tabProfile", ""), tab("tabDevices", super::DEVICES)],
        }
    }

    /// What to call the person.
    pub(super) fn person(&self) -> &str {
        self.user.user.email.as_deref().filter(|email| !email.is_empty()).unwrap_or(&self.user.user.username)
    }

    /// The token of this session's forms.
    pub(super) fn token(&self) -> String {
        csrf::token(&self.identity.state_checker)
    }
}

/// Sends a browser to sign in, and back to the page `here`.
///
/// The challenge is random and its verifier nobody's: the code that comes back cannot be redeemed at all.
fn sign_in(issuer: &str, here: &str) -> Response {
    let back = format!("{issuer}/account{}", if here.is_empty() { "/" } else { here });
    let location = format!(
        "{issuer}/protocol/openid-connect/auth?client_id={CLIENT}&redirect_uri={}&response_type=code&scope=openid\
         &state={}&code_challenge={}&code_challenge_method=S256",
        query_value(&back),
        random::base64url(12),
        random::base64url(32),
    );
    page::redirect(StatusCode::FOUND, &location)
}

struct Refusal<'a> {
    call: &'a Call,
    realm: &'a RealmView,
    t: &'a Messages,
    home: &'a str,
}

impl Refusal<'_> {
    fn page(&self, status: StatusCode, key: &str) -> Response {
        let t = self.t;
        let frame = Frame::new(t, self.realm.realm.title(), &self.call.origin.root);
        let sentence = t.get(key);
        let advice = keyraft_web::pages::advice(t, key, "");
        let page = ErrorPage {
            t,
            frame: &frame,
            sentence: &sentence,
            advice: advice.as_deref(),
            id: self.call.id,
            at: self.call.origin.at,
            back: None,
            restart: Some(self.home),
        };
        page.respond(&HeaderMap::new(), status).into_response()
    }
}
