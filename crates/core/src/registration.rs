//! Registration: a person makes his own account.

use keyraft_crypto::Secret;
use keyraft_model::{MultiAttributes, User, UserId};

use crate::{
    Core, Error, RealmView,
    passwords::check_new,
    policies::password::{PasswordPolicy, Violation},
    user_profile::{self, Change, Editor, Fault, UserProfile},
};

/// Stands in for a user name that is missing, so that what else is wrong is told at the same time.
const STAND_IN: &str = "missing";

impl Core {
    /// What a new account would hold, from what a person typed.
    ///
    /// # Errors
    /// The inner error is all that is wrong with it, names that are taken included.
    pub async fn check_registration(
        &self,
        realm: &RealmView,
        given: &MultiAttributes,
        scopes: &[String],
    ) -> Result<Result<MultiAttributes, Vec<Fault>>, Error> {
        let by_email = realm.realm.registration_email_as_username;
        let is_filled =
            |name: &str| given.get(name).is_some_and(|values| values.iter().any(|v| !v.is_empty()));
        let is_nameless = !by_email && !is_filled("username");
        let mut typed = given.clone();
        if is_nameless {
            typed.insert("username".to_owned(), vec![STAND_IN.to_owned()]);
        }
        let change = Change {
            editor: Editor::User,
            stored: None,
            given: &typed,
            username_editable: true,
            email_as_username: by_email,
            scopes,
        };
        let checked = UserProfile::of(&realm.components).check(&change);
        let mut faults = checked.as_ref().err().cloned().unwrap_or_default();
        for fault in &mut faults {
            if fault.field == "email" && fault.message == "error-user-attribute-required" {
                fault.message = "missingEmailMessage".into();
            }
        }
        if is_nameless {
            faults.retain(|fault| fault.field != "username");
            faults.insert(0, fault("username", "missingUsernameMessage"));
        }
        if let Ok(values) = &checked
            && !is_nameless
        {
            match self.is_free(realm, values, None).await {
                Ok(()) => {}
                Err(Error::Conflict { what: "email", .. }) => {
                    faults.push(fault("email", "emailExistsMessage"));
                }
                Err(Error::Conflict { .. }) => faults.push(fault("username", "usernameExistsMessage")),
                Err(error) => return Err(error),
            }
        }
        match checked {
            Ok(values) if faults.is_empty() => Ok(Ok(values)),
            _ => Ok(Err(faults)),
        }
    }

    /// What the realm's policy says against a password of an account that is not there yet.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check_registration_password(
        &self,
        realm: &RealmView,
        values: &MultiAttributes,
        password: &Secret,
    ) -> Result<(), Violation> {
        let mut user = User::default();
        user_profile::set_values(&mut user, values.clone());
        check_new(&PasswordPolicy::of(realm.realm.password_policy.as_deref()), &user, password)
    }

    /// Makes the account: enabled, with the realm's default groups and actions, and with what was checked before.
    ///
    /// # Errors
    /// [`Error::Conflict`] (`email`, `username`) when somebody was faster; [`Error::Busy`].
    pub async fn register(
        &self,
        realm: &RealmView,
        values: MultiAttributes,
        password: Option<Secret>,
        ip: &str,
    ) -> Result<User, Error> {
        let now = self.sessions.view().await?.now();
        let defaults = realm.required_actions.iter().filter(|action| action.enabled && action.default_action);
        let mut user = User {
            id: UserId::random(),
            enabled: true,
            created_timestamp: now.0,
            required_actions: defaults.map(|action| action.alias.clone()).collect(),
            ..User::default()
        };
        user_profile::set_values(&mut user, values);
        let held = match password {
            Some(password) => vec![self.new_password(realm, password, now, ip).await?],
            None => Vec::new(),
        };
        self.insert_user(realm, &user, &realm.realm.default_groups, &held).await?;
        Ok(user)
    }
}

fn fault(field: &str, message: &str) -> Fault {
    Fault { field: field.to_owned(), message: message.to_owned(), params: Vec::new() }
}
