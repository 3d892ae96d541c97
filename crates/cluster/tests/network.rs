//! Three nodes over TLS: what one is told all know, and one may go.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::time::{Duration, Instant};

use common::{
    CODE, alice,
    group::{Nodes, persist},
    redeem, sign_in, start,
};
use keyraft_cluster::{
    Error, Timing,
    command::{Command, OnceKey, OnceKind, Outcome, Redemption},
    session::Kind,
};
use keyraft_model::DurationMs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_is_told_every_node_knows() {
    let nodes = Nodes::start(3).await;
    nodes.leader().await;

    for teller in 1..=3 {
        let session = sign_in(nodes.node(teller), &alice(), None).await;
        for reader in 1..=3 {
            let view = nodes.node(reader).view().await.unwrap();
            assert!(view.session(&session.sid, Kind::Online).is_some(), "told at {teller}, read at {reader}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_dies_and_a_code_is_still_redeemed_once() {
    let mut nodes = Nodes::start(3).await;
    let leader = nodes.leader().await;
    let session = sign_in(nodes.node(leader), &alice(), Some(CODE)).await;

    nodes.kill(leader);
    let others = nodes.running();
    let first = persist(nodes.node(others[0]), redeem(&session.sid, CODE)).await;
    let second = persist(nodes.node(others[1]), redeem(&session.sid, CODE)).await;

    assert!(
        matches!(&first, Outcome::Redeemed(one) if matches!(**one, Redemption::Redeemed { .. })),
        "{first:?}"
    );
    assert!(
        matches!(&second, Outcome::Redeemed(one) if matches!(**one, Redemption::Reused { .. })),
        "{second:?}"
    );

    nodes.resume(leader).await;
    let view = loop {
        match nodes.node(leader).view().await {
            Ok(view) => break view,
            Err(Error::NoQuorum) => {}
            Err(error) => panic!("{error:?}"),
        }
    };
    let session = view.session(&session.sid, Kind::Online);
    assert!(session.is_none_or(|session| session.clients.is_empty()), "reuse ended the client session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_answered_and_nothing_is_believed() {
    let mut nodes = Nodes::start(3).await;
    nodes.leader().await;
    sign_in(nodes.node(1), &alice(), None).await;
    nodes.until("all are informed", |nodes| (1..=3).all(|id| nodes.node(id).is_informed())).await;

    nodes.kill(2);
    nodes.kill(3);
    nodes.until("the one that is left says so", |nodes| !nodes.node(1).is_informed()).await;
    let begun = Instant::now();
    let write = nodes.node(1).write(Command::StartSession(start(&alice(), None))).await;
    let read = nodes.node(1).view().await;

    assert!(matches!(write, Err(Error::NoQuorum)), "{write:?}");
    assert!(matches!(read, Err(Error::NoQuorum)), "{read:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    nodes.resume(2).await;
    nodes.leader().await;
    let outcome = persist(nodes.node(1), Command::StartSession(start(&alice(), None))).await;
    assert!(matches!(outcome, Outcome::Started { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_in_order_hands_over_and_nobody_waits() {
    let mut nodes = Nodes::start_with(3, |settings| {
        // So slow that only a transfer can explain what is seen.
        settings.timing = Timing {
            heartbeat: Duration::from_millis(300),
            election_min: Duration::from_secs(4),
            election_max: Duration::from_secs(6),
            ..Timing::default()
        };
    })
    .await;
    let leader = nodes.leader().await;
    sign_in(nodes.node(leader), &alice(), None).await;

    let begun = Instant::now();
    nodes.stop(leader).await;
    let successor = nodes.leader().await;
    let outcome = persist(nodes.node(successor), Command::StartSession(start(&alice(), None))).await;

    assert!(matches!(outcome, Outcome::Started { .. }));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_for_long_gets_a_snapshot() {
    let mut nodes = Nodes::start_with(3, |settings| {
        settings.snapshot_after_bytes = 8 << 10;
        settings.kept_entries = 10;
    })
    .await;
    let leader = nodes.leader().await;
    let away = if leader == 3 { 2 } else { 3 };
    nodes.stop(away).await;
    let applied = nodes.node(leader).metrics().applied;
    let mut last = None;
    for _ in 0..200 {
        last = Some(sign_in(nodes.node(leader), &alice(), None).await);
    }
    // With no more than ten entries kept behind it, what the other needs next is in no log.
    let is_beyond = |nodes: &Nodes| nodes.node(leader).metrics().snapshot > applied + 100;
    nodes.until("a snapshot is there", is_beyond).await;

    nodes.resume(away).await;
    let view = loop {
        match nodes.node(away).view().await {
            Ok(view) => break view,
            Err(Error::NoQuorum) => {}
            Err(error) => panic!("{error:?}"),
        }
    };

    assert!(view.session(&last.unwrap().sid, Kind::Online).is_some());
    assert!(nodes.node(away).metrics().snapshot > applied + 100, "it came as a snapshot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_replaced_node_by_node_and_nobody_is_signed_out() {
    let (old, new) = ([1; 32], [2; 32]);
    let mut nodes = Nodes::start(3).await;
    nodes.leader().await;
    let session = sign_in(nodes.node(1), &alice(), None).await;

    // First all trust both, then all sign with the new one, then the old one goes.
    for seeds in [&[[7; 32], old][..], &[old, [7; 32]], &[old, new], &[new, old], &[new]] {
        nodes.set_seeds(seeds);
        for id in 1..=3 {
            nodes.stop(id).await;
            nodes.resume(id).await;
            nodes.leader().await;
            persist(nodes.node(id), Command::StartSession(start(&alice(), None))).await;
        }
    }

    let view = nodes.node(2).view().await.unwrap();
    assert!(view.session(&session.sid, Kind::Online).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_may_be_taken_once_is_taken_once_by_all_nodes_together() {
    let nodes = Nodes::start(3).await;
    nodes.leader().await;

    let tasks: Vec<_> = (0..24_u64)
        .map(|number| {
            let cluster = nodes.node(number % 3 + 1).clone();
            let key =
                OnceKey { kind: OnceKind::OtpStep, realm: common::lab(), owner: "alice".into(), id: [3; 32] };
            let command = Command::TakeOnce { key, lifespan: DurationMs(60_000) };
            tokio::spawn(async move { persist(&cluster, command).await })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += usize::from(matches!(task.await.unwrap(), Outcome::Taken(true)));
    }

    assert_eq!(taken, 1);
}
