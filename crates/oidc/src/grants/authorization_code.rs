//! `authorization_code` (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
//!
//! One command decides everything about the code, so that two nodes never both redeem it. A wrong try by an
//! authenticated client burns it; what reaches us before that does not.

use keyraft_cluster::command::{RedeemCode, Redemption as Outcome};
use keyraft_cluster::session::Notes;
use keyraft_crypto::digest;
use keyraft_wire::oauth::{pkce, token_request::GrantType};

use super::{GrantError, Redemption, password};
use crate::code::Code;
use crate::notes;
use crate::tokens::GrantedScopes;
use crate::tokens::issue::Authorization;

/// Redeems it.
///
/// # Errors
///
/// See [`GrantError`].
pub async fn redeem(request: Redemption<'_>) -> Result<Authorization, GrantError> {
    let code = request.params.standard("code").ok_or(GrantError::CodeMissing)?;
    let code = Code::parse(code).ok_or(GrantError::CodeNotValid)?;
    let verifier = request.params.standard("code_verifier");
    let is_malformed = verifier.is_some_and(|verifier| !pkce::is_well_formed(verifier));
    let command = RedeemCode {
        hash: code.hash(),
        sid: code.sid.to_owned(),
        client: request.client.client.id.clone(),
        redirect_uri: request.params.standard("redirect_uri").map(str::to_owned),
        // One that is malformed matches nothing, and burns the code like any other wrong one.
        verifier: verifier.map(|verifier| digest::sha256(verifier.as_bytes())),
    };
    let outcome = request.oidc.core.sessions.redeem(command).await?;
    let (session, notes, now) = match outcome {
        Outcome::Redeemed { session, notes, now, .. } => (session, notes, now),
        Outcome::Unknown | Outcome::Reused { .. } => return Err(GrantError::CodeNotValid),
        Outcome::OtherClient => return Err(GrantError::CodeOfOtherClient),
        Outcome::RedirectMismatch => return Err(GrantError::RedirectUri),
        Outcome::VerifierMissing => return Err(GrantError::VerifierMissing),
        Outcome::VerifierUnexpected => return Err(GrantError::VerifierUnexpected),
        Outcome::VerifierMismatch if is_malformed => return Err(GrantError::VerifierMalformed),
        Outcome::VerifierMismatch => return Err(GrantError::VerifierMismatch),
        Outcome::SessionEnded => return Err(GrantError::NoSession),
    };
    if session.realm != request.asked.realm.realm.id {
        return Err(GrantError::CodeNotValid);
    }
    let user = request.enabled_user(&session.user).await?;
    let scope = notes.get(notes::SCOPE).cloned().unwrap_or_default();
    let granted = GrantedScopes::of(&request.asked.realm, request.client, Some(&scope));
    let is_offline = granted.is_offline();
    if is_offline && !granted.permitted(&request.asked.realm, &user).is_offline() {
        return Err(GrantError::OfflineNotAllowed);
    }
    let (session, now) =
        if is_offline { password::start_offline(&request, &session, &scope).await? } else { (session, now) };
    Ok(Authorization {
        grant: GrantType::AuthorizationCode,
        user,
        scope,
        narrowed: None,
        session: Some(session),
        notes: Notes::new(),
        nonce: notes.get(notes::NONCE).cloned(),
        acr: None,
        rotation: None,
        now,
    })
}
