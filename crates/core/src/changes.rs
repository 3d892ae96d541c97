//! Tells every node what a commit changed, so that no cache serves it old.
//!
//! The transaction that changes an entity leaves a row. After COMMIT its node tells the log and deletes the row; then
//! it waits until the members have applied that, and only then does the writer go on: whoever was told "done" finds
//! it done everywhere. A row that still stands after a while is of a node that died in between, or of a command that
//! ran beside the server: whoever sees it tells the log in its stead, unless the log knows already. Such a row stays for
//! a minute more, because its own node may live and ask it what became of a COMMIT whose answer was lost.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use keyraft_store::{
    AfterCommit, Change, Db, changes,
    changes::{Kind, Place, Standing},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Core, cache::Caches, log::Log};

/// How often rows are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// A row that is older, or that stood when rows were looked for the last time, was left behind.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a row stays that was told in its node's stead.
const STAY: Duration = Duration::from_millis(changes::STAY_MS.unsigned_abs());
/// Rows that are read at a time.
const PAGE: i64 = 500;
/// How long a writer waits at most for the log.
const TELLING: Duration = Duration::from_secs(3);

/// Empties the caches of what changed.
fn empty(caches: &Caches, change: &Change) {
    let realm = change.realm.as_str().into();
    match change.kind {
        Kind::Whole => caches.drop_all(&realm),
        Kind::Realm => caches.drop_realm(&realm),
        Kind::Client => caches.drop_client(&realm, &change.entity.as_str().into()),
        Kind::User => caches.drop_user(&realm, &change.entity.as_str().into()),
    }
}

/// What happens after each COMMIT. It goes on to its end even if nobody waits any more.
pub(crate) fn after_commit(
    caches: Arc<Caches>,
    log: Log,
) -> impl Fn(Db, Vec<Change>) -> AfterCommit + Send + Sync + 'static {
    move |store, committed| {
        for change in &committed {
            empty(&caches, change);
        }
        let telling = tokio::spawn(told(store, log.clone(), committed));
        Box::pin(async move {
            // Who gives up waiting has committed all the same; the row stands until somebody told it.
            let _ = tokio::time::timeout(TELLING, telling).await;
        })
    }
}

async fn told(store: Db, log: Log, committed: Vec<Change>) {
    match log.tell(&committed).await {
        Ok(()) => {
            // Nobody needs to wait for this.
            tokio::spawn(async move { forget(&store, &committed).await });
            log.applied_everywhere().await;
        }
        Err(error) => tracing::warn!(%error, "a change was not told to the log yet"),
    }
}

async fn forget(store: &Db, told: &[Change]) {
    if let Err(error) = changes::delete(store, told).await {
        tracing::debug!(%error, "rows of changes were not deleted; they will be told again");
    }
}

/// Looks for changes that nobody told, until the store is closed. An outage of the database is logged once and
/// otherwise waited out.
pub async fn follow(core: Core) {
    let mut left = LeftBehind::new(STAY);
    let mut is_away = false;
    let mut interval = interval(EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !core.store.is_closed() {
        interval.tick().await;
        match left.look(&core).await {
            Ok(()) => is_away = false,
            Err(error) if !is_away && !core.store.is_closed() => {
                is_away = true;
                tracing::warn!(%error, "changes that were left behind cannot be told");
            }
            Err(_) => {}
        }
    }
}

/// Rows that stand, by id.
#[derive(Debug)]
struct LeftBehind {
    seen: HashMap<String, Seen>,
    round: u64,
    stay: Duration,
}

/// What this node knows of a row. When it came is measured here, because clocks of nodes differ.
#[derive(Debug)]
struct Seen {
    first: Instant,
    round: u64,
    is_told: bool,
}

impl LeftBehind {
    fn new(stay: Duration) -> Self {
        Self { seen: HashMap::new(), round: 0, stay }
    }

    /// Tells the changes that were left behind, once each, and takes away rows that have stood long enough.
    async fn look(&mut self, core: &Core) -> Result<(), crate::Error> {
        self.round += 1;
        let mut place = Some(Place::default());
        while let Some(after) = place {
            let (standing, end) = changes::list(&core.store, &after, PAGE).await?;
            self.tell(&core.log, &standing).await?;
            if core.duty.is_held() {
                self.delete_old(&core.store, &standing).await?;
            }
            place = end;
        }
        let round = self.round;
        self.seen.retain(|_, seen| seen.round == round);
        Ok(())
    }

    async fn tell(&mut self, log: &Log, standing: &[Standing]) -> Result<(), crate::Error> {
        let due: Vec<Change> = standing
            .iter()
            .filter(|row| self.is_due(row))
            .map(|row| row.change.clone())
            .filter(|change| !log.knows(change))
            .collect();
        if !due.is_empty() {
            log.tell(&due).await?;
            metrics::counter!("keyraft_changes_left_behind_total").increment(due.len() as u64);
        }
        for row in standing {
            if let Some(seen) = self.seen.get_mut(&row.change.id) {
                seen.is_told |= log.knows(&row.change);
            }
        }
        for change in &due {
            self.told(change);
        }
        Ok(())
    }

    /// Notes that a row stands; whether its change is to be told.
    fn is_due(&mut self, row: &Standing) -> bool {
        let round = self.round;
        let new = || Seen { first: Instant::now(), round, is_told: false };
        let seen = self.seen.entry(row.change.id.clone()).or_insert_with(new);
        let stood = seen.round < round;
        seen.round = round;
        !seen.is_told && (stood || row.age >= PATIENCE)
    }

    fn told(&mut self, change: &Change) {
        if let Some(seen) = self.seen.get_mut(&change.id) {
            seen.is_told = true;
        }
    }

    async fn delete_old(&self, store: &Db, standing: &[Standing]) -> Result<(), keyraft_store::Error> {
        let is_old = |row: &&Standing| {
            let seen = self.seen.get(&row.change.id);
            seen.is_some_and(|seen| seen.is_told && seen.first.elapsed() >= self.stay)
        };
        let old: Vec<Change> = standing.iter().filter(is_old).map(|row| row.change.clone()).collect();
        changes::delete(store, &old).await
    }
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::Cluster;
    use keyraft_crypto::{password::Hasher, seal::MasterKeys};
    use keyraft_model::Realm;
    use keyraft_store::{Settings, realms};

    use super::*;
    use crate::{outbound::Outbound, seal};

    async fn standing(store: &Db) -> usize {
        changes::list(store, &Place::default(), PAGE).await.expect("reads").0.len()
    }

    #[tokio::test]
    async fn what_was_left_behind_is_told_once_and_its_row_stays_for_who_asks_after_his_commit() {
        let folder = std::env::temp_dir().join(format!("keyraft-changes-{}", keyraft_crypto::random::uuid()));
        let settings = Settings::new(format!("sqlite:{}", folder.join("k.db").display()));
        let masters = MasterKeys::parse(["a passphrase of more than 32 characters"]).expect("is long enough");
        let (store, keys) = seal::open_store(&settings, &masters, "here").await.expect("opens");
        let (other, _) = seal::open_store(&settings, &masters, "there").await.expect("opens");
        let cluster =
            Cluster::open(keyraft_cluster::Settings::new(folder.join("cluster"))).await.expect("opens");
        let hasher = Hasher::with_threads(1).expect("starts");
        let core = Core::new(store, cluster, hasher, keys, Outbound::new(true).expect("is made"));
        let realm = Realm { id: "r".into(), realm: "demo".into(), ..Realm::default() };
        other.write(async |tx| realms::insert(&tx, &realm).await).await.expect("inserts");
        core.duty.set(Some(Instant::now() + Duration::from_mins(1)));

        let mut left = LeftBehind::new(STAY);
        for _ in 0..4 {
            left.look(&core).await.expect("tells");
        }
        assert_eq!((core.cluster.changes_seq(), standing(&other).await), (1, 1));

        // Another node finds it told, and the row goes in the end.
        let mut left = LeftBehind::new(Duration::ZERO);
        for _ in 0..2 {
            left.look(&core).await.expect("deletes");
        }
        assert_eq!((core.cluster.changes_seq(), standing(&other).await), (1, 0));
        std::fs::remove_dir_all(folder).expect("is removed");
    }
}
