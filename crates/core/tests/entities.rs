//! Entities on every node: a change is seen everywhere at once, and what was read serves while the database is away.

mod support;

use std::time::Duration;

use keyraft_cluster::Cluster;
use keyraft_core::{Core, Error};
use keyraft_store::{Db, changes, clients, realms, users};
use support::{Folder, Place, cluster, fill, node, stop, store, within};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_changes_the_other_has_when_the_writer_is_answered() {
    let folder = Folder::new();
    for place in Place::each(&folder) {
        let Two { here, there, .. } = Two::nodes(&place, &folder).await;
        for round in 0..20 {
            let (realm, known) = (here.realm("lab").await, there.realm("lab").await);
            let (realm, known) = (realm.expect("reads").expect("is"), known.expect("reads").expect("is"));
            let client = there.client(&known, "shop").await.expect("reads").expect("is");
            let user = there.user(&known, &"alice".into()).await.expect("reads").expect("is");
            assert_eq!(client.client.name.clone().unwrap_or_default(), name(round));
            assert_eq!(user.user.first_name.clone().unwrap_or_default(), name(round));

            let mut shop = client.client.clone();
            shop.name = Some(name(round + 1));
            let id = &realm.realm.id;
            here.store
                .write(async |tx| clients::update(&tx, id, &shop, client.ver).await)
                .await
                .expect("updates");
            let alice = "alice".into();
            here.change_user(&realm, &alice, |user| user.first_name = Some(name(round + 1)))
                .await
                .expect("changes");

            let fresh = there.client(&known, "shop").await.expect("reads").expect("is");
            let user = there.user(&known, &alice).await.expect("reads").expect("is");
            assert_eq!(fresh.client.name, Some(name(round + 1)), "{}", place.name());
            assert_eq!(user.user.first_name, Some(name(round + 1)), "{}", place.name());
        }
        there.store.close().await;
        stop(here).await;
    }
}

/// Two nodes over one log and one database.
struct Two {
    /// The database as a command beside the server has it.
    beside: Db,
    shared: Cluster,
    here: Core,
    there: Core,
}

impl Two {
    async fn nodes(place: &Place, folder: &Folder) -> Self {
        let beside = store(place).await;
        fill(&beside).await;
        let shared = cluster(&folder.join(place.name()), &beside).await;
        let here = node(place, &folder.join("here"), Some(shared.clone())).await;
        let there = node(place, &folder.join("there"), Some(shared.clone())).await;
        Self { beside, shared, here, there }
    }
}

fn name(round: u32) -> String {
    if round == 0 { String::new() } else { round.to_string() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_node_died_before_telling_is_everywhere_within_two_seconds() {
    let folder = Folder::new();
    for place in Place::each(&folder) {
        // It commits and tells nobody: a node that was killed in between, or a command that runs beside the server.
        let Two { beside, shared, here, there } = Two::nodes(&place, &folder).await;
        let realm = here.realm("lab").await.expect("reads").expect("is");
        there.realm("lab").await.expect("reads").expect("is");

        let mut renamed = (*realm.realm).clone();
        renamed.display_name = Some("Lab".into());
        let ver = realms::find(&beside, &realm.realm.id).await.expect("reads").expect("is").ver;
        beside.write(async |tx| realms::update(&tx, &renamed, ver).await).await.expect("updates");

        for core in [&here, &there] {
            within(Duration::from_secs(2), "the new name", async || {
                let view = core.realm("lab").await.expect("reads").expect("is");
                view.realm.display_name.is_some()
            })
            .await;
        }
        let is_told =
            async || shared.change_of("realm", &realm.realm.id, "lab").is_some_and(|told| told.ver > ver);
        within(Duration::from_secs(2), "the change is told", is_told).await;
        // Both nodes may have been at it; by then neither is.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let told = shared.changes_seq();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(shared.changes_seq(), told, "what was told is not told again");
        let (left, _) = changes::list(&beside, &changes::Place::default(), 10).await.expect("reads");
        assert!(!left.is_empty(), "the row tells a node that lost the answer to its COMMIT");
        there.store.close().await;
        stop(here).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_serves_while_the_database_is_away_and_after_a_restart() {
    let folder = Folder::new();
    let Some(place) = Place::server(&folder) else { return };
    let Place::Server(server) = &place else { return };
    fill(&store(&place).await).await;
    let core = node(&place, &folder.join("node"), None).await;
    let realm = core.realm("lab").await.expect("reads").expect("is");
    core.client(&realm, "shop").await.expect("reads").expect("is");
    core.find_user(&realm, "alice").await.expect("reads").expect("is");
    let files = async || count_files(&folder.join("node").join("copies")) >= 5;
    within(Duration::from_secs(5), "the copies are written", files).await;

    server.stop();
    core.caches.drop_all(&realm.realm.id);
    let realm = core.realm("lab").await.expect("is copied").expect("is");
    assert!(core.client(&realm, "shop").await.expect("is copied").is_some());
    assert!(core.find_user(&realm, "alice").await.is_err(), "who alice is was in memory alone");
    assert!(core.user(&realm, &"alice".into()).await.expect("is copied").is_some());
    let began = std::time::Instant::now();
    let stranger = core.client(&realm, "nobody").await;
    assert!(matches!(stranger, Err(Error::Unavailable(_))), "cannot tell is never no");
    assert!(began.elapsed() < Duration::from_secs(2));
    stop(core).await;

    let core = node(&place, &folder.join("node"), None).await;
    let realm = core.realm("lab").await.expect("is copied").expect("is");
    assert!(core.client(&realm, "shop").await.expect("is copied").is_some());
    assert!(core.user(&realm, &"alice".into()).await.expect("is copied").is_some());
    assert!(matches!(core.realm("other").await, Err(Error::Unavailable(_))));

    server.resume();
    let alice = "alice".into();
    let writes = async || {
        core.change_user(&realm, &alice, |user| user.first_name = Some("Alice".into())).await.is_ok()
    };
    within(Duration::from_secs(10), "a write goes through", writes).await;
    let found = users::find(&core.store, &realm.realm.id, &alice).await.expect("reads").expect("is");
    assert_eq!(found.value.first_name.as_deref(), Some("Alice"));
    let user = core.user(&realm, &alice).await.expect("reads").expect("is");
    assert_eq!(user.user.first_name.as_deref(), Some("Alice"));
    stop(core).await;
}

fn count_files(folder: &std::path::Path) -> usize {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    folders.map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().count()).sum()
}
