//! `GET /login-actions/action-token`: somebody follows a link that was mailed to him.
//!
//! In the browser that asked for it the login simply goes on. In any other one, which may be that of a scanner of
//! mails, following a link changes nothing: a page asks first, and its own link works in that browser alone.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::StatusCode;
use keyraft_core::{
    Error, UserRecord,
    action_tokens::{ActionToken, Purpose, Unusable},
};
use keyraft_model::UserId;
use keyraft_web::page::redirect;

use crate::{
    arrival::Arrival,
    auth_session::{self, Door, FollowedLink},
    authenticate::prove,
    authenticator::Authenticator,
    journey::{Journey, Next, fingerprint},
    login::{BROWSER, Login},
    mailing,
    protocol::Browser,
    view::{self, Confirmation, Notice},
};

/// How many steps of a flow a link may prove: a circle in it must not run for ever.
const MAX_STEPS: usize = 8;

/// Follows the link.
pub(crate) async fn follow(State(login): State<Login>, arrival: Arrival) -> Response {
    let Some(key) = arrival.query.filled("key") else {
        return view::error_at(&arrival, StatusCode::BAD_REQUEST, "invalidRequestMessage");
    };
    match lead(&login, &arrival, key).await {
        Ok(response) => response,
        Err(error) => view::unavailable_without_realm(&arrival.headers, arrival.origin.at, &error),
    }
}

async fn lead(login: &Login, arrival: &Arrival, key: &str) -> Result<Response, Error> {
    let core = &login.parts().core;
    let realm = &arrival.realm;
    let now = core.sessions.view().await?.now();
    let issuer = arrival.origin.issuer(&realm.realm);
    let token = match ActionToken::read(realm, &issuer, key, now) {
        Ok(token) => token,
        Err(Unusable::Invalid) => return refuse(login, arrival, None, "invalidCodeMessage").await,
        Err(Unusable::Expired(token)) => return expired(login, arrival, &token).await,
    };
    let user = core.user(realm, &UserId::from(token.sub.as_str())).await?;
    let Some(user) = user else { return refuse(login, arrival, Some(&token), "invalidUserMessage").await };
    if !user.user.enabled {
        return refuse(login, arrival, Some(&token), "accountDisabledMessage").await;
    }
    // The mail went to an address that is his no more: whoever reads it there must not become him.
    if token.eml.is_some() && token.eml != user.user.email {
        return refuse(login, arrival, Some(&token), "invalidEmailMessage").await;
    }
    let purpose = token.purpose();
    let is_done = purpose == Purpose::VerifyEmail && user.user.email_verified;
    if !is_done && core.is_link_taken(realm, &user.user.id, &token.ticket()).await? {
        return refuse(login, arrival, Some(&token), "expiredActionMessage").await;
    }
    if purpose == Purpose::ResetCredentials && !realm.realm.reset_password_allowed {
        return refuse(login, arrival, Some(&token), "resetCredentialNotAllowedMessage").await;
    }
    let Some((mut journey, is_own)) = journey(login, arrival, &token).await? else {
        return refuse(login, arrival, Some(&token), "clientNotFoundMessage").await;
    };
    journey.keep_browser();
    let followed = Followed { token, user, is_own };
    match purpose {
        _ if is_done => Ok(view::email_verified(&journey, followed.back(), true)),
        Purpose::ResetCredentials => reset(journey, followed).await,
        Purpose::VerifyEmail => verify(journey, followed).await,
        Purpose::ExecuteActions => execute(journey, followed).await,
    }
}

/// A link that is good, and who follows it.
struct Followed {
    token: ActionToken,
    user: Arc<UserRecord>,
    /// Whether this browser asked for it, or confirmed it.
    is_own: bool,
}

impl Followed {
    fn back(&self) -> Option<&str> {
        self.token.reduri.as_deref()
    }

    /// Whether the person confirmed, on a page of ours, that he meant to follow a link that he was mailed.
    fn is_confirmed(&self) -> bool {
        self.is_own && self.token.oasid.is_some()
    }

    fn link(&self, ends_here: bool) -> FollowedLink {
        FollowedLink {
            ticket: self.token.ticket(),
            taken: false,
            email: self.token.eml.clone().unwrap_or_default(),
            ends_here,
            redirect_uri: self.token.reduri.clone(),
        }
    }
}

/// The login that the link goes on with: the one that asked for it, in this browser, else a new one. The second
/// value says which.
async fn journey(
    login: &Login,
    arrival: &Arrival,
    token: &ActionToken,
) -> Result<Option<(Journey, bool)>, Error> {
    let found = login.parts().core.client(&arrival.realm, &token.azp).await?;
    let Some(client) = found.filter(|client| client.client.enabled && arrival.realm.realm.enabled) else {
        return Ok(None);
    };
    let browser = arrival.browser(client);
    let browser_id = browser.cookies.get(BROWSER).map(str::to_owned);
    let tab_id = arrival.query.filled("tab_id").map(str::to_owned);
    if let (Some(request), Some(browser_id), Some(tab_id)) =
        (arrival.request(login, &token.azp), browser_id.clone(), tab_id)
    {
        let journey = begin(login, browser.clone(), request, browser_id, tab_id).await?;
        if token.asid.as_deref() == Some(journey.asid().as_str()) {
            return Ok(Some((journey, true)));
        }
    }
    let request = login.parts().protocol.unasked(&browser);
    let browser_id = browser_id.unwrap_or_else(auth_session::new_browser_id);
    let journey = begin(login, browser, request, browser_id, auth_session::new_tab_id()).await?;
    Ok(Some((journey, false)))
}

async fn begin(
    login: &Login,
    browser: Browser,
    request: crate::protocol::LoginRequest,
    browser_id: String,
    tab_id: String,
) -> Result<Journey, Error> {
    Journey::new(login.clone(), browser, request, browser_id, tab_id).await.map_err(|(_, error)| error)
}

/// A forgotten password: the link proves the steps of the flow that mail proves, and the flow says what is owed.
async fn reset(mut journey: Journey, followed: Followed) -> Result<Response, Error> {
    journey.enter(Door::ResetCredentials);
    for _ in 0..MAX_STEPS {
        match journey.step().await? {
            Ok(Next::Ask(execution, Authenticator::ResetChooseUser | Authenticator::ResetEmail)) => {
                prove(&mut journey, &execution, Some(&followed.user), "").await?;
            }
            Ok(Next::Ask(..)) => break,
            Ok(Next::Done) => {
                journey.tab.owed = match journey.owed() {
                    Ok(owed) => owed,
                    Err(refusal) => return Ok(journey.refuse(&refusal)),
                };
                break;
            }
            Err(refusal) => return Ok(journey.refuse(&refusal)),
        }
    }
    journey.tab.attempted.clone_from(&followed.user.user.username);
    journey.tab.link = Some(followed.link(!followed.is_own));
    Ok(journey.advance().await)
}

/// An address is confirmed: where the login asked for it, it goes on.
async fn verify(mut journey: Journey, followed: Followed) -> Result<Response, Error> {
    if !followed.is_own {
        let address = followed.token.eml.clone().unwrap_or_default();
        return confirm(&journey, &followed, Confirmation::Address(&address));
    }
    let (core, realm) = (journey.core().clone(), Arc::clone(&journey.browser.realm));
    if !core.take_link(&realm, &followed.user.user.id, &followed.token.ticket()).await? {
        return Ok(view::error(&journey, StatusCode::BAD_REQUEST, "expiredActionMessage"));
    }
    core.change_user(&realm, &followed.user.user.id, |user| {
        user.email_verified = true;
        user.required_actions.retain(|action| action != "VERIFY_EMAIL");
    })
    .await?;
    journey.event("VERIFY_EMAIL", None, &[]);
    if followed.is_confirmed() {
        return Ok(journey.with_cookies(view::email_verified(&journey, followed.back(), false)));
    }
    journey.note_done("VERIFY_EMAIL");
    journey.keep_tab();
    let url = journey.url("required-action", None, false);
    Ok(journey.with_cookies(redirect(StatusCode::FOUND, &url)))
}

/// What an administrator asks for: done one after the other, and nobody is signed in at the end.
async fn execute(mut journey: Journey, followed: Followed) -> Result<Response, Error> {
    let actions = followed.token.rqac.clone().unwrap_or_default();
    let known = &journey.browser.realm.required_actions;
    if actions.iter().any(|action| !known.iter().any(|known| known.alias == *action)) {
        return Ok(view::error(&journey, StatusCode::BAD_REQUEST, "invalidTokenRequiredActions"));
    }
    if !followed.is_own {
        return confirm(&journey, &followed, Confirmation::Actions(&actions));
    }
    journey.enter(Door::Link);
    let (core, realm) = (journey.core().clone(), Arc::clone(&journey.browser.realm));
    let id = &followed.user.user.id;
    if !followed.user.user.email_verified {
        // Whoever has the link, and pressed the button, reads the mail.
        core.change_user(&realm, id, |user| user.email_verified = true).await?;
    }
    journey.user = core.user(&realm, id).await?;
    journey.load_credentials().await?;
    journey.tab.user = Some(id.clone());
    journey.tab.credentials = journey.credentials.as_deref().map(fingerprint).unwrap_or_default();
    journey.tab.owed = actions.into_iter().filter(|action| action != "VERIFY_EMAIL").collect();
    journey.tab.link = Some(followed.link(true));
    Ok(journey.advance().await)
}

/// Asks first. The link of that page is the mailed one, bound to this browser.
fn confirm(journey: &Journey, followed: &Followed, what: Confirmation<'_>) -> Result<Response, Error> {
    let asked = followed.token.asid.clone().unwrap_or_default();
    let own = ActionToken {
        iat: journey.now.secs(),
        asid: Some(journey.asid()),
        oasid: Some(asked),
        ..followed.token.clone()
    };
    let href = mailing::address(journey, &own, None)?;
    Ok(journey.with_cookies(view::confirm_link(journey, what, &href)))
}

/// A link that was good once: in the browser that asked for it the login begins again.
async fn expired(login: &Login, arrival: &Arrival, token: &ActionToken) -> Result<Response, Error> {
    match journey(login, arrival, token).await? {
        Some((mut journey, true)) => {
            journey.enter_new_tab(Door::SignIn);
            journey.next_saying(Notice::LinkExpired).await
        }
        _ => refuse(login, arrival, Some(token), "expiredActionTokenNoSessionMessage").await,
    }
}

/// An error with the way back to the application that the link or the address names.
async fn refuse(
    login: &Login,
    arrival: &Arrival,
    token: Option<&ActionToken>,
    key: &str,
) -> Result<Response, Error> {
    let named = token.map(|token| token.azp.as_str()).or_else(|| arrival.query.filled("client_id"));
    let client = match named {
        Some(name) => login.parts().core.client(&arrival.realm, name).await?,
        None => None,
    };
    Ok(view::error_with_way_back(arrival, StatusCode::BAD_REQUEST, key, client.as_deref()))
}
