//! Between memory and database: what may be dropped, what may come back, what is proven to be away.
//!
//! A row may be of the past in three ways, and each is refused: the session ended or changed since it was read
//! (the slot's mark), its end was forgotten here because the database knows it (then the row says so), or the
//! database itself was set back (loads are held until everything is written again).

use keyraft_model::UnixMs;

use crate::{
    command::{Command, FenceScope, Load, Loading, MoveForward, Outcome, Used},
    handle::Sid,
    machine::{
        State,
        change::{Change, Decision},
    },
    maps::{room, user_sessions},
    row::{LoadRow, RowKey, Version},
    session::{Kind, UserSession},
};

/// Decides what `machine::rows` carries out.
pub(crate) fn decide(state: &State, command: &Command) -> Decision {
    let done = Outcome::Done { now: state.clock };
    match command {
        Command::Durable(durable) if *durable != state.durable => {
            Decision::with(done, Change::Durable(*durable))
        }
        Command::MarkPersisted(mark) => {
            let change = Change::Persisted { rows: mark.rows.clone(), position: mark.position };
            Decision::with(done, change)
        }
        Command::Evict { keys } => evict(state, keys),
        Command::Load(what) => load(state, what),
        Command::Restored { position } if *position < state.persisted => {
            Decision::with(done, Change::Restored(*position))
        }
        Command::NewEpoch { epoch, over_rows } if *epoch > state.epoch.number => {
            Decision::with(done, Change::Epoch { number: *epoch, over_rows: *over_rows })
        }
        Command::MoveForward(forward) => move_forward(state, forward),
        _ => Decision::only(done),
    }
}

fn evict(state: &State, keys: &[RowKey]) -> Decision {
    let mut changes: Vec<_> = Vec::with_capacity(keys.len());
    for key in keys {
        let RowKey::Session { sid, kind } = key else { continue };
        let Some(sid) = Sid::parse(sid) else { continue };
        if state.is_cold((sid, *kind)) {
            changes.push(Change::Evict { sid, kind: *kind });
        }
    }
    Decision { outcome: Outcome::Evicted(changes.len() as u64), changes }
}

fn load(state: &State, load: &Load) -> Decision {
    let mut changes = Vec::new();
    let mut seen = Vec::new();
    let mut rows = Vec::with_capacity(load.rows.len());
    for row in &load.rows {
        let loaded = if seen.contains(&&row.row.key) {
            Err(Loading::Stands)
        } else {
            seen.push(&row.row.key);
            load_one(state, row, load)
        };
        rows.push(match loaded {
            Ok(change) => {
                changes.push(change);
                Loading::Loaded
            }
            Err(why) => {
                if matches!(why, Loading::Ended | Loading::Over) {
                    changes.extend(note_gone(state, &row.row.key));
                }
                why
            }
        });
    }
    let absent = load.absent.iter().map(|(sid, kind)| match absence(state, sid, *kind, load.read_at) {
        Ok(change) => {
            changes.push(change);
            Loading::Loaded
        }
        Err(why) => why,
    });
    let absent = absent.collect();
    Decision { outcome: Outcome::Loaded { rows, absent }, changes }
}

/// Remembers for a while that a row is of nothing alive, so that whoever asked is answered.
fn note_gone(state: &State, key: &RowKey) -> Option<Change> {
    let RowKey::Session { sid, kind } = key else { return None };
    let sid = Sid::parse(sid)?;
    let (key, slot) = ((sid, *kind), state.slot(sid.slot()));
    let is_known = slot.sessions.contains_key(&key) || slot.tombstones.contains_key(&key);
    (!is_known).then_some(Change::Absent { sid, kind: *kind })
}

/// Whether something of that key may be brought in at all. That it was noted as absent does not stand against the proof
/// of a later use.
fn may_come(state: &State, sid: Sid, kind: Kind, (read_at, is_proven): (u64, bool)) -> Result<(), Loading> {
    let (key, slot) = ((sid, kind), state.slot(sid.slot()));
    if slot.sessions.contains_key(&key) {
        return Err(Loading::Stands);
    }
    if slot.tombstones.get(&key).is_some_and(|tombstone| !(is_proven && tombstone.is_note())) {
        return Err(Loading::Ended);
    }
    if state.are_loads_held() || slot.mark > read_at || !state.durable.of(kind) {
        return Err(Loading::Refused);
    }
    Ok(())
}

fn load_one(state: &State, load: &LoadRow, of: &Load) -> Result<Change, Loading> {
    let LoadRow { row, fences } = load;
    let now = state.clock;
    let RowKey::Session { sid, kind } = &row.key else { return Err(Loading::Invalid) };
    let sid = Sid::parse(sid).ok_or(Loading::Invalid)?;
    may_come(state, sid, *kind, (of.read_at, of.used.is_some()))?;
    if row.ended {
        return Err(Loading::Ended);
    }
    let mut session = readable(state, load).map_err(|why| {
        metrics::counter!("keyraft_cluster_rows_refused_total", "why" => why).increment(1);
        Loading::Invalid
    })?;
    // A row may say less than the session's limits when it was capped, never more.
    session.expires = session.expires.min(session.limits.end(session.started, session.last_use));
    let is_moved = of.used.as_ref().is_some_and(|used| note_use(&mut session, used, now));
    let whole = session.clients.len();
    if session.expires <= now || !stand(&mut session, state, fences) {
        return Err(Loading::Over);
    }
    session.clients.retain(|_, held| held.expires > now);
    if !room::for_load(state) {
        return Err(Loading::Full);
    }
    let is_same = !is_moved && session.clients.len() == whole;
    let version = is_same.then_some(row.version);
    Ok(Change::Load { sid, session: Box::new(session), version })
}

/// The session of a row that can be.
fn readable(state: &State, load: &LoadRow) -> Result<UserSession, &'static str> {
    let row = &load.row;
    row.check(state.clock).map_err(|_| "times")?;
    if row.version > state.version() {
        return Err("version");
    }
    let session = row.session().map_err(|_| "payload")?;
    let slot = crate::handle::slot_of_user(&session.realm, &session.user);
    let is_at_home = crate::handle::slot_of_sid(&session.sid) == Some(slot);
    is_at_home.then_some(session).ok_or("slot")
}

/// Leaves of a session what no fence ends, of the state and of the database; says whether it stands at all.
fn stand(session: &mut UserSession, state: &State, fences: &[(FenceScope, UnixMs)]) -> bool {
    let ends = |session: &UserSession, scope: &FenceScope| {
        scope.realm() == &session.realm && scope.user().is_none_or(|user| *user == session.user)
    };
    let of_row = |scope: &FenceScope, at: UnixMs, session: &UserSession| {
        scope.client().is_none() && ends(session, scope) && session.started <= at
    };
    if state.fences.ends_session(session) || fences.iter().any(|(scope, at)| of_row(scope, *at, session)) {
        return false;
    }
    let clients = std::mem::take(&mut session.clients);
    let stands = |(id, held): &(keyraft_model::ClientUuid, crate::session::ClientSession)| {
        let by_row = fences
            .iter()
            .any(|(scope, at)| scope.client() == Some(id) && ends(session, scope) && held.started <= *at);
        !by_row && !state.fences.ends_client(session, id, held)
    };
    session.clients = clients.into_iter().filter(stands).collect();
    true
}

/// Moves a session on to a use that a token proves; says whether that was later than what it knew.
fn note_use(session: &mut UserSession, used: &Used, now: UnixMs) -> bool {
    let at = used.at.min(now);
    let Some(held) = session.clients.get_mut(&used.client).filter(|held| held.started <= at) else {
        return false;
    };
    if at <= held.last_use && at <= session.last_use {
        return false;
    }
    held.last_use = held.last_use.max(at);
    session.last_use = session.last_use.max(at);
    session.expires = session.limits.end(session.started, session.last_use);
    let end = session.expires;
    for held in session.clients.values_mut() {
        held.expires = held.limits.end(held.started, held.last_use).min(end);
    }
    true
}

fn absence(state: &State, sid: &str, kind: Kind, read_at: u64) -> Result<Change, Loading> {
    let sid = Sid::parse(sid).ok_or(Loading::Invalid)?;
    may_come(state, sid, kind, (read_at, false))?;
    Ok(Change::Absent { sid, kind })
}

/// Only what was loaded from an earlier epoch and not changed since: in its own epoch a session knows its uses.
fn move_forward(state: &State, forward: &MoveForward) -> Decision {
    let now = state.clock;
    let (sid, mut session) = match user_sessions::to_change(state, &forward.sid, forward.kind) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::NoSession),
    };
    let done = Outcome::Done { now };
    let row = state.slot(sid.slot()).sessions.get(&(sid, forward.kind)).map(|packed| packed.row.version);
    let is_of_before = row.is_some_and(|row: Version| row.epoch < state.epoch.number);
    if !is_of_before || !note_use(&mut session, &forward.used, now) {
        return Decision::only(done);
    }
    if let Some((id, jti)) = &forward.chain
        && let Some(held) = session.clients.get_mut(&forward.used.client)
        && let Some(chain) = held.chains.get_mut(id)
    {
        // The chain went on after its row was written: the token that proves it comes next, older ones are used.
        chain.issued = vec![jti.clone()];
    }
    Decision::with(done, Change::session(sid, session))
}
