//! Jobs in the background: one node does them, and another when that one is gone.

mod support;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use keyraft_core::{Core, jobs, jobs::Job, outbound::Outbound, seal};
use keyraft_crypto::password::Hasher;
use support::{Folder, Place, cluster, masters, store, within};

static HERE: AtomicU32 = AtomicU32::new(0);
static THERE: AtomicU32 = AtomicU32::new(0);

fn count(counter: &'static AtomicU32) -> u32 {
    counter.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_does_the_jobs_and_another_takes_over_when_it_is_gone() {
    let folder = Folder::new();
    let place = Place::File(folder.join("k.db"));
    let shared = cluster(&folder.join("cluster"), &store(&place).await).await;
    let open = async || {
        let (store, keys) = seal::open_store(&place.settings(), &masters(), "node").await.expect("opens");
        let hasher = Hasher::with_threads(1).expect("starts");
        Core::new(store, shared.clone(), hasher, keys, Outbound::new(true).expect("is made"))
    };
    let (here, there) = (open().await, open().await);
    let every = Duration::from_millis(20);
    let at_here = Job {
        hurries: false,
        name: "here",
        every,
        round: |_| {
            HERE.fetch_add(1, Ordering::SeqCst);
            // A round that panics is not the last.
            Box::pin(async { panic!("as bad as it gets") })
        },
    };
    let at_there = Job {
        hurries: false,
        name: "there",
        every,
        round: |_| {
            THERE.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        },
    };

    let first = tokio::spawn(jobs::run(here.clone(), vec![at_here]));
    within(Duration::from_secs(5), "the first node works", async || count(&HERE) > 5).await;
    let second = tokio::spawn(jobs::run(there.clone(), vec![at_there]));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(count(&THERE), 0, "while the first prolongs its lease");

    // Its lease runs out, for nobody prolongs it.
    first.abort();
    within(Duration::from_secs(12), "the second node works", async || count(&THERE) > 5).await;
    let done = count(&HERE);
    within(Duration::from_secs(5), "goes on", async || count(&THERE) > 50).await;
    assert_eq!(count(&HERE), done, "the first has stopped by itself");

    jobs::give_back(&there).await;
    second.abort();
    let third = open().await;
    let again = Job {
        hurries: false,
        name: "again",
        every,
        round: |_| {
            HERE.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        },
    };
    let after = tokio::spawn(jobs::run(third, vec![again]));
    within(Duration::from_secs(3), "a lease given back is free at once", async || count(&HERE) > done).await;
    after.abort();
    shared.shutdown().await.expect("stops");
}
