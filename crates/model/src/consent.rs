//! A consent: what a user allowed a client to ask for.

use serde::{Deserialize, Serialize};

use crate::{ClientUuid, ScopeId, UnixMs};

/// What a user allowed one client. No row: ask again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// The client that asked.
    pub client: ClientUuid,
    /// The client scopes that were granted.
    pub scopes: Vec<ScopeId>,
    /// When it was first given.
    pub created: UnixMs,
    /// When it was last widened.
    pub updated: UnixMs,
}
