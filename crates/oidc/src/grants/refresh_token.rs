//! `refresh_token` (RFC 6749 section 6), with and without revocation of used ones.

use std::sync::Arc;

use keyraft_cluster::command::{RotateRefresh, Rotation, Used};
use keyraft_cluster::session::{Kind, Notes, UserSession};
use keyraft_core::limits;
use keyraft_crypto::random;
use keyraft_model::{DurationMs, UnixMs};
use keyraft_wire::oauth::token_request::GrantType;

use super::{GrantError, Redemption};
use crate::tokens::GrantedScopes;
use crate::tokens::issue::{Authorization, Rotated};
use crate::tokens::verify::{self, Invalid, Token};

/// Redeems it. A `scope` parameter narrows this answer; the new refresh token keeps everything.
///
/// # Errors
///
/// See [`GrantError`].
pub async fn redeem(request: Redemption<'_>) -> Result<Authorization, GrantError> {
    let presented = request.params.standard("refresh_token").ok_or(GrantError::RefreshTokenMissing)?;
    let narrowed = request.params.standard("scope");
    GrantedScopes::request(&request.asked.realm, request.client, narrowed)?;
    let now = request.oidc.core.sessions.view().await?.now();
    let token = verify(&request, presented, now)?;
    let kind = if token.is_offline() { Kind::Offline } else { Kind::Online };
    let session = find(&request, &token, kind).await?;
    let user = request.enabled_user(&session.user).await?;
    // Not the user's own `notBefore`: signing a person out leaves his offline sessions alone, as in Keycloak.
    if token.issued() < request.asked.realm.realm.not_before.max(request.client.client.not_before) {
        return Err(GrantError::RefreshTokenStale);
    }
    check_client_session(&request, &session, &token, now)?;
    let scope = token.text("scope").unwrap_or_default();
    let granted = GrantedScopes::of(&request.asked.realm, request.client, Some(scope));
    if kind == Kind::Offline && !granted.permitted(&request.asked.realm, &user).is_offline() {
        return Err(GrantError::OfflineNotGranted);
    }
    check_consent(&request, &user.user.id).await?;
    let (session, rotation, now) = if request.asked.realm.realm.revoke_refresh_token {
        rotate(&request, &token, &session).await?
    } else {
        let client = Some(&request.client.client);
        request.oidc.core.sessions.touch(&request.asked.realm, &session, client, now).await?;
        (Arc::unwrap_or_clone(session), None, now)
    };
    Ok(Authorization {
        grant: GrantType::RefreshToken,
        user,
        scope: scope.to_owned(),
        narrowed: narrowed.map(str::to_owned),
        session: Some(session),
        notes: Notes::new(),
        nonce: None,
        acr: None,
        rotation,
        now,
    })
}

fn verify(request: &Redemption<'_>, presented: &str, now: UnixMs) -> Result<Arc<Token>, GrantError> {
    let Redemption { oidc, asked, client, .. } = request;
    let token =
        match oidc.signatures.verify(verify::Kind::Refresh, &asked.realm, &asked.issuer, presented, now) {
            Ok(token) => token,
            Err(Invalid::NotActive) => return Err(GrantError::RefreshTokenExpired),
            Err(Invalid::Signature(_) | Invalid::Type | Invalid::Issuer) => {
                return Err(GrantError::RefreshTokenInvalid);
            }
        };
    if token.text("azp") != Some(&client.client.client_id) {
        return Err(GrantError::RefreshTokenOfOtherClient);
    }
    Ok(token)
}

async fn find(request: &Redemption<'_>, token: &Token, kind: Kind) -> Result<Arc<UserSession>, GrantError> {
    let sid = token.text("sid").ok_or(GrantError::RefreshTokenInvalid)?;
    let used = Used { client: request.client.client.id.clone(), at: UnixMs::from_secs(token.issued()) };
    let found = request.oidc.core.sessions.find_used(&request.asked.realm, (sid, kind), used).await?;
    found.ok_or(match kind {
        Kind::Online => GrantError::NoSession,
        Kind::Offline => GrantError::NoOfflineSession,
    })
}

/// The client must still be in the session, and have been when the token was issued: a token from before a
/// sign-out must not come to life again with the next sign-in of the same browser session.
fn check_client_session(
    request: &Redemption<'_>,
    session: &UserSession,
    token: &Token,
    now: UnixMs,
) -> Result<(), GrantError> {
    let client = &request.client.client;
    // An offline session is nothing without a client that holds its token.
    let is_over = session.kind == Kind::Offline && session.clients.is_empty();
    let held = session.clients.get(&client.id);
    let held =
        held.ok_or(if is_over { GrantError::NoOfflineSession } else { GrantError::NoClientSession })?;
    let is_alive = now < limits::client_session_end(&request.asked.realm.realm, client, session, held);
    if is_alive && token.issued() >= held.started.secs() { Ok(()) } else { Err(GrantError::NoClientSession) }
}

/// What a person allowed can be taken back between two refreshes.
async fn check_consent(request: &Redemption<'_>, user: &keyraft_model::UserId) -> Result<(), GrantError> {
    let client = &request.client.client;
    if !client.consent_required {
        return Ok(());
    }
    let given = request.oidc.core.consent(&request.asked.realm.realm.id, user, &client.id).await?;
    given.map(|_| ()).ok_or(GrantError::ConsentGone)
}

async fn rotate(
    request: &Redemption<'_>,
    token: &Token,
    session: &UserSession,
) -> Result<(UserSession, Option<Rotated>, UnixMs), GrantError> {
    let (realm, client) = (&request.asked.realm.realm, &request.client.client);
    let presented = token.text("jti").ok_or(GrantError::RefreshTokenInvalid)?;
    let jti = random::uuid();
    let command = RotateRefresh {
        sid: session.sid.clone(),
        kind: session.kind,
        client: client.id.clone(),
        // A token from before the realm revoked them starts the chain of its own id: were it a fresh one each
        // time, the token could be used for ever.
        reuse_id: Some(token.text("reuse_id").unwrap_or(presented).to_owned()),
        presented: presented.to_owned(),
        next: jti.clone(),
        new_reuse_id: random::uuid(),
        max_reuse: u32::try_from(realm.refresh_token_max_reuse).unwrap_or(0),
        lifespan: lifespan(session, realm),
    };
    match request.oidc.core.sessions.rotate(command).await? {
        Rotation::Rotated { session, reuse_id, now } => Ok((session, Some(Rotated { jti, reuse_id }), now)),
        Rotation::Reused { .. } => Err(GrantError::RefreshTokenReused),
        Rotation::NoSession => Err(GrantError::NoSession),
        Rotation::NoClient => Err(GrantError::NoClientSession),
    }
}

/// How long the chain must be remembered: as long as a refresh token can live.
fn lifespan(session: &UserSession, realm: &keyraft_model::Realm) -> DurationMs {
    let limits = limits::of_session(realm, session.kind, session.remember_me);
    limits.max.or(limits.idle).unwrap_or(DurationMs(i64::MAX))
}
