//! Many at once: what may happen once happens once, and limits hold.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::future::Future;

use common::{CODE, Folder, alice, at_shop, five_attempts, lab, redeem, shop, sign_in, start};
use keyraft_cluster::{
    Cluster, Error,
    command::{
        AttachClient, Attempt, AttemptOutcome, Command, FenceScope, Lockout, Outcome, Redemption,
        RotateRefresh, Rotation,
    },
    session::{Kind, Notes},
};
use keyraft_model::{DurationMs, UserId};

/// Runs so many of a thing at once and returns what each came to.
async fn at_once<T, F>(count: u64, thing: impl Fn(u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(thing(number))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_redemptions_of_one_code_one_succeeds() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let session = sign_in(&cluster, &alice(), Some(CODE)).await;

    let outcomes = at_once(64, |_| {
        let (cluster, sid) = (cluster.clone(), session.sid.clone());
        async move { cluster.write(redeem(&sid, CODE)).await.unwrap() }
    })
    .await;

    let redeemed = |outcome: &Outcome| match outcome {
        Outcome::Redeemed(redemption) => matches!(**redemption, Redemption::Redeemed { .. }),
        other => panic!("{other:?}"),
    };
    assert_eq!(outcomes.iter().filter(|outcome| redeemed(outcome)).count(), 1);
    let view = cluster.view().await.unwrap();
    assert!(
        view.session(&session.sid, Kind::Online).unwrap().clients.is_empty(),
        "its reuse ended what it made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_of_one_refresh_token_one_succeeds() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let session = sign_in(&cluster, &alice(), None).await;

    let outcomes = at_once(64, |number| {
        let (cluster, sid) = (cluster.clone(), session.sid.clone());
        let rotate = RotateRefresh {
            sid,
            kind: Kind::Online,
            client: shop(),
            reuse_id: Some("chain".into()),
            presented: "first".into(),
            next: format!("next-{number}"),
            new_reuse_id: String::new(),
            max_reuse: 0,
            lifespan: DurationMs(60_000),
        };
        async move { cluster.write(Command::RotateRefresh(rotate)).await.unwrap() }
    })
    .await;

    let rotated = |outcome: &&Outcome| matches!(outcome, Outcome::Rotated(Rotation::Rotated { .. }));
    assert_eq!(outcomes.iter().filter(rotated).count(), 1);
}

async fn reserve(cluster: &Cluster, attempt: u64) -> Attempt {
    let command = Command::ReserveAttempt { realm: lab(), user: alice(), attempt, policy: five_attempts() };
    match cluster.write(command).await.unwrap() {
        Outcome::Attempt(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

async fn settle(cluster: &Cluster, attempt: u64, outcome: AttemptOutcome) -> Lockout {
    let command = Command::SettleAttempt {
        realm: lab(),
        user: alice(),
        attempt,
        outcome,
        policy: five_attempts(),
        ip_address: "192.0.2.1".into(),
    };
    match cluster.write(command).await.unwrap() {
        Outcome::Settled(lockout) => lockout,
        other => panic!("{other:?}"),
    }
}

/// Asks until there is a decision, as whoever verifies a password does; says whether it was looked at.
async fn attempt(cluster: Cluster, number: u64, outcome: AttemptOutcome) -> bool {
    loop {
        match reserve(&cluster, number).await {
            Attempt::Reserved => {
                settle(&cluster, number, outcome).await;
                return true;
            }
            Attempt::Locked { .. } => return false,
            Attempt::Wait => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_wrong_passwords_at_a_limit_of_five_five_are_looked_at() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let wrong = AttemptOutcome::Failure { secondary: false };

    let looked_at = at_once(200, |number| attempt(cluster.clone(), number, wrong)).await;

    assert_eq!(looked_at.into_iter().filter(|looked_at| *looked_at).count(), 5);
    assert_eq!(cluster.view().await.unwrap().failures(&lab(), &alice()).unwrap().failures, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_right_passwords_at_once_all_succeed() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let right = AttemptOutcome::Success { clears: true };

    let looked_at = at_once(50, |number| attempt(cluster.clone(), number, right)).await;

    assert!(looked_at.into_iter().all(|looked_at| looked_at));
    assert_eq!(cluster.view().await.unwrap().failures(&lab(), &alice()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_succeeds_after_a_logout_was_answered() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let session = sign_in(&cluster, &alice(), None).await;
    let uses = at_once(8, |_| {
        let (cluster, sid) = (cluster.clone(), session.sid.clone());
        async move {
            let is_alive = async || cluster.view().await.unwrap().session(&sid, Kind::Online).is_some();
            while is_alive().await {
                tokio::task::yield_now().await;
            }
            let attach = AttachClient {
                sid: sid.clone(),
                realm: lab(),
                user: alice(),
                client: at_shop(),
                code: None,
                login: None,
                notes: Notes::new(),
            };
            cluster.write(Command::AttachClient(attach)).await.unwrap()
        }
    });
    let end = async {
        cluster.write(Command::EndSession { sid: session.sid.clone(), kind: Kind::Online }).await.unwrap();
        cluster.view().await.unwrap().session(&session.sid, Kind::Online)
    };

    let (late, seen) = tokio::join!(uses, end);

    assert_eq!(seen, None);
    assert!(late.into_iter().all(|outcome| outcome == Outcome::NoSession));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_counts_agree_and_pages_do_not_overlap() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    for number in 0..30 {
        sign_in(&cluster, &UserId::from(format!("user-{}", number % 10)), None).await;
    }
    let view = cluster.view().await.unwrap();
    let page = |first| view.page_of_client(&lab(), &shop(), Kind::Online, (first, 12));

    let mut paged: Vec<_> =
        [page(0), page(12), page(24)].concat().iter().map(|session| session.sid.clone()).collect();
    paged.sort();
    paged.dedup();

    assert_eq!(paged.len(), 30);
    assert_eq!(view.count_of_client(&lab(), &shop(), Kind::Online), 30);
    assert_eq!(view.count_of_realm(&lab(), Kind::Online), 30);
    assert_eq!(view.count_of_user(&lab(), &"user-3".into(), Kind::Online), 3);
    assert_eq!(view.client_session_stats(&lab()), [(shop(), 30, 0)]);
    assert_eq!(view.sessions_of_realm(&lab(), Kind::Online).len(), 30);

    let everyone = FenceScope::Realm(lab());
    cluster.write(Command::EndBefore { scope: everyone, kinds: vec![Kind::Online] }).await.unwrap();

    let view = cluster.view().await.unwrap();
    assert_eq!(view.count_of_client(&lab(), &shop(), Kind::Online), 0);
    assert_eq!(view.count_of_realm(&lab(), Kind::Online), 0);
    assert_eq!(view.client_session_stats(&lab()), []);
    assert!(view.sessions_of_user(&lab(), &"user-3".into(), Kind::Online).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_caller_may_propose_is_refused_before_the_log() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let before = cluster.metrics().last_log;
    let mut wrong = [start(&alice(), None), start(&alice(), None), start(&"bob".into(), None)];
    wrong[0].sid = "none".into();
    wrong[1].notes.insert("note".into(), "x".repeat(70_000));
    wrong[2].user = alice();

    for start in wrong {
        let refused = cluster.write(Command::StartSession(start)).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }

    assert_eq!(cluster.metrics().last_log, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_writes_nothing() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    // What was written before may still be on its way into the state: only what is written counts.
    let written = |cluster: &Cluster| (cluster.metrics().last_log, cluster.metrics().entries);
    let before = written(&cluster);

    at_once(64, |_| {
        let cluster = cluster.clone();
        async move {
            for _ in 0..1_000 {
                assert!(
                    cluster.view().await.unwrap().session("AAAAAAAAAAAAAAAAAAAAAAAA", Kind::Online).is_none()
                );
            }
        }
    })
    .await;

    assert_eq!(written(&cluster), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_shutdown_nothing_is_answered() {
    let folder = Folder::new();
    let cluster = folder.open().await;

    cluster.shutdown().await.unwrap();

    assert!(cluster.view().await.is_err());
    assert!(cluster.write(Command::StartSession(start(&alice(), None))).await.is_err());
}
