//! Refresh chains: where a realm revokes refresh tokens, each use replaces the token.
//!
//! A chain remembers the token used last and what it was answered with. The next token must be one of those
//! answers, or, as far as the realm allows reuse, the same token again. Anything else was used before: either
//! its holder or whoever uses it now is a thief, and the client session ends (RFC 9700 section 4.14.2).

use keyraft_model::UnixMs;

use crate::{
    command::{Outcome, RotateRefresh, Rotation},
    machine::{
        State,
        change::{Change, Decision},
    },
    maps::{clients, user_sessions},
    session::{Chain, ClientSession},
};

/// Chains of one client session. Dropping one would bring its used tokens back to life, so more are refused.
const CHAINS_MAX: usize = 512;
/// Answers that a chain remembers; a realm that allows more reuse ends clients that go back further.
const ISSUED_MAX: usize = 64;

/// Decides `RotateRefresh`.
pub(crate) fn rotate(state: &State, rotate: &RotateRefresh) -> Decision {
    let now = state.clock;
    let (sid, mut session) = match user_sessions::to_change(state, &rotate.sid, rotate.kind) {
        Ok(found) => found,
        Err(missing) => return missing.or(Outcome::Rotated(Rotation::NoSession)),
    };
    let Some(held) = session.clients.get_mut(&rotate.client) else { return answer(Rotation::NoClient) };
    let reuse_id = rotate.reuse_id.clone().unwrap_or_else(|| rotate.new_reuse_id.clone());
    match advance(held, &reuse_id, rotate, now) {
        Step::Next => {}
        Step::Reused => {
            let change = clients::without(sid, &session, &rotate.client, false);
            return Decision::with(Outcome::Rotated(Rotation::Reused { session }), change);
        }
        Step::Full => return Decision::only(Outcome::Full),
    }
    held.last_use = now;
    session.last_use = now;
    user_sessions::set_ends(&mut session, now);
    let change = Change::session(sid, session.clone());
    Decision::with(Outcome::Rotated(Rotation::Rotated { session, reuse_id, now }), change)
}

enum Step {
    Next,
    Reused,
    Full,
}

/// Moves a chain on to the presented token.
fn advance(held: &mut ClientSession, reuse_id: &str, rotate: &RotateRefresh, now: UnixMs) -> Step {
    let expires = now.plus(rotate.lifespan);
    let Some(chain) = held.chains.get_mut(reuse_id) else {
        if held.chains.len() >= CHAINS_MAX {
            return Step::Full;
        }
        let issued = vec![rotate.next.clone()];
        let chain = Chain { jti: rotate.presented.clone(), uses: 1, issued, expires };
        held.chains.insert(reuse_id.to_owned(), chain);
        return Step::Next;
    };
    if chain.jti == rotate.presented {
        if chain.uses > rotate.max_reuse {
            return Step::Reused;
        }
        chain.uses += 1;
    } else if chain.issued.contains(&rotate.presented) {
        chain.jti.clone_from(&rotate.presented);
        chain.uses = 1;
        chain.issued.clear();
    } else {
        return Step::Reused;
    }
    if chain.issued.len() >= ISSUED_MAX {
        chain.issued.remove(0);
    }
    chain.issued.push(rotate.next.clone());
    // An older token of the chain may live longer than the newest: its marker must outlive it.
    chain.expires = chain.expires.max(expires);
    Step::Next
}

fn answer(rotation: Rotation) -> Decision {
    Decision::only(Outcome::Rotated(rotation))
}
