//! Jobs that one node does at a time. A lease ends by the log's clock; each new holder gets a higher number,
//! under which a late write of the one before can be refused.

use keyraft_model::{DurationMs, UnixMs};

use crate::{
    command::{LeaseState, Outcome},
    machine::{
        State,
        change::{Change, Decision},
        record::Lease,
    },
};

/// Jobs that can be held; they are few, and named by this house.
const JOBS_MAX: usize = 1_000;

/// Decides `TakeLease`: the holder goes on, anybody else waits until the lease is over.
pub(crate) fn take(state: &State, job: &str, holder: &str, lifespan: DurationMs) -> Decision {
    let now = state.clock;
    let standing = state.leases.get(job);
    let fencing = match standing {
        Some(lease) if lease.expires > now && lease.holder != holder => {
            return Decision::only(Outcome::Lease(shown(lease)));
        }
        // A lease that lapsed meanwhile may have been somebody else's in between.
        Some(lease) if lease.expires > now => lease.fencing,
        Some(lease) => lease.fencing + 1,
        None if state.leases.len() >= JOBS_MAX => return Decision::only(Outcome::Full),
        None => 1,
    };
    let lease = Lease { holder: holder.to_owned(), fencing, expires: now.plus(lifespan) };
    Decision::with(Outcome::Lease(shown(&lease)), Change::Lease { job: job.to_owned(), lease })
}

/// Decides `ReleaseLease`. The number stays, so that the next holder's is higher.
pub(crate) fn release(state: &State, job: &str, holder: &str) -> Decision {
    let now = state.clock;
    let done = Outcome::Done { now };
    match state.leases.get(job).filter(|lease| lease.holder == holder && lease.expires > now) {
        Some(lease) => {
            let lease = Lease { expires: now, ..lease.clone() };
            Decision::with(done, Change::Lease { job: job.to_owned(), lease })
        }
        None => Decision::only(done),
    }
}

/// Who holds a job now.
pub(crate) fn current(state: &State, job: &str, now: UnixMs) -> Option<LeaseState> {
    state.leases.get(job).filter(|lease| lease.expires > now).map(shown)
}

fn shown(lease: &Lease) -> LeaseState {
    LeaseState { holder: lease.holder.clone(), fencing: lease.fencing, expires: lease.expires }
}
