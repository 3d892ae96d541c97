//! Nodes on simulated wires and disks, what is done to them, and what must hold after everything that is done.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keyraft_model::UnixMs;
use openraft::{ServerState, async_runtime::WatchReceiver};
use tokio::{task::AbortHandle, time::Instant};

use super::{
    dice::Dice,
    disk::{Disk, Power, SimLog},
    wires::{SimTransport, Weather, Wires},
};
use crate::{
    Member, NetworkSettings, Timing,
    engine::{
        Parts,
        applier::Applier,
        assemble,
        fixed::FixedGate,
        form,
        identity::{Identity, Seat},
        incoming::Incoming,
        layout::{Entry, LogId},
        log_store::Growth,
        proposer::Proposer,
        serve::Server,
        snapshot::{Snapshots, make_dir},
        types::SnapshotMeta,
    },
    machine::{State, skips::Skips},
    net::{Formation, Net, Tls},
    shared::Shared,
    time::{LeaderTime, System},
};

/// When every simulation begins: 2026-01-01, 09:00 UTC, in microseconds since 1970.
const MORNING_US: i64 = 1_767_258_000_000_000;

thread_local! {
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Boot time on the runtime's clock.
fn sim_us() -> i64 {
    let begun = BEGUN.get().unwrap_or_else(Instant::now);
    i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX)
}

/// The wall clock of every node: whatever the machine's does, a seed sees the same.
fn sim_wall_us() -> i64 {
    MORNING_US + sim_us()
}

/// A running node, as its callers see it.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) proposer: Arc<Proposer>,
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
struct Up {
    running: Running,
    log: SimLog,
    power: Power,
    follow: AbortHandle,
    /// The newest clock seen in its state.
    clock: UnixMs,
}

#[derive(Debug, Default)]
struct Place {
    disk: Disk,
    boots: u64,
    up: Option<Up>,
}

/// The group.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    lies: bool,
    folder: PathBuf,
    wires: Arc<Wires>,
    members: BTreeMap<u64, Member>,
    places: Mutex<BTreeMap<u64, Place>>,
    /// Who led in which term.
    led: Mutex<BTreeMap<u64, u64>>,
}

impl Drop for World {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl World {
    /// That many nodes, none running.
    pub(super) fn new(seed: u64, count: u64, lies: bool) -> Arc<Self> {
        BEGUN.set(Some(Instant::now()));
        let dice = Dice::new(seed);
        let members: BTreeMap<_, _> =
            (1..=count).map(|id| (id, Member::new(format!("node-{id}"), "sim"))).collect();
        Arc::new(Self {
            wires: Wires::new(dice.clone()),
            dice,
            lies,
            folder: std::env::temp_dir().join(format!("keyraft-sim-{:032x}", rand::random::<u128>())),
            places: Mutex::new(members.keys().map(|id| (*id, Place::default())).collect()),
            members,
            led: Mutex::default(),
        })
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<u64, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nodes that run.
    pub(super) fn running(&self) -> Vec<Running> {
        self.places().values().filter_map(|place| place.up.as_ref().map(|up| up.running.clone())).collect()
    }

    fn ids(&self, are_up: bool) -> Vec<u64> {
        let places = self.places();
        places.iter().filter(|(_, place)| place.up.is_some() == are_up).map(|(id, _)| *id).collect()
    }

    /// Starts a node on its disk.
    pub(super) async fn start(&self, id: u64) {
        let (disk, boot) = {
            let mut places = self.places();
            let place = places.get_mut(&id).unwrap();
            place.boots += 1;
            (place.disk.clone(), place.boots)
        };
        let dir = self.folder.join(id.to_string());
        make_dir(&dir).unwrap();
        let snapshots = Snapshots::new(dir);
        let (meta, state) = match snapshots.current() {
            Some(file) => {
                let (head, state) = file.load().unwrap();
                (head.meta().unwrap(), state)
            }
            None => (SnapshotMeta::default(), State::default()),
        };
        let clock = state.clock;
        let time = LeaderTime::with(System { wall: sim_wall_us, boot: sim_us }, clock);
        let shared = Arc::new(Shared::at(time, state, Skips::default()));
        let (log, power) = disk.open(self.dice.clone(), self.lies);
        let applier = Applier::new(Arc::clone(&shared), snapshots.clone(), Arc::<Growth>::default(), meta);
        let net = Net::new(Arc::new(SimTransport { id, wires: Arc::clone(&self.wires) }));
        let seat = Seat { id, ..Seat::alone() };
        let server = Arc::new(Server::new(self.gate(id, boot, &seat), Incoming::new(&snapshots)));
        let parts = Parts { seat, boot, net, timing: Timing::default(), kept_entries: 20, clock: sim_us };
        let (proposer, follow) = assemble(parts, log.clone(), applier, Arc::clone(&shared)).await.unwrap();
        server.serve(&proposer);
        self.wires.attach(id, server);
        form(&proposer.raft, &self.members).await.unwrap();
        let running = Running { proposer, shared };
        self.places().get_mut(&id).unwrap().up = Some(Up { running, log, power, follow, clock });
    }

    fn gate(&self, id: u64, boot: u64, seat: &Seat) -> Arc<FixedGate> {
        let network = NetworkSettings {
            cluster: "blue".to_owned(),
            name: self.members[&id].name.clone(),
            listen: ([127, 0, 0, 1], 0).into(),
            advertise: "sim".to_owned(),
            tls: Tls::Derived(Vec::new()),
            formation: Formation::Fixed { id, members: self.members.clone() },
        };
        let identity = Identity { incarnation: [0; 16], boot, seat: Some(seat.clone()), is_formed: true };
        Arc::new(FixedGate::new(&network, &identity))
    }

    /// Takes a node's power away.
    pub(super) fn crash(&self, id: u64) {
        let Some(up) = self.places().get_mut(&id).and_then(|place| place.up.take()) else { return };
        self.wires.detach(id);
        up.power.cut(&self.dice);
        up.follow.abort();
        tokio::spawn(async move { drop(up.running.proposer.raft.shutdown().await) });
    }

    /// Does one thing to the group.
    pub(super) async fn disturb(&self) {
        let dice = &self.dice;
        match dice.below(10) {
            0 => {
                let ids: Vec<_> = self.members.keys().copied().collect();
                if let (Some(from), Some(to)) = (dice.pick(&ids), dice.pick(&ids)) {
                    self.wires.cut(from, to);
                }
            }
            1 => {
                let ids: Vec<_> = self.members.keys().copied().collect();
                if let Some(alone) = dice.pick(&ids) {
                    for other in ids {
                        self.wires.cut(alone, other);
                        self.wires.cut(other, alone);
                    }
                }
            }
            2 | 3 => self.wires.heal(),
            4 => {
                let up = self.ids(true);
                if dice.percent(25) {
                    for id in up {
                        self.crash(id);
                    }
                } else if let Some(id) = dice.pick(&up) {
                    self.crash(id);
                }
            }
            5 | 6 => {
                if let Some(id) = dice.pick(&self.ids(false)) {
                    self.start(id).await;
                }
            }
            7 => self.wires.set_weather(Weather {
                drop: dice.below(20),
                double: dice.below(20),
                delay: 1 + dice.below(60),
            }),
            8 => {
                if let Some(node) = dice.pick(&self.running()) {
                    drop(node.proposer.raft.trigger().snapshot().await);
                }
            }
            _ => {
                let ids: Vec<_> = self.members.keys().copied().collect();
                if let (Some(node), Some(to)) = (dice.pick(&self.running()), dice.pick(&ids)) {
                    drop(node.proposer.raft.trigger().transfer_leader(to).await);
                }
            }
        }
    }

    /// Ends all faults and starts everybody.
    pub(super) async fn recover(&self) {
        self.wires.heal();
        self.wires.set_weather(Weather::default());
        for id in self.ids(false) {
            self.start(id).await;
        }
    }

    /// What must hold at any moment.
    ///
    /// # Errors
    /// The name of what does not hold, and why.
    pub(super) fn check(&self) -> Result<(), String> {
        self.check_election_safety()?;
        self.check_expiry_monotone()?;
        self.check_log_matching()
    }

    fn check_election_safety(&self) -> Result<(), String> {
        let mut led = self.led.lock().unwrap_or_else(PoisonError::into_inner);
        for node in self.running() {
            let metrics = node.proposer.raft.server_metrics();
            let metrics = metrics.borrow_watched();
            if metrics.state == ServerState::Leader {
                let term = metrics.vote.leader_id.term;
                let first = *led.entry(term).or_insert(metrics.id);
                if first != metrics.id {
                    return Err(format!("election safety: {first} and {} led in term {term}", metrics.id));
                }
            }
        }
        Ok(())
    }

    /// The clock that every expiry is measured by never goes back on any node.
    fn check_expiry_monotone(&self) -> Result<(), String> {
        for (id, place) in self.places().iter_mut() {
            if let Some(up) = &mut place.up {
                let clock = up.running.shared.read().clock;
                if clock < up.clock {
                    return Err(format!("expiry monotone: the clock of {id} went back"));
                }
                up.clock = clock;
            }
        }
        Ok(())
    }

    /// Where two logs hold an entry of the same place and term, all before it are the same.
    fn check_log_matching(&self) -> Result<(), String> {
        let places = self.places();
        let logs: Vec<_> =
            places.iter().filter_map(|(id, place)| Some((*id, place.up.as_ref()?.log.entries()))).collect();
        for (number, (one, of_one)) in logs.iter().enumerate() {
            for (other, of_other) in &logs[number + 1..] {
                if !match_each_other(of_one, of_other) {
                    return Err(format!("log matching: {one} and {other} differ before a common entry"));
                }
            }
        }
        Ok(())
    }

    /// Whether all nodes have applied the same, and what they made of it is the same.
    pub(super) fn agree(&self) -> bool {
        let states: Vec<_> = self.running().iter().map(|node| bytes_of(&node.shared.read())).collect();
        states.windows(2).all(|pair| pair[0] == pair[1])
    }
}

/// Everything that a snapshot of the state would hold.
fn bytes_of(state: &State) -> Vec<u8> {
    let image = state.image();
    let globals = postcard::to_stdvec(&image.globals).unwrap();
    image.slots().fold(globals, |bytes, slot| postcard::to_extend(&slot, bytes).unwrap())
}

fn match_each_other(one: &[Entry], other: &[Entry]) -> bool {
    let by_index = |log: &[Entry]| -> BTreeMap<u64, Entry> {
        log.iter().map(|entry| (entry.id.index, entry.clone())).collect()
    };
    let (one, other) = (by_index(one), by_index(other));
    let common: BTreeSet<_> = one.keys().filter(|index| other.contains_key(index)).copied().collect();
    let last_same = common.iter().rev().find(|index| one[index].id == other[index].id).copied();
    let Some(last_same) = last_same else { return true };
    common.range(..=last_same).all(|index| {
        let ids: (LogId, LogId) = (one[index].id, other[index].id);
        ids.0 == ids.1 && one[index].body == other[index].body
    })
}
