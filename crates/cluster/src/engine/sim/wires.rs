//! A network in memory: it delays, drops, doubles, reorders, and cuts one way or both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{sync::oneshot, time::sleep};

use super::dice::Dice;
use crate::{
    Member,
    net::{
        CallError, Lane, Serve, Target, Transport,
        wire::{self, Hello},
    },
};

/// All wires between all nodes.
#[derive(Debug)]
pub(super) struct Wires {
    dice: Dice,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    nodes: BTreeMap<u64, Arc<dyn Serve>>,
    /// From, to.
    cut: BTreeSet<(u64, u64)>,
    weather: Weather,
}

/// How bad the network is at present.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// Messages lost, in a hundred.
    pub(super) drop: u64,
    /// Messages that come twice, in a hundred.
    pub(super) double: u64,
    /// The longest way of a message in milliseconds; ways differ, so messages overtake each other.
    pub(super) delay: u64,
}

impl Wires {
    pub(super) fn new(dice: Dice) -> Arc<Self> {
        Arc::new(Self { dice, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attach(&self, id: u64, node: Arc<dyn Serve>) {
        self.lock().nodes.insert(id, node);
    }

    pub(super) fn detach(&self, id: u64) {
        self.lock().nodes.remove(&id);
    }

    pub(super) fn cut(&self, from: u64, to: u64) {
        self.lock().cut.insert((from, to));
    }

    pub(super) fn heal(&self) {
        self.lock().cut.clear();
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// One way of one message; `None`: it was lost.
    async fn travel(&self, from: u64, to: u64) -> Option<()> {
        let weather = self.lock().weather;
        sleep(self.dice.millis(0, weather.delay.max(1))).await;
        let is_lost = self.dice.percent(weather.drop) || self.lock().cut.contains(&(from, to));
        (!is_lost).then_some(())
    }

    async fn deliver(self: Arc<Self>, from: u64, to: u64, request: Vec<u8>) -> Option<Vec<u8>> {
        self.travel(from, to).await?;
        let node = self.lock().nodes.get(&to).cloned()?;
        let peer = Hello { id: Some(from), name: format!("node-{from}"), ..Hello::default() };
        let response = node.serve(&peer, wire::decode(&request).ok()?).await;
        self.travel(to, from).await?;
        wire::encode(&response).ok()
    }
}

/// One node's end of the wires.
#[derive(Debug)]
pub(super) struct SimTransport {
    pub(super) id: u64,
    pub(super) wires: Arc<Wires>,
}

impl Transport for SimTransport {
    fn call(
        &self,
        to: &Target,
        _: Lane,
        request: Vec<u8>,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>, CallError>> {
        let (from, wires) = (self.id, Arc::clone(&self.wires));
        let Some(to) = to.id else {
            return futures::future::ready(Err(CallError::Lost)).boxed();
        };
        if wires.dice.percent(wires.lock().weather.double) {
            tokio::spawn(Arc::clone(&wires).deliver(from, to, request.clone()));
        }
        // It travels whether or not anybody waits for it.
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            if let Some(response) = wires.deliver(from, to, request).await {
                drop(answer.send(response));
            }
        });
        async move {
            match tokio::time::timeout(deadline, answered).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(_)) | Err(_) => Err(CallError::Lost),
            }
        }
        .boxed()
    }

    fn silence(&self, _: &Target) -> Option<Duration> {
        None
    }

    fn dial(&self, _: String) -> BoxFuture<'static, Result<Hello, CallError>> {
        futures::future::ready(Err(CallError::Lost)).boxed()
    }

    fn keep(&self, _: &BTreeMap<u64, Member>) {}

    fn close(&self) {}
}
