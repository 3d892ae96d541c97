//! Runs a scenario and counts the processor time that the provider spends on it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{sync::Mutex, task::JoinSet};

use crate::{process, scenario::Scenario, setup::Target, worker::Worker};

/// How a scenario is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Requests in flight.
    pub(crate) connections: usize,
    /// Time before anything counts.
    pub(crate) warm_up: Duration,
    /// Time of a round.
    pub(crate) round: Duration,
    /// Rounds, of which the best counts: whatever else the machine does only ever adds to the cost.
    pub(crate) rounds: usize,
}

/// What came out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Operations per CPU-second of the provider, in the best round.
    pub(crate) per_cpu_second: f64,
    /// The same in the worst round.
    pub(crate) worst: f64,
    /// Operations per second of the clock in the best round: how busy it was.
    pub(crate) per_second: f64,
}

/// Carries a scenario out against the provider with process `pid`.
///
/// # Errors
/// The first operation that failed: a rate with failures in it means nothing.
pub(crate) async fn run(scenario: Scenario, target: &Target, pid: u32, pace: Pace) -> Result<Measured> {
    let mut workers = Vec::new();
    for _ in 0..scenario.operation.at_once(pace.connections) {
        workers.push(Arc::new(Mutex::new(Worker::start(scenario, target.clone()).await?)));
    }
    round(&workers, pace.warm_up).await?;
    let mut best = Measured { worst: f64::INFINITY, ..Measured::default() };
    for _ in 0..pace.rounds {
        let (cpu, began) = (process::cpu_seconds(pid)?, Instant::now());
        let done = round(&workers, pace.round).await? as f64;
        let (cpu, wall) = (process::cpu_seconds(pid)? - cpu, began.elapsed().as_secs_f64());
        ensure!(cpu > 0.1, "process {pid} spent {cpu:.2} s on {done} operations: is it the provider's?");
        let rate = done / cpu;
        if rate > best.per_cpu_second {
            best = Measured { per_cpu_second: rate, per_second: done / wall, ..best };
        }
        best.worst = best.worst.min(rate);
    }
    Ok(best)
}

/// How many operations all workers finish within `span`.
async fn round(workers: &[Arc<Mutex<Worker>>], span: Duration) -> Result<u64> {
    let deadline = Instant::now() + span;
    let mut tasks = JoinSet::new();
    for worker in workers {
        let worker = Arc::clone(worker);
        tasks.spawn(async move {
            let (mut worker, mut done) = (worker.lock().await, 0);
            while Instant::now() < deadline {
                worker.once().await.with_context(|| format!("after {done} operations"))?;
                done += 1;
            }
            Ok::<u64, anyhow::Error>(done)
        });
    }
    let mut done = 0;
    while let Some(finished) = tasks.join_next().await {
        done += finished??;
    }
    Ok(done)
}
