//! Reading: what is alive in the maps, as of the moment the view was taken or later.
//!
//! A view holds no copy and no lock: each call looks at the state as it then stands, which is never older than
//! the view. Dead things are left out, whether or not they have been dropped yet. Lists and counts are in
//! `view/lists.rs`, what concerns the database in `view/stored.rs`.

mod lists;
mod stored;

use std::{fmt, sync::Arc};

use keyraft_model::{RealmId, UnixMs, UserId};

use crate::{
    command::{DeviceRequest, Hash, LeaseState, LoginFailures, Notice, OnceKey, PendingKind},
    handle::Sid,
    maps::{device_codes, leases, login_failures, outbox, pending, revocations, single_use, user_sessions},
    session::{Kind, UserSession},
    shared::Shared,
};

/// A linearizable read; see [`crate::Cluster::view`].
#[derive(Clone)]
pub struct View {
    shared: Arc<Shared>,
    now: UnixMs,
}

/// What is known of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is alive.
    Live(Arc<UserSession>),
    /// There is none.
    Absent,
    /// It is not in memory and may be in the database: nothing is known before a row is read.
    NotLoaded,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("now", &self.now).finish_non_exhaustive()
    }
}

impl View {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let clock = shared.read().clock;
        let now = shared.time.now().max(clock);
        Self { shared, now }
    }

    /// The cluster's time when the view was taken: what `iat`, `exp` and every other comparison go by.
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// The live session of a handle, with those of its clients that are alive. `None` too where only a row
    /// would tell: see [`View::find`].
    pub fn session(&self, sid: &str, kind: Kind) -> Option<Arc<UserSession>> {
        user_sessions::live(&self.shared.read(), Sid::parse(sid)?, kind, self.now).map(Arc::new)
    }

    /// The live session of a handle, or whether there is certainly none.
    pub fn find(&self, sid: &str, kind: Kind) -> Found {
        let Some(sid) = Sid::parse(sid) else { return Found::Absent };
        match user_sessions::find(&self.shared.read(), sid, kind, self.now) {
            Ok(session) => Found::Live(Arc::new(session)),
            Err(user_sessions::Missing::Gone) => Found::Absent,
            Err(user_sessions::Missing::NotLoaded(_)) => Found::NotLoaded,
        }
    }

    /// Whether an access token was revoked.
    pub fn is_revoked(&self, realm: &RealmId, jti: &str) -> bool {
        revocations::is_revoked(&self.shared.read(), realm, jti, self.now)
    }

    /// Whether a login in progress of that user was finished before: its form is of the past.
    pub fn is_login_taken(&self, realm: &RealmId, user: &UserId, id: &str) -> bool {
        single_use::is_login_taken(&self.shared.read(), realm, user, id)
    }

    /// Whether something that may be taken once was taken.
    pub fn is_taken(&self, key: &OnceKey) -> bool {
        single_use::is_key_taken(&self.shared.read(), key)
    }

    /// A user's failures as they stand now; `None` where there is nothing to say.
    pub fn failures(&self, realm: &RealmId, user: &UserId) -> Option<LoginFailures> {
        login_failures::current(&self.shared.read(), realm, user, self.now).map(|failures| failures.value)
    }

    /// What a login in progress keeps.
    pub fn pending(&self, realm: &RealmId, id: &str, kind: PendingKind) -> Option<Vec<u8>> {
        pending::peek(&self.shared.read(), realm, id, kind, self.now).map(<[u8]>::to_vec)
    }

    /// The request of a device, by its user code, as long as nobody has decided.
    pub fn device_request(&self, realm: &RealmId, user_code: &Hash) -> Option<DeviceRequest> {
        device_codes::request(&self.shared.read(), realm, user_code, self.now)
    }

    /// Who holds a job now.
    pub fn lease(&self, job: &str) -> Option<LeaseState> {
        leases::current(&self.shared.read(), job, self.now)
    }

    /// Notices that are to be tried now, the oldest first, at most `max`.
    pub fn notices_due(&self, max: usize) -> Vec<Notice> {
        outbox::due(&self.shared.read(), self.now).take(max).map(|entry| entry.notice.clone()).collect()
    }
}
