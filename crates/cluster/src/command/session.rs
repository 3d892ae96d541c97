//! What the commands on sessions, codes and refresh tokens say.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use super::Hash;
use crate::session::{Kind, Limits, Notes};

/// See [`super::Command::StartSession`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSession {
    /// Fresh handle, made by [`crate::handle::new_sid`].
    pub sid: String,
    /// Where the user lives.
    pub realm: RealmId,
    /// Who has signed in.
    pub user: UserId,
    /// The realm's limits for such a session.
    pub limits: Limits,
    /// Whether the person asked to stay signed in.
    pub remember_me: bool,
    /// Where the person signed in from.
    pub ip_address: String,
    /// Notes of the user session.
    pub notes: Notes,
    /// The first client; a session without one only signs the person in.
    pub client: Option<NewClientSession>,
    /// The code to send back with, if the flow has one.
    pub code: Option<NewCode>,
    /// The login in progress that this ends, taken once.
    pub login: Option<LoginTaken>,
}

/// See [`super::Command::AttachClient`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachClient {
    /// The session's handle.
    pub sid: String,
    /// The realm that the caller serves; a session of another one is not found.
    pub realm: RealmId,
    /// The user whom the caller believes to be signed in; another one is refused.
    pub user: UserId,
    /// The client's part.
    pub client: NewClientSession,
    /// The code to send back with, if the flow has one.
    pub code: Option<NewCode>,
    /// The login in progress that this ends, taken once.
    pub login: Option<LoginTaken>,
    /// Notes of the user session to set (a new `AUTH_TIME` after a re-authentication).
    pub notes: Notes,
}

/// A client session about to begin, or to be granted anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewClientSession {
    /// Who gets a part.
    pub client: ClientUuid,
    /// Its own limits, beside those of the user session.
    pub limits: Limits,
    /// Granted scope, space-separated (RFC 6749 section 3.3).
    pub scope: String,
    /// Where the code is sent.
    pub redirect_uri: Option<String>,
    /// Notes of the client session.
    pub notes: Notes,
}

/// An authorization code about to be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCode {
    /// SHA-256 of the code.
    pub hash: Hash,
    /// How long it may be redeemed.
    pub lifespan: DurationMs,
    /// Who may redeem it.
    pub client: ClientUuid,
    /// As the authorization request gave it; `None` if it gave none.
    pub redirect_uri: Option<String>,
    /// The PKCE challenge, if the authorization request had one.
    pub challenge: Option<Challenge>,
    /// What the token endpoint needs of the authorization request (`scope`, `nonce`, `acr`, …).
    pub notes: Notes,
}

/// A PKCE challenge (RFC 7636): what SHA-256 of the verifier must be. For `plain` the challenge itself is
/// hashed, for `S256` it is decoded; one that decodes to nothing matches no verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge(pub Option<Hash>);

/// The login in progress that a session start takes, so that a copied cookie signs nobody in twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginTaken {
    /// Its random id.
    pub id: String,
    /// When its first proof was given; a fence later than this refuses it.
    pub proven: UnixMs,
    /// How long the id must be remembered.
    pub lifespan: DurationMs,
}

/// See [`super::Command::RedeemCode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemCode {
    /// SHA-256 of the code.
    pub hash: Hash,
    /// From the code's middle part: says in which slot it lives.
    pub sid: String,
    /// Who presents it, authenticated.
    pub client: ClientUuid,
    /// As the token request gave it.
    pub redirect_uri: Option<String>,
    /// SHA-256 of the verifier, when one was sent.
    pub verifier: Option<Hash>,
}

/// See [`super::Command::RotateRefresh`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateRefresh {
    /// The session's handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub kind: Kind,
    /// Whose token it is, authenticated.
    pub client: ClientUuid,
    /// The chain of the presented token; a token without one starts a chain.
    pub reuse_id: Option<String>,
    /// `jti` of the presented token.
    pub presented: String,
    /// `jti` of the token that replaces it.
    pub next: String,
    /// Chain id to use when one is started.
    pub new_reuse_id: String,
    /// How many uses of one token beyond the first are allowed.
    pub max_reuse: u32,
    /// Lifespan of the next token.
    pub lifespan: DurationMs,
}

/// See [`super::Command::Touch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// The session's handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub kind: Kind,
    /// The client that used it, if one did.
    pub client: Option<ClientUuid>,
    /// The realm's present limits.
    pub limits: Limits,
    /// The client's present limits.
    pub client_limits: Limits,
}

/// What a fence ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FenceScope {
    /// Every session of a realm.
    Realm(RealmId),
    /// Every session of a user.
    User(RealmId, UserId),
    /// Every client session of a client.
    Client(RealmId, ClientUuid),
    /// Every client session of a user at a client.
    ClientAtUser(RealmId, UserId, ClientUuid),
}
