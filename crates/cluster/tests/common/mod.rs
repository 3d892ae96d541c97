//! Actors and things that the tests of this room share.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

pub mod group;

use std::{
    fs,
    path::{Path, PathBuf},
};

use keyraft_cluster::{
    Cluster, Settings,
    command::{
        AttemptPolicy, Challenge, Command, Hash, NewClientSession, NewCode, Outcome, RedeemCode, StartSession,
    },
    handle,
    session::{Limits, Notes, UserSession},
};
use keyraft_model::{ClientUuid, DurationMs, RealmId, UserId};

/// A folder that goes when the test does.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("keyraft-cluster-{:032x}", rand::random::<u128>()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub async fn open(&self) -> Cluster {
        Cluster::open(Settings::new(&self.0)).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

pub fn lab() -> RealmId {
    "lab".into()
}

pub fn alice() -> UserId {
    "alice".into()
}

pub fn shop() -> ClientUuid {
    "shop".into()
}

pub const HOUR: DurationMs = DurationMs(3_600_000);
pub const CODE: Hash = [7; 32];
pub const VERIFIER: Hash = [8; 32];

pub fn hours(max: i64, idle: i64) -> Limits {
    Limits { max: Some(DurationMs(max * HOUR.0)), idle: Some(DurationMs(idle * HOUR.0)) }
}

/// Alice signs in at the shop and gets a code.
pub fn start(user: &UserId, code: Option<Hash>) -> StartSession {
    StartSession {
        sid: handle::new_sid(&lab(), user),
        realm: lab(),
        user: user.clone(),
        limits: hours(10, 1),
        remember_me: false,
        ip_address: "192.0.2.1".into(),
        notes: Notes::from([("AUTH_TIME".into(), "1".into())]),
        client: Some(at_shop()),
        code: code.map(new_code),
        login: None,
    }
}

pub fn at_shop() -> NewClientSession {
    NewClientSession {
        client: shop(),
        limits: Limits::default(),
        scope: "openid profile".into(),
        redirect_uri: Some("https://shop.test/cb".into()),
        notes: Notes::new(),
    }
}

pub fn new_code(hash: Hash) -> NewCode {
    NewCode {
        hash,
        lifespan: DurationMs(60_000),
        client: shop(),
        redirect_uri: Some("https://shop.test/cb".into()),
        challenge: Some(Challenge(Some(VERIFIER))),
        notes: Notes::from([("nonce".into(), "n".into())]),
    }
}

pub fn redeem(sid: &str, hash: Hash) -> Command {
    Command::RedeemCode(RedeemCode {
        hash,
        sid: sid.to_owned(),
        client: shop(),
        redirect_uri: Some("https://shop.test/cb".into()),
        verifier: Some(VERIFIER),
    })
}

/// Keycloak's defaults with a limit of five.
pub fn five_attempts() -> AttemptPolicy {
    AttemptPolicy {
        failure_factor: 5,
        wait_increment: DurationMs(60_000),
        max_failure_wait: DurationMs(900_000),
        quick_login_check: DurationMs(0),
        minimum_quick_login_wait: DurationMs(60_000),
        max_delta: DurationMs(43_200_000),
        ..AttemptPolicy::default()
    }
}

pub async fn sign_in(cluster: &Cluster, user: &UserId, code: Option<Hash>) -> UserSession {
    match cluster.write(Command::StartSession(start(user, code))).await.unwrap() {
        Outcome::Started { session, .. } => session,
        other => panic!("{other:?}"),
    }
}
