//! The seam between login and whoever asked for it.
//!
//! Login knows a client, its name and that someone waits for an answer; it knows no OAuth and no SAML. A
//! protocol gives it a [`LoginRequest`], and answers for it through [`Protocol`]: what to start at the
//! client once the person is known, and how to carry the outcome back.

use std::sync::Arc;

use axum::response::Response;
use futures::future::BoxFuture;
use keyraft_cluster::{
    command::{NewClientSession, NewCode},
    session::{Notes, UserSession},
};
use keyraft_core::{ClientView, RealmView, UserRecord};
use keyraft_model::{ScopeId, UnixMs};
use keyraft_web::{CookieJar, RequestOrigin, extract::Locales};
use serde::{Deserialize, Serialize};

/// What a client asks of a login. Travels sealed in `client_data`, so that a form that is too old can always
/// start the same client's request again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    /// The client's RFC 6749 `client_id`.
    pub client_id: String,
    /// `prompt=none`: answer without asking the person anything.
    pub silent: bool,
    /// `prompt=login`: ask for a fresh proof even of someone who is signed in.
    pub force_login: bool,
    /// `prompt=consent`: ask for consent again.
    pub force_consent: bool,
    /// `max_age` in seconds: how old a proof may be.
    pub max_age_secs: Option<i64>,
    /// `login_hint`: fills in the user name.
    pub login_hint: Option<String>,
    /// The level of authentication that `acr_values` or an essential claim ask for.
    pub level: Option<i64>,
    /// `ui_locales`, space-separated.
    pub ui_locales: Option<String>,
    /// `kc_action`: an action the application wants done.
    pub action: Option<String>,
    /// The subject that `id_token_hint` names.
    pub subject: Option<String>,
    /// Client scopes that were asked for, defaults included; what consent is about.
    pub scopes: Vec<ScopeId>,
    /// The protocol's own state, which login passes on unread.
    pub continuation: Vec<u8>,
}

/// The surroundings of one request of a browser.
#[derive(Clone, Debug)]
pub struct Browser {
    /// The realm it came to.
    pub realm: Arc<RealmView>,
    /// The client it came for.
    pub client: Arc<ClientView>,
    /// Its cookies.
    pub cookies: CookieJar,
    /// Its address, and the realm's base URL as this browser sees it.
    pub origin: RequestOrigin,
    /// Languages that it asks for.
    pub locales: Locales,
}

/// A login that is about to finish: who, and what he proved.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Who signed in.
    pub user: Arc<UserRecord>,
    /// When he last proved it.
    pub auth_time: UnixMs,
    /// Whether he proved it in this login, not by a session that was there.
    pub is_fresh: bool,
    /// The level of authentication that was reached.
    pub level: i64,
    /// How an action that the application asked for ended (`kc_action_status`).
    pub action_status: Option<&'static str>,
}

/// What a protocol wants started: its part of the one command that also starts the session.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The client's part of the session.
    pub client: NewClientSession,
    /// The code, when one is issued.
    pub code: Option<NewCode>,
    /// The code's secret part, which only the answer to the browser may carry; handed back unread.
    pub secret: String,
    /// Notes of the user session.
    pub notes: Notes,
}

/// Why a login gives up, as far as the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `prompt=none` and somebody would have to sign in.
    LoginRequired,
    /// `prompt=none` and the person would have to do something else.
    InteractionRequired,
    /// The person said no.
    AccessDenied,
    /// The person does not accept the terms.
    TermsDeclined,
    /// The login was finished or given up before: this form is of the past.
    Expired,
}

/// A protocol that sends people to sign in.
pub trait Protocol: Send + Sync {
    /// What to start once the person is known. `sid` is the session that will hold it.
    ///
    /// # Errors
    /// The answer to give instead, where the protocol finds that it cannot go on.
    fn grant(
        &self,
        browser: &Browser,
        request: &LoginRequest,
        finished: &Finished,
        sid: &str,
    ) -> Result<Grant, Box<Response>>;

    /// The request of a browser that came to this client by a mailed link, or for a forgotten password, and that the
    /// client did not send: its outcome goes to the person's own account pages.
    fn unasked(&self, browser: &Browser) -> LoginRequest;

    /// The answer that carries the outcome back to the client.
    fn respond<'a>(
        &'a self,
        browser: &'a Browser,
        request: &'a LoginRequest,
        finished: &'a Finished,
        granted: Granted<'a>,
    ) -> BoxFuture<'a, Response>;

    /// The answer that tells the client why there is no outcome.
    fn refuse(&self, browser: &Browser, request: &LoginRequest, why: Refused) -> Response;
}

/// What was started.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a> {
    /// The session as it stands.
    pub session: &'a UserSession,
    /// The code's secret part, as [`Grant::secret`] gave it.
    pub secret: &'a str,
    /// The log's clock.
    pub now: UnixMs,
}
