//! Whether there is room: who may start again later is refused first, and what exists is never refused.
//!
//! In hundredths of the bound: requests of devices and pushed ones up to 85, markers of new ids up to 90, new
//! sessions up to 95. What is above is for sessions that exist, their ends and their rotations. One realm may
//! hold half of what the others leave free, so that it cannot lock all others out.

use keyraft_model::RealmId;

use crate::machine::State;

const REQUESTS: u64 = 85;
const IDS: u64 = 90;
const SESSIONS: u64 = 95;
const ALL: u64 = 100;
/// From here on sessions that nobody uses are dropped from memory.
const TIGHT: u64 = 85;
/// Waiting requests of one realm may take this part of the bound.
const WAITING: u64 = 5;

/// Whether a request may be kept: one that a known client pushed, or a device's.
pub(crate) fn for_request(state: &State, realm: &RealmId) -> bool {
    let waiting = state.names.find(realm.as_str()).map_or(0, |realm| state.counters.requests_of_realm(realm));
    let is_few = state.bound == 0 || waiting < state.bound / 100 * WAITING;
    is_few && is_below(state, REQUESTS) && has_share(state, realm)
}

/// Whether the id of a verified assertion or proof may be marked as taken.
pub(crate) fn for_jti(state: &State, realm: &RealmId) -> bool {
    is_below(state, IDS) && has_share(state, realm)
}

/// Whether a new session may begin.
pub(crate) fn for_session(state: &State, realm: &RealmId) -> bool {
    is_below(state, SESSIONS) && has_share(state, realm)
}

/// Whether an attempt at an existing user may be counted; uncounted it must not be made.
pub(crate) fn for_attempt(state: &State, realm: &RealmId) -> bool {
    is_below(state, SESSIONS) && has_share(state, realm)
}

/// Whether a session may be brought back into memory.
pub(crate) fn for_load(state: &State) -> bool {
    is_below(state, ALL)
}

/// Whether it is time to drop sessions from memory.
pub(crate) fn is_tight(state: &State) -> bool {
    !is_below(state, TIGHT)
}

fn is_below(state: &State, hundredths: u64) -> bool {
    state.bound == 0 || state.bytes() < state.bound / 100 * hundredths
}

fn has_share(state: &State, realm: &RealmId) -> bool {
    if state.bound == 0 {
        return true;
    }
    let of_realm = state.bytes_of_realm(realm);
    let of_others = state.bytes().saturating_sub(of_realm);
    of_realm < state.bound.saturating_sub(of_others) / 2
}
