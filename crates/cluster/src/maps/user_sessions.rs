//! Sessions: starting, using and ending them. Client sessions within them are in `clients`.
//!
//! A session is alive if it stands in the map, its time is not over and no fence is past its beginning.
//! Whatever looks at one goes through [`live`], which also leaves out the clients and chains that are over.

use keyraft_model::{ClientUuid, DurationMs, UnixMs};

use crate::{
    SmallMap,
    command::{LoginTaken, Outcome, StartSession, Touch},
    handle::{self, Sid},
    machine::{
        State,
        change::{Change, Decision, RowFollows},
    },
    maps::{clients, codes, pending, room, single_use},
    row::RowKey,
    session::{ClientSession, Kind, Limits, Notes, UserSession},
};

/// The session of that handle if it is alive at `now`, with what is alive in it.
pub(crate) fn live(state: &State, sid: Sid, kind: Kind, now: UnixMs) -> Option<UserSession> {
    let packed = state.slot(sid.slot()).sessions.get(&(sid, kind))?;
    if packed.expires <= now {
        return None;
    }
    let mut session = packed.session(sid, kind, &state.names);
    if !state.fences.is_empty() {
        if state.fences.ends_session(&session) {
            return None;
        }
        let clients = std::mem::take(&mut session.clients);
        let stand =
            |(id, client): &(ClientUuid, ClientSession)| !state.fences.ends_client(&session, id, client);
        session.clients = clients.into_iter().filter(stand).collect();
    }
    if packed.due <= now {
        session.clients.retain(|_, client| client.expires > now);
        for client in session.clients.values_mut() {
            client.chains.retain(|_, chain| chain.expires > now);
        }
    }
    Some(session)
}

/// Why a session is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// There is none: never was, over, or ended.
    Gone,
    /// It may lie in the database.
    NotLoaded(RowKey),
}

impl Missing {
    /// The answer: `gone`, where that is certain.
    pub(crate) fn or(self, gone: Outcome) -> Decision {
        Decision::only(match self {
            Self::Gone => gone,
            Self::NotLoaded(key) => Outcome::NotLoaded { key },
        })
    }
}

/// The session of that handle, or why it is not at hand.
pub(crate) fn find(state: &State, sid: Sid, kind: Kind, now: UnixMs) -> Result<UserSession, Missing> {
    live(state, sid, kind, now).ok_or_else(|| {
        if state.may_be_stored(sid, kind, now) {
            Missing::NotLoaded(RowKey::Session { sid: sid.text(), kind })
        } else {
            Missing::Gone
        }
    })
}

/// As [`find`], of a handle as text and to be changed.
pub(crate) fn to_change(state: &State, sid: &str, kind: Kind) -> Result<(Sid, UserSession), Missing> {
    let sid = Sid::parse(sid).ok_or(Missing::Gone)?;
    Ok((sid, find(state, sid, kind, state.clock)?))
}

/// Sets all ends in a session anew after a use: by its limits, never before now; a client never outlives it.
pub(crate) fn set_ends(session: &mut UserSession, now: UnixMs) {
    session.expires = session.limits.end(session.started, session.last_use).max(now);
    for client in session.clients.values_mut() {
        client.expires = client.limits.end(client.started, client.last_use).max(now).min(session.expires);
    }
}

/// A login in progress cannot be finished (any more).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlreadyTaken;

/// The changes that take the login in progress which a start names.
pub(crate) fn take_login(
    state: &State,
    sid: Sid,
    session: &UserSession,
    login: Option<&LoginTaken>,
) -> Result<Vec<Change>, AlreadyTaken> {
    let Some(login) = login else { return Ok(Vec::new()) };
    let (realm, user) = (&session.realm, &session.user);
    let is_forgotten = login.proven.plus(crate::machine::fences::Fences::MEMORY) <= state.clock;
    let is_behind = state.fences.ends_user(realm, user, Kind::Online, login.proven);
    if is_forgotten || is_behind || state.epoch.refuses(login.proven) {
        return Err(AlreadyTaken);
    }
    let key = single_use::login_key(realm, &login.id);
    let take = single_use::take_in(state, sid.slot(), key, realm, login.lifespan).ok_or(AlreadyTaken)?;
    // What the login kept goes with it.
    Ok(pending::forget(state, realm, &login.id).chain([take]).collect())
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
    if !room::for_session(state, &start.realm) {
        return Decision::only(Outcome::Full);
    }
    let mut session = begin(start, now);
    let login = match take_login(state, sid, &session, start.login.as_ref()) {
        Ok(login) => login,
        Err(AlreadyTaken) => return Decision::only(Outcome::LoginTaken),
    };
    if let Some(new) = &start.client {
        clients::grant(&mut session, new, now);
    }
    set_ends(&mut session, now);
    let mut changes = login;
    changes.extend(start.code.as_ref().and_then(|code| codes::issue(state, sid, code)));
    changes.push(Change::session(sid, session.clone()));
    Decision { outcome: Outcome::Started { session, now }, changes }
}

fn begin(start: &StartSession, now: UnixMs) -> UserSession {
    UserSession {
        sid: start.sid.clone(),
        kind: Kind::Online,
        realm: start.realm.clone(),
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
    let (sid, mut session) = match to_change(state, &touch.sid, touch.kind) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::NoSession),
    };
    let held = touch.client.as_ref().and_then(|client| session.clients.get(client));
    let is_known = !session.needs_touch(now) && held.is_none_or(|held| !held.needs_touch(now));
    if is_known && session.limits == touch.limits {
        // Another request noted the use of this moment already.
        return Decision::only(Outcome::Done { now });
    }
    let row = row_follows(state, sid, &session, touch);
    session.limits = touch.limits;
    session.last_use = now;
    if let Some(held) = touch.client.as_ref().and_then(|client| session.clients.get_mut(client)) {
        note_use(held, touch.client_limits, now);
    }
    set_ends(&mut session, now);
    let change = Change::Session { sid, session: Box::new(session), row };
    Decision::with(Outcome::Done { now }, change)
}

/// A use is written to the database when the row would otherwise end within half the idle time: so a session in
/// steady use costs two writes per idle time. Other limits are written at once.
fn row_follows(state: &State, sid: Sid, session: &UserSession, touch: &Touch) -> RowFollows {
    let held = touch.client.as_ref().and_then(|client| session.clients.get(client));
    let is_same =
        session.limits == touch.limits && held.is_none_or(|held| held.limits == touch.client_limits);
    let idles = [touch.limits.idle, held.and(touch.client_limits.idle)];
    let half = idles.into_iter().flatten().min().map_or(DurationMs::ZERO, |idle| DurationMs(idle.0 / 2));
    let row = state.slot(sid.slot()).sessions.get(&(sid, session.kind)).map(|packed| packed.row);
    let is_enough = row.is_some_and(|row| row.least.since(state.clock) >= half);
    if is_same && is_enough { RowFollows::NotYet } else { RowFollows::Yes }
}

fn note_use(held: &mut ClientSession, limits: Limits, now: UnixMs) {
    held.limits = limits;
    held.last_use = now;
}

/// Decides `EndSession`.
pub(crate) fn end(state: &State, sid: &str, kind: Kind) -> Decision {
    let now = state.clock;
    let (sid, session) = match to_change(state, sid, kind) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::Ended { sessions: Vec::new(), now }),
    };
    Decision::with(Outcome::Ended { sessions: vec![session], now }, Change::End { sid, kind })
}

/// Decides `SetNotes`.
pub(crate) fn set_notes(
    state: &State,
    sid: &str,
    kind: Kind,
    notes: &[(String, Option<String>)],
) -> Decision {
    let (sid, mut session) = match to_change(state, sid, kind) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::NoSession),
    };
    for (name, value) in notes {
        match value {
            Some(value) => drop(session.notes.insert(name.clone(), value.clone())),
            None => drop(session.notes.remove(name)),
        }
    }
    Decision::with(Outcome::Done { now: state.clock }, Change::session(sid, session))
}

/// Adds notes to those of a session.
pub(crate) fn add_notes(session: &mut UserSession, notes: &Notes) {
    session.notes.extend(notes.iter().map(|(name, value)| (name.clone(), value.clone())));
}
