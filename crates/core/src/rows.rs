//! The cluster's rows over the store: what of the maps lies in the database.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use keyraft_cluster::{
    backing::{Answer, Backing, BackingError, Batch, Flushed, Whose},
    command::FenceScope,
    row::{LoadRow, Row, RowKey, Version},
    session::Kind,
};
use keyraft_model::{RealmId, UnixMs, UserId};
use keyraft_store::{
    Db, Source,
    sessions::{self, DeliveryRow, FenceRow, Page, SessionRow},
};

/// Rows in a store.
#[derive(Clone, Debug)]
pub struct Rows(Db);

impl Rows {
    /// In that store.
    pub fn new(store: Db) -> Self {
        Self(store)
    }

    async fn with_fences(&self, rows: Vec<SessionRow>) -> Result<Vec<LoadRow>, keyraft_store::Error> {
        let mut found = Vec::with_capacity(rows.len());
        let mut known: Option<(RealmId, UserId, Vec<FenceRow>)> = None;
        for row in rows {
            let is_known =
                known.as_ref().is_some_and(|(realm, user, _)| *realm == row.realm && *user == row.user);
            if !is_known {
                // After the rows were read: a fence that ended one before is found.
                let fences = sessions::fences_over(&self.0, &row.realm, &row.user).await?;
                known = Some((row.realm.clone(), row.user.clone(), fences));
            }
            let over = known.iter().flat_map(|(_, _, fences)| fences);
            let over = over.filter(|fence| fence.offline == row.offline);
            let fences = over.map(|fence| (scope_of(fence), fence.at)).collect();
            found.push(LoadRow { row: loaded(row), fences });
        }
        Ok(found)
    }

    async fn position_now(&self) -> Result<Option<Version>, keyraft_store::Error> {
        Ok(sessions::position(&self.0).await?.map(version))
    }
}

impl Backing for Rows {
    fn flush(&self, batch: Batch) -> BoxFuture<'_, Result<Flushed, BackingError>> {
        Box::pin(async move {
            let mut stored = sessions::Batch {
                position: of_version(batch.position),
                flushed: of_version(batch.flushed),
                ..sessions::Batch::default()
            };
            batch.rows.into_iter().for_each(|row| put(&mut stored, row));
            match sessions::flush(&self.0, &stored).await.map_err(refused)? {
                sessions::Flushed::Done => Ok(Flushed::Done),
                sessions::Flushed::Behind(found) => Ok(Flushed::Behind(version(found))),
            }
        })
    }

    fn position(&self) -> BoxFuture<'_, Result<Option<Version>, BackingError>> {
        Box::pin(async move { self.position_now().await.map_err(refused) })
    }

    fn find(&self, wanted: Vec<(String, Kind)>) -> BoxFuture<'_, Result<Answer, BackingError>> {
        Box::pin(async move {
            let position = self.position_now().await.map_err(refused)?.unwrap_or_default();
            let mut rows = Vec::with_capacity(wanted.len());
            for (sid, kind) in &wanted {
                rows.extend(sessions::find(&self.0, sid, is_offline(*kind)).await.map_err(refused)?);
            }
            Ok(Answer { rows: self.with_fences(rows).await.map_err(refused)?, position })
        })
    }

    fn list(
        &self,
        whose: Whose,
        kind: Kind,
        now: UnixMs,
        (after, limit): (Option<(UserId, String)>, usize),
    ) -> BoxFuture<'_, Result<Answer, BackingError>> {
        Box::pin(async move {
            let position = self.position_now().await.map_err(refused)?.unwrap_or_default();
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = list(&self.0, &whose, is_offline(kind), now, after, limit).await.map_err(refused)?;
            Ok(Answer { rows: self.with_fences(rows).await.map_err(refused)?, position })
        })
    }
}

async fn list(
    store: &impl Source,
    whose: &Whose,
    offline: bool,
    now: UnixMs,
    after: Option<(UserId, String)>,
    limit: i64,
) -> Result<Vec<SessionRow>, keyraft_store::Error> {
    let (user, sid) = after.map(|(user, sid)| (user.to_string(), sid)).unwrap_or_default();
    match whose {
        Whose::User(realm, user) => {
            sessions::list_of_user(store, (realm, user), offline, (now, &sid), limit).await
        }
        Whose::Realm(realm) => {
            sessions::list_of_realm(store, realm, offline, now, &Page { after: (user, sid), limit }).await
        }
        Whose::Client(realm, client) => {
            let page = Page { after: (String::new(), sid), limit };
            sessions::list_of_client(store, (realm, client), offline, now, &page).await
        }
    }
}

fn put(batch: &mut sessions::Batch, row: Row) {
    let Row { key, realm, user, clients, created, expires, version, ended, payload } = row;
    let doc = (!ended).then(|| STANDARD.encode(payload));
    let version = of_version(version);
    match key {
        RowKey::Session { sid, kind } => batch.sessions.push(SessionRow {
            sid,
            offline: is_offline(kind),
            realm,
            user: user.unwrap_or_default(),
            started: created,
            expires,
            doc,
            clients,
            version,
        }),
        // Numbers as texts that sort as they do.
        RowKey::Outbox { id } => {
            batch.deliveries.push(DeliveryRow { id: format!("{id:020}"), expires, doc, version });
        }
        RowKey::Fence { scope, kind } => batch.fences.push(FenceRow {
            realm,
            user: scope.user().cloned(),
            client: scope.client().cloned(),
            offline: is_offline(kind),
            at: created,
            version,
        }),
    }
}

fn loaded(row: SessionRow) -> Row {
    let SessionRow { sid, offline, realm, user, started, expires, doc, clients, version: at } = row;
    let kind = if offline { Kind::Offline } else { Kind::Online };
    let ended = doc.is_none();
    // What does not decode is refused as a payload that cannot be read.
    let payload = doc.map(|doc| STANDARD.decode(doc).unwrap_or_default()).unwrap_or_default();
    Row {
        key: RowKey::Session { sid, kind },
        realm,
        user: Some(user),
        clients,
        created: started,
        expires,
        version: version(at),
        ended,
        payload,
    }
}

fn scope_of(fence: &FenceRow) -> FenceScope {
    let realm = fence.realm.clone();
    match (fence.user.clone(), fence.client.clone()) {
        (None, None) => FenceScope::Realm(realm),
        (Some(user), None) => FenceScope::User(realm, user),
        (None, Some(client)) => FenceScope::Client(realm, client),
        (Some(user), Some(client)) => FenceScope::ClientAtUser(realm, user, client),
    }
}

fn is_offline(kind: Kind) -> bool {
    kind == Kind::Offline
}

/// Both count from 0 and never come near the end of either type.
fn version(at: sessions::Version) -> Version {
    Version { epoch: at.epoch.unsigned_abs(), index: at.index.unsigned_abs() }
}

fn of_version(at: Version) -> sessions::Version {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    sessions::Version { epoch: number(at.epoch), index: number(at.index) }
}

fn refused(error: keyraft_store::Error) -> BackingError {
    match error {
        keyraft_store::Error::Unavailable { .. } | keyraft_store::Error::OutcomeUnknown => {
            BackingError::Away(Box::new(error))
        }
        other => BackingError::Refused(Box::new(other)),
    }
}
