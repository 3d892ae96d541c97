//! From a command to an applied, durable entry.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::{
    Error, Metrics, Settings,
    command::{Command, Outcome},
    machine::{Body, Entry, State, usage::Map},
    shared::Shared,
};

/// Orders commands and applies them.
#[derive(Debug)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
    sequence: AtomicU64,
    is_stopped: AtomicBool,
}

impl Engine {
    /// Opens the engine and the state.
    pub(crate) async fn open(settings: Settings) -> Result<(Self, Arc<Shared>), Error> {
        tokio::fs::create_dir_all(&settings.dir).await.map_err(Error::Storage)?;
        let shared = Arc::new(Shared::new(State { bound: settings.max_state_bytes, ..State::default() }));
        let engine = Self {
            shared: Arc::clone(&shared),
            sequence: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        };
        Ok((engine, shared))
    }

    /// Applies a command.
    pub(crate) async fn write(&self, command: Command) -> Result<Outcome, Error> {
        self.read().await?;
        let mut state = self.shared.write();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let time = self.shared.time.now();
        let body = Body::Command(command);
        let outcome = state.apply(&Entry { time, origin: 1, boot: 1, sequence, oldest: sequence, body });
        Ok(Arc::unwrap_or_clone(outcome))
    }

    /// Waits until the state is known to be up to date.
    pub(crate) async fn read(&self) -> Result<(), Error> {
        if self.is_stopped.load(Ordering::Acquire) { Err(Error::Stopped) } else { Ok(()) }
    }

    /// How the engine is.
    pub(crate) fn metrics(&self) -> Metrics {
        let applied = self.sequence.load(Ordering::Relaxed);
        let state = self.shared.read();
        let entries = Map::ALL.iter().map(|(map, _)| state.usage.of(*map).entries).sum();
        let bytes = state.usage.bytes();
        Metrics { is_leader: true, last_log: applied, applied, snapshot: 0, entries, bytes }
    }

    /// Takes no more commands.
    pub(crate) async fn shutdown(&self) -> Result<(), Error> {
        self.is_stopped.store(true, Ordering::Release);
        self.shared.publish_usage();
        Ok(())
    }
}
