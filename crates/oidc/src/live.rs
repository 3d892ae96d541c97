//! Whether an access token still counts: nobody is disabled, nothing was revoked, its session lives.
//!
//! Everything is looked up as it stands now. A token's claims say only where to look; the user is the session's,
//! whatever the token's `sub` says.

use std::sync::Arc;

use keyraft_cluster::View;
use keyraft_cluster::session::{Kind, UserSession};
use keyraft_core::{ClientView, Error, RealmView, UserRecord, limits, sessions};

use crate::Oidc;
use crate::tokens::issue::not_before;
use crate::tokens::verify::Token;

/// Those behind a token that counts.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The client that it was issued to.
    pub client: Arc<ClientView>,
    /// Whom it speaks of.
    pub user: Arc<UserRecord>,
    /// Its session; none for a client's own token.
    pub session: Option<Arc<UserSession>>,
}

/// Why a token does not count any more. The texts are those of challenges.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Dead {
    /// Revoked, from before a `notBefore`, or of a client that is gone.
    #[error("Token verification failed")]
    Revoked,
    /// The client is disabled.
    #[error("Client disabled")]
    ClientDisabled,
    /// The user is disabled.
    #[error("User disabled")]
    UserDisabled,
    /// The session ended, or the client's part in it.
    #[error("user_session_not_found")]
    NoSession,
    /// It cannot be known now.
    #[error("something behind us failed")]
    Failure(#[from] Error),
}

/// Finds out whether a token counts.
///
/// # Errors
///
/// See [`Dead`].
pub(crate) async fn check(
    oidc: &Oidc,
    realm: &Arc<RealmView>,
    view: &View,
    token: &Token,
) -> Result<Live, Dead> {
    let azp = token.text("azp").ok_or(Dead::Revoked)?;
    let client = oidc.core.client(realm, azp).await?.ok_or(Dead::Revoked)?;
    if !client.client.enabled {
        return Err(Dead::ClientDisabled);
    }
    let jti = token.text("jti").ok_or(Dead::Revoked)?;
    if is_of_lost_epoch(view, token) || view.is_revoked(&realm.realm.id, jti) {
        return Err(Dead::Revoked);
    }
    let (user, session) = match token.text("sid") {
        Some(sid) => {
            let session = find(oidc, realm, view, (&client, token, sid)).await?;
            (oidc.core.user(realm, &session.user).await?, Some(session))
        }
        None => (own_account(oidc, realm, &client, token).await?, None),
    };
    let user = user.filter(|user| user.user.enabled).ok_or(Dead::UserDisabled)?;
    if token.issued() < not_before(realm, &client, &user) {
        return Err(Dead::Revoked);
    }
    Ok(Live { client, user, session })
}

/// The session of a token, with the client still in it since before the token was issued.
async fn find(
    oidc: &Oidc,
    realm: &RealmView,
    view: &View,
    (client, token, sid): (&ClientView, &Token, &str),
) -> Result<Arc<UserSession>, Dead> {
    // An ID token does not say which of the two sessions of its `sid` it came with.
    let kinds: &[Kind] = match token.text("typ") {
        _ if token.is_offline() => &[Kind::Offline],
        Some("ID") => &[Kind::Online, Kind::Offline],
        _ => &[Kind::Online],
    };
    let mut session = None;
    for kind in kinds {
        // Most are in memory, and the view at hand shows them.
        session = match sessions::find_in(view, realm, sid, *kind) {
            None => oidc.core.sessions.find(realm, sid, *kind).await?,
            found => found,
        };
        if session.is_some() {
            break;
        }
    }
    let session = session.ok_or(Dead::NoSession)?;
    let held = session.clients.get(&client.client.id).ok_or(Dead::NoSession)?;
    let is_alive = view.now() < limits::client_session_end(&realm.realm, &client.client, &session, held);
    if is_alive && token.issued() >= held.started.secs() { Ok(session) } else { Err(Dead::NoSession) }
}

/// Whether a revocation of that token may have been lost with the disks that held it: one issued before the present
/// epoch began counts no more. Refresh tokens bring the client a new one.
fn is_of_lost_epoch(view: &View, token: &Token) -> bool {
    token.text("typ") == Some("Bearer")
        && view.epoch_began().is_some_and(|began| token.issued() <= began.secs())
}

/// A token without a session is a client's own: the user is its service account and nobody else.
async fn own_account(
    oidc: &Oidc,
    realm: &RealmView,
    client: &ClientView,
    token: &Token,
) -> Result<Option<Arc<UserRecord>>, Dead> {
    if !client.client.service_accounts_enabled || client.client.public_client {
        return Err(Dead::NoSession);
    }
    let user = oidc.service_account(realm, &client.client.id).await?;
    Ok(user.filter(|user| token.text("sub").is_none_or(|sub| sub == user.user.id.as_str())))
}
