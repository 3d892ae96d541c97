//! What an authorization request asked for, from the request to its answer.
//!
//! Login carries it sealed and unread. It holds what was proven at the gates, so that nothing of it has to be
//! looked up again on the way back.

use keyraft_cluster::command::Challenge;
use keyraft_cluster::session::Notes;
use keyraft_core::Error;
use keyraft_crypto::{digest, encoding};
use keyraft_login::protocol::{Browser, Finished, Granted, LoginRequest};
use keyraft_wire::oauth::pkce::Method;
use keyraft_wire::oauth::{AuthorizationRequest, ErrorCode, ResponseMode};
use serde::{Deserialize, Serialize};

use super::gates::Passed;
use super::respond::Answer;
use crate::notes;
use crate::tokens::GrantedScopes;

/// A request on its way through login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continuation {
    /// Where the answer goes: proven.
    pub redirect_uri: String,
    /// Whether the request named it; then the token request must name it too (RFC 6749 section 4.1.3).
    is_redirect_uri_sent: bool,
    mode: Mode,
    /// A code, or only the proof that somebody signed in (`response_type=none`).
    pub wants_code: bool,
    state: Option<String>,
    nonce: Option<String>,
    /// Words of the granted scopes.
    pub scope: String,
    challenge: Option<Bound>,
}

/// SHA-256 that the verifier must have; none for a challenge that no verifier meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bound(Option<[u8; 32]>);

/// [`ResponseMode`] as it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Mode {
    Query,
    Fragment,
    FormPost,
}

impl Continuation {
    /// What is needed of a request that passed the gates.
    pub fn new(request: &AuthorizationRequest, passed: &Passed, scopes: &GrantedScopes<'_>) -> Self {
        let challenge = request.code_challenge.as_deref().map(|challenge| {
            Bound(match passed.method {
                Method::Plain => Some(digest::sha256(challenge.as_bytes())),
                Method::S256 => encoding::from_base64url(challenge).and_then(|hash| hash.try_into().ok()),
            })
        });
        Self {
            redirect_uri: passed.back.redirect_uri.clone(),
            is_redirect_uri_sent: request.redirect_uri.is_some(),
            mode: match passed.back.mode {
                ResponseMode::Query => Mode::Query,
                ResponseMode::Fragment => Mode::Fragment,
                ResponseMode::FormPost => Mode::FormPost,
            },
            wants_code: passed.kind.code,
            state: request.state.clone(),
            nonce: request.nonce.clone(),
            scope: scopes.all(),
            challenge,
        }
    }

    /// For somebody whom no application sent: to a page of ours, with a code that nobody redeems.
    pub fn to_page(redirect_uri: String, scope: String) -> Self {
        Self {
            redirect_uri,
            is_redirect_uri_sent: true,
            mode: Mode::Query,
            wants_code: true,
            state: None,
            nonce: None,
            scope,
            challenge: Some(Bound(None)),
        }
    }

    /// As bytes, for login to carry.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`], never in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        postcard::to_allocvec(self).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// The redirect URI as the token request must repeat it.
    pub fn sent_redirect_uri(&self) -> Option<String> {
        self.is_redirect_uri_sent.then(|| self.redirect_uri.clone())
    }

    /// The challenge that the code is bound to.
    pub fn challenge(&self) -> Option<Challenge> {
        self.challenge.map(|bound| Challenge(bound.0))
    }

    /// What the code carries to the token endpoint.
    pub fn code_notes(&self) -> Notes {
        let nonce = self.nonce.clone().map(|nonce| (notes::NONCE.to_owned(), nonce));
        nonce.into_iter().chain([(notes::SCOPE.to_owned(), self.scope.clone())]).collect()
    }

    fn mode(&self) -> ResponseMode {
        match self.mode {
            Mode::Query => ResponseMode::Query,
            Mode::Fragment => ResponseMode::Fragment,
            Mode::FormPost => ResponseMode::FormPost,
        }
    }

    /// The answer for somebody who signed in.
    pub fn success(
        &self,
        browser: &Browser,
        request: &LoginRequest,
        finished: &Finished,
        granted: &Granted<'_>,
    ) -> Answer {
        let client = &browser.client.client;
        let issuer = browser.origin.issuer(&browser.realm.realm);
        let excludes = |what: &str| client.is_attribute(&format!("exclude.{what}.from.auth.response"));
        let action =
            request.action.as_deref().filter(|_| finished.action_status.is_some_and(|it| it != "error"));
        Answer::to(&self.redirect_uri, self.mode())
            .with("state", self.state.as_deref())
            .with("session_state", (!excludes("session.state")).then_some(&granted.session.sid))
            .with("iss", (!excludes("issuer")).then_some(&issuer))
            .with("kc_action", action)
            .with("kc_action_status", finished.action_status)
            .with("code", self.wants_code.then_some(granted.secret))
    }

    /// The answer with an error.
    pub fn error(&self, browser: &Browser, code: ErrorCode) -> Answer {
        let issuer = browser.origin.issuer(&browser.realm.realm);
        Answer::error(&issuer, &self.redirect_uri, self.mode(), self.state.as_deref(), code)
    }
}
