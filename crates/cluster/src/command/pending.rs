//! What waits for somebody else's answer: logins in progress, devices, pushed requests; and job leases.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use super::Hash;
use crate::session::Notes;

/// What a login in progress keeps beyond its cookie; each kind once per login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PendingKind {
    /// A brokered identity that the person reviews or links.
    Brokered,
    /// A passkey that is being registered.
    Passkey,
    /// A SAML request that the login answers.
    Saml,
}

/// See [`super::Command::PutPending`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPending {
    /// The login's realm.
    pub realm: RealmId,
    /// The auth session's id, as `LoginTaken` will name it.
    pub id: String,
    /// What it is.
    pub kind: PendingKind,
    /// At most 16 KiB, sealed by the caller.
    pub value: Vec<u8>,
    /// How long it is kept: what is left of the login.
    pub lifespan: DurationMs,
}

/// A device that asks for a person (RFC 8628 section 3.1); see [`super::Command::StartDevice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartDevice {
    /// The realm.
    pub realm: RealmId,
    /// The user code as it is compared; decides the slot.
    pub user_code: Hash,
    /// SHA-256 of the device code, which [`crate::handle::new_device_code`] made.
    pub device_code: Hash,
    /// The client.
    pub client: ClientUuid,
    /// Requested scope.
    pub scope: String,
    /// What else the token endpoint needs of the request.
    pub notes: Notes,
    /// How long the codes are good.
    pub lifespan: DurationMs,
    /// The least time between two polls.
    pub interval: DurationMs,
}

/// What the person decided about a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceDecision {
    /// The device may act for this person, within this session.
    Approve {
        /// The person's session.
        sid: String,
        /// The person.
        user: UserId,
        /// Granted scope.
        scope: String,
        /// Notes for the token endpoint, added to those of the request.
        notes: Notes,
    },
    /// It may not.
    Deny,
}

/// A request of a device, as the person who enters its code sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// The client.
    pub client: ClientUuid,
    /// Requested scope.
    pub scope: String,
    /// What else was requested.
    pub notes: Notes,
    /// When it expires.
    pub expires: UnixMs,
}

/// What a device's poll is answered with (RFC 8628 section 3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Polled {
    /// No such code, expired, or redeemed before.
    Unknown,
    /// The code is another client's.
    OtherClient,
    /// The person has not decided yet.
    Pending,
    /// Polled too soon.
    SlowDown,
    /// The person said no; said once.
    Denied,
    /// The person said yes; said once.
    Approved {
        /// The person's session.
        sid: String,
        /// The person.
        user: UserId,
        /// Granted scope.
        scope: String,
        /// Notes of request and approval.
        notes: Notes,
        /// The log's clock.
        now: UnixMs,
    },
}

/// A pushed authorization request (RFC 9126); see [`super::Command::PushRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRequest {
    /// The realm.
    pub realm: RealmId,
    /// The handle in its `request_uri`, made by [`crate::handle::new_request_handle`].
    pub handle: String,
    /// The client.
    pub client: ClientUuid,
    /// The request as the caller encodes it, at most 32 KiB.
    pub value: Vec<u8>,
    /// How long it may be used.
    pub lifespan: DurationMs,
}

/// Who does a job, until when; see [`super::Command::TakeLease`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseState {
    /// Who holds it.
    pub holder: String,
    /// Rises with each holder: what a job writes under a lower number is late.
    pub fencing: u64,
    /// When it ends, by the log's clock.
    pub expires: UnixMs,
}

/// A change of a realm, client or user in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedEntity {
    /// What it is: `realm`, `client`, `user`, …
    pub kind: String,
    /// Its realm.
    pub realm: RealmId,
    /// Its id.
    pub entity: String,
    /// Its version now; older copies are not to be used.
    pub ver: i64,
}

/// What is known of an entity's last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// The lowest acceptable version.
    pub ver: i64,
    /// The number of the `Changed` command that said so.
    pub seq: u64,
}
