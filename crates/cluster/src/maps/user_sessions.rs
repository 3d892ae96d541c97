//! Sessions: starting, using and ending them. Client sessions within them are in `clients`.
//!
//! A session is alive if it stands in the map, its time is not over and no fence is past its beginning.
//! Whatever looks at one goes through [`live`], which also leaves out the clients and chains that are over.

use std::sync::Arc;

use keyraft_model::{ClientUuid, DurationMs, UnixMs};

use crate::{
    SmallMap,
    command::{LoginTaken, Outcome, StartSession, Touch},
    handle::{self, Sid},
    machine::{
        State,
        change::{Change, Decision},
    },
    maps::{clients, codes, room, single_use},
    session::{ClientSession, Kind, Limits, Notes, UserSession},
};

/// How long an end is remembered at most: no command that was under way then can still come.
const TOMBSTONE_MAX: DurationMs = DurationMs(24 * 3_600_000);

/// The session of that handle if it is alive at `now`, with what is alive in it.
pub(crate) fn live(state: &State, sid: Sid, kind: Kind, now: UnixMs) -> Option<Arc<UserSession>> {
    let session = state.slot(sid.slot()).sessions.get(&(sid, kind))?;
    if session.expires <= now || state.fences.ends_session(session) {
        return None;
    }
    let is_whole = |client: &ClientSession| client.chains.values().all(|chain| chain.expires > now);
    let is_alive = |id: &ClientUuid, client: &ClientSession| {
        client.expires > now && !state.fences.ends_client(session, id, client)
    };
    if session.clients.iter().all(|(id, client)| is_alive(id, client) && is_whole(client)) {
        return Some(Arc::clone(session));
    }
    let mut pruned = UserSession::clone(session);
    pruned.clients.retain(|id, client| is_alive(id, client));
    for client in pruned.clients.values_mut() {
        client.chains.retain(|_, chain| chain.expires > now);
    }
    Some(Arc::new(pruned))
}

/// As [`live`], of a handle as text and to be changed.
pub(crate) fn to_change(state: &State, sid: &str, kind: Kind) -> Option<(Sid, UserSession)> {
    let sid = Sid::parse(sid)?;
    let session = live(state, sid, kind, state.clock)?;
    Some((sid, Arc::unwrap_or_clone(session)))
}

/// Sets all ends in a session anew after a use: by its limits, never before now; a client never outlives it.
pub(crate) fn set_ends(session: &mut UserSession, now: UnixMs) {
    session.expires = session.limits.end(session.started, session.last_use).max(now);
    for client in session.clients.values_mut() {
        client.expires = client.limits.end(client.started, client.last_use).max(now).min(session.expires);
    }
}

/// Until when an end must be remembered.
pub(crate) fn tombstone(session: &UserSession, now: UnixMs) -> UnixMs {
    session.expires.min(now.plus(TOMBSTONE_MAX))
}

/// A login in progress cannot be finished (any more).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlreadyTaken;

/// The login in progress that a start takes.
pub(crate) fn take_login(
    state: &State,
    sid: Sid,
    session: &UserSession,
    login: Option<&LoginTaken>,
) -> Result<Option<Change>, AlreadyTaken> {
    let Some(login) = login else { return Ok(None) };
    let (realm, user) = (&session.realm, &session.user);
    let is_forgotten = login.proven.plus(crate::machine::fences::Fences::MEMORY) <= state.clock;
    if is_forgotten || state.fences.ends_user(realm, user, Kind::Online, login.proven) {
        return Err(AlreadyTaken);
    }
    let key = single_use::login_key(realm, &login.id);
    single_use::take_in(state, sid.slot(), key, realm, login.lifespan).map(Some).ok_or(AlreadyTaken)
}

/// Decides `StartSession`.
pub(crate) fn start(state: &State, start: &StartSession) -> Decision {
    let now = state.clock;
    let sid =
        Sid::parse(&start.sid).filter(|sid| sid.slot() == handle::slot_of_user(&start.realm, &start.user));
    let Some(sid) = sid else { return Decision::only(Outcome::NoSession) };
    let (key, slot) = ((sid, Kind::Online), state.slot(sid.slot()));
    if slot.sessions.contains_key(&key) || slot.tombstones.contains_key(&key) {
        return Decision::only(Outcome::NoSession);
    }
    if !room::for_new(state, &start.realm) {
        return Decision::only(Outcome::Full);
    }
    let mut session = begin(state, start, now);
    let login = match take_login(state, sid, &session, start.login.as_ref()) {
        Ok(login) => login,
        Err(AlreadyTaken) => return Decision::only(Outcome::LoginTaken),
    };
    if let Some(new) = &start.client {
        clients::grant(state, &mut session, new, now);
    }
    set_ends(&mut session, now);
    let mut changes: Vec<_> = login.into_iter().collect();
    changes.extend(start.code.as_ref().and_then(|code| codes::issue(state, sid, code)));
    changes.push(Change::Session(sid, Arc::new(session.clone())));
    Decision { outcome: Outcome::Started { session, now }, changes }
}

fn begin(state: &State, start: &StartSession, now: UnixMs) -> UserSession {
    UserSession {
        sid: start.sid.clone(),
        kind: Kind::Online,
        realm: state.counters.shared_realm(&start.realm),
        user: start.user.clone(),
        started: now,
        last_use: now,
        expires: now,
        limits: start.limits,
        remember_me: start.remember_me,
        ip_address: start.ip_address.clone(),
        notes: start.notes.clone(),
        clients: SmallMap::new(),
    }
}

/// Decides `Touch`.
pub(crate) fn touch(state: &State, touch: &Touch) -> Decision {
    let now = state.clock;
    let Some((sid, mut session)) = to_change(state, &touch.sid, touch.kind) else {
        return Decision::only(Outcome::NoSession);
    };
    let held = touch.client.as_ref().and_then(|client| session.clients.get(client));
    let is_known = !session.needs_touch(now) && held.is_none_or(|held| !held.needs_touch(now));
    if is_known && session.limits == touch.limits {
        // Another request noted the use of this moment already.
        return Decision::only(Outcome::Done { now });
    }
    session.limits = touch.limits;
    session.last_use = now;
    if let Some(held) = touch.client.as_ref().and_then(|client| session.clients.get_mut(client)) {
        note_use(held, touch.client_limits, now);
    }
    set_ends(&mut session, now);
    Decision::with(Outcome::Done { now }, Change::Session(sid, Arc::new(session)))
}

fn note_use(held: &mut ClientSession, limits: Limits, now: UnixMs) {
    held.limits = limits;
    held.last_use = now;
}

/// Decides `EndSession`.
pub(crate) fn end(state: &State, sid: &str, kind: Kind) -> Decision {
    let now = state.clock;
    let Some((sid, session)) = to_change(state, sid, kind) else {
        return Decision::only(Outcome::Ended { sessions: Vec::new(), now });
    };
    let until = tombstone(&session, now);
    Decision::with(Outcome::Ended { sessions: vec![session], now }, Change::End { sid, kind, until })
}

/// Decides `SetNotes`.
pub(crate) fn set_notes(
    state: &State,
    sid: &str,
    kind: Kind,
    notes: &[(String, Option<String>)],
) -> Decision {
    let Some((sid, mut session)) = to_change(state, sid, kind) else {
        return Decision::only(Outcome::NoSession);
    };
    for (name, value) in notes {
        match value {
            Some(value) => drop(session.notes.insert(name.clone(), value.clone())),
            None => drop(session.notes.remove(name)),
        }
    }
    Decision::with(Outcome::Done { now: state.clock }, Change::Session(sid, Arc::new(session)))
}

/// Adds notes to those of a session.
pub(crate) fn add_notes(session: &mut UserSession, notes: &Notes) {
    session.notes.extend(notes.iter().map(|(name, value)| (name.clone(), value.clone())));
}
