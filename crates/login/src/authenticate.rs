//! `/login-actions/authenticate`: the form of the flow's present step, shown again and submitted.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use keyraft_core::{Error, UserRecord, proof::Proof};
use keyraft_crypto::Secret;
use keyraft_model::FlowId;
use keyraft_web::{Fields, page::redirect};

use crate::{
    arrival::{Arrived, Submitted},
    auth_session,
    authenticator::Authenticator,
    journey::{Journey, Next, fingerprint},
    protocol::Refused,
    view::{self, Notice},
};

/// `GET`: the page of the present step. With `execution` it follows a form that was too old.
pub(crate) async fn show(mut arrived: Arrived) -> Response {
    let shown = show_step(&mut arrived.journey, &arrived.query).await;
    arrived.answer(shown).await
}

async fn show_step(journey: &mut Journey, query: &Fields) -> Result<Option<Response>, Error> {
    // A form's own address, opened instead of posted (a reload): the same page by its plain address.
    if let Some(execution) = query.filled("session_code").and(query.filled("execution")) {
        let url = journey.url("authenticate", Some(execution), false);
        return Ok(Some(redirect(StatusCode::FOUND, &url)));
    }
    match journey.step().await? {
        Ok(Next::Ask(execution, authenticator)) if query.has("execution") => {
            journey.page(&execution, authenticator, Notice::Expired).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// `POST`: the form of the present step.
pub(crate) async fn submit(Submitted { mut arrived, form }: Submitted) -> Response {
    let taken = take(&mut arrived.journey, &arrived.query, &form).await;
    arrived.answer(taken).await
}

/// Takes a form. `None`: something was proven, go on.
async fn take(journey: &mut Journey, query: &Fields, form: &Fields) -> Result<Option<Response>, Error> {
    if is_finished(journey).await? {
        return Ok(Some(journey.tell(Refused::Expired)));
    }
    let execution = query.filled("execution").unwrap_or_default();
    if !journey.is_session_code(query.filled("session_code")) {
        let plain = journey.tab.user.is_none() && query.filled("execution").is_none();
        let url = journey.url("authenticate", (!plain).then_some(execution), false);
        return Ok(Some(redirect(StatusCode::FOUND, &url)));
    }
    let (asked, authenticator) = match journey.step().await? {
        Ok(Next::Ask(asked, authenticator)) => (asked, authenticator),
        // Signed in meanwhile, in another tab: this one goes on with that session, unless it names someone else.
        Ok(Next::Done) => return other_person(journey, form).await,
        Err(_) => return Ok(None),
    };
    if asked != execution {
        return Ok(Some(view::page_expired(journey, &asked)));
    }
    match authenticator {
        Authenticator::UsernamePasswordForm => username_password(journey, &asked, form).await,
        Authenticator::UsernameForm => username(journey, &asked, form).await,
        Authenticator::PasswordForm => password(journey, &asked, form).await,
        Authenticator::OtpForm => one_time_code(journey, &asked, form).await,
        // Their forms go to other addresses.
        Authenticator::ResetChooseUser | Authenticator::ResetEmail | Authenticator::RegistrationForm => {
            Ok(None)
        }
        Authenticator::Cookie
        | Authenticator::Spnego
        | Authenticator::IdentityProviderRedirector
        | Authenticator::Organization
        | Authenticator::DirectUsername
        | Authenticator::DirectPassword
        | Authenticator::DirectOtp
        | Authenticator::ResetPassword
        | Authenticator::ResetOtp
        | Authenticator::AllowAccess
        | Authenticator::DenyAccess => Err(Error::Internal("this authenticator has no form".into())),
    }
}

/// Whether this very login was finished before: its form is of the past.
async fn is_finished(journey: &Journey) -> Result<bool, Error> {
    let Some(identity) = &journey.identity else { return Ok(false) };
    let (realm, user) = (&identity.session.realm, &identity.session.user);
    Ok(journey.core().sessions.view().await?.is_login_taken(realm, user, &journey.login_id()))
}

async fn other_person(journey: &mut Journey, form: &Fields) -> Result<Option<Response>, Error> {
    let Some(name) = form.filled("username") else { return Ok(None) };
    let named = journey.core().find_user(&journey.browser.realm, name.trim()).await?;
    let signed_in = journey.identity.as_ref().map(|identity| identity.session.user.clone());
    if named.map(|user| user.user.id.clone()) == signed_in {
        return Ok(None);
    }
    let name = journey.signed_in_name().await?;
    Ok(Some(view::other_user(journey, &name)))
}

async fn username_password(
    journey: &mut Journey,
    execution: &str,
    form: &Fields,
) -> Result<Option<Response>, Error> {
    let fixed = journey.identity.is_some();
    let typed = form.get("username").unwrap_or_default().trim().to_owned();
    let user = if fixed { journey.user.clone() } else { find(journey, &typed).await? };
    let name = if fixed { journey.signed_in_name().await? } else { typed };
    // Keycloak: in a re-authentication a posted name is ignored, so another's password is simply wrong.
    journey.tab.attempted.clone_from(&name);
    journey.tab.remember_me = form.get("rememberMe").is_some_and(|value| value == "on" || value == "true");
    check_password(journey, execution, user, &name, form, Notice::WrongUserOrPassword).await
}

async fn username(journey: &mut Journey, execution: &str, form: &Fields) -> Result<Option<Response>, Error> {
    let typed = form.get("username").unwrap_or_default().trim().to_owned();
    journey.tab.attempted.clone_from(&typed);
    journey.tab.remember_me = form.get("rememberMe").is_some_and(|value| value == "on" || value == "true");
    if typed.is_empty() {
        let notice = Notice::WrongUser;
        return journey.page(execution, Authenticator::UsernameForm, notice).await.map(Some);
    }
    // A name that nobody has goes on to the password form like any other (CVE-2026-4633).
    let user = find(journey, &typed).await?;
    prove(journey, execution, user.as_ref(), "").await?;
    Ok(None)
}

async fn password(journey: &mut Journey, execution: &str, form: &Fields) -> Result<Option<Response>, Error> {
    let user = journey.user.clone();
    let name = journey.tab.attempted.clone();
    check_password(journey, execution, user, &name, form, Notice::WrongPassword).await
}

async fn check_password(
    journey: &mut Journey,
    execution: &str,
    user: Option<Arc<UserRecord>>,
    name: &str,
    form: &Fields,
    wrong: Notice,
) -> Result<Option<Response>, Error> {
    let password = Secret::new(form.get("password").unwrap_or_default());
    let ip = journey.browser.origin.client_ip.to_string();
    let realm = Arc::clone(&journey.browser.realm);
    let proof = journey.core().check_password(&realm, user.as_deref(), name, password, &ip).await;
    let error = match proof {
        Ok(Proof::Right) => None,
        Ok(Proof::Wrong) if user.is_none() => Some("user_not_found"),
        Ok(Proof::Wrong) => Some("invalid_user_credentials"),
        Ok(Proof::Locked) => Some("user_temporarily_disabled"),
        Err(Error::Invalid { .. }) => {
            return Ok(Some(view::error(journey, StatusCode::BAD_REQUEST, "credentialNotSupported")));
        }
        Err(error) => return Err(error),
    };
    let authenticator = if wrong == Notice::WrongPassword {
        Authenticator::PasswordForm
    } else {
        Authenticator::UsernamePasswordForm
    };
    let (None, Some(user)) = (error, user.as_ref()) else {
        journey.event_about(user.as_deref(), "LOGIN_ERROR", Some(error.unwrap_or("user_not_found")), &[]);
        return journey.page(execution, authenticator, wrong).await.map(Some);
    };
    if !user.user.enabled {
        journey.event_about(Some(user), "LOGIN_ERROR", Some("user_disabled"), &[]);
        return journey.page(execution, authenticator, Notice::Disabled).await.map(Some);
    }
    prove(journey, execution, Some(user), "password").await?;
    Ok(None)
}

async fn one_time_code(
    journey: &mut Journey,
    execution: &str,
    form: &Fields,
) -> Result<Option<Response>, Error> {
    let Some(user) = journey.user.clone() else { return Ok(None) };
    let code = form.get("otp").or_else(|| form.get("totp")).unwrap_or_default();
    let chosen = form.filled("selectedCredentialId");
    let ip = journey.browser.origin.client_ip.to_string();
    let realm = Arc::clone(&journey.browser.realm);
    match journey.core().check_otp(&realm, &user, chosen, code, &ip).await? {
        Proof::Right => {
            prove(journey, execution, Some(&user), "otp").await?;
            Ok(None)
        }
        Proof::Wrong | Proof::Locked => {
            journey.event("LOGIN_ERROR", Some("invalid_user_credentials"), &[]);
            journey.page(execution, Authenticator::OtpForm, Notice::WrongCode).await.map(Some)
        }
    }
}

pub(crate) async fn find(journey: &Journey, name: &str) -> Result<Option<Arc<UserRecord>>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    journey.core().find_user(&journey.browser.realm, name).await
}

/// Notes that an execution succeeded: for this user, or for a name that nobody has.
pub(crate) async fn prove(
    journey: &mut Journey,
    execution: &str,
    user: Option<&Arc<UserRecord>>,
    kind: &str,
) -> Result<(), Error> {
    let id = user.map(|user| user.user.id.clone());
    if journey.tab.user != id {
        journey.tab.user = id;
        journey.tab.proven.clear();
        journey.credentials = None;
    }
    journey.user = user.cloned();
    if journey.tab.proven.is_empty() {
        journey.tab.proven_at = journey.now;
        let secs = journey.browser.realm.realm.access_code_lifespan_login;
        journey.tab.expires = journey.now.plus(auth_session::tab_lifespan(secs));
    }
    journey.load_credentials().await?;
    journey.tab.credentials = journey.credentials.as_deref().map(fingerprint).unwrap_or_default();
    journey.tab.proven.insert(FlowId::from(execution), kind.to_owned());
    Ok(())
}
