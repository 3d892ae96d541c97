//! Proving who someone is by a password or a one-time code, the same way for every door.
//!
//! Same words and same time for an unknown user and a wrong password: a name that is not there, a user
//! without a password and a locked-out user are all checked against a decoy of the kind and cost that the
//! realm's hashes have.

use keyraft_cluster::command::{AttemptOutcome, Lockout, OnceKey, OnceKind};
use keyraft_crypto::{
    Secret, digest,
    otp::{Otp, OtpKind},
    password::{self, Hash, HashParameters},
};
use keyraft_model::{Credential, DurationMs, Event, User, UserId};

use crate::{
    Core, Error, RealmView, UserRecord,
    attempts::{self, Admission},
    policies::password::PasswordPolicy,
};

/// The longest password that is looked at, in bytes.
pub const MAX_PASSWORD: usize = 1024;

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is right.
    Right,
    /// It is wrong, or there is nothing to compare it with.
    Wrong,
    /// The user is locked out; nothing was compared.
    Locked,
}

impl Core {
    /// Checks a password. `user` is `None` for a name that nobody has; `name` is what was typed.
    ///
    /// A right password whose hash is not what the policy asks for is hashed anew in the background.
    ///
    /// # Errors
    /// [`Error::Busy`] when too much hashing waits; [`Error::Unavailable`].
    pub async fn check_password(
        &self,
        realm: &RealmView,
        user: Option<&UserRecord>,
        name: &str,
        password: Secret,
        ip: &str,
    ) -> Result<Proof, Error> {
        let is_possible = !password.is_empty() && password.expose().len() <= MAX_PASSWORD;
        let Some(user) = user else {
            return self.compare_decoy(realm, name, password, ip).await;
        };
        let reservation = match attempts::reserve(&self.sessions, &realm.realm, &user.user.id).await? {
            Admission::Allowed(reservation) => reservation,
            Admission::Locked => {
                self.compare_decoy(realm, name, password, ip).await?;
                return Ok(Proof::Locked);
            }
        };
        let stored = self.credentials(&realm.realm.id, &user.user.id).await?;
        let stored = stored.iter().find(|credential| credential.kind == "password" && is_possible);
        let proof = match stored {
            Some(credential) => self.compare(realm, &user.user, credential, password, ip).await,
            None => self.compare_decoy(realm, name, password, ip).await,
        };
        let outcome = match &proof {
            Ok(Proof::Right) => AttemptOutcome::Success { clears: false },
            Ok(_) => AttemptOutcome::Failure { secondary: false },
            Err(_) => AttemptOutcome::Released,
        };
        let lockout = attempts::settle(&self.sessions, reservation, outcome, ip).await?;
        self.act_on(realm, &user.user.id, lockout, ip).await?;
        proof
    }

    /// Checks a one-time code against each of the user's `otp` credentials (or the one chosen), each step
    /// or counter once.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn check_otp(
        &self,
        realm: &RealmView,
        user: &UserRecord,
        chosen: Option<&str>,
        code: &str,
        ip: &str,
    ) -> Result<Proof, Error> {
        let reservation = match attempts::reserve(&self.sessions, &realm.realm, &user.user.id).await? {
            Admission::Allowed(reservation) => reservation,
            Admission::Locked => return Ok(Proof::Locked),
        };
        let proof = self.take_code(realm, user, chosen, code).await;
        let outcome = match &proof {
            Ok(true) => AttemptOutcome::Success { clears: false },
            Ok(false) => AttemptOutcome::Failure { secondary: true },
            Err(_) => AttemptOutcome::Released,
        };
        let lockout = attempts::settle(&self.sessions, reservation, outcome, ip).await?;
        self.act_on(realm, &user.user.id, lockout, ip).await?;
        Ok(if proof? { Proof::Right } else { Proof::Wrong })
    }

    /// Forgets a user's failures after a whole login, where there are any.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_failures(&self, realm: &RealmView, user: &UserId) -> Result<(), Error> {
        if attempts::policy(&realm.realm).is_none()
            || self.sessions.view().await?.failures(&realm.realm.id, user).is_none()
        {
            return Ok(());
        }
        attempts::clear(&self.sessions, &realm.realm.id, Some(user)).await
    }

    async fn compare(
        &self,
        realm: &RealmView,
        user: &User,
        credential: &Credential,
        password: Secret,
        ip: &str,
    ) -> Result<Proof, Error> {
        let hash = Hash::from_keycloak(&credential.credential_data, &credential.secret_data)
            .map_err(|error| self.unusable(realm, user, credential, &error))?;
        let again = password.clone();
        if !self.hasher.verify(ip, &hash, password).await.map_err(hashing)? {
            return Ok(Proof::Wrong);
        }
        let policy = PasswordPolicy::of(realm.realm.password_policy.as_deref());
        let wanted =
            HashParameters::from_policy(policy.hash_algorithm(), policy.hash_iterations().map(i64::from));
        if let Ok(wanted) = wanted
            && hash.needs_rehash(&wanted)
        {
            self.rehash(realm, user, credential.clone(), again, wanted);
        }
        Ok(Proof::Right)
    }

    /// A credential that cannot be checked refuses the login by name: it must not count as a wrong
    /// password, which would hide the fault, nor be passed over.
    fn unusable(
        &self,
        realm: &RealmView,
        user: &User,
        credential: &Credential,
        error: &keyraft_crypto::Error,
    ) -> Error {
        self.events.emit(&Event {
            kind: "LOGIN_ERROR".into(),
            realm_id: realm.realm.id.clone(),
            user_id: Some(user.id.to_string()),
            error: Some("credential_not_supported".into()),
            details: [
                ("credential_id".to_owned(), credential.id.to_string()),
                ("reason".to_owned(), error.to_string()),
            ]
            .into_iter()
            .collect(),
            ..Event::default()
        });
        Error::Invalid { field: "credential".into(), rule: error.to_string() }
    }

    async fn compare_decoy(
        &self,
        realm: &RealmView,
        name: &str,
        password: Secret,
        ip: &str,
    ) -> Result<Proof, Error> {
        let kinds = self.hash_kinds(realm).await?;
        let seed = self.keys.derive("decoy", realm.realm.id.as_str());
        let seed = seed.current().keyed_hash(b"seed");
        let decoy = password::decoy(&seed, name, &kinds);
        self.hasher.verify(ip, &decoy, password).await.map_err(hashing)?;
        Ok(Proof::Wrong)
    }

    /// The kinds of hash that a realm's users hold, sampled: what a decoy is drawn from.
    async fn hash_kinds(&self, realm: &RealmView) -> Result<Vec<HashParameters>, Error> {
        let policy = PasswordPolicy::of(realm.realm.password_policy.as_deref());
        let wanted =
            HashParameters::from_policy(policy.hash_algorithm(), policy.hash_iterations().map(i64::from));
        let sampled = self.caches.hash_kinds(&self.store, &realm.realm.id).await?;
        if sampled.is_empty() {
            return Ok(wanted.into_iter().collect());
        }
        Ok(sampled.to_vec())
    }

    fn rehash(
        &self,
        realm: &RealmView,
        user: &User,
        credential: Credential,
        password: Secret,
        wanted: HashParameters,
    ) {
        let (core, realm, user) = (self.clone(), realm.realm.id.clone(), user.id.clone());
        tokio::spawn(async move {
            let Ok(hash) = core.hasher.hash("rehash", wanted, password).await else { return };
            let renewed = Credential {
                credential_data: hash.credential_data(),
                secret_data: hash.secret_data(),
                ..credential.clone()
            };
            if let Err(error) = core.replace_credential(&realm, &user, &credential, &renewed).await {
                tracing::warn!(%error, "a password was not hashed anew; the next login tries again");
            }
        });
    }

    async fn take_code(
        &self,
        realm: &RealmView,
        user: &UserRecord,
        chosen: Option<&str>,
        code: &str,
    ) -> Result<bool, Error> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let window = u32::try_from(realm.realm.otp_policy_look_ahead_window.max(0)).unwrap_or(1);
        let stored = self.credentials(&realm.realm.id, &user.user.id).await?;
        let mut of_kind = stored.iter().filter(|credential| credential.kind == "otp");
        // Keycloak: the first one counts unless the person chose another.
        let Some(credential) = (match chosen.filter(|id| !id.is_empty()) {
            Some(id) => of_kind.find(|credential| credential.id.as_str() == id),
            None => of_kind.next(),
        }) else {
            return Ok(false);
        };
        let otp = Otp::from_keycloak(&credential.credential_data, &credential.secret_data)
            .map_err(|error| self.unusable(realm, &user.user, credential, &error))?;
        let now = self.sessions.view().await?.now();
        match otp.parameters().sub_type {
            OtpKind::Totp => {
                let now_secs = now.secs().unsigned_abs();
                let Some(step) = otp.matched_step(&code, now_secs, window) else { return Ok(false) };
                if realm.realm.otp_policy_code_reusable {
                    return Ok(true);
                }
                let period = i64::try_from(otp.parameters().period).unwrap_or(30);
                let lifespan = DurationMs::from_secs(period * (i64::from(window) * 2 + 2));
                self.sessions.take_once(once(realm, user, credential, step), lifespan).await
            }
            OtpKind::Hotp => {
                let Some(counter) = otp.matched_counter(&code, window) else { return Ok(false) };
                let lifespan = DurationMs::from_secs(3600);
                if !self.sessions.take_once(once(realm, user, credential, counter), lifespan).await? {
                    return Ok(false);
                }
                let mut next = otp;
                next.set_counter(counter + 1);
                let renewed = Credential { credential_data: next.credential_data(), ..credential.clone() };
                // Stored before the answer: a counter that falls back would take an old code again.
                self.replace_credential(&realm.realm.id, &user.user.id, credential, &renewed).await?;
                Ok(true)
            }
        }
    }

    async fn act_on(
        &self,
        realm: &RealmView,
        user: &UserId,
        lockout: Lockout,
        ip: &str,
    ) -> Result<(), Error> {
        let kind = match lockout {
            Lockout::None | Lockout::Unknown => return Ok(()),
            Lockout::Temporary { .. } => "USER_DISABLED_BY_TEMPORARY_LOCKOUT",
            Lockout::Permanent => {
                self.lock_out_for_good(realm, user).await?;
                "USER_DISABLED_BY_PERMANENT_LOCKOUT"
            }
        };
        self.events.emit(&Event {
            kind: kind.into(),
            realm_id: realm.realm.id.clone(),
            user_id: Some(user.to_string()),
            ip_address: Some(ip.to_owned()),
            ..Event::default()
        });
        Ok(())
    }
}

fn once(realm: &RealmView, user: &UserRecord, credential: &Credential, factor: u64) -> OnceKey {
    OnceKey {
        kind: OnceKind::OtpStep,
        realm: realm.realm.id.clone(),
        owner: user.user.id.to_string(),
        id: digest::sha256(format!("{}|{factor}", credential.id).as_bytes()),
    }
}

fn hashing(error: keyraft_crypto::Error) -> Error {
    match error {
        keyraft_crypto::Error::Busy => Error::Busy,
        other => Error::Internal(other.to_string()),
    }
}
