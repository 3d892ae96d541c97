//! The group under faults, on simulated time: wires that drop, delay, double, reorder and are cut; disks that
//! lose what was not synced; nodes that crash and come back. Named invariants are checked after every step.
//!
//! A seed fixes the faults and what is asked; openraft draws its election timeouts itself. 300 seeds by
//! default; `KEYRAFT_SEEDS=20000` for a soak, `KEYRAFT_FIRST_SEED` to begin elsewhere.

mod clients;
mod dice;
mod disk;
mod wires;
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::{clients::History, world::World};

/// Faults per seed.
const STEPS: u64 = 12;
/// How long a group whose faults have ended may take to agree.
const RECOVERY: Duration = Duration::from_secs(30);

/// Runs one seed.
///
/// # Errors
/// What did not hold.
async fn run(seed: u64, lies: bool) -> Result<u64, String> {
    let world = World::new(seed, 3, lies);
    for id in 1..=3 {
        world.start(id).await;
    }
    let history = Arc::<History>::default();
    let clients: Vec<_> =
        (0..4).map(|_| tokio::spawn(clients::run(Arc::clone(&world), Arc::clone(&history)))).collect();
    for _ in 0..STEPS {
        tokio::time::sleep(world.dice.millis(50, 600)).await;
        world.disturb().await;
        world.check()?;
        history.check()?;
    }
    world.recover().await;
    history.stop();
    for client in clients {
        client.await.map_err(|error| error.to_string())?;
    }
    let recovered = tokio::time::timeout(RECOVERY, clients::settle(&world, &history)).await;
    recovered.map_err(|_| "liveness: the group never agreed after its faults had ended".to_owned())??;
    world.check()?;
    history.check()?;
    for id in 1..=3 {
        world.crash(id);
    }
    Ok(history.answered())
}

/// Runs seeds on simulated time until one fails; how many commands were answered.
fn run_all(seeds: std::ops::Range<u64>, lies: bool) -> Result<u64, String> {
    let (next, answered) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let work = || -> Result<(), String> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(());
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            let ran = runtime.block_on(run(seed, lies));
            runtime.shutdown_timeout(Duration::from_secs(1));
            match ran {
                Ok(count) => answered.fetch_add(count, Ordering::Relaxed),
                Err(what) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    return Err(format!("seed {seed}: {what}"));
                }
            };
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a panic".to_owned())?)
    })?;
    Ok(answered.into_inner())
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_happens_the_invariants_hold() {
    let (first, count) = (from_environment("KEYRAFT_FIRST_SEED", 0), from_environment("KEYRAFT_SEEDS", 300));

    let answered = run_all(first..first + count, false);

    match answered {
        Ok(answered) => assert!(answered > 10 * count, "only {answered} commands were answered"),
        Err(what) => panic!("{what}"),
    }
}

/// The suite must find a bug that was put in on purpose: disks that acknowledge before they have synced.
#[test]
fn disks_that_lie_are_found_out() {
    let found = run_all(0..300, true);

    assert!(found.is_err(), "nothing was lost");
}
