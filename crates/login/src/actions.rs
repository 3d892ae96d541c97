//! Required actions: what a user must do before a login is finished.
//!
//! Due is what his account, the realm's policies or the application ask for, as far as the realm has the
//! action switched on; in the realm's order. An action that is due and not built refuses the login by name.

mod configure_totp;
pub(crate) mod terms;
mod update_password;
mod update_profile;
mod verify_email;

use std::collections::BTreeSet;

use axum::response::Response;
use keyraft_cluster::session::Kind;
use keyraft_core::{
    Error, UserRecord, policies::password::PasswordPolicy, required_actions::Action, user_profile::Fault,
};
use keyraft_model::DurationMs;
use keyraft_web::Fields;

use crate::{auth_session::Door, journey::Journey, view::Notice};

/// How a form of an action was taken.
pub(crate) enum Done {
    /// It is done: go on.
    Yes,
    /// The page again, with what is wrong.
    Again(Notice),
    /// The link that the person came by was used meanwhile.
    Stale,
    /// This is the answer.
    Answered(Box<Response>),
}

/// What stands before the page of an action.
pub(crate) enum Prepared {
    /// Nothing: show it.
    Show,
    /// There is nothing left to do.
    NotNeeded,
    /// This is the answer instead.
    Answered(Box<Response>),
}

/// Does what has to be done before the page of an action is shown.
pub(crate) async fn prepare(
    journey: &mut Journey,
    action: Action,
    user: &UserRecord,
) -> Result<Prepared, Error> {
    match action {
        Action::VerifyEmail if user.user.email_verified => {
            settle(journey, action, user).await?;
            Ok(Prepared::NotNeeded)
        }
        Action::VerifyEmail => match verify_email::prepare(journey, user).await? {
            Ok(()) => Ok(Prepared::Show),
            Err(response) => Ok(Prepared::Answered(response)),
        },
        Action::ConfigureTotp => {
            journey.load_credentials().await?;
            Ok(Prepared::Show)
        }
        Action::UpdatePassword | Action::UpdateProfile | Action::VerifyProfile | Action::Terms => {
            Ok(Prepared::Show)
        }
    }
}

/// The codes that `CONFIGURE_TOTP` offers, and what an app reads of them.
pub(crate) use configure_totp::{offered as offered_otp, uri as otp_uri};

/// The first action that is due; the inner error names one that this release does not have.
pub(crate) async fn due(
    journey: &mut Journey,
    user: &UserRecord,
) -> Result<Result<Option<Action>, String>, Error> {
    journey.load_credentials().await?;
    let names = names_due(journey, user).await?;
    let mut enabled: Vec<_> =
        journey.browser.realm.required_actions.iter().filter(|action| action.enabled).collect();
    enabled.sort_by_key(|action| action.priority);
    let Some(first) = enabled.into_iter().find(|action| names.contains(action.alias.as_str())) else {
        return Ok(Ok(None));
    };
    Ok(Action::parse(&first.alias).map(Some).ok_or_else(|| first.alias.clone()))
}

async fn names_due(journey: &Journey, user: &UserRecord) -> Result<BTreeSet<String>, Error> {
    let realm = &journey.browser.realm.realm;
    let mut names: BTreeSet<String> = user.user.required_actions.iter().cloned().collect();
    names.extend(journey.tab.owed.iter().cloned());
    // What a flow owes by a link is noted once, when the link is followed: a done action is not asked for again.
    if journey.tab.door == Door::SignIn {
        names.extend(journey.owed().unwrap_or_default());
    }
    if realm.verify_email && !user.user.email_verified {
        names.insert("VERIFY_EMAIL".into());
    }
    if !update_profile::faults(journey, user).is_empty() {
        names.insert("VERIFY_PROFILE".into());
    }
    if is_password_expired(journey, user).await? {
        names.insert("UPDATE_PASSWORD".into());
    }
    if let Some(asked) = &journey.request.action
        && journey.tab.action_status.is_none()
        && Action::parse(asked).is_none_or(Action::may_be_asked_for)
    {
        names.insert(asked.clone());
    }
    if user.user.email.as_deref().unwrap_or_default().is_empty() {
        // As in Keycloak: who has no address is not kept out for it.
        names.remove("VERIFY_EMAIL");
    }
    Ok(names)
}

/// Policy `forceExpiredPasswordChange`.
async fn is_password_expired(journey: &Journey, user: &UserRecord) -> Result<bool, Error> {
    let realm = &journey.browser.realm.realm;
    let policy = PasswordPolicy::of(realm.password_policy.as_deref());
    let Some(days) = policy.expires_after_days() else { return Ok(false) };
    let credentials = journey.core().credentials(&realm.id, &user.user.id).await?;
    let stored = credentials.iter().find(|credential| credential.kind == "password");
    let lifespan = DurationMs::from_secs(days.saturating_mul(86_400));
    Ok(stored.is_some_and(|stored| journey.now.since(keyraft_model::UnixMs(stored.created_date)) > lifespan))
}

/// Takes the form of an action that is due.
pub(crate) async fn submit(
    journey: &mut Journey,
    action: Action,
    user: &UserRecord,
    form: &Fields,
) -> Result<Done, Error> {
    if form.has("cancel-aia") && is_cancellable(journey, action, user) {
        journey.tab.action_status = Some("cancelled".to_owned());
        return Ok(Done::Yes);
    }
    let done = match action {
        Action::UpdatePassword => update_password::submit(journey, user, form).await?,
        Action::UpdateProfile | Action::VerifyProfile => update_profile::submit(journey, user, form).await?,
        Action::VerifyEmail if user.user.email_verified => Done::Yes,
        Action::VerifyEmail => verify_email::submit(journey, user).await?,
        Action::ConfigureTotp => configure_totp::submit(journey, user, form).await?,
        Action::Terms => terms::submit(journey, user, form).await?,
    };
    if matches!(done, Done::Yes) {
        settle(journey, action, user).await?;
    }
    Ok(done)
}

/// An action is done: nobody is asked for it again.
async fn settle(journey: &mut Journey, action: Action, user: &UserRecord) -> Result<(), Error> {
    journey.core().remove_required_action(&journey.browser.realm, &user.user.id, action.alias()).await?;
    journey.note_done(action.alias());
    reload(journey, user).await?;
    if action == Action::ConfigureTotp {
        journey.prove_codes().await?;
    }
    Ok(())
}

/// Only what the application asked for may be left undone, never what the account needs.
pub(crate) fn is_cancellable(journey: &Journey, action: Action, user: &UserRecord) -> bool {
    let is_asked = journey.request.action.as_deref() == Some(action.alias());
    is_asked && !user.user.required_actions.iter().any(|due| due == action.alias())
}

/// What is wrong with the profile, for its page.
pub(crate) fn profile_faults(journey: &Journey, user: &UserRecord) -> Vec<Fault> {
    update_profile::faults(journey, user)
}

/// Reads the user again after a change, and binds the tab to his credentials as they are now.
async fn reload(journey: &mut Journey, user: &UserRecord) -> Result<(), Error> {
    let realm = std::sync::Arc::clone(&journey.browser.realm);
    journey.user = journey.core().user(&realm, &user.user.id).await?;
    journey.credentials = None;
    journey.load_credentials().await?;
    if journey.tab.user.is_some() {
        let credentials = journey.credentials.as_deref().unwrap_or_default();
        journey.tab.credentials = crate::journey::fingerprint(credentials);
    }
    Ok(())
}

/// Ends the user's other sessions; the one of this browser goes on.
pub(crate) async fn end_others(journey: &Journey, user: &UserRecord) -> Result<(), Error> {
    let own = journey.identity.as_ref().map(|identity| identity.session.sid.clone());
    let sessions = &journey.core().sessions;
    let realm = &journey.browser.realm.realm.id;
    for kind in [Kind::Online, Kind::Offline] {
        let view = sessions.view_of_user(realm, &user.user.id, kind).await?;
        for session in view.sessions_of_user(realm, &user.user.id, kind) {
            if Some(&session.sid) != own.as_ref() {
                sessions.end(&session.sid, kind).await?;
            }
        }
    }
    Ok(())
}
