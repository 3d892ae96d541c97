//! Dropping: at most 68 objects per entry, oldest first, so that no entry takes long.

use std::{ops::Bound, sync::Arc};

use keyraft_model::{DurationMs, UserId};

use crate::{
    command::FenceScope,
    handle::{self, SLOTS, Sid},
    machine::{
        State,
        change::Change,
        fences::Cursor,
        packed::RowMark,
        slot::{ByUser, Due, SessionKey},
        usage::{self, Map},
    },
    maps::{login_failures, user_sessions},
    session::{Kind, UserSession},
};

/// Expired objects that one entry drops: 64, and four for the command in it.
const DROPS: usize = 64 + 4;
/// Sessions that a sweep behind a fence looks at per entry.
const LOOKS: usize = 256;
/// How long an old end waits for its row before it is looked at again.
const LOOK_AGAIN: DurationMs = DurationMs(10 * 60_000);

/// Drops what is due and goes on with the first sweep.
pub(crate) fn run(state: &mut State) {
    let mut left = DROPS;
    while left > 0 && drop_one(state) {
        left -= 1;
    }
    if left > 0 {
        sweep(state, left);
    }
    if state.fences.is_due(state.clock) && Arc::make_mut(&mut state.fences).forget_one(state.clock) {
        state.usage.remove(Map::Fences, usage::of_fence());
    }
    state.run_redo();
}

fn drop_one(state: &mut State) -> bool {
    let now = state.clock;
    let Some(&(at, index)) = state.due.first() else { return false };
    if at > now {
        return false;
    }
    let Some(due) = state.slot(index).first_due(now) else { return false };
    match due {
        Due::Session(sid, kind) => drop_session(state, (sid, kind)),
        Due::Tombstone(sid, kind) => drop_tombstone(state, (sid, kind)),
        Due::Code(hash) => {
            let old = state.in_slot(index, |slot| slot.remove_code(hash));
            state.account(Map::Codes, None, old.map(|old| usage::of_code(&old)));
        }
        Due::Taken(key) => {
            let old = state.in_slot(index, |slot| slot.remove_taken(key));
            state.forget_taken(old);
        }
        Due::Failures(realm, user) => {
            let change = login_failures::lapse(state, realm, user);
            state.change(change);
        }
        Due::Revocation(key) => {
            state.in_slot(index, |slot| slot.remove_revocation(key));
            state.usage.remove(Map::Revocations, usage::of_revocation());
        }
        Due::Pending(id, kind) => {
            state.change(Change::Pending { slot: index, key: (id, kind), pending: None });
        }
        Due::Device(key) => {
            let old = state.in_slot(index, |slot| slot.remove_device(key));
            state.forget_device(old);
        }
        Due::Pushed(key) => {
            let old = state.in_slot(index, |slot| slot.remove_pushed(key));
            state.forget_pushed(old);
        }
        // Its row, if it has one, has expired with it.
        Due::Notice(id) => state.change(Change::Notice { id, entry: None }),
    }
    true
}

/// Drops a session, or those of its clients and chains that are over. Where a row may live longer than the
/// session did (its limits were lowered), it is an end like any other.
fn drop_session(state: &mut State, key: SessionKey) {
    let Some(row) = state.slot(key.0.slot()).sessions.get(&key).map(|session| session.row) else { return };
    match user_sessions::live(state, key.0, key.1, state.clock) {
        Some(session) => state.put_session(key.0, &session, row),
        None if state.durable.of(key.1) && row.most > state.clock => state.end_session(key),
        None => state.remove_session(key),
    }
}

/// Forgets an end whose time is over: nothing that speaks of the session as alive is alive itself, or its row
/// says that it has ended and no write of before can still come.
fn drop_tombstone(state: &mut State, key: SessionKey) {
    let Some(tombstone) = state.slot(key.0.slot()).tombstones.get(&key).cloned() else { return };
    if tombstone.until > state.clock && tombstone.is_dirty {
        // Not written yet; the database may be away for long.
        let (realm, due) = (tombstone.realm, state.clock.plus(LOOK_AGAIN).min(tombstone.until));
        let name = state.names.text(realm).to_owned();
        state.names.hold(&name);
        state.put_tombstone(key, crate::machine::record::Tombstone { due, ..tombstone });
        return;
    }
    state.remove_tombstone(key);
    if tombstone.until > state.clock {
        state.mark_slot(key.0.slot());
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
                if place.kind == key.1 && clear(state, (place.sid, place.kind)) {
                    left -= 1;
                }
                cursor.after = Some((place.user, place.kind, place.sid));
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
    let realm = state.names.find(scope.realm().as_str())?.to_be_bytes();
    let user = scope.user().map(|user: &UserId| handle::place_of_user(scope.realm(), user).1);
    let from = match cursor.after {
        Some((user, kind, sid)) => Bound::Excluded(ByUser { realm, user, kind, sid }),
        None => Bound::Included(ByUser {
            realm,
            user: user.unwrap_or_default(),
            kind: Kind::Online,
            sid: Sid::MIN,
        }),
    };
    let place = state.slot(cursor.slot).by_user.range((from, Bound::Unbounded)).next()?;
    (place.realm == realm && user.is_none_or(|user| user == place.user)).then_some(*place)
}

/// Removes what is behind a fence of one session; says whether there was anything.
fn clear(state: &mut State, key: SessionKey) -> bool {
    let Some(standing) = state.slot(key.0.slot()).sessions.get(&key) else { return false };
    let whole = standing.session(key.0, key.1, &state.names);
    let is_durable = state.durable.of(key.1);
    if state.fences.ends_session(&whole) {
        if is_durable {
            state.end_session(key);
        } else {
            state.remove_session(key);
        }
        return true;
    }
    let mut rest = whole.clone();
    rest.clients.retain(|client, held| !state.fences.ends_client(&whole, client, held));
    if rest.clients.len() == whole.clients.len() {
        return false;
    }
    keep_rest(state, key.0, &rest, is_durable);
    true
}

/// Puts a session without the clients that a fence ended. Its row is to say so too.
fn keep_rest(state: &mut State, sid: Sid, rest: &UserSession, is_durable: bool) {
    let key = (sid, rest.kind);
    let most = state.slot(sid.slot()).sessions.get(&key).map_or(rest.expires, |old| old.row.most);
    let row = RowMark {
        version: state.version(),
        is_dirty: is_durable,
        is_behind: false,
        least: rest.expires,
        most,
    };
    state.put_session(sid, rest, row);
    state.mark_slot(sid.slot());
}
