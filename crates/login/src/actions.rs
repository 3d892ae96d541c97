//! Required actions: what a user must do before a login is finished.
//!
//! Due is what his account, the realm's policies or the application ask for, as far as the realm has the
//! action switched on; in the realm's order. An action that is due and not built refuses the login by name.

mod update_password;
mod update_profile;

use std::collections::BTreeSet;

use keyraft_core::{Error, UserRecord, policies::password::PasswordPolicy, user_profile::Fault};
use keyraft_model::DurationMs;
use keyraft_web::Fields;

use crate::{auth_session, journey::Journey, view::Notice};

/// The actions that this release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `UPDATE_PASSWORD`.
    UpdatePassword,
    /// `UPDATE_PROFILE`.
    UpdateProfile,
    /// `VERIFY_PROFILE`: the same page, when something required is missing.
    VerifyProfile,
}

impl Action {
    /// The action of that alias, if this release has it.
    pub(crate) fn parse(alias: &str) -> Option<Self> {
        match alias {
            "UPDATE_PASSWORD" => Some(Self::UpdatePassword),
            "UPDATE_PROFILE" => Some(Self::UpdateProfile),
            "VERIFY_PROFILE" => Some(Self::VerifyProfile),
            _ => None,
        }
    }

    /// Keycloak's name.
    pub(crate) fn alias(self) -> &'static str {
        match self {
            Self::UpdatePassword => "UPDATE_PASSWORD",
            Self::UpdateProfile => "UPDATE_PROFILE",
            Self::VerifyProfile => "VERIFY_PROFILE",
        }
    }
}

/// How a form of an action was taken.
pub(crate) enum Done {
    /// It is done: go on.
    Yes,
    /// The page again, with what is wrong.
    Again(Notice),
}

/// The first action that is due; the inner error names one that this release does not have.
pub(crate) async fn due(
    journey: &Journey,
    user: &UserRecord,
) -> Result<Result<Option<Action>, String>, Error> {
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
    {
        names.insert(asked.clone());
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
        note_status(journey, "cancelled");
        return Ok(Done::Yes);
    }
    let done = match action {
        Action::UpdatePassword => update_password::submit(journey, user, form).await?,
        Action::UpdateProfile | Action::VerifyProfile => update_profile::submit(journey, user, form).await?,
    };
    if matches!(done, Done::Yes) {
        journey.core().remove_required_action(&journey.browser.realm, &user.user.id, action.alias()).await?;
        if journey.request.action.as_deref() == Some(action.alias()) {
            note_status(journey, "success");
        }
        reload(journey, user).await?;
    }
    Ok(done)
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

fn note_status(journey: &mut Journey, status: &str) {
    journey.tab.action_status = Some(status.to_owned());
    if journey.tab.expires <= journey.now {
        let secs = journey.browser.realm.realm.access_code_lifespan_login;
        journey.tab.expires = journey.now.plus(auth_session::tab_lifespan(secs));
    }
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
