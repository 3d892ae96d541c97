//! Logout notices: written by the command that ends the session, so that no node's death loses one, and kept
//! until somebody says that they were delivered.

use std::sync::Arc;

use keyraft_model::{ClientUuid, DurationMs, UnixMs};

use crate::{
    command::{EndWithNotice, NewNotice, Notice, Outcome, Settled},
    machine::{
        State,
        change::{Change, Decision},
        record::OutboxEntry,
    },
    maps::{clients, user_sessions},
    session::UserSession,
};

/// How long a notice is tried.
const GIVE_UP: DurationMs = DurationMs(24 * 3_600_000);
/// Notices that one command may leave or take.
const AT_ONCE: u32 = 256;

/// Decides `EndWithNotice`.
pub(crate) fn end(state: &State, end: &EndWithNotice) -> Decision {
    let mut decision = match &end.client {
        Some(client) => clients::end(state, &end.sid, end.kind, client, end.or_session),
        None => user_sessions::end(state, &end.sid, end.kind),
    };
    let Outcome::Ended { sessions, .. } = &decision.outcome else { return decision };
    let notices: Vec<_> = sessions
        .iter()
        .filter_map(|session| {
            let clients = told(session, end);
            (!clients.is_empty()).then(|| NewNotice {
                issuer: end.notify.issuer.clone(),
                realm: session.realm.clone(),
                user: session.user.clone(),
                sid: session.sid.clone(),
                kind: session.kind,
                clients,
            })
        })
        .collect();
    decision.changes.extend(entries(state, &notices));
    decision
}

/// Those of the session's clients that lose their part and want to know.
fn told(session: &UserSession, end: &EndWithNotice) -> Vec<ClientUuid> {
    let loses = |client: &ClientUuid| end.client.as_ref().is_none_or(|only| only == client);
    let wants = |client: &ClientUuid| end.notify.clients.as_ref().is_none_or(|who| who.contains(client));
    session.clients.keys().filter(|client| loses(client) && wants(client)).cloned().collect()
}

/// Decides `Notify`.
pub(crate) fn notify(state: &State, notices: &[NewNotice]) -> Decision {
    let changes = entries(state, notices).collect();
    Decision { outcome: Outcome::Done { now: state.clock }, changes }
}

/// The changes that leave notices. Numbers begin with the entry's index, so no two are ever the same in an epoch.
fn entries(state: &State, notices: &[NewNotice]) -> impl Iterator<Item = Change> {
    let (now, version, is_dirty) = (state.clock, state.version(), state.durable.outbox);
    let first = (version.epoch << 52) | (version.index << 8);
    (first..).zip(notices.iter().take(AT_ONCE as usize)).map(move |(id, new)| {
        let NewNotice { issuer, realm, user, sid, kind, clients } = new.clone();
        let expires = now.plus(GIVE_UP);
        let notice = Notice {
            id,
            issuer,
            realm,
            user,
            sid,
            kind,
            clients,
            ended: now,
            attempts: 0,
            next_at: now,
            expires,
        };
        put(OutboxEntry { notice, is_settled: false, version, is_dirty })
    })
}

/// Decides `TakeNotices`: whoever takes them has them until the lease is over.
pub(crate) fn take(state: &State, max: u32, lifespan: DurationMs) -> Decision {
    let until = state.clock.plus(lifespan);
    let taken: Vec<_> = due(state, state.clock)
        .take(max.min(AT_ONCE) as usize)
        .map(|entry| {
            // Only in memory: after a restart of everything the try is repeated.
            let notice =
                Notice { next_at: until, attempts: entry.notice.attempts + 1, ..entry.notice.clone() };
            OutboxEntry { notice, ..entry.clone() }
        })
        .collect();
    let notices = taken.iter().map(|entry| entry.notice.clone()).collect();
    Decision { outcome: Outcome::Notices(notices), changes: taken.into_iter().map(put).collect() }
}

/// Decides `SettleNotices`.
pub(crate) fn settle(state: &State, settled: &[(u64, Settled)]) -> Decision {
    let changes = settled.iter().filter_map(|(id, how)| settle_one(state, *id, how)).collect();
    Decision { outcome: Outcome::Done { now: state.clock }, changes }
}

fn settle_one(state: &State, id: u64, how: &Settled) -> Option<Change> {
    let entry = state.slot(0).outbox.get(&id).filter(|entry| !entry.is_settled)?;
    let (version, is_dirty) = (state.version(), state.durable.outbox);
    match how {
        Settled::Retry { clients, after } => {
            let next_at = state.clock.plus(*after);
            let notice = Notice { clients: clients.clone(), next_at, ..entry.notice.clone() };
            Some(put(OutboxEntry { notice, is_settled: false, version, is_dirty }))
        }
        // Where it has a row, that must say so first, or it would be told again from there.
        Settled::Delivered | Settled::GivenUp if is_dirty => {
            let notice = Notice { clients: Vec::new(), ..entry.notice.clone() };
            Some(put(OutboxEntry { notice, is_settled: true, version, is_dirty }))
        }
        Settled::Delivered | Settled::GivenUp => Some(Change::Notice { id, entry: None }),
    }
}

/// Notices that are to be tried now, the oldest first.
pub(crate) fn due(state: &State, now: UnixMs) -> impl Iterator<Item = &OutboxEntry> {
    let entries = state.slot(0).outbox.values().map(|entry| &**entry);
    entries
        .filter(move |entry| !entry.is_settled && entry.notice.next_at <= now && entry.notice.expires > now)
}

fn put(entry: OutboxEntry) -> Change {
    Change::Notice { id: entry.notice.id, entry: Some(Arc::new(entry)) }
}
