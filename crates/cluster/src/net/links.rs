//! Connections that are made before they are needed, and made again when they break.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use super::{
    CallError, Target,
    connection::{Connection, Patience},
    handshake::Dialler,
};

/// The first pause after a dial that failed; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// One lane to one peer.
#[derive(Debug)]
pub(crate) struct Link {
    state: watch::Receiver<State>,
    hurry: Arc<Notify>,
    /// Since when there is no connection.
    down: Arc<Mutex<Option<Instant>>>,
    task: AbortHandle,
}

#[derive(Clone, Debug)]
enum State {
    Dialling,
    Up(Arc<Connection>),
    Down(CallError),
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Begins to dial.
    pub(crate) fn new(dialler: Dialler, to: Target, patience: Patience) -> Self {
        let (publish, state) = watch::channel(State::Dialling);
        let hurry = Arc::<Notify>::default();
        let down = Arc::new(Mutex::new(Some(Instant::now())));
        let task = keep(dialler, to, patience, publish, (Arc::clone(&hurry), Arc::clone(&down)));
        Self { state, hurry, down, task: tokio::spawn(task).abort_handle() }
    }

    /// The connection, if it is there now.
    pub(crate) fn up(&self) -> Option<Arc<Connection>> {
        match &*self.state.borrow() {
            State::Up(connection) if !connection.is_closed() => Some(Arc::clone(connection)),
            _ => None,
        }
    }

    /// For how long there has been no connection; `None` where there is one.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let down = *self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.map(|since| since.elapsed())
    }

    /// Waits for the dial that is under way, or for one begun now.
    pub(crate) fn wait(
        &self,
        until: Instant,
    ) -> impl Future<Output = Result<Arc<Connection>, CallError>> + Send + 'static + use<> {
        let mut state = self.state.clone();
        // A failure of the past says nothing about a dial begun now.
        state.mark_unchanged();
        if matches!(&*state.borrow(), State::Down(_)) {
            self.hurry.notify_one();
        }
        async move {
            let settled = async {
                loop {
                    if state.changed().await.is_err() {
                        return Err(CallError::Unreachable("the peer is no member any more".to_owned()));
                    }
                    match &*state.borrow_and_update() {
                        State::Dialling => {}
                        State::Up(connection) => return Ok(Arc::clone(connection)),
                        State::Down(error) => return Err(error.clone()),
                    }
                }
            };
            let late = |_| CallError::Unreachable("no connection in time".to_owned());
            timeout_at(until, settled).await.map_err(late)?
        }
    }
}

async fn keep(
    dialler: Dialler,
    to: Target,
    patience: Patience,
    publish: watch::Sender<State>,
    (hurry, down): (Arc<Notify>, Arc<Mutex<Option<Instant>>>),
) {
    let note = |since| *down.lock().unwrap_or_else(PoisonError::into_inner) = since;
    let mut pause = PAUSE_MIN;
    loop {
        publish.send_replace(State::Dialling);
        let error = match dialler.connect(&to).await {
            Ok((stream, hello)) => {
                pause = PAUSE_MIN;
                let connection = Arc::new(Connection::new(stream, hello, patience));
                publish.send_replace(State::Up(Arc::clone(&connection)));
                note(None);
                connection.closed().await;
                note(Some(Instant::now()));
                let peer = &connection.peer;
                tracing::info!(peer = %peer.name, addr = %peer.addr, "the connection to a peer was lost");
                continue;
            }
            Err(error) => error,
        };
        tracing::debug!(peer = %to.addr, %error, "a peer cannot be reached");
        publish.send_replace(State::Down(error));
        // Whoever needs the peer may cut the pause short, but not to nothing.
        tokio::time::sleep(PAUSE_MIN).await;
        drop(tokio::time::timeout(pause, hurry.notified()).await);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
