//! `password` (RFC 6749 section 4.3): a client that the realm trusts with its users' passwords.
//!
//! The realm's direct-grant flow is walked as it is stored: a one-time code that it asks for cannot be left out
//! here. Whatever is wrong with what was presented sounds the same.

use keyraft_cluster::command::{NewClientSession, StartSession};
use keyraft_cluster::handle;
use keyraft_cluster::session::{Kind, Notes, UserSession};
use keyraft_core::sessions::{Started, new_limits};
use keyraft_core::{Error, UserRecord, limits};
use keyraft_model::UnixMs;
use keyraft_wire::oauth::token_request::GrantType;

use super::{GrantError, Redemption};
use crate::direct_grant;
use crate::notes;
use crate::tokens::issue::Authorization;

/// Redeems it: each time a session of its own.
///
/// # Errors
///
/// See [`GrantError`].
pub async fn redeem(request: Redemption<'_>) -> Result<Authorization, GrantError> {
    let client = &request.client.client;
    if !client.direct_access_grants_enabled {
        return Err(GrantError::DirectGrantOff);
    }
    if client.consent_required {
        return Err(GrantError::ConsentRequired);
    }
    let scopes = request.requested_scopes()?;
    let user = direct_grant::authenticate(request).await?;
    let asks_for_offline = scopes.is_offline();
    let scopes = scopes.permitted(&request.asked.realm, &user);
    if asks_for_offline && !scopes.is_offline() {
        return Err(GrantError::OfflineNotAllowed);
    }
    let scope = scopes.all();
    let (mut session, mut now) = start(&request, &user, &scope).await?;
    if scopes.is_offline() {
        (session, now) = start_offline(&request, &session, &scope).await?;
        // Only the offline session stays, as in Keycloak: no browser stands behind the other one.
        request.oidc.core.sessions.end(&session.sid, Kind::Online).await?;
    }
    Ok(Authorization {
        grant: GrantType::Password,
        user,
        scope,
        narrowed: None,
        session: Some(session),
        notes: Notes::new(),
        nonce: None,
        acr: None,
        rotation: None,
        now,
    })
}

async fn start(
    request: &Redemption<'_>,
    user: &UserRecord,
    scope: &str,
) -> Result<(UserSession, UnixMs), Error> {
    let (realm, client) = (&request.asked.realm, &request.client.client);
    let start = StartSession {
        sid: handle::new_sid(&realm.realm.id, &user.user.id),
        realm: realm.realm.id.clone(),
        user: user.user.id.clone(),
        limits: new_limits(realm, Kind::Online, false),
        remember_me: false,
        ip_address: request.asked.ip(),
        notes: Notes::new(),
        client: Some(NewClientSession {
            client: client.id.clone(),
            limits: limits::of_client_session(&realm.realm, client, Kind::Online),
            scope: scope.to_owned(),
            redirect_uri: None,
            notes: [(notes::ACR.to_owned(), "1".to_owned())].into_iter().collect(),
        }),
        code: None,
        login: None,
    };
    match request.oidc.core.sessions.start(start).await? {
        Started::Started { session, now } => Ok((*session, now)),
        other => Err(Error::Internal(format!("a fresh session was not started: {other:?}"))),
    }
}

/// Copies the client's part of a session into the offline session of the same handle.
pub(super) async fn start_offline(
    request: &Redemption<'_>,
    session: &UserSession,
    scope: &str,
) -> Result<(UserSession, UnixMs), GrantError> {
    let sessions = &request.oidc.core.sessions;
    let client = &request.client.client;
    match sessions.start_offline(&request.asked.realm, client, &session.sid, scope).await? {
        Started::Started { session, now } => Ok((*session, now)),
        // Signed out between two commands.
        Started::NoSession | Started::LoginTaken | Started::OtherUser => Err(GrantError::NoSession),
    }
}
