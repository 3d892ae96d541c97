//! Whether there is room: new things are refused at the bound, what exists goes on.

use keyraft_model::RealmId;

use crate::machine::State;

/// Whether something new of that realm may be written. The last 5 % stay free for sessions that exist; one
/// realm may hold half of what the others leave, so that it cannot lock all others out.
pub(crate) fn for_new(state: &State, realm: &RealmId) -> bool {
    if state.bound == 0 {
        return true;
    }
    let total = state.usage.bytes();
    let of_realm = state.counters.bytes_of_realm(realm);
    let of_others = total.saturating_sub(of_realm);
    total < state.bound / 100 * 95 && of_realm < state.bound.saturating_sub(of_others) / 2
}

/// Whether something that an existing session needs may be written.
pub(crate) fn for_existing(state: &State) -> bool {
    state.bound == 0 || state.usage.bytes() < state.bound
}
