//! Authorization codes: redeemed once, by their own client, as they were asked for.
//!
//! Any wrong try burns a code. A redeemed one stays as a marker until it would have expired, because the
//! second redemption is how a stolen code shows (RFC 6749 section 4.1.2): it ends what the first one made.

use std::sync::Arc;

use keyraft_model::UnixMs;

use crate::{
    command::{Challenge, Hash, NewCode, Outcome, RedeemCode, Redemption},
    handle::Sid,
    machine::{
        State,
        change::{Change, Decision},
        record::{Code, CodeState},
    },
    maps::{
        clients,
        user_sessions::{self, Missing},
    },
    session::{Kind, Notes, UserSession},
};

/// The change that issues a code; none where that code exists, so that a marker is never overwritten.
pub(crate) fn issue(state: &State, sid: Sid, new: &NewCode) -> Option<Change> {
    let slot = sid.slot();
    let is_new = !state.slot(slot).codes.contains_key(&new.hash);
    is_new.then(|| Change::Code { slot, hash: new.hash, code: Arc::new(Code::fresh(sid, new, state.clock)) })
}

/// Decides `RedeemCode`.
pub(crate) fn redeem(state: &State, redeem: &RedeemCode) -> Decision {
    let found = Sid::parse(&redeem.sid).and_then(|sid| {
        let code = state.slot(sid.slot()).codes.get(&redeem.hash)?;
        let is_good = code.expires > state.clock && !state.epoch.refuses(code.issued);
        (code.sid == sid && is_good).then_some(code)
    });
    let Some(code) = found else { return answer(Redemption::Unknown) };
    match &code.state {
        CodeState::Burnt => answer(Redemption::Unknown),
        CodeState::Redeemed { at } => reused(state, code, *at),
        CodeState::Fresh { redirect_uri, challenge, notes } => {
            let asked = Asked { redirect_uri, challenge, notes };
            match refusal(code, &asked, redeem) {
                Some(refusal) => Decision::with(redeemed(refusal), mark(code, redeem.hash, CodeState::Burnt)),
                None => first(state, code, &asked, redeem.hash),
            }
        }
    }
}

/// What the authorization request said.
struct Asked<'a> {
    redirect_uri: &'a Option<String>,
    challenge: &'a Option<Challenge>,
    notes: &'a Notes,
}

/// Why a code is not given to whoever presents it.
fn refusal(code: &Code, asked: &Asked<'_>, redeem: &RedeemCode) -> Option<Redemption> {
    if code.client != redeem.client {
        return Some(Redemption::OtherClient);
    }
    // RFC 6749 section 4.1.3: identical if the authorization request had one.
    if asked.redirect_uri.is_some() && *asked.redirect_uri != redeem.redirect_uri {
        return Some(Redemption::RedirectMismatch);
    }
    match (asked.challenge, redeem.verifier) {
        (None, None) => None,
        (Some(_), None) => Some(Redemption::VerifierMissing),
        // Accepting it would let an attacker strip the challenge from the request (RFC 9700 section 2.1.1).
        (None, Some(_)) => Some(Redemption::VerifierUnexpected),
        (Some(Challenge(hash)), Some(verifier)) => {
            (*hash != Some(verifier)).then_some(Redemption::VerifierMismatch)
        }
    }
}

fn first(state: &State, code: &Code, asked: &Asked<'_>, hash: Hash) -> Decision {
    let now = state.clock;
    let session = match user_sessions::find(state, code.sid, Kind::Online, now) {
        Ok(session) => session,
        Err(Missing::NotLoaded(key)) => return Decision::only(Outcome::NotLoaded { key }),
        Err(Missing::Gone) => {
            return Decision::with(redeemed(Redemption::SessionEnded), mark(code, hash, CodeState::Burnt));
        }
    };
    if !session.clients.contains_key(&code.client) {
        return Decision::with(redeemed(Redemption::Unknown), mark(code, hash, CodeState::Burnt));
    }
    let redemption = Redemption::Redeemed {
        session,
        notes: asked.notes.clone(),
        redirect_uri: asked.redirect_uri.clone(),
        now,
    };
    Decision::with(redeemed(redemption), mark(code, hash, CodeState::Redeemed { at: now }))
}

/// Ends what the first redemption made: the client session, and an offline one that began since.
fn reused(state: &State, code: &Code, at: UnixMs) -> Decision {
    let [online, offline] =
        [Kind::Online, Kind::Offline].map(|kind| user_sessions::find(state, code.sid, kind, state.clock));
    for found in [&online, &offline] {
        // What is not in memory must be ended too.
        if let Err(Missing::NotLoaded(key)) = found {
            return Decision::only(Outcome::NotLoaded { key: key.clone() });
        }
    }
    let (online, offline) = (online.ok(), offline.ok());
    let changes = [
        online.as_ref().and_then(|session| without_client(code, session, UnixMs(i64::MIN))),
        offline.as_ref().and_then(|session| without_client(code, session, at)),
    ];
    Decision {
        outcome: redeemed(Redemption::Reused { session: online }),
        changes: changes.into_iter().flatten().collect(),
    }
}

fn without_client(code: &Code, session: &UserSession, since: UnixMs) -> Option<Change> {
    let held = session.clients.get(&code.client)?;
    let is_only_offline = session.kind == Kind::Offline;
    (held.started >= since).then(|| clients::without(code.sid, session, &code.client, is_only_offline))
}

fn mark(code: &Code, hash: Hash, state: CodeState) -> Change {
    Change::Code { slot: code.sid.slot(), hash, code: Arc::new(code.marked(state)) }
}

fn redeemed(redemption: Redemption) -> Outcome {
    Outcome::Redeemed(Box::new(redemption))
}

fn answer(redemption: Redemption) -> Decision {
    Decision::only(redeemed(redemption))
}
