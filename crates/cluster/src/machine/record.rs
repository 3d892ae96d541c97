//! The values of the maps that are not public types of their own.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs};
use serde::{Deserialize, Serialize};

use crate::{
    command::{AttemptPolicy, Challenge, LoginFailures, NewCode},
    handle::Sid,
    session::Notes,
};

/// An authorization code, or the marker it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) sid: Sid,
    pub(crate) client: ClientUuid,
    pub(crate) expires: UnixMs,
    pub(crate) state: CodeState,
}

/// Whether a code can still be redeemed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CodeState {
    /// Not presented yet.
    Fresh { redirect_uri: Option<String>, challenge: Option<Challenge>, notes: Notes },
    /// Redeemed then: presented again, it ends what was made of it.
    Redeemed { at: UnixMs },
    /// Presented wrongly; nothing was made of it.
    Burnt,
}

impl Code {
    /// A code as it is issued.
    pub(crate) fn fresh(sid: Sid, new: &NewCode, now: UnixMs) -> Self {
        Self {
            sid,
            client: new.client.clone(),
            expires: now.plus(new.lifespan),
            state: CodeState::Fresh {
                redirect_uri: new.redirect_uri.clone(),
                challenge: new.challenge.clone(),
                notes: new.notes.clone(),
            },
        }
    }

    /// The marker that stays until the code would have expired.
    pub(crate) fn marked(&self, state: CodeState) -> Self {
        Self { sid: self.sid, client: self.client.clone(), expires: self.expires, state }
    }
}

/// Something taken once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) realm: RealmId,
    pub(crate) expires: UnixMs,
}

/// Failures of one user, with what is needed to let them lapse without a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failures {
    pub(crate) value: LoginFailures,
    /// The realm's policy at the last command: attempts that nobody settles are judged by it.
    pub(crate) policy: AttemptPolicy,
}

impl Failures {
    /// How long an attempt may be in flight before it counts as failed.
    pub(crate) const IN_FLIGHT: DurationMs = DurationMs(10_000);

    /// When the oldest attempt in flight counts as failed.
    pub(crate) fn lapse(&self) -> Option<UnixMs> {
        self.value.reserved.iter().map(|(_, since)| since.plus(Self::IN_FLIGHT)).min()
    }

    /// When this says nothing any more: the failures are too old to count and no lockout is in force.
    pub(crate) fn forgotten(&self) -> UnixMs {
        self.value.last_failure.plus(self.policy.max_delta).max(self.value.not_before)
    }

    /// When somebody must look at it again.
    pub(crate) fn due(&self) -> UnixMs {
        self.lapse().unwrap_or_else(|| self.forgotten())
    }
}
