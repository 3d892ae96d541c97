//! Hears what other nodes and offline commands changed in the database, and empties this node's caches of it.
//!
//! A node's own commits empty its caches at once. Those of others are read from the `change` rows once a second,
//! so that a cache is right within two. Rows are looked for in a window much longer than that, because the clocks
//! of nodes differ; each is acted on once.

use std::{collections::HashSet, time::Duration};

use keyraft_store::{Change, changes, changes::Kind};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Core, cache::Caches};

const EVERY: Duration = Duration::from_secs(1);
/// Clocks of nodes may differ by this much.
const WINDOW_MS: i64 = 60_000;
/// Rows stay for longer than any node looks back.
const STAY_MS: i64 = 5 * WINDOW_MS;
const _: () = assert!(STAY_MS >= changes::STAY_MS, "they also tell what became of a lost COMMIT");
const FORGET_EVERY_TICKS: u64 = 60;
/// More changes than this in one window empty everything: that is quicker than reading them all.
const MOST: i64 = 10_000;

/// Empties the caches of what changed.
pub(crate) fn empty(caches: &Caches, change: &Change) {
    let realm = change.realm.as_str().into();
    match change.kind {
        Kind::Whole => caches.drop_all(&realm),
        Kind::Realm => caches.drop_realm(&realm),
        Kind::Client => caches.drop_client(&realm, &change.entity.as_str().into()),
        Kind::User => caches.drop_user(&realm, &change.entity.as_str().into()),
    }
}

/// Follows the changes of others until the store is closed. An outage of the database is logged once and
/// otherwise waited out.
pub async fn follow(core: Core) {
    let mut seen = HashSet::new();
    let mut is_away = false;
    let mut ticks: u64 = 0;
    let mut interval = interval(EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !core.store.is_closed() {
        interval.tick().await;
        ticks += 1;
        match look(&core, &mut seen).await {
            Ok(()) => is_away = false,
            Err(error) if !is_away && !core.store.is_closed() => {
                is_away = true;
                tracing::warn!(%error, "changes of other nodes cannot be read");
            }
            Err(_) => {}
        }
        if ticks.is_multiple_of(FORGET_EVERY_TICKS)
            && let Err(error) = changes::forget(&core.store, STAY_MS).await
        {
            tracing::debug!(%error, "old changes were not deleted");
        }
    }
}

/// Acts on changes that are not in `seen`, which becomes what stands in the window now.
async fn look(core: &Core, seen: &mut HashSet<String>) -> Result<(), keyraft_store::Error> {
    let found = changes::list_recent(&core.store, WINDOW_MS, MOST).await?;
    if found.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
        let realms: HashSet<_> = found.iter().map(|change| &change.realm).collect();
        for realm in realms {
            core.caches.drop_all(&realm.as_str().into());
        }
        // The rest of the window was not read: look at all of it again.
        seen.clear();
        return Ok(());
    }
    for change in found.iter().filter(|change| !seen.contains(&change.id)) {
        empty(&core.caches, change);
    }
    *seen = found.into_iter().map(|change| change.id).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::Cluster;
    use keyraft_crypto::{password::Hasher, seal::MasterKeys};
    use keyraft_model::Realm;
    use keyraft_store::{Settings, realms};

    use super::*;
    use crate::{outbound::Outbound, seal};

    #[tokio::test]
    async fn what_another_node_changed_is_read_anew() {
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
        let cached = core.realm("demo").await.expect("reads").expect("is there");
        let renamed = Realm { display_name: Some("Demo".into()), ..realm };
        other.write(async |tx| realms::update(&tx, &renamed, cached.ver).await).await.expect("updates");
        let stale = core.realm("demo").await.expect("reads").expect("is there");

        let mut seen = HashSet::new();
        look(&core, &mut seen).await.expect("reads");

        let fresh = core.realm("demo").await.expect("reads").expect("is there");
        assert_eq!(
            (stale.realm.display_name.as_deref(), fresh.realm.display_name.as_deref()),
            (None, Some("Demo"))
        );
        assert_eq!(seen.len(), 2);
        std::fs::remove_dir_all(folder).expect("is removed");
    }
}
