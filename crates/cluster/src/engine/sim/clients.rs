//! What is asked of the group, and what its answers promise.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use keyraft_model::{DurationMs, RealmId, UserId};

use super::world::{Running, World};
use crate::{
    Error, View,
    command::{Command, OnceKey, OnceKind, Outcome, StartSession},
    handle,
    machine::Body,
    session::{Kind, Limits, Notes},
};

/// Things that may be taken once.
const THINGS: u64 = 200;

/// What was answered.
#[derive(Debug, Default)]
pub(super) struct History {
    facts: Mutex<Facts>,
    answered: AtomicU64,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Facts {
    /// How often each thing was given away.
    taken: BTreeMap<u64, u64>,
    /// Sessions whose start was answered and whose end was not asked for.
    live: BTreeSet<String>,
    /// Sessions whose end was answered.
    ended: BTreeSet<String>,
    violation: Option<String>,
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No more is asked.
    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Commands and reads that were answered.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// # Errors
    /// The first promise that was broken.
    pub(super) fn check(&self) -> Result<(), String> {
        self.lock().violation.clone().map_or(Ok(()), Err)
    }

    fn blame(&self, what: String) {
        self.lock().violation.get_or_insert(what);
    }
}

/// Asks until it is told to stop.
pub(super) async fn run(world: Arc<World>, history: Arc<History>) {
    while !history.is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(world.dice.millis(1, 120)).await;
        let Some(node) = world.dice.pick(&world.running()) else { continue };
        match world.dice.below(4) {
            0 => take(&world, &history, &node).await,
            1 => start(&world, &history, &node).await,
            2 => end(&world, &history, &node).await,
            _ => read(&history, &node).await,
        }
    }
}

async fn ask(history: &History, node: &Running, command: Command) -> Option<Outcome> {
    match node.proposer.propose(Body::Command(Box::new(command))).await {
        Ok(outcome) => {
            history.answered.fetch_add(1, Ordering::Relaxed);
            Some(outcome)
        }
        Err(Error::NoQuorum | Error::Timeout | Error::Stopped) => None,
        Err(error) => {
            history.blame(format!("an error that nobody expects: {error}"));
            None
        }
    }
}

async fn take(world: &World, history: &History, node: &Running) {
    let thing = world.dice.below(THINGS);
    let mut id = [0; 32];
    id[..8].copy_from_slice(&thing.to_be_bytes());
    let key = OnceKey { kind: OnceKind::OtpStep, realm: "lab".into(), owner: "alice".into(), id };
    let command = Command::TakeOnce { key, lifespan: DurationMs(3_600_000) };
    if ask(history, node, command).await == Some(Outcome::Taken(true)) {
        let times = *history.lock().taken.entry(thing).and_modify(|times| *times += 1).or_insert(1);
        if times > 1 {
            history.blame(format!("taken at most once: {thing} was given away {times} times"));
        }
    }
}

async fn start(world: &World, history: &History, node: &Running) {
    let (realm, user): (RealmId, UserId) = ("lab".into(), format!("user-{}", world.dice.below(50)).into());
    let sid = handle::new_sid(&realm, &user);
    let start = StartSession {
        sid: sid.clone(),
        realm,
        user,
        limits: Limits { max: Some(DurationMs(36_000_000)), idle: Some(DurationMs(3_600_000)) },
        remember_me: false,
        ip_address: "192.0.2.1".into(),
        notes: Notes::new(),
        client: None,
        code: None,
        login: None,
    };
    if let Some(Outcome::Started { .. }) = ask(history, node, Command::StartSession(start)).await {
        history.lock().live.insert(sid);
    }
}

async fn end(world: &World, history: &History, node: &Running) {
    let sid = {
        let mut facts = history.lock();
        let live: Vec<_> = facts.live.iter().cloned().collect();
        let Some(sid) = world.dice.pick(&live) else { return };
        // From here on it may be there or not.
        facts.live.remove(&sid);
        sid
    };
    let command = Command::EndSession { sid: sid.clone(), kind: Kind::Online };
    if let Some(Outcome::Ended { .. }) = ask(history, node, command).await {
        history.lock().ended.insert(sid);
    }
}

async fn read(history: &History, node: &Running) {
    let (live, ended) = {
        let facts = history.lock();
        (facts.live.clone(), facts.ended.clone())
    };
    if node.proposer.read().await.is_err() {
        return;
    }
    history.answered.fetch_add(1, Ordering::Relaxed);
    let view = View::new(Arc::clone(&node.shared));
    if let Some(sid) = ended.iter().find(|sid| view.session(sid, Kind::Online).is_some()) {
        history.blame(format!("tombstones win: {sid} was seen at node {} after its end", node.proposer.id));
    }
    let lost = live.iter().find(|sid| view.session(sid, Kind::Online).is_none());
    // Meanwhile somebody may have asked for its end.
    if let Some(sid) = lost.filter(|sid| history.lock().live.contains(*sid)) {
        history.blame(format!("acked never lost: {sid} was not seen at node {}", node.proposer.id));
    }
}

/// Waits until every node answers for everything, and all hold the same.
pub(super) async fn settle(world: &World, history: &History) -> Result<(), String> {
    for node in world.running() {
        while node.proposer.read().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        read(history, &node).await;
        history.check()?;
    }
    while !world.agree() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
