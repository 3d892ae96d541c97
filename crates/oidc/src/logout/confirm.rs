//! The question whether to sign out, and its answer.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyraft_crypto::random;
use keyraft_login::pages::{SignOutPage, signed_out};
use keyraft_model::{DurationMs, UnixMs};
use keyraft_web::{Fields, Form, Frame, Page, Query};
use serde::{Deserialize, Serialize};

use super::{Leaving, LogoutError, Wish, uncached};
use crate::Oidc;
use crate::asked::Asked;
use crate::pages;

/// How long an answer is waited for.
const PATIENCE: DurationMs = DurationMs::from_secs(1800);
/// The client of a person who came without one.
const OWN_CLIENT: &str = "account";

/// What the question was about; sealed into the form, bound to the session that it would end.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    sid: Option<String>,
    client_id: Option<String>,
    next: Option<String>,
    state: Option<String>,
    expires: UnixMs,
}

impl Leaving<'_> {
    /// Asks.
    pub(super) async fn ask(self, wish: &Wish) -> Result<Response, LogoutError> {
        let client_id = wish.client.as_ref().map(|client| client.client.client_id.clone());
        let question = Question {
            sid: self.session.as_ref().map(|session| session.sid.clone()),
            client_id: client_id.clone(),
            next: wish.next.clone(),
            state: wish.state.clone(),
            expires: self.now.plus(PATIENCE),
        };
        let session_code = seal(self.oidc, self.asked, &question)?;
        let username = match &self.session {
            Some(session) => self.oidc.core.user(&self.asked.realm, &session.user).await?,
            None => None,
        };
        let t = pages::texts(self.asked, self.query);
        let frame = Frame::new(&t, self.asked.realm.realm.title(), &self.asked.origin.root);
        let client_id = client_id.as_deref().unwrap_or(OWN_CLIENT);
        let client_id: String = url::form_urlencoded::byte_serialize(client_id.as_bytes()).collect();
        let path = self.asked.origin.realm_path(&self.asked.realm.realm);
        let tab_id = random::base64url(8);
        let page = SignOutPage {
            t: &t,
            frame: &frame,
            action: &format!(
                "{path}/protocol/openid-connect/logout/logout-confirm?client_id={client_id}&tab_id={tab_id}"
            ),
            session_code: &session_code,
            username: username.as_ref().map(|user| user.user.username.as_str()),
            stay: None,
        };
        Ok(Page::new(&page, &t).into_response())
    }
}

/// Takes the answer: only from the browser that was asked, still signed in as then.
pub(crate) async fn confirm(
    State(oidc): State<Oidc>,
    asked: Asked,
    Query(query): Query,
    Form(form): Form,
) -> Response {
    uncached(take(&oidc, &asked, &query, &form).await.unwrap_or_else(|error| error.respond(&asked, &query)))
}

async fn take(oidc: &Oidc, asked: &Asked, query: &Fields, form: &Fields) -> Result<Response, LogoutError> {
    let leaving = Leaving::find(oidc, asked, query).await?;
    let sealed = form.filled("session_code").ok_or(LogoutError::NotConfirmed)?;
    let question = open(oidc, asked, sealed).ok_or(LogoutError::NotConfirmed)?;
    let sid = leaving.session.as_ref().map(|session| session.sid.clone());
    // Signed out meanwhile, in another tab: then it is as wished.
    let is_same = sid.is_none() || sid == question.sid;
    if !is_same || leaving.now >= question.expires {
        return Err(LogoutError::NotConfirmed);
    }
    let client = match &question.client_id {
        Some(id) => oidc.core.client(&asked.realm, id).await?,
        None => None,
    };
    let wish = Wish { client, next: question.next, state: question.state, hint: None };
    leaving.end(&wish, sid).await
}

/// The address of the answer, followed as a link: nothing to do, and it says so as Keycloak does.
pub(crate) async fn confirm_directly(asked: Asked, Query(query): Query) -> Response {
    let t = pages::texts(&asked, &query);
    let frame = Frame::new(&t, asked.realm.realm.title(), &asked.origin.root);
    let heading = t.get("successLogout");
    let page = signed_out(&t, &frame, &heading, None);
    uncached(Page::new(&page, &t).status(StatusCode::BAD_REQUEST).into_response())
}

fn aad(asked: &Asked) -> Vec<u8> {
    format!("sign-out|{}", asked.realm.realm.id).into_bytes()
}

fn seal(oidc: &Oidc, asked: &Asked, question: &Question) -> Result<String, keyraft_core::Error> {
    let plain =
        postcard::to_allocvec(question).map_err(|error| keyraft_core::Error::Internal(error.to_string()))?;
    Ok(oidc.core.keys.derive("sign-out", "").seal(&aad(asked), &plain))
}

fn open(oidc: &Oidc, asked: &Asked, sealed: &str) -> Option<Question> {
    let plain = oidc.core.keys.derive("sign-out", "").open(&aad(asked), sealed).ok()?;
    postcard::from_bytes(&plain).ok()
}
