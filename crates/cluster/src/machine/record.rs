//! The values of the maps that are not public types of their own.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs};
use serde::{Deserialize, Serialize};

use crate::{
    command::{AttemptPolicy, Challenge, DeviceDecision, Hash, LoginFailures, NewCode, Notice},
    handle::Sid,
    machine::packed::Compact,
    row::Version,
    session::Notes,
};

/// An authorization code, or the marker it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) sid: Sid,
    pub(crate) client: ClientUuid,
    pub(crate) issued: UnixMs,
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
            issued: now,
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
        Self { client: self.client.clone(), state, ..*self }
    }
}

/// Something taken once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The number of its realm's id, by which it is charged.
    pub(crate) realm: u32,
    pub(crate) expires: UnixMs,
}

/// A session that has ended: what its row needs, for as long as a row or a leader may speak of it as alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// The number of its realm's id.
    pub(crate) realm: u32,
    pub(crate) user: Compact,
    pub(crate) started: UnixMs,
    /// Whatever speaks of the session as alive has expired by then.
    pub(crate) until: UnixMs,
    /// When it is looked whether it can go.
    pub(crate) due: UnixMs,
    pub(crate) version: Version,
    pub(crate) is_dirty: bool,
}

impl Tombstone {
    /// Whether it only notes, for a while, that the database has nothing alive of that session.
    pub(crate) fn is_note(&self) -> bool {
        self.version == Version::default()
    }
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

/// What a login in progress keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) realm: RealmId,
    pub(crate) issued: UnixMs,
    pub(crate) expires: UnixMs,
    pub(crate) value: Vec<u8>,
}

/// A device's request and what was decided about it.
#[expect(clippy::struct_field_names, reason = "RFC 8628 calls it so")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) realm: RealmId,
    pub(crate) device_code: Hash,
    pub(crate) client: ClientUuid,
    pub(crate) scope: String,
    pub(crate) notes: Notes,
    pub(crate) issued: UnixMs,
    pub(crate) expires: UnixMs,
    pub(crate) interval: DurationMs,
    pub(crate) polled: Option<UnixMs>,
    pub(crate) state: DeviceState,
}

/// How far a device's request is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DeviceState {
    /// Nobody has decided.
    Waiting,
    /// Decided, and not asked for yet.
    Decided(DeviceDecision),
    /// The device has its answer; stays until the codes would have expired.
    Spent,
}

/// A pushed authorization request, or the marker it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pushed {
    pub(crate) realm: RealmId,
    pub(crate) client: ClientUuid,
    pub(crate) issued: UnixMs,
    pub(crate) expires: UnixMs,
    pub(crate) value: Vec<u8>,
}

/// A notice and its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboxEntry {
    pub(crate) notice: Notice,
    /// Whether it is done with; it stays until its row says so too.
    pub(crate) is_settled: bool,
    pub(crate) version: Version,
    pub(crate) is_dirty: bool,
}

/// A job's holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) holder: String,
    pub(crate) fencing: u64,
    pub(crate) expires: UnixMs,
}
