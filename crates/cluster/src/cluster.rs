//! The handle that other rooms hold: writing commands, reading, starting and stopping.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use postcard::ser_flavors::Size;

use crate::{
    Error, View,
    backing::Backing,
    command::{Command, Outcome},
    engine::Engine,
    handle,
    members::Members,
    net::NetworkSettings,
    persist::{Loader, Persist},
    row::RowKey,
    shared::Shared,
};

/// Where and how the maps are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of log and snapshots; made if it is not there. One process at a time.
    pub dir: PathBuf,
    /// Bytes that the state may take before new sessions and markers are refused. Default: 1 GiB.
    pub max_state_bytes: u64,
    /// Bytes of log after which a snapshot is written. Default: 16 MiB.
    pub snapshot_after_bytes: u64,
    /// Entries that a group of several keeps behind a snapshot: a node that was away for no longer catches up from
    /// the log. Default: 10,000.
    pub kept_entries: u64,
    /// Who else is in the group. Default: nobody.
    pub group: Group,
    /// How fast silence is taken for absence.
    pub timing: Timing,
    /// The database behind the maps. Default: none; then memory and disks are all there is.
    pub backing: Option<Arc<dyn Backing>>,
}

/// Who takes part in keeping the maps.
#[derive(Clone, Debug, Default)]
pub enum Group {
    /// This node alone: no network, no certificates.
    #[default]
    Alone,
    /// Nodes that reach each other over a network.
    Network(Box<NetworkSettings>),
}

/// How fast silence is taken for absence; the same on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a leader speaks. Default: 100 ms.
    pub heartbeat: Duration,
    /// The least silence after which a node asks for an election. Default: 300 ms.
    pub election_min: Duration,
    /// The most; a leader without a majority for so long takes no more commands. Default: 600 ms.
    pub election_max: Duration,
    /// Silence after which a connection is taken for dead. Default: 2 s.
    pub lost: Duration,
    /// How long making a connection may take, certificates included. Default: 500 ms.
    pub connect: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(300),
            election_max: Duration::from_millis(600),
            lost: Duration::from_secs(2),
            connect: Duration::from_millis(500),
        }
    }
}

impl Settings {
    /// The defaults, in that folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_state_bytes: 1 << 30,
            snapshot_after_bytes: 16 << 20,
            kept_entries: 10_000,
            group: Group::Alone,
            timing: Timing::default(),
            backing: None,
        }
    }
}

/// How the cluster is, for operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Whether this node leads.
    pub is_leader: bool,
    /// The last entry in the log.
    pub last_log: u64,
    /// The last entry applied to the state.
    pub applied: u64,
    /// The last entry in a snapshot.
    pub snapshot: u64,
    /// Live and expired objects in all maps.
    pub entries: u64,
    /// What they are taken to cost, in bytes.
    pub bytes: u64,
}

/// The replicated maps. Clones share one engine.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
    engine: Arc<Engine>,
    persist: Option<Arc<Persist>>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// Opens the maps in a folder: reads the last snapshot, applies the log behind it, and leads at once where
    /// this node is the only voter.
    ///
    /// # Errors
    /// [`Error::Storage`] when the folder cannot be used (another process has it, say), [`Error::Damaged`] when
    /// what is in it fails its checksums, [`Error::Away`] when nothing is in it and the database does not say whether
    /// it has sessions.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let (backing, is_alone) = (settings.backing.clone(), matches!(settings.group, Group::Alone));
        let (engine, shared) = Engine::open(settings).await?;
        let persist = match backing {
            Some(backing) => {
                let started = Persist::start(engine.proposer(), &shared, &backing, is_alone).await;
                Some(Arc::new(started?))
            }
            None => None,
        };
        Ok(Self { shared, engine: Arc::new(engine), persist })
    }

    /// Proposes a command; answers when it has been applied, and so is on disk on a majority of the voters.
    ///
    /// A command that was begun may go through even if the returned future is dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] before anything is written; [`Error::Away`] where only the database could tell; all others
    /// leave open whether it was applied.
    pub async fn write(&self, command: Command) -> Result<Outcome, Error> {
        check(&command)?;
        let Some(persist) = &self.persist else { return self.engine.write(command).await };
        self.check_begun()?;
        for _ in 0..LOADS {
            match self.engine.write(command.clone()).await? {
                Outcome::NotLoaded { key: RowKey::Session { sid, kind } } => {
                    Box::pin(persist.loader.load(&[(sid, kind)], None)).await?;
                }
                outcome => return Ok(outcome),
            }
        }
        Err(Error::unsettled())
    }

    /// Fails while it is not known whether a lost log left rows behind.
    fn check_begun(&self) -> Result<(), Error> {
        if self.has_begun() { Ok(()) } else { Err(Error::unasked()) }
    }

    /// Whether it is known which sessions the database may hold.
    pub(crate) fn has_begun(&self) -> bool {
        self.persist.as_ref().is_none_or(|persist| persist.has_begun())
    }

    /// What reads rows.
    pub(crate) fn loader(&self) -> Result<&Loader, Error> {
        self.persist.as_ref().map(|persist| &persist.loader).ok_or_else(Error::unsettled)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A read that sees every write answered before this call.
    ///
    /// # Errors
    /// When this node cannot know whether it is up to date: [`Error::NoQuorum`], [`Error::Stopped`]; [`Error::Away`] of a
    /// cluster that is new, until its database has said whether it holds sessions.
    pub async fn view(&self) -> Result<View, Error> {
        self.engine.read().await?;
        self.check_begun()?;
        Ok(View::new(Arc::clone(&self.shared)))
    }

    /// Whether what this node knows without asking is current: within the last 1.5 s a leader that a majority
    /// follows gave its word, and what was committed by then is applied here. Where this is false, nothing may
    /// be served that depends on who is signed in or on what an administrator changed.
    pub fn is_informed(&self) -> bool {
        self.engine.is_informed()
    }

    /// Hands the leadership over, if this node has it, and waits until another leads, at most 2 s.
    pub async fn step_down(&self) {
        self.engine.step_down().await;
    }

    /// How the cluster is.
    pub fn metrics(&self) -> Metrics {
        self.engine.metrics()
    }

    pub(crate) fn members(&self) -> Option<&Arc<Members>> {
        self.engine.members()
    }

    /// Stops: what was accepted is written and synced, then the folder is given free.
    ///
    /// # Errors
    /// [`Error::Storage`] when the last sync failed.
    pub async fn shutdown(&self) -> Result<(), Error> {
        if let Some(persist) = &self.persist {
            persist.stop();
        }
        self.engine.shutdown().await
    }
}

/// How often a command may meet a session that has to be loaded first.
const LOADS: u32 = 3;

/// The most that a command may take in the log. The doors refuse earlier; this keeps the log's readers safe.
const COMMAND_BYTES_MAX: usize = 64 << 10;

/// Refuses what no caller may propose, before it reaches the log.
fn check(command: &Command) -> Result<(), Error> {
    let size = postcard::serialize_with_flavor(command, Size::default());
    if size.map_or(true, |size| size > COMMAND_BYTES_MAX) {
        return Err(Error::Invalid("the command is too large"));
    }
    let Command::StartSession(start) = command else { return Ok(()) };
    match handle::slot_of_sid(&start.sid) {
        Some(slot) if slot == handle::slot_of_user(&start.realm, &start.user) => Ok(()),
        Some(_) => Err(Error::Invalid("the session handle is not of its user's slot")),
        None => Err(Error::Invalid("the session handle is none")),
    }
}
