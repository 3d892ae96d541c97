//! Dropping: at most 68 objects per entry, oldest first, so that no entry takes long.

use std::{ops::Bound, sync::Arc};

use keyraft_model::UserId;

use crate::{
    command::FenceScope,
    handle::{SLOTS, Sid},
    machine::{
        State,
        fences::Cursor,
        slot::{ByUser, Due},
        usage::{self, Map},
    },
    maps::{login_failures, user_sessions},
    session::Kind,
};

/// Expired objects that one entry drops: 64, and four for the command in it.
const DROPS: usize = 64 + 4;
/// Sessions that a sweep behind a fence looks at per entry.
const LOOKS: usize = 256;

/// Drops what is due and goes on with the first sweep.
pub(crate) fn run(state: &mut State) {
    let mut left = DROPS;
    while left > 0 && drop_one(state) {
        left -= 1;
    }
    if left > 0 {
        sweep(state, left);
    }
    if state.fences.next_due().is_some_and(|at| at <= state.clock)
        && Arc::make_mut(&mut state.fences).forget_one(state.clock)
    {
        state.usage.remove(Map::Fences, usage::of_marker());
    }
}

fn drop_one(state: &mut State) -> bool {
    let now = state.clock;
    let Some(&(at, index)) = state.due.first() else { return false };
    if at > now {
        return false;
    }
    let Some(due) = state.slot(index).first_due(now) else { return false };
    match due {
        Due::Session(sid, kind) => drop_session(state, sid, kind),
        Due::Tombstone(sid, kind) => {
            state.in_slot(index, |slot| slot.remove_tombstone((sid, kind)));
            state.usage.remove(Map::Tombstones, usage::of_marker());
        }
        Due::Code(hash) => {
            let old = state.in_slot(index, |slot| slot.remove_code(hash));
            state.account(Map::Codes, None, old.map(|old| usage::of_code(&old)));
        }
        Due::Taken(key) => {
            state.in_slot(index, |slot| slot.remove_taken(key));
            state.usage.remove(Map::SingleUse, usage::of_marker());
        }
        Due::Failures(realm, user) => {
            let change = login_failures::lapse(state, realm, user);
            state.change(change);
        }
        Due::Revocation(key) => {
            state.in_slot(index, |slot| slot.remove_revocation(key));
            state.usage.remove(Map::Revocations, usage::of_marker());
        }
    }
    true
}

/// Drops a session, or those of its clients and chains that are over.
fn drop_session(state: &mut State, sid: Sid, kind: Kind) {
    match user_sessions::live(state, sid, kind, state.clock) {
        Some(session) => state.put_session(sid, session),
        None => state.remove_session((sid, kind)),
    }
}

/// Goes on with one sweep until it has dropped `left` sessions or looked at its share.
fn sweep(state: &mut State, mut left: usize) {
    let Some((key, mut cursor)) = state.fences.next_sweep() else { return };
    let mut looks = LOOKS;
    while looks > 0 && left > 0 {
        looks -= 1;
        match next_place(state, &key.0, &cursor) {
            Some(place) => {
                if place.2 == key.1 && clear(state, &place) {
                    left -= 1;
                }
                cursor.after = Some(place);
            }
            None if key.0.user().is_some() || cursor.slot + 1 >= SLOTS => {
                Arc::make_mut(&mut state.fences).swept(&key, None);
                return;
            }
            None => cursor = Cursor { slot: cursor.slot + 1, after: None },
        }
    }
    Arc::make_mut(&mut state.fences).swept(&key, Some(cursor));
}

/// The next session of the scope in the cursor's slot.
fn next_place(state: &State, scope: &FenceScope, cursor: &Cursor) -> Option<ByUser> {
    let user = scope.user().cloned();
    let first = (scope.realm().clone(), user.clone().unwrap_or_default(), Kind::Online, Sid::MIN);
    let from = match &cursor.after {
        Some(place) => Bound::Excluded(place.clone()),
        None => Bound::Included(first),
    };
    let place = state.slot(cursor.slot).by_user.range((from, Bound::Unbounded)).next()?;
    let is_of_user = |of: &UserId| user.as_ref().is_none_or(|user| user == of);
    (place.0 == *scope.realm() && is_of_user(&place.1)).then(|| place.clone())
}

/// Removes what is behind a fence of one session; says whether there was anything.
fn clear(state: &mut State, place: &ByUser) -> bool {
    let (_, _, kind, sid) = place;
    let now = state.clock;
    let Some(standing) = state.slot(sid.slot()).sessions.get(&(*sid, *kind)).cloned() else { return false };
    let alive = user_sessions::live(state, *sid, *kind, now);
    if alive.as_ref().is_some_and(|alive| Arc::ptr_eq(alive, &standing)) {
        return false;
    }
    drop_session(state, *sid, *kind);
    true
}
