//! Reading what may not be in memory, and what the log says of changed entities.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc, time::Duration};

use keyraft_model::{ClientUuid, RealmId, UserId};

use crate::{
    Cluster, CopySource, Error, View,
    backing::Whose,
    command::{ChangeRecord, Used},
    session::{Kind, UserSession},
    view::Found,
};

/// How often a load may find that it has to be done again.
const TRIES: u32 = 3;

impl Cluster {
    /// As [`Cluster::view`], once that session is in memory if there is one anywhere: what the view does not show then
    /// does not exist.
    ///
    /// # Errors
    /// As [`Cluster::view`]; [`Error::Away`] where only the database could tell, and it does not.
    pub async fn view_of(&self, sid: &str, kind: Kind) -> Result<View, Error> {
        self.view_of_used(sid, kind, None).await
    }

    /// As [`Cluster::view_of`], where a verified refresh token proves a use that a row may not know of: a session whose
    /// row is over is alive if it was used since.
    ///
    /// # Errors
    /// As [`Cluster::view_of`].
    pub async fn view_of_used(&self, sid: &str, kind: Kind, used: Option<&Used>) -> Result<View, Error> {
        let mut has_asked = false;
        for _ in 0..TRIES {
            let view = self.view().await?;
            // Others may have found its row over, who could not prove a later use.
            let may_prove = !has_asked
                && used.is_some_and(|used| view.epoch_began().is_some_and(|began| used.at <= began));
            match view.find(sid, kind) {
                Found::Live(_) => return Ok(view),
                Found::Absent if !may_prove => return Ok(view),
                Found::Absent | Found::NotLoaded => has_asked = true,
            }
            // Boxed like all that is done on a miss alone: most callers hold this future for nothing.
            Box::pin(self.loader()?.load(&[(sid.to_owned(), kind)], used)).await?;
        }
        Err(Error::unsettled())
    }

    /// As [`Cluster::view`], once the sessions of that user are in memory.
    ///
    /// # Errors
    /// As [`Cluster::view_of`].
    pub async fn view_of_user(&self, realm: &RealmId, user: &UserId, kind: Kind) -> Result<View, Error> {
        let view = self.view().await?;
        if !view.may_be_stored_of_realm(realm) {
            return Ok(view);
        }
        let is_unknown = |sid: &str| matches!(view.find(sid, kind), Found::NotLoaded);
        Box::pin(self.loader()?.load_of_user(realm, user, kind, is_unknown)).await?;
        self.view().await
    }

    /// A page of the sessions of a realm or client: `max` behind the `first`, those in memory before those that only
    /// the database holds.
    ///
    /// # Errors
    /// As [`Cluster::view_of`].
    pub async fn page(
        &self,
        whose: &Whose,
        kind: Kind,
        (first, max): (usize, usize),
    ) -> Result<Vec<Arc<UserSession>>, Error> {
        let view = self.view().await?;
        let (realm, (mut found, known)) = match whose {
            Whose::Realm(realm) => {
                let count = view.count_of_realm(realm, kind);
                (realm, (view.page_of_realm(realm, kind, (first, max)), count))
            }
            Whose::Client(realm, client) => {
                let count = view.count_of_client(realm, client, kind);
                (realm, (view.page_of_client(realm, client, kind, (first, max)), count))
            }
            Whose::User(realm, user) => {
                let all = view.sessions_of_user(realm, user, kind);
                let count = all.len() as u64;
                (realm, (all.into_iter().skip(first).take(max).collect(), count))
            }
        };
        if found.len() >= max || !view.may_be_stored_of_realm(realm) {
            return Ok(found);
        }
        let mut skipped = usize::try_from(known).unwrap_or(usize::MAX);
        let stored = self.loader()?.visit(whose, kind, &view, |session| {
            if skipped < first {
                skipped += 1;
            } else {
                found.push(Arc::new(session));
            }
            if found.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        Box::pin(stored).await?;
        Ok(found)
    }

    /// How many sessions a client has a part in, wherever they are. Where some are in the database alone, their rows are
    /// read.
    ///
    /// # Errors
    /// As [`Cluster::view_of`].
    pub async fn count_of_client(
        &self,
        realm: &RealmId,
        client: &ClientUuid,
        kind: Kind,
    ) -> Result<u64, Error> {
        let view = self.view().await?;
        let mut count = view.count_of_client(realm, client, kind);
        if view.may_be_stored_of_realm(realm) {
            let whose = Whose::Client(realm.clone(), client.clone());
            let stored = self.loader()?.visit(&whose, kind, &view, |_| {
                count += 1;
                ControlFlow::Continue(())
            });
            Box::pin(stored).await?;
        }
        Ok(count)
    }

    /// Every client of a realm with its numbers of online and offline sessions, where it has any; as
    /// [`Cluster::count_of_client`].
    ///
    /// # Errors
    /// As [`Cluster::view_of`].
    pub async fn client_session_stats(&self, realm: &RealmId) -> Result<Vec<(ClientUuid, u64, u64)>, Error> {
        let view = self.view().await?;
        let known = view.client_session_stats(realm);
        if !view.may_be_stored_of_realm(realm) {
            return Ok(known);
        }
        let known = known.into_iter().map(|(client, online, offline)| (client, (online, offline)));
        let mut counts: BTreeMap<ClientUuid, (u64, u64)> = known.collect();
        let whose = Whose::Realm(realm.clone());
        for kind in [Kind::Online, Kind::Offline] {
            let stored = self.loader()?.visit(&whose, kind, &view, |session| {
                for client in session.clients.keys().cloned() {
                    let (online, offline) = counts.entry(client).or_default();
                    *(if kind == Kind::Online { online } else { offline }) += 1;
                }
                ControlFlow::Continue(())
            });
            Box::pin(stored).await?;
        }
        Ok(counts.into_iter().map(|(client, (online, offline))| (client, online, offline)).collect())
    }

    /// How many changes of entities have been applied here: see [`Cluster::change_of`].
    pub fn changes_seq(&self) -> u64 {
        self.shared().changes_seq()
    }

    /// The highest number of a change that is not remembered any more.
    pub fn changes_forgotten(&self) -> u64 {
        self.shared().read().changes.forgotten()
    }

    /// The last change of an entity that was applied here, if it is among the newest 100,000.
    pub fn change_of(&self, kind: &str, realm: &RealmId, entity: &str) -> Option<ChangeRecord> {
        self.shared().read().changes.of(kind, realm, entity)
    }

    /// The cluster's epoch: a number of another one says nothing in this.
    pub fn epoch(&self) -> u64 {
        self.shared().read().epoch.number
    }

    /// The copies that other members hold under these bytes, as they are kept.
    pub async fn ask_copies(&self, key: Vec<u8>) -> Vec<Vec<u8>> {
        self.engine().ask_copies(key).await
    }

    /// Serves this node's copies to the other members, who ask for them while the database is away.
    pub fn serve_copies(&self, source: Arc<dyn CopySource>) {
        self.engine().serve_copies(source);
    }

    /// Waits until every member has applied what was answered before this call. Members that stay silent for `silent`
    /// are not waited for: by then they serve nothing.
    pub async fn applied_everywhere(&self, silent: Duration) {
        self.engine().applied_everywhere(silent).await;
    }
}
