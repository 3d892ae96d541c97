//! Names of the notes that sessions and codes carry for this room.

/// Client session: the level of authentication, as tokens say it.
pub(crate) const ACR: &str = "acr";
/// Code: the granted scope.
pub(crate) const SCOPE: &str = "scope";
/// Code: `nonce` of the authorization request.
pub(crate) const NONCE: &str = "nonce";
/// User session of a service account: its client. Keycloak's names; mappers read them.
pub(crate) const CLIENT_ID: &str = "client_id";
/// See [`CLIENT_ID`].
pub(crate) const CLIENT_HOST: &str = "clientHost";
/// See [`CLIENT_ID`].
pub(crate) const CLIENT_ADDRESS: &str = "clientAddress";
