//! Client sessions: attaching a client to a user session, taking it out, and its offline copy.

use keyraft_model::{ClientUuid, UnixMs};

use crate::{
    SmallMap,
    command::{AttachClient, NewClientSession, Outcome},
    handle::Sid,
    machine::{
        State,
        change::{Change, Decision},
    },
    maps::{
        codes, room,
        user_sessions::{self, AlreadyTaken, Missing},
    },
    session::{ClientSession, Kind, Limits, UserSession},
};

/// Grants a client its part of a session, anew where it has one. Its chains stay: a refresh token used up
/// before must not come back to life by a new sign-on. Its beginning stays while it lives: what the client got
/// before is still good, for the same person is at the same browser.
pub(crate) fn grant(session: &mut UserSession, new: &NewClientSession, now: UnixMs) {
    let before = session.clients.remove(&new.client);
    let living = before.as_ref().filter(|old| now < new.limits.end(old.started, old.last_use));
    let started = living.map_or(now, |old| old.started);
    let chains = before.map(|old| old.chains).unwrap_or_default();
    let held = ClientSession {
        started,
        last_use: now,
        expires: now,
        limits: new.limits,
        scope: new.scope.clone(),
        redirect_uri: new.redirect_uri.clone(),
        notes: new.notes.clone(),
        chains,
    };
    session.clients.insert(new.client.clone(), held);
}

/// Decides `AttachClient`.
pub(crate) fn attach(state: &State, attach: &AttachClient) -> Decision {
    let now = state.clock;
    let (sid, mut session) = match user_sessions::to_change(state, &attach.sid, Kind::Online) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::NoSession),
    };
    if session.realm != attach.realm {
        return Decision::only(Outcome::NoSession);
    }
    if session.user != attach.user {
        return Decision::only(Outcome::OtherUser);
    }
    let login = match user_sessions::take_login(state, sid, &session, attach.login.as_ref()) {
        Ok(login) => login,
        Err(AlreadyTaken) => return Decision::only(Outcome::LoginTaken),
    };
    grant(&mut session, &attach.client, now);
    user_sessions::add_notes(&mut session, &attach.notes);
    session.last_use = now;
    user_sessions::set_ends(&mut session, now);
    let mut changes = login;
    changes.extend(attach.code.as_ref().and_then(|code| codes::issue(state, sid, code)));
    changes.push(Change::session(sid, session.clone()));
    Decision { outcome: Outcome::Started { session, now }, changes }
}

/// Decides `EndClientSession`.
pub(crate) fn end(state: &State, sid: &str, kind: Kind, client: &ClientUuid, or_session: bool) -> Decision {
    let now = state.clock;
    let nothing = Outcome::Ended { sessions: Vec::new(), now };
    let (sid, session) = match user_sessions::to_change(state, sid, kind) {
        Ok(found) => found,
        Err(missing) => return missing.or(nothing),
    };
    if !session.clients.contains_key(client) {
        return Decision::only(nothing);
    }
    let change = without(sid, &session, client, or_session);
    Decision::with(Outcome::Ended { sessions: vec![session], now }, change)
}

/// The change that takes a client out of a session, or ends the session where it was the only one and
/// `or_session` says so.
pub(crate) fn without(sid: Sid, session: &UserSession, client: &ClientUuid, or_session: bool) -> Change {
    let mut rest = session.clone();
    rest.clients.remove(client);
    if or_session && rest.clients.is_empty() {
        return Change::End { sid, kind: session.kind };
    }
    Change::session(sid, rest)
}

/// What of an online session goes on without it; see `Command::StartOffline`.
pub(crate) struct OfflinePart<'a> {
    pub(crate) client: &'a ClientUuid,
    pub(crate) session_limits: Limits,
    pub(crate) client_limits: Limits,
    pub(crate) scope: &'a str,
}

/// Decides `StartOffline`.
pub(crate) fn start_offline(state: &State, sid: &str, part: &OfflinePart<'_>) -> Decision {
    let now = state.clock;
    let (sid, mut online) = match user_sessions::to_change(state, sid, Kind::Online) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::NoSession),
    };
    let Some(held) = online.clients.remove(part.client) else { return Decision::only(Outcome::NoSession) };
    let mut offline = match user_sessions::find(state, sid, Kind::Offline, now) {
        Ok(standing) => standing,
        Err(Missing::Gone) if room::for_session(state, &online.realm) => copy_of(online, now),
        Err(Missing::Gone) => return Decision::only(Outcome::Full),
        Err(Missing::NotLoaded(key)) => return Decision::only(Outcome::NotLoaded { key }),
    };
    offline.limits = part.session_limits;
    offline.last_use = now;
    let before = offline.clients.remove(part.client);
    offline.clients.insert(part.client.clone(), copy_of_client(held, before, part, now));
    user_sessions::set_ends(&mut offline, now);
    let change = Change::session(sid, offline.clone());
    Decision::with(Outcome::Started { session: offline, now }, change)
}

/// An offline session begins when it is granted, not when the browser's did.
fn copy_of(online: UserSession, now: UnixMs) -> UserSession {
    UserSession { kind: Kind::Offline, started: now, clients: SmallMap::new(), ..online }
}

/// Offline tokens given before stay valid, so an offline part that stands keeps its beginning and chains.
fn copy_of_client(
    held: ClientSession,
    before: Option<ClientSession>,
    part: &OfflinePart<'_>,
    now: UnixMs,
) -> ClientSession {
    let (started, chains) = before.map_or((now, SmallMap::new()), |before| (before.started, before.chains));
    ClientSession {
        started,
        last_use: now,
        expires: now,
        limits: part.client_limits,
        scope: part.scope.to_owned(),
        chains,
        ..held
    }
}
