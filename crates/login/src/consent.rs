//! Consent: the person allows a client what it asks for, once.

use axum::response::Response;
use keyraft_core::{Error, UserRecord, authz};
use keyraft_model::{ClientScope, ScopeId};
use keyraft_web::Fields;

use crate::{
    arrival::Submitted,
    journey::{Journey, Next},
    protocol::Refused,
};

/// The name by which Keycloak addresses the consent page.
pub(crate) const EXECUTION: &str = "OAUTH_GRANT";

/// Whether this person has yet to allow this client something that it asks for.
pub(crate) async fn is_due(journey: &Journey, user: &UserRecord) -> Result<bool, Error> {
    if !journey.browser.client.client.consent_required {
        return Ok(false);
    }
    if journey.request.force_consent {
        return Ok(true);
    }
    let asked = asked_for(journey, user);
    let realm = &journey.browser.realm.realm.id;
    let given = journey.core().consent(realm, &user.user.id, &journey.browser.client.client.id).await?;
    Ok(given.is_none_or(|given| asked.iter().any(|scope| !given.scopes.contains(&scope.id))))
}

/// The scopes that the page asks about: those that were requested, that the user may have, and that are
/// shown on consent screens.
pub(crate) fn asked_for<'a>(journey: &'a Journey, user: &UserRecord) -> Vec<&'a ClientScope> {
    let realm = &journey.browser.realm;
    realm
        .scopes_of(&journey.request.scopes)
        .filter(|scope| scope.is_on_consent_screen() && authz::may_have_scope(realm, user, scope))
        .collect()
}

/// `POST /login-actions/consent`: the person's answer.
pub(crate) async fn submit(Submitted { mut arrived, form }: Submitted) -> Response {
    let taken = take(&mut arrived.journey, &form).await;
    arrived.answer(taken).await
}

async fn take(journey: &mut Journey, form: &Fields) -> Result<Option<Response>, Error> {
    let is_ours = journey.is_session_code(form.get("code"));
    if !is_ours || journey.step().await? != Ok(Next::Done) {
        return Ok(None);
    }
    let Some(user) = journey.user.clone() else { return Ok(None) };
    if form.has("cancel") {
        return Ok(Some(journey.tell(Refused::AccessDenied)));
    }
    if form.has("accept") {
        let scopes: Vec<ScopeId> =
            asked_for(journey, &user).into_iter().map(|scope| scope.id.clone()).collect();
        let client = journey.browser.client.client.id.clone();
        let realm = journey.browser.realm.realm.id.clone();
        journey.core().give_consent(&realm, &user.user.id, &client, &scopes, journey.now).await?;
        journey.request.force_consent = false;
        journey.event("GRANT_CONSENT", None, &[]);
    }
    Ok(None)
}
