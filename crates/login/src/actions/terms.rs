//! `TERMS_AND_CONDITIONS`: read and accepted, or not.

use keyraft_core::{Error, UserRecord};
use keyraft_web::Fields;

use super::Done;
use crate::{journey::Journey, protocol::Refused, view::Notice};

/// The user's attribute with the time of acceptance, in Unix seconds; Keycloak's.
pub(crate) const ATTRIBUTE: &str = "terms_and_conditions";

pub(super) async fn submit(journey: &mut Journey, user: &UserRecord, form: &Fields) -> Result<Done, Error> {
    if form.has("cancel") {
        journey.event("CUSTOM_REQUIRED_ACTION_ERROR", Some("rejected_by_user"), &[]);
        return Ok(Done::Answered(Box::new(journey.tell(Refused::TermsDeclined))));
    }
    if !form.has("accept") {
        return Ok(Done::Again(Notice::Due));
    }
    if !journey.take_link().await? {
        return Ok(Done::Stale);
    }
    let realm = journey.browser.realm.clone();
    let at = journey.now.secs().to_string();
    let accept = |user: &mut keyraft_model::User| {
        user.attributes.insert(ATTRIBUTE.to_owned(), vec![at.clone()]);
    };
    journey.core().change_user(&realm, &user.user.id, accept).await?;
    journey.event("CUSTOM_REQUIRED_ACTION", None, &[]);
    Ok(Done::Yes)
}
