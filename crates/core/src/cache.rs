//! Local copies of what the store holds: drop one and nobody notices.
//!
//! A copy is admitted only if nothing changed while it was read: the counter of changes is compared before
//! and after, so that a slow read cannot put an old row back behind a newer write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use keyraft_crypto::password::{Hash, HashParameters};
use keyraft_model::{ClientUuid, RealmId, UserId};
use keyraft_store::Db;
use quick_cache::sync::Cache;

use crate::{ClientView, Error, RealmView, UserRecord};

/// Entries kept of each kind; a realm with all its roles is the largest of them.
const REALMS: usize = 1_000;
const CLIENTS: usize = 10_000;
const USERS: usize = 50_000;
const KINDS_LIVE: Duration = Duration::from_mins(1);

/// All caches of one node.
#[derive(Debug)]
pub struct Caches {
    changes: AtomicU64,
    realms: Cache<String, Arc<RealmView>>,
    clients: Cache<(RealmId, String), Arc<ClientView>>,
    clients_by_id: Cache<(RealmId, ClientUuid), Arc<ClientView>>,
    users: Cache<(RealmId, UserId), Arc<UserRecord>>,
    hash_kinds: Cache<RealmId, (Instant, Arc<[HashParameters]>)>,
}

/// The state of the caches when a read began.
#[derive(Clone, Copy, Debug)]
pub struct Reading(u64);

impl Default for Caches {
    fn default() -> Self {
        Self {
            changes: AtomicU64::new(0),
            realms: Cache::new(REALMS),
            clients: Cache::new(CLIENTS),
            clients_by_id: Cache::new(CLIENTS),
            users: Cache::new(USERS),
            hash_kinds: Cache::new(REALMS),
        }
    }
}

impl Caches {
    /// Call before reading from the store what will be kept.
    pub fn reading(&self) -> Reading {
        Reading(self.changes.load(Ordering::SeqCst))
    }

    fn is_current(&self, reading: Reading) -> bool {
        self.changes.load(Ordering::SeqCst) == reading.0
    }

    /// The realm of that name.
    pub fn realm(&self, name: &str) -> Option<Arc<RealmView>> {
        self.realms.get(name)
    }

    /// Keeps a realm.
    pub fn keep_realm(&self, reading: Reading, view: &Arc<RealmView>) {
        self.realms.insert(view.realm.realm.clone(), Arc::clone(view));
        if !self.is_current(reading) {
            self.realms.remove(&view.realm.realm);
        }
    }

    /// The client of that `client_id`.
    pub fn client(&self, realm: &RealmId, client_id: &str) -> Option<Arc<ClientView>> {
        self.clients.get(&(realm.clone(), client_id.to_owned()))
    }

    /// The client of that row.
    pub fn client_by_id(&self, realm: &RealmId, id: &ClientUuid) -> Option<Arc<ClientView>> {
        self.clients_by_id.get(&(realm.clone(), id.clone()))
    }

    /// Keeps a client.
    pub fn keep_client(&self, reading: Reading, realm: &RealmId, view: &Arc<ClientView>) {
        let by_name = (realm.clone(), view.client.client_id.clone());
        let by_id = (realm.clone(), view.client.id.clone());
        self.clients.insert(by_name.clone(), Arc::clone(view));
        self.clients_by_id.insert(by_id.clone(), Arc::clone(view));
        if !self.is_current(reading) {
            self.clients.remove(&by_name);
            self.clients_by_id.remove(&by_id);
        }
    }

    /// The user of that row.
    pub fn user(&self, realm: &RealmId, id: &UserId) -> Option<Arc<UserRecord>> {
        self.users.get(&(realm.clone(), id.clone()))
    }

    /// Keeps a user.
    pub fn keep_user(&self, reading: Reading, realm: &RealmId, user: &Arc<UserRecord>) {
        let key = (realm.clone(), user.user.id.clone());
        self.users.insert(key.clone(), Arc::clone(user));
        if !self.is_current(reading) {
            self.users.remove(&key);
        }
    }

    /// A realm changed, or something that its view holds (roles, scopes, groups, flows, keys).
    pub fn drop_realm(&self, realm: &RealmId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        // By id, not by name: the change may have been a new name.
        self.realms.retain(|_, view| view.realm.id != *realm);
        self.hash_kinds.remove(realm);
    }

    /// A client changed.
    pub fn drop_client(&self, realm: &RealmId, id: &ClientUuid) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.clients_by_id.remove(&(realm.clone(), id.clone()));
        self.clients.retain(|(of, _), view| of != realm || view.client.id != *id);
    }

    /// A user changed.
    pub fn drop_user(&self, realm: &RealmId, id: &UserId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.users.remove(&(realm.clone(), id.clone()));
    }

    /// Everything of a realm may have changed: an import, or the realm is gone.
    pub fn drop_all(&self, realm: &RealmId) {
        self.drop_realm(realm);
        self.clients.retain(|(of, _), _| of != realm);
        self.clients_by_id.retain(|(of, _), _| of != realm);
        self.users.retain(|(of, _), _| of != realm);
    }

    /// Kinds of password hashes that a realm's users hold, sampled at most once a minute.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn hash_kinds(&self, db: &Db, realm: &RealmId) -> Result<Arc<[HashParameters]>, Error> {
        if let Some((at, kinds)) = self.hash_kinds.get(realm)
            && at.elapsed() < KINDS_LIVE
        {
            return Ok(kinds);
        }
        let sample = keyraft_store::credentials::sample(db, realm, "password", 64).await?;
        let kinds: Arc<[HashParameters]> = sample
            .iter()
            .filter_map(|stored| Hash::from_keycloak(&stored.credential_data, &stored.secret_data).ok())
            .map(|hash| *hash.parameters())
            .collect();
        self.hash_kinds.insert(realm.clone(), (Instant::now(), Arc::clone(&kinds)));
        Ok(kinds)
    }
}
