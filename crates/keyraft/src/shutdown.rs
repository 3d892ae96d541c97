//! How a node stops: told once it finishes, told twice it goes.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::readiness::Readiness;

/// Tells everything that serves when to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    /// Nothing has to stop yet.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Stop taking new work.
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }

    /// Returns when it is time to stop.
    pub(crate) async fn wanted(&self) {
        // The sender lives in `self`, so waiting ends with the word alone.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }
}

/// SIGTERM and SIGINT, listened to from the moment this is made: earlier ones end the process as usual.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns when somebody wants this process to end.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Waits for the word, then shows as not ready for `delay` while still serving, then says stop. A further
/// signal cuts the delay short; one after that ends the process at once.
pub(crate) async fn on_signal(mut signals: Signals, readiness: Readiness, delay: Duration, stop: Stop) {
    let name = signals.next().await;
    tracing::info!("{name}: stopping; no longer ready");
    readiness.stopping();
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        _ = signals.next() => {}
    }
    stop.now();
    signals.next().await;
    tracing::warn!("told again: ending at once; requests in progress are lost");
    std::process::exit(130);
}
