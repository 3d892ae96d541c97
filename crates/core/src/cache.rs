//! Local copies of what the store holds: drop one and nobody notices.
//!
//! A copy is believed only while the log says nothing newer of its entity (`ledger`): that is asked at each read,
//! so that a change is seen here from the moment at which this node applied it. This node's own commits drop copies
//! at once, before the log has heard of them; a copy whose read began before such a commit is not admitted.

pub(crate) mod ledger;
mod people;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use keyraft_crypto::password::{Hash, HashParameters};
use keyraft_model::{ClientUuid, Credential, RealmId, UserId};
use keyraft_store::{Db, changes::Kind};
use quick_cache::sync::Cache;

pub(crate) use self::people::Name;
use self::{
    ledger::{Ledger, Stamp},
    people::People,
};
use crate::{ClientView, Error, RealmView, UserRecord};

/// Entries kept of each kind; a realm with all its roles is the largest of them.
const REALMS: usize = 1_000;
const CLIENTS: usize = 10_000;
const USERS: usize = 50_000;
const KINDS_LIVE: Duration = Duration::from_mins(1);

/// All caches of one node.
#[derive(Debug)]
pub struct Caches {
    ledger: Arc<dyn Ledger>,
    commits: AtomicU64,
    realms: Cache<String, Kept<RealmView>>,
    names: Cache<RealmId, String>,
    clients: Cache<(RealmId, String), Kept<ClientView>>,
    clients_by_id: Cache<(RealmId, ClientUuid), Kept<ClientView>>,
    pub(crate) people: People,
    hash_kinds: Cache<RealmId, (Instant, Arc<[HashParameters]>)>,
}

/// A copy with its word on how new it is.
#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    stamp: Arc<Stamp>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), stamp: Arc::clone(&self.stamp) }
    }
}

/// How the log and the caches stood when a read began.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    commits: u64,
    pub(crate) as_of: u64,
}

impl Reading {
    /// Of a copy that was read when the log had come that far.
    pub(crate) fn of_copy(self, as_of: u64) -> Self {
        Self { as_of, ..self }
    }
}

impl Caches {
    /// Empty ones, which believe that log.
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self {
            ledger,
            commits: AtomicU64::new(0),
            realms: Cache::new(REALMS),
            names: Cache::new(REALMS),
            clients: Cache::new(CLIENTS),
            clients_by_id: Cache::new(CLIENTS),
            people: People::new(USERS),
            hash_kinds: Cache::new(REALMS),
        }
    }

    /// Call before reading from the store what will be kept.
    pub fn reading(&self) -> Reading {
        Reading { commits: self.commits.load(Ordering::SeqCst), as_of: self.ledger.seq() }
    }

    /// The log that decides what is believed.
    pub(crate) fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref()
    }

    fn is_admitted(&self, reading: Reading) -> bool {
        self.commits.load(Ordering::SeqCst) == reading.commits
    }

    /// The realm of that name.
    pub fn realm(&self, name: &str) -> Option<Arc<RealmView>> {
        let kept = self.realms.get(name)?;
        let id = &kept.value.realm.id;
        kept.stamp.is_current(self.ledger(), Kind::Realm, id, id.as_str()).then_some(kept.value)
    }

    /// The realm of that row.
    pub fn realm_by_id(&self, id: &RealmId) -> Option<Arc<RealmView>> {
        self.realm(&self.names.get(id)?).filter(|view| view.realm.id == *id)
    }

    /// Keeps a realm.
    pub fn keep_realm(&self, reading: Reading, view: &Arc<RealmView>) {
        let (name, stamp) = (&view.realm.realm, Stamp::new(view.ver, reading.as_of));
        self.realms.insert(name.clone(), Kept { value: Arc::clone(view), stamp: Arc::new(stamp) });
        self.names.insert(view.realm.id.clone(), name.clone());
        if !self.is_admitted(reading) {
            self.realms.remove(name);
        }
    }

    /// The client of that `client_id`.
    pub fn client(&self, realm: &RealmId, client_id: &str) -> Option<Arc<ClientView>> {
        self.believed(realm, self.clients.get(&(realm.clone(), client_id.to_owned()))?)
    }

    /// The client of that row.
    pub fn client_by_id(&self, realm: &RealmId, id: &ClientUuid) -> Option<Arc<ClientView>> {
        self.believed(realm, self.clients_by_id.get(&(realm.clone(), id.clone()))?)
    }

    fn believed(&self, realm: &RealmId, kept: Kept<ClientView>) -> Option<Arc<ClientView>> {
        let id = kept.value.client.id.as_str();
        kept.stamp.is_current(self.ledger(), Kind::Client, realm, id).then_some(kept.value)
    }

    /// Keeps a client.
    pub fn keep_client(&self, reading: Reading, realm: &RealmId, view: &Arc<ClientView>) {
        let by_name = (realm.clone(), view.client.client_id.clone());
        let by_id = (realm.clone(), view.client.id.clone());
        let stamp = Arc::new(Stamp::new(view.ver, reading.as_of));
        let kept = Kept { value: Arc::clone(view), stamp };
        self.clients.insert(by_name.clone(), kept.clone());
        self.clients_by_id.insert(by_id.clone(), kept);
        if !self.is_admitted(reading) {
            self.clients.remove(&by_name);
            self.clients_by_id.remove(&by_id);
        }
    }

    /// The user of that row.
    pub fn user(&self, realm: &RealmId, id: &UserId) -> Option<Arc<UserRecord>> {
        self.people.record(self.ledger(), realm, id)
    }

    /// Keeps a user, whose row has that version.
    pub fn keep_user(&self, reading: Reading, realm: &RealmId, user: &Arc<UserRecord>, ver: i64) {
        self.people.keep_record(realm, user, Stamp::new(ver, reading.as_of));
        if !self.is_admitted(reading) {
            self.people.drop(realm, &user.user.id);
        }
    }

    /// The credentials of a user as they were read last, unless he changed since: for when the database is away.
    pub(crate) fn credentials(&self, realm: &RealmId, id: &UserId) -> Option<Vec<Credential>> {
        self.people.credentials(self.ledger(), realm, id)
    }

    /// Keeps the credentials of a user.
    pub(crate) fn keep_credentials(
        &self,
        reading: Reading,
        realm: &RealmId,
        id: &UserId,
        held: &[Credential],
    ) {
        self.people.keep_credentials(realm, id, held, reading.as_of);
        if !self.is_admitted(reading) {
            self.people.drop(realm, id);
        }
    }

    /// A realm changed, or something that its view holds (roles, scopes, groups, flows, keys).
    pub fn drop_realm(&self, realm: &RealmId) {
        self.commits.fetch_add(1, Ordering::SeqCst);
        // By id, not by name: the change may have been a new name.
        self.realms.retain(|_, kept| kept.value.realm.id != *realm);
        self.hash_kinds.remove(realm);
    }

    /// A client changed.
    pub fn drop_client(&self, realm: &RealmId, id: &ClientUuid) {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.clients_by_id.remove(&(realm.clone(), id.clone()));
        self.clients.retain(|(of, _), kept| of != realm || kept.value.client.id != *id);
    }

    /// A user changed.
    pub fn drop_user(&self, realm: &RealmId, id: &UserId) {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.people.drop(realm, id);
    }

    /// Everything of a realm may have changed: an import, or the realm is gone.
    pub fn drop_all(&self, realm: &RealmId) {
        self.drop_realm(realm);
        self.clients.retain(|(of, _), _| of != realm);
        self.clients_by_id.retain(|(of, _), _| of != realm);
        self.people.drop_all(realm);
    }

    /// Kinds of password hashes that a realm's users hold, sampled at most once a minute; what was sampled last
    /// while the database is away.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn hash_kinds(&self, db: &Db, realm: &RealmId) -> Result<Arc<[HashParameters]>, Error> {
        let last = self.hash_kinds.get(realm);
        if let Some((at, kinds)) = &last
            && at.elapsed() < KINDS_LIVE
        {
            return Ok(Arc::clone(kinds));
        }
        let sample = match (keyraft_store::credentials::sample(db, realm, "password", 64).await, last) {
            (Ok(sample), _) => sample,
            (Err(keyraft_store::Error::Unavailable { .. }), Some((_, kinds))) => return Ok(kinds),
            (Err(error), _) => return Err(error.into()),
        };
        let kinds: Arc<[HashParameters]> = sample
            .iter()
            .filter_map(|stored| Hash::from_keycloak(&stored.credential_data, &stored.secret_data).ok())
            .map(|hash| *hash.parameters())
            .collect();
        self.hash_kinds.insert(realm.clone(), (Instant::now(), Arc::clone(&kinds)));
        Ok(kinds)
    }
}
