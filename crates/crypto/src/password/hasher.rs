//! The threads that hash passwords.

use std::collections::HashMap;
use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::hash::{Hash, Memory};
use super::parameters::{HashParameters, Pbkdf2Digest};
use super::queue::Queue;
use crate::Error;
use crate::secret::Secret;

/// How long a newcomer may have to wait.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Hashes passwords on threads of its own, as many as there are cores to use. Cloning shares them; the last
/// clone's drop ends them.
///
/// At most two seconds of work wait, taken from each client address in turn. More is turned away with
/// [`Error::Busy`], from the address that has most waiting: late answers help nobody, and one address must
/// not shut the others out. Work whose caller has gone away is skipped.
#[derive(Clone)]
pub struct Hasher(Arc<Handle>);

struct Handle(Arc<Shared>);

struct Shared {
    threads: u32,
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    queue: Queue<Job>,
    costs: Costs,
    stopped: bool,
}

struct Job {
    /// What to derive with: parameters and salt.
    hash: Hash,
    password: Secret,
    reply: oneshot::Sender<Result<Zeroizing<Vec<u8>>, Error>>,
}

impl Hasher {
    /// Starts one thread per available core.
    ///
    /// # Errors
    /// `HasherStopped` when the operating system gives no thread.
    pub fn start() -> Result<Self, Error> {
        Self::with_threads(thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    /// Starts `threads` threads, at least one.
    ///
    /// # Errors
    /// `HasherStopped` when the operating system gives no thread.
    pub fn with_threads(threads: usize) -> Result<Self, Error> {
        let threads = u32::try_from(threads.clamp(1, 256)).unwrap_or(1);
        let state = State { queue: Queue::new(MAX_WAIT * threads), costs: Costs::default(), stopped: false };
        let shared = Arc::new(Shared { threads, state: Mutex::new(state), arrived: Condvar::new() });
        // The handle comes first: when a thread cannot be started, its drop ends those that were.
        let hasher = Self(Arc::new(Handle(Arc::clone(&shared))));
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            let work = move || shared.work();
            thread::Builder::new()
                .name("password-hash".to_owned())
                .spawn(work)
                .map_err(|_| Error::HasherStopped)?;
        }
        Ok(hasher)
    }

    /// Whether `password` is the one of `hash`; `client` is the address (or whatever stands for it) that asks.
    ///
    /// # Errors
    /// `Busy` when too much is waiting; the errors of [`HashParameters::check`]; `HasherStopped`.
    pub async fn verify(&self, client: &str, hash: &Hash, password: Secret) -> Result<bool, Error> {
        let derived = self.derive(client, hash.clone(), password).await?;
        Ok(hash.is_value(&derived))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// As [`Hasher::verify`].
    pub async fn hash(
        &self,
        client: &str,
        parameters: HashParameters,
        password: Secret,
    ) -> Result<Hash, Error> {
        let hash = Hash::salted(parameters);
        let value = self.derive(client, hash.clone(), password).await?;
        Ok(hash.with_value(value))
    }

    /// The work that waits, as time until its end when all threads share it.
    pub fn waiting(&self) -> Duration {
        let shared = &self.0.0;
        shared.lock().queue.waiting() / shared.threads
    }

    async fn derive(&self, client: &str, hash: Hash, password: Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
        hash.parameters().check()?;
        let (reply, answer) = oneshot::channel();
        self.0.0.enqueue(client, Job { hash, password, reply })?;
        answer.await.map_err(|_| Error::HasherStopped)?
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, client: &str, job: Job) -> Result<(), Error> {
        let turned_away = {
            let mut state = self.lock();
            if state.stopped {
                return Err(Error::HasherStopped);
            }
            let cost = state.costs.estimate(job.hash.parameters());
            state.queue.push(client, job, cost)
        };
        for job in turned_away {
            // A caller that has gone away needs no answer.
            let _ = job.reply.send(Err(Error::Busy));
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// The life of one thread.
    fn work(&self) {
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            if job.reply.is_closed() {
                continue;
            }
            let started = Instant::now();
            // A panic in one hash must not cost the pool a thread; the dropped reply tells the caller.
            let derived = catch_unwind(AssertUnwindSafe(|| job.hash.derive(&job.password, &mut memory)));
            let Ok(derived) = derived else { continue };
            self.lock().costs.learn(job.hash.parameters(), started.elapsed());
            let _ = job.reply.send(derived);
        }
    }

    /// Waits for work; `None` when the pool ends. Wipes the memory before it sleeps.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut state = self.lock();
        let mut wiped = false;
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.queue.pop() {
                return Some(job);
            }
            if wiped {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                drop(state);
                memory.wipe();
                wiped = true;
                state = self.lock();
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.arrived.notify_all();
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

/// Nanoseconds that one unit of work takes, learnt per kind of hash.
#[derive(Default)]
struct Costs(HashMap<(Discriminant<HashParameters>, Option<Pbkdf2Digest>), f64>);

impl Costs {
    fn kind(parameters: &HashParameters) -> (Discriminant<HashParameters>, Option<Pbkdf2Digest>) {
        let digest = match parameters {
            HashParameters::Argon2 { .. } => None,
            HashParameters::Pbkdf2 { digest, .. } => Some(*digest),
        };
        (discriminant(parameters), digest)
    }

    fn estimate(&self, parameters: &HashParameters) -> Duration {
        // Before the first measurement: what a core of 2026 takes for each of them, give or take a half.
        const USUAL_NANOS: f64 = 300.0;
        let nanos = self.0.get(&Self::kind(parameters)).copied().unwrap_or(USUAL_NANOS);
        Duration::from_nanos(1).mul_f64((nanos * as_float(parameters.work())).max(1.0))
    }

    fn learn(&mut self, parameters: &HashParameters, took: Duration) {
        let measured = took.as_secs_f64() * 1e9 / as_float(parameters.work().max(1));
        self.0
            .entry(Self::kind(parameters))
            .and_modify(|nanos| *nanos += (measured - *nanos) / 16.0)
            .or_insert(measured);
    }
}

#[expect(clippy::cast_precision_loss, reason = "work is far below 2^52")]
fn as_float(work: u64) -> f64 {
    work as f64
}
