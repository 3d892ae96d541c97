//! What survives a process that is killed, and what does not pass for whole.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
};

use common::{CODE, Folder, HOUR, alice, five_attempts, lab, redeem, sign_in};
use keyraft_cluster::{
    Cluster, Error, Settings,
    command::{
        Attempt, AttemptOutcome, Command, FenceScope, Lockout, OnceKey, OnceKind, Outcome, Redemption,
    },
    session::Kind,
};
use keyraft_model::UserId;

/// Writes until it is killed: the process that the tests below start. Each line it prints was answered first.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the tests of this file as a process of its own"]
async fn child() {
    let Ok(dir) = std::env::var("KEYRAFT_TEST_DIR") else { return };
    let cluster =
        Cluster::open(Settings { snapshot_after_bytes: 200_000, ..Settings::new(dir) }).await.unwrap();
    let session = sign_in(&cluster, &alice(), Some(CODE)).await;
    let redeemed = cluster.write(redeem(&session.sid, CODE)).await.unwrap();
    assert!(matches!(redeemed, Outcome::Redeemed(r) if matches!(*r, Redemption::Redeemed { .. })));
    fail(&cluster, 1).await;
    fail(&cluster, 2).await;
    cluster.write(take()).await.unwrap();
    let revoke = Command::Revoke { realm: lab(), jti: "token".into(), lifespan: HOUR };
    cluster.write(revoke).await.unwrap();
    sign_in(&cluster, &"bob".into(), None).await;
    let bobs = FenceScope::User(lab(), "bob".into());
    cluster.write(Command::EndBefore { scope: bobs, kinds: vec![Kind::Online] }).await.unwrap();
    say(&session.sid);
    while cluster.metrics().snapshot == 0 {
        sign_in(&cluster, &"carol".into(), None).await;
    }
    for number in 0.. {
        let user = UserId::from(format!("user-{number}"));
        say(&sign_in(&cluster, &user, None).await.sid);
    }
}

fn say(sid: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "sid {sid}").unwrap();
    out.flush().unwrap();
}

async fn fail(cluster: &Cluster, attempt: u64) {
    let (realm, user, policy) = (lab(), alice(), five_attempts());
    let reserve = Command::ReserveAttempt { realm: realm.clone(), user: user.clone(), attempt, policy };
    assert_eq!(cluster.write(reserve).await.unwrap(), Outcome::Attempt(Attempt::Reserved));
    let settle = Command::SettleAttempt {
        realm,
        user,
        attempt,
        outcome: AttemptOutcome::Failure { secondary: false },
        policy,
        ip_address: "192.0.2.1".into(),
    };
    assert_eq!(cluster.write(settle).await.unwrap(), Outcome::Settled(Lockout::None));
}

fn take() -> Command {
    let key = OnceKey { kind: OnceKind::OtpStep, realm: lab(), owner: "alice".into(), id: [3; 32] };
    Command::TakeOnce { key, lifespan: HOUR }
}

/// Starts the child in a folder, lets it answer `lines` sign-ins, and kills it as it goes on writing.
fn killed_after(dir: &Path, lines: usize) -> Vec<String> {
    let mut child: Child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env("KEYRAFT_TEST_DIR", dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = out
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("sid ").map(|(_, sid)| sid.to_owned()))
        .take(lines)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_signed_in_is_signed_in_after_a_kill() {
    let folder = Folder::new();
    let sids = killed_after(folder.path(), 40);

    let cluster = folder.open().await;

    let view = cluster.view().await.unwrap();
    assert_eq!(sids.len(), 40);
    assert!(sids.iter().all(|sid| view.session(sid, Kind::Online).is_some()));
    assert!(view.count_of_client(&lab(), &common::shop(), Kind::Online) >= 40);
    assert_eq!(view.sessions_of_user(&lab(), &"bob".into(), Kind::Online).len(), 0, "a fence stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_counters_and_markers_survive_a_kill_and_a_snapshot() {
    let folder = Folder::new();
    let sids = killed_after(folder.path(), 40);

    let cluster = folder.open().await;

    assert!(cluster.metrics().snapshot > 0, "{:?}", cluster.metrics());
    let view = cluster.view().await.unwrap();
    assert!(sids.iter().all(|sid| view.session(sid, Kind::Online).is_some()));
    assert_eq!(view.failures(&lab(), &alice()).unwrap().failures, 2);
    assert!(view.is_revoked(&lab(), "token"));
    assert_eq!(cluster.write(take()).await.unwrap(), Outcome::Taken(false));
    let again = cluster.write(redeem(&sids[0], CODE)).await.unwrap();
    assert!(matches!(again, Outcome::Redeemed(r) if matches!(*r, Redemption::Reused { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_folder_serves_one_process() {
    let folder = Folder::new();
    let first = folder.open().await;

    let second = Cluster::open(Settings::new(folder.path())).await;

    assert!(matches!(second, Err(Error::Storage(_))), "{second:?}");
    first.shutdown().await.unwrap();
    folder.open().await;
}

/// Writes until there is a snapshot, and stops.
async fn saved(folder: &Folder) {
    let settings = Settings { snapshot_after_bytes: 10_000, ..Settings::new(folder.path()) };
    let cluster = Cluster::open(settings).await.unwrap();
    while cluster.metrics().snapshot == 0 {
        sign_in(&cluster, &alice(), None).await;
    }
    cluster.shutdown().await.unwrap();
}

/// The newest file of the log.
fn last_log_file(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "wal")).max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_cut_and_nothing_else() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    let kept = sign_in(&cluster, &alice(), None).await;
    cluster.shutdown().await.unwrap();
    let cluster = folder.open().await;
    let path = last_log_file(folder.path());
    let before = fs::metadata(&path).unwrap().len();
    let torn = sign_in(&cluster, &alice(), None).await;
    cluster.shutdown().await.unwrap();
    let whole = fs::read(&path).unwrap();

    for length in (before..whole.len() as u64).step_by(37) {
        // What a start behind a cut adds is a file of its own; it goes before the next cut.
        fs::remove_dir_all(folder.path().join("log")).unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();

        let cluster = folder.open().await;

        let view = cluster.view().await.unwrap();
        assert!(view.session(&kept.sid, Kind::Online).is_some(), "cut at {length}");
        assert!(view.session(&torn.sid, Kind::Online).is_none(), "cut at {length}");
        cluster.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_log_is_named_and_nothing_is_served() {
    let folder = Folder::new();
    let cluster = folder.open().await;
    for _ in 0..5 {
        sign_in(&cluster, &alice(), None).await;
    }
    cluster.shutdown().await.unwrap();
    let path = last_log_file(folder.path());
    let whole = fs::read(&path).unwrap();

    for place in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(&path, flipped).unwrap();

        let opened = Cluster::open(Settings::new(folder.path())).await;

        assert!(matches!(opened, Err(Error::Damaged { .. })), "byte {place}: {opened:?}");
    }
    fs::write(&path, whole).unwrap();
    folder.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_named_and_nothing_is_served() {
    let folder = Folder::new();
    saved(&folder).await;
    let path = folder.path().join("snapshot/state.snapshot");
    let whole = fs::read(&path).unwrap();

    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(&path, flipped).unwrap();
        let opened = Cluster::open(Settings::new(folder.path())).await;
        assert!(matches!(opened, Err(Error::Damaged { .. })), "byte {place}: {opened:?}");
    }
    fs::remove_file(&path).unwrap();
    let opened = Cluster::open(Settings::new(folder.path())).await;
    assert!(matches!(opened, Err(Error::Damaged { .. })), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_without_its_log_does_not_start_anew() {
    let folder = Folder::new();
    folder.open().await.shutdown().await.unwrap();
    fs::remove_dir_all(folder.path().join("log")).unwrap();

    let opened = Cluster::open(Settings::new(folder.path())).await;

    assert!(matches!(opened, Err(Error::Damaged { .. })), "{opened:?}");
}
