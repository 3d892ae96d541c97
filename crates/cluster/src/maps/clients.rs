//! Client sessions: attaching a client to a user session, taking it out, and its offline copy.

use std::sync::Arc;

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
        user_sessions::{self, AlreadyTaken},
    },
    session::{ClientSession, Kind, Limits, UserSession},
};

/// Grants a client its part of a session, anew where it has one. Its chains stay: a refresh token used up
/// before must not come back to life by a new sign-on. Its beginning stays while it lives: what the client got
/// before is still good, for the same person is at the same browser.
pub(crate) fn grant(state: &State, session: &mut UserSession, new: &NewClientSession, now: UnixMs) {
    let client = state.counters.shared_client(&session.realm, &new.client);
    let before = session.clients.remove(&client);
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
    session.clients.insert(client, held);
}

/// Decides `AttachClient`.
pub(crate) fn attach(state: &State, attach: &AttachClient) -> Decision {
    let now = state.clock;
    let found = user_sessions::to_change(state, &attach.sid, Kind::Online);
    let Some((sid, mut session)) = found.filter(|(_, session)| session.realm == attach.realm) else {
        return Decision::only(Outcome::NoSession);
    };
    if session.user != attach.user {
        return Decision::only(Outcome::OtherUser);
    }
    if !room::for_existing(state) {
        return Decision::only(Outcome::Full);
    }
    let login = match user_sessions::take_login(state, sid, &session, attach.login.as_ref()) {
        Ok(login) => login,
        Err(AlreadyTaken) => return Decision::only(Outcome::LoginTaken),
    };
    grant(state, &mut session, &attach.client, now);
    user_sessions::add_notes(&mut session, &attach.notes);
    session.last_use = now;
    user_sessions::set_ends(&mut session, now);
    let mut changes: Vec<_> = login.into_iter().collect();
    changes.extend(attach.code.as_ref().and_then(|code| codes::issue(state, sid, code)));
    changes.push(Change::Session(sid, Arc::new(session.clone())));
    Decision { outcome: Outcome::Started { session, now }, changes }
}

/// Decides `EndClientSession`.
pub(crate) fn end(state: &State, sid: &str, kind: Kind, client: &ClientUuid, or_session: bool) -> Decision {
    let now = state.clock;
    let found = user_sessions::to_change(state, sid, kind);
    let Some((sid, session)) = found.filter(|(_, session)| session.clients.contains_key(client)) else {
        return Decision::only(Outcome::Ended { sessions: Vec::new(), now });
    };
    let change = without(sid, &session, client, or_session, now);
    Decision::with(Outcome::Ended { sessions: vec![session], now }, change)
}

/// The change that takes a client out of a session, or ends the session where it was the only one and
/// `or_session` says so.
pub(crate) fn without(
    sid: Sid,
    session: &UserSession,
    client: &ClientUuid,
    or_session: bool,
    now: UnixMs,
) -> Change {
    let mut rest = session.clone();
    rest.clients.remove(client);
    if or_session && rest.clients.is_empty() {
        return Change::End { sid, kind: session.kind, until: user_sessions::tombstone(session, now) };
    }
    Change::Session(sid, Arc::new(rest))
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
    let found = user_sessions::to_change(state, sid, Kind::Online);
    let granted = found.and_then(|(sid, mut online)| {
        let held = online.clients.remove(part.client)?;
        Some((sid, online, held))
    });
    let Some((sid, online, held)) = granted else { return Decision::only(Outcome::NoSession) };
    if !room::for_new(state, &online.realm) {
        return Decision::only(Outcome::Full);
    }
    let standing = user_sessions::live(state, sid, Kind::Offline, now).map(Arc::unwrap_or_clone);
    let mut offline = standing.unwrap_or_else(|| copy_of(online, now));
    offline.limits = part.session_limits;
    offline.last_use = now;
    let client = state.counters.shared_client(&offline.realm, part.client);
    let before = offline.clients.remove(&client);
    offline.clients.insert(client, copy_of_client(held, before, part, now));
    user_sessions::set_ends(&mut offline, now);
    let change = Change::Session(sid, Arc::new(offline.clone()));
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
