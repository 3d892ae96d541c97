//! Setting passwords: by the realm's policy, hashed off the async threads, the history kept.

use keyraft_crypto::{
    Secret,
    password::{Hash, HashParameters},
    random,
};
use keyraft_model::{Credential, UnixMs, User, UserId};
use keyraft_store::{credentials, users};

use crate::{
    Core, Error, RealmView, UserRecord,
    policies::password::{PasswordPolicy, Subject, Violation},
    proof::MAX_PASSWORD,
};

/// Kind of the password that counts.
pub const PASSWORD: &str = "password";
/// Kind of passwords that a policy remembers.
pub const PASSWORD_HISTORY: &str = "password-history";
/// The required action that a temporary password brings.
pub const UPDATE_PASSWORD: &str = "UPDATE_PASSWORD";

/// Days in milliseconds.
const DAY_MS: i64 = 86_400_000;

impl Core {
    /// Whether a user may have that password: the inner error is the first policy that it breaks.
    ///
    /// # Errors
    /// [`Error::Busy`]; [`Error::Unavailable`].
    pub async fn may_be_password(
        &self,
        realm: &RealmView,
        user: &UserRecord,
        password: &Secret,
        ip: &str,
    ) -> Result<Result<(), Violation>, Error> {
        let policy = PasswordPolicy::of(realm.realm.password_policy.as_deref());
        if let Err(violation) = check_new(&policy, &user.user, password) {
            return Ok(Err(violation));
        }
        let stored = self.credentials(&realm.realm.id, &user.user.id).await?;
        self.is_unused(&policy, &stored, password, ip).await
    }

    async fn is_unused(
        &self,
        policy: &PasswordPolicy,
        stored: &[Credential],
        password: &Secret,
        ip: &str,
    ) -> Result<Result<(), Violation>, Error> {
        let now = self.sessions.view().await?.now();
        let remembered = remembered(policy, stored, now);
        for credential in remembered {
            let Ok(hash) = Hash::from_keycloak(&credential.credential_data, &credential.secret_data) else {
                continue;
            };
            if self.hasher.verify(ip, &hash, password.clone()).await.map_err(hashing)? {
                return Ok(Err(policy.history().map_or_else(Violation::generic, Violation::history)));
            }
        }
        Ok(Ok(()))
    }

    /// A password credential as the realm's policy wants it hashed.
    ///
    /// # Errors
    /// [`Error::Busy`]; [`Error::Invalid`] when the policy asks for more than this server hashes.
    pub async fn new_password(
        &self,
        realm: &RealmView,
        password: Secret,
        now: UnixMs,
        ip: &str,
    ) -> Result<Credential, Error> {
        let policy = PasswordPolicy::of(realm.realm.password_policy.as_deref());
        let wanted =
            HashParameters::from_policy(policy.hash_algorithm(), policy.hash_iterations().map(i64::from))
                .map_err(|error| Error::Invalid {
                    field: "passwordPolicy".into(),
                    rule: error.to_string(),
                })?;
        let hash = self.hasher.hash(ip, wanted, password).await.map_err(hashing)?;
        Ok(Credential {
            id: random::uuid().into(),
            kind: PASSWORD.into(),
            created_date: now.0,
            credential_data: hash.credential_data(),
            secret_data: hash.secret_data(),
            ..Credential::default()
        })
    }

    /// Sets a user's password, which the caller has found to be allowed. A temporary one must be changed at
    /// the next login; any other takes that duty away.
    ///
    /// # Errors
    /// [`Error::Busy`]; [`Error::Unavailable`].
    pub async fn set_password(
        &self,
        realm: &RealmView,
        user: &UserId,
        password: Secret,
        temporary: bool,
        ip: &str,
    ) -> Result<(), Error> {
        let now = self.sessions.view().await?.now();
        let credential = self.new_password(realm, password, now, ip).await?;
        let policy = PasswordPolicy::of(realm.realm.password_policy.as_deref());
        let (id, unique_email) = (&realm.realm.id, !realm.realm.duplicate_emails_allowed);
        self.store
            .write(async |tx| {
                let Some(mut found) = users::find(&tx, id, user).await? else { return Ok(()) };
                let stored = credentials::list(&tx, id, user).await?;
                let values: Vec<_> = stored.iter().map(|held| held.value.clone()).collect();
                let kept: Vec<_> = remembered(&policy, &values, now).map(|kept| kept.id.clone()).collect();
                let mut replaced = None;
                for held in &stored {
                    match held.value.kind.as_str() {
                        PASSWORD if kept.contains(&held.value.id) && replaced.is_none() => {
                            replaced = Some(held.value.clone());
                            credentials::delete(&tx, id, user, &held.value.id).await?;
                        }
                        PASSWORD => {
                            credentials::delete(&tx, id, user, &held.value.id).await?;
                        }
                        PASSWORD_HISTORY if !kept.contains(&held.value.id) => {
                            credentials::delete(&tx, id, user, &held.value.id).await?;
                        }
                        _ => {}
                    }
                }
                if let Some(old) = replaced {
                    let old = Credential { id: random::uuid().into(), kind: PASSWORD_HISTORY.into(), ..old };
                    credentials::insert(&tx, id, user, &old).await?;
                }
                credentials::insert(&tx, id, user, &credential).await?;
                found.value.required_actions.retain(|action| action != UPDATE_PASSWORD);
                if temporary {
                    found.value.required_actions.push(UPDATE_PASSWORD.to_owned());
                }
                users::update(&tx, id, &found.value, found.ver, unique_email).await?;
                Ok::<_, keyraft_store::Error>(())
            })
            .await?;
        Ok(())
    }
}

/// Checks a new password but for its history.
///
/// # Errors
/// The first policy that it breaks.
pub fn check_new(policy: &PasswordPolicy, user: &User, password: &Secret) -> Result<(), Violation> {
    if password.expose().len() > MAX_PASSWORD {
        return Err(Violation::generic());
    }
    policy.check(password.expose(), Subject { username: &user.username, email: user.email.as_deref() })
}

/// The stored passwords that a new one must differ from: the last few (`passwordHistory` counts the present
/// one), or those younger than `passwordAge`.
fn remembered<'a>(
    policy: &PasswordPolicy,
    stored: &'a [Credential],
    now: UnixMs,
) -> impl Iterator<Item = &'a Credential> {
    let mut all: Vec<_> = stored
        .iter()
        .filter(|credential| credential.kind == PASSWORD || credential.kind == PASSWORD_HISTORY)
        .collect();
    all.sort_by_key(|credential| (credential.kind != PASSWORD, std::cmp::Reverse(credential.created_date)));
    let count = policy.history().unwrap_or(0);
    let oldest = policy.age_days().map(|days| now.0.saturating_sub(days.saturating_mul(DAY_MS)));
    all.into_iter()
        .enumerate()
        .filter(move |(index, credential)| {
            *index < count || oldest.is_some_and(|oldest| credential.created_date >= oldest)
        })
        .map(|(_, credential)| credential)
}

fn hashing(error: keyraft_crypto::Error) -> Error {
    match error {
        keyraft_crypto::Error::Busy => Error::Busy,
        other => Error::Internal(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(id: &str, kind: &str, created: i64) -> Credential {
        Credential { id: id.into(), kind: kind.into(), created_date: created, ..Credential::default() }
    }

    fn ids(policy: &str, stored: &[Credential], now: i64) -> Vec<String> {
        let policy = PasswordPolicy::of(Some(policy));
        remembered(&policy, stored, UnixMs(now)).map(|credential| credential.id.to_string()).collect()
    }

    #[test]
    fn a_history_of_two_is_the_present_password_and_the_one_before() {
        let stored =
            [stored("a", PASSWORD_HISTORY, 1), stored("b", PASSWORD_HISTORY, 2), stored("c", PASSWORD, 3)];

        assert_eq!(ids("passwordHistory(2)", &stored, 4), ["c", "b"]);
        assert!(ids("", &stored, 4).is_empty());
    }

    #[test]
    fn an_age_counts_days() {
        let stored = [stored("a", PASSWORD_HISTORY, 0), stored("c", PASSWORD, DAY_MS)];

        assert_eq!(ids("passwordAge(1)", &stored, DAY_MS + 1), ["c"]);
    }
}
