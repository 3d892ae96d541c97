//! `UPDATE_PROFILE` and `VERIFY_PROFILE`: what the realm's user profile asks of a person.

use keyraft_core::{
    Error, UserRecord,
    user_profile::{self, Change, Editor, Fault, UserProfile},
};
use keyraft_model::MultiAttributes;
use keyraft_web::Fields;

use super::Done;
use crate::{journey::Journey, view::Notice};

/// What is missing or wrong in a user's profile, as he himself would be told.
pub(super) fn faults(journey: &Journey, user: &UserRecord) -> Vec<Fault> {
    let values = user_profile::values_of(&user.user);
    check(journey, user, &values).err().unwrap_or_default()
}

fn check(
    journey: &Journey,
    user: &UserRecord,
    given: &MultiAttributes,
) -> Result<MultiAttributes, Vec<Fault>> {
    let realm = &journey.browser.realm;
    let scopes = journey.scope_names();
    let stored = user_profile::values_of(&user.user);
    UserProfile::of(&realm.components).check(&Change {
        editor: Editor::User,
        stored: Some(&stored),
        given,
        username_editable: realm.realm.edit_username_allowed,
        email_as_username: realm.realm.registration_email_as_username,
        scopes: &scopes,
    })
}

pub(super) async fn submit(journey: &mut Journey, user: &UserRecord, form: &Fields) -> Result<Done, Error> {
    let profile = UserProfile::of(&journey.browser.realm.components);
    // What the form did not carry stays as it is stored; what is not in the profile is not taken from it.
    let mut given = user_profile::values_of(&user.user);
    for attribute in profile.attributes().filter(|attribute| attribute.may_edit(Editor::User)) {
        let values: Vec<String> = form
            .all(&attribute.name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .collect();
        if form.has(&attribute.name) {
            given.insert(attribute.name.clone(), values);
        }
    }
    match check(journey, user, &given) {
        Err(faults) => Ok(Done::Again(Notice::Profile(given, faults))),
        Ok(values) => {
            if !journey.take_link().await? {
                return Ok(Done::Stale);
            }
            let realm = journey.browser.realm.clone();
            let change = |user: &mut keyraft_model::User| user_profile::set_own_values(user, values.clone());
            match journey.core().change_user(&realm, &user.user.id, change).await {
                Ok(()) => {
                    journey.event("UPDATE_PROFILE", None, &[]);
                    Ok(Done::Yes)
                }
                // Which of the two names is taken, the address or the user name, is told by which was changed.
                Err(Error::Conflict { .. }) => {
                    let email = given.get("email").and_then(|values| values.first());
                    let is_new_email =
                        email.is_some_and(|email| Some(email.to_lowercase()) != user.user.email);
                    let (field, key) = if is_new_email {
                        ("email", "emailExistsMessage")
                    } else {
                        ("username", "usernameExistsMessage")
                    };
                    let fault = Fault { field: field.into(), message: key.into(), params: Vec::new() };
                    Ok(Done::Again(Notice::Profile(given, vec![fault])))
                }
                Err(error) => Err(error),
            }
        }
    }
}
