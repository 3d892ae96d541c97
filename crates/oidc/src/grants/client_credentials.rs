//! `client_credentials` (RFC 6749 section 4.4): a client asks for itself, as its service account.

use keyraft_cluster::command::{NewClientSession, StartSession};
use keyraft_cluster::handle;
use keyraft_cluster::session::{Kind, Notes, UserSession};
use keyraft_core::UserRecord;
use keyraft_core::sessions::{Started, new_limits};
use keyraft_core::{Error, limits};
use keyraft_wire::oauth::token_request::GrantType;

use super::{GrantError, Redemption};
use crate::notes;
use crate::tokens::issue::Authorization;

/// Redeems it. No session is kept unless the client is to have refresh tokens.
///
/// # Errors
///
/// See [`GrantError`].
pub async fn redeem(request: Redemption<'_>) -> Result<Authorization, GrantError> {
    let client = &request.client.client;
    if client.public_client {
        return Err(GrantError::PublicServiceAccount);
    }
    if !client.service_accounts_enabled {
        return Err(GrantError::ServiceAccountOff);
    }
    let scope = request.requested_scopes()?.all();
    let user = request.oidc.service_account(&request.asked.realm, &client.id).await?;
    let user = user.filter(|user| user.user.enabled).ok_or(GrantError::UserDisabled)?;
    let ip = request.asked.ip();
    let notes: Notes = [
        (notes::CLIENT_ID.to_owned(), client.client_id.clone()),
        (notes::CLIENT_HOST.to_owned(), ip.clone()),
        (notes::CLIENT_ADDRESS.to_owned(), ip.clone()),
    ]
    .into_iter()
    .collect();
    let session = if client.is_attribute("client_credentials.use_refresh_token") {
        Some(start(&request, &user, &scope, notes.clone(), ip).await?)
    } else {
        None
    };
    Ok(Authorization {
        grant: GrantType::ClientCredentials,
        scope,
        narrowed: None,
        now: match &session {
            Some((_, now)) => *now,
            None => request.oidc.core.sessions.view().await?.now(),
        },
        session: session.map(|(session, _)| session),
        notes,
        nonce: None,
        acr: Some("1".to_owned()),
        rotation: None,
        user,
    })
}

async fn start(
    request: &Redemption<'_>,
    user: &UserRecord,
    scope: &str,
    notes: Notes,
    ip_address: String,
) -> Result<(UserSession, keyraft_model::UnixMs), Error> {
    let (realm, client) = (&request.asked.realm, &request.client.client);
    let start = StartSession {
        sid: handle::new_sid(&realm.realm.id, &user.user.id),
        realm: realm.realm.id.clone(),
        user: user.user.id.clone(),
        limits: new_limits(realm, Kind::Online, false),
        remember_me: false,
        ip_address,
        notes,
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
