//! While the database does not answer: what this node, or a peer, has read before and the log has not overtaken.
//!
//! Reads ask the database first and come here only when it cannot say. What nobody holds stays an error, never a "no":
//! a name without a copy may be anybody's.

use std::{sync::Arc, time::Duration};

use keyraft_model::{ClientUuid, Credential, RealmId, UserId};
use keyraft_store::{RealmParts, changes::Kind};

use crate::{
    ClientView, Core, Error, RealmView, UserRecord,
    cache::{Name, Reading},
    copies::{Copy, Key},
};

/// How long one read by key may take before the database counts as away.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// What is copied of a client.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct ClientCopy {
    client: keyraft_model::Client,
    scope_mappings: Vec<keyraft_model::RoleId>,
}

impl From<&ClientView> for ClientCopy {
    fn from(view: &ClientView) -> Self {
        Self { client: view.client.clone(), scope_mappings: view.scope_mappings.clone() }
    }
}

/// The answer of the database, or that it does not answer. One that hangs is away like one that refuses.
///
/// # Errors
/// What the read returned; [`keyraft_store::Error::Unavailable`] after 1.5 s.
pub(crate) fn ask<T>(
    read: impl Future<Output = Result<T, keyraft_store::Error>>,
) -> impl Future<Output = Result<T, keyraft_store::Error>> {
    // Boxed here: who finds what he wants in the caches carries none of it along.
    let read = Box::pin(read);
    async move {
        match tokio::time::timeout(DEADLINE, read).await {
            Ok(answer) => answer,
            Err(_) => Err(keyraft_store::Error::Unavailable { statement: "a read by key", source: None }),
        }
    }
}

/// Whether an error says nothing about what was asked.
pub(crate) fn is_away(error: &keyraft_store::Error) -> bool {
    matches!(error, keyraft_store::Error::Unavailable { .. })
}

impl Core {
    /// Keeps what was read of a realm, in memory and on disk.
    pub(crate) fn keep_realm(&self, reading: Reading, parts: RealmParts) -> Arc<RealmView> {
        let (ledger, as_of, ver) = (self.caches.ledger(), reading.as_of, parts.ver);
        let (name, id) = (parts.realm.realm.as_str(), parts.realm.id.as_str());
        self.copies.keep(&Key::Realm(name), &Copy::new(ledger, as_of, ver, &parts));
        self.copies.keep(&Key::RealmId(id), &Copy::new(ledger, as_of, ver, name));
        let view = Arc::new(RealmView::of(parts));
        self.caches.keep_realm(reading, &view);
        view
    }

    /// Keeps what was read of a client.
    pub(crate) fn keep_client(&self, reading: Reading, realm: &RealmId, view: ClientView) -> Arc<ClientView> {
        let (name, id) = (view.client.client_id.as_str(), view.client.id.as_str());
        let copy = Copy::new(self.caches.ledger(), reading.as_of, view.ver, ClientCopy::from(&view));
        self.copies.keep(&Key::Client(realm.as_str(), name), &copy);
        self.copies.keep(&Key::ClientId(realm.as_str(), id), &copy);
        let view = Arc::new(view);
        self.caches.keep_client(reading, realm, &view);
        view
    }

    /// Keeps what was read of a user.
    pub(crate) fn keep_user(
        &self,
        reading: Reading,
        realm: &RealmId,
        user: UserRecord,
        ver: i64,
    ) -> Arc<UserRecord> {
        let key = Key::User(realm.as_str(), user.user.id.as_str());
        self.copies.keep(&key, &Copy::new(self.caches.ledger(), reading.as_of, ver, &user));
        let user = Arc::new(user);
        self.caches.keep_user(reading, realm, &user, ver);
        user
    }

    /// Keeps who a client's service account is.
    pub(crate) fn keep_service_account(&self, realm: &RealmId, client: &ClientUuid, id: &UserId) {
        self.caches.people.keep_name(realm, Name::Service(client.clone()), id);
        let key = Key::Service(realm.as_str(), client.as_str());
        let ledger = self.caches.ledger();
        self.copies.keep(&key, &Copy::new(ledger, ledger.seq(), 0, id.as_str()));
    }

    /// The realm of that name, by what was read before.
    pub(crate) async fn copied_realm(&self, name: &str) -> Option<Arc<RealmView>> {
        let reading = self.caches.reading();
        let copy: Copy<RealmParts> = self
            .copy(&Key::Realm(name), |copy: &Copy<RealmParts>, ledger| {
                let id = &copy.doc.realm.id;
                copy.is_current(ledger, Kind::Realm, id, id.as_str())
            })
            .await?;
        let reading = reading.of_copy(copy.as_of());
        let view = Arc::new(RealmView::of(copy.doc));
        self.caches.keep_realm(reading, &view);
        Some(view)
    }

    /// The name of a realm, by what was read before.
    pub(crate) async fn copied_realm_name(&self, id: &RealmId) -> Option<String> {
        let copy: Copy<String> = self.copy(&Key::RealmId(id.as_str()), |_, _| true).await?;
        Some(copy.doc)
    }

    /// A client by `client_id` or row, by what was read before.
    pub(crate) async fn copied_client(&self, realm: &RealmId, key: Key<'_>) -> Option<Arc<ClientView>> {
        let reading = self.caches.reading();
        let copy = self
            .copy(&key, |copy: &Copy<ClientCopy>, ledger| {
                copy.is_current(ledger, Kind::Client, realm, copy.doc.client.id.as_str())
            })
            .await?;
        let (ver, as_of) = (copy.ver(), copy.as_of());
        let ClientCopy { client, scope_mappings } = copy.doc;
        let view = Arc::new(ClientView { client, ver, scope_mappings });
        self.caches.keep_client(reading.of_copy(as_of), realm, &view);
        Some(view)
    }

    /// A user, by what was read before.
    pub(crate) async fn copied_user(&self, realm: &RealmId, id: &UserId) -> Option<Arc<UserRecord>> {
        let reading = self.caches.reading();
        let copy = self
            .copy(&Key::User(realm.as_str(), id.as_str()), |copy: &Copy<UserRecord>, ledger| {
                copy.is_current(ledger, Kind::User, realm, id.as_str())
            })
            .await?;
        let (ver, as_of) = (copy.ver(), copy.as_of());
        let user = Arc::new(copy.doc);
        self.caches.keep_user(reading.of_copy(as_of), realm, &user, ver);
        Some(user)
    }

    /// Whom a name meant when it was asked for last, if it still fits him.
    pub(crate) async fn remembered_user(&self, realm: &RealmView, typed: &str) -> Option<Arc<UserRecord>> {
        let of = &realm.realm.id;
        let id = self.caches.people.named(of, Name::Typed(typed.to_owned()))?;
        let found = self.user(realm, &id).await.ok().flatten()?;
        let is_his = found.user.username == typed || found.user.email.as_deref() == Some(typed);
        is_his.then_some(found)
    }

    /// Who a client's service account was when it was asked for last.
    pub(crate) async fn remembered_service_account(
        &self,
        realm: &RealmId,
        client: &ClientUuid,
    ) -> Option<UserId> {
        if let Some(id) = self.caches.people.named(realm, Name::Service(client.clone())) {
            return Some(id);
        }
        let key = Key::Service(realm.as_str(), client.as_str());
        let copy: Copy<String> = self.copy(&key, |_, _| true).await?;
        Some(copy.doc.into())
    }

    /// The credentials of a user as they were read last.
    pub(crate) fn remembered_credentials(&self, realm: &RealmId, user: &UserId) -> Option<Vec<Credential>> {
        self.caches.credentials(realm, user)
    }

    /// A copy that `is_right`: this node's own, or else a peer's, which is kept here from then on.
    async fn copy<T: serde::de::DeserializeOwned>(
        &self,
        key: &Key<'_>,
        is_right: impl Fn(&Copy<T>, &dyn crate::cache::ledger::Ledger) -> bool,
    ) -> Option<Copy<T>> {
        let ledger = self.caches.ledger();
        let own = self.copies.find(key).await.filter(|copy| is_right(copy, ledger));
        if own.is_some() {
            return own;
        }
        for sealed in self.peers.ask(key).await {
            let copy = self.copies.open_sealed(key, &sealed).filter(|copy| is_right(copy, ledger));
            if copy.is_some() {
                return copy;
            }
        }
        None
    }
}

/// Fails with what the database said, now that nobody else can say.
pub(crate) fn unknown(error: keyraft_store::Error) -> Error {
    metrics::counter!("keyraft_database_away_total").increment(1);
    error.into()
}
