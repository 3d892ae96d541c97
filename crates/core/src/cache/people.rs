//! Users in memory: their records, and what lets them sign in while the database is away.
//!
//! Records are believed as all copies are. Credentials, and which name means whom, are asked of the database at each
//! sign-in and kept only for when it does not answer.

use std::sync::Arc;

use keyraft_model::{ClientUuid, Credential, RealmId, UserId};
use keyraft_store::changes::Kind;
use quick_cache::sync::Cache;

use super::ledger::{Ledger, Stamp};
use crate::UserRecord;

/// What a user is found by, beside his id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// What somebody typed, lower-cased: user name or e-mail address.
    Typed(String),
    /// He is the service account of that client.
    Service(ClientUuid),
}

type Key = (RealmId, UserId);

/// Something of a user, with its word on how new it is.
type Kept<T> = Arc<(T, Stamp)>;

/// Records by realm and user.
#[derive(Debug)]
pub(crate) struct People {
    records: Cache<Key, Kept<Arc<UserRecord>>>,
    credentials: Cache<Key, Kept<Vec<Credential>>>,
    names: Cache<(RealmId, Name), UserId>,
}

impl People {
    pub(crate) fn new(most: usize) -> Self {
        Self { records: Cache::new(most), credentials: Cache::new(most), names: Cache::new(most) }
    }

    pub(crate) fn record(
        &self,
        ledger: &dyn Ledger,
        realm: &RealmId,
        id: &UserId,
    ) -> Option<Arc<UserRecord>> {
        let kept = self.records.get(&(realm.clone(), id.clone()))?;
        kept.1.is_current(ledger, Kind::User, realm, id.as_str()).then(|| Arc::clone(&kept.0))
    }

    pub(crate) fn keep_record(&self, realm: &RealmId, user: &Arc<UserRecord>, stamp: Stamp) {
        let key = (realm.clone(), user.user.id.clone());
        self.records.insert(key, Arc::new((Arc::clone(user), stamp)));
    }

    /// The credentials of a user as they were read last, unless they changed since.
    pub(crate) fn credentials(
        &self,
        ledger: &dyn Ledger,
        realm: &RealmId,
        id: &UserId,
    ) -> Option<Vec<Credential>> {
        let kept = self.credentials.get(&(realm.clone(), id.clone()))?;
        kept.1.is_current(ledger, Kind::User, realm, id.as_str()).then(|| kept.0.clone())
    }

    pub(crate) fn keep_credentials(&self, realm: &RealmId, id: &UserId, held: &[Credential], as_of: u64) {
        // Their rows have versions of their own; that of the user is not read with them, so the lowest counts.
        let kept = Arc::new((held.to_vec(), Stamp::new(i64::MIN, as_of)));
        self.credentials.insert((realm.clone(), id.clone()), kept);
    }

    /// Whom a name meant when it was asked for last.
    pub(crate) fn named(&self, realm: &RealmId, name: Name) -> Option<UserId> {
        self.names.get(&(realm.clone(), name))
    }

    pub(crate) fn keep_name(&self, realm: &RealmId, name: Name, id: &UserId) {
        self.names.insert((realm.clone(), name), id.clone());
    }

    pub(crate) fn drop(&self, realm: &RealmId, id: &UserId) {
        let key = (realm.clone(), id.clone());
        self.records.remove(&key);
        self.credentials.remove(&key);
    }

    pub(crate) fn drop_all(&self, realm: &RealmId) {
        self.records.retain(|(of, _), _| of != realm);
        self.credentials.retain(|(of, _), _| of != realm);
        self.names.retain(|(of, _), _| of != realm);
    }
}
