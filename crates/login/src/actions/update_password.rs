//! `UPDATE_PASSWORD`: a new password under the realm's policy.

use keyraft_cluster::command::{OnceKey, OnceKind};
use keyraft_core::{Error, UserRecord};
use keyraft_crypto::{Secret, digest};
use keyraft_model::DurationMs;
use keyraft_web::Fields;

use super::{Done, end_others};
use crate::{journey::Journey, view::Notice};

/// How long the same form is remembered, so that a copy of it changes nothing again.
const REMEMBERED: DurationMs = DurationMs::from_secs(43_200);

pub(super) async fn submit(journey: &mut Journey, user: &UserRecord, form: &Fields) -> Result<Done, Error> {
    let new = form.get("password-new").unwrap_or_default();
    if new.trim().is_empty() {
        return Ok(Done::Again(Notice::Field("password-new", "missingPasswordMessage".into(), Vec::new())));
    }
    // Our page asks once; scripts that fill in Keycloak's second field must have it right.
    if form.get("password-confirm").is_some_and(|again| again != new) {
        return Ok(Done::Again(Notice::Field(
            "password-confirm",
            "notMatchPasswordMessage".into(),
            Vec::new(),
        )));
    }
    let realm = journey.browser.realm.clone();
    let ip = journey.browser.origin.client_ip.to_string();
    let key = OnceKey {
        kind: OnceKind::CredentialAction,
        realm: realm.realm.id.clone(),
        owner: user.user.id.to_string(),
        id: digest::sha256(format!("{}|{}", journey.login_id(), journey.session_code()).as_bytes()),
    };
    let password = Secret::new(new);
    if let Err(violation) = journey.core().may_be_password(&realm, user, &password, &ip).await? {
        let arguments = violation.argument.map(|number| number.to_string()).into_iter().collect();
        journey.event("UPDATE_CREDENTIAL_ERROR", Some("password_rejected"), &[]);
        return Ok(Done::Again(Notice::Field("password-new", violation.key.into(), arguments)));
    }
    if !journey.take_link().await? {
        return Ok(Done::Stale);
    }
    if !journey.core().sessions.take_once(key, REMEMBERED).await? {
        return Ok(Done::Yes);
    }
    journey.core().set_password(&realm, &user.user.id, password, false, &ip).await?;
    journey.event("UPDATE_CREDENTIAL", None, &[("credential_type", "password")]);
    if form.has("logout-sessions") {
        end_others(journey, user).await?;
    }
    Ok(Done::Yes)
}
