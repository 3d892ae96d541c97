//! Issues the tokens that a grant brought: the answer of the token endpoint (RFC 6749 section 5.1, OpenID
//! Connect Core 3.1.3.3).

use std::sync::Arc;

use keyraft_cluster::session::{Kind, Notes, UserSession};
use keyraft_core::{ClientView, Error, RealmView, UserRecord, limits};
use keyraft_crypto::{jose, random};
use keyraft_model::UnixMs;
use keyraft_wire::oauth::token_request::GrantType;
use serde::Serialize;

use super::{AccessTokenType, GrantedScopes, Moment, RefreshClaims, Subject, TokenBuilder, Use, sign};
use crate::Oidc;
use crate::asked::Asked;
use crate::notes;

/// What a grant was redeemed for.
#[derive(Debug)]
pub struct Authorization {
    /// The grant.
    pub grant: GrantType,
    /// Whom it speaks of.
    pub user: Arc<UserRecord>,
    /// The scope that was granted: words, unknown ones count for nothing.
    pub scope: String,
    /// The scope that this answer is narrowed to.
    pub narrowed: Option<String>,
    /// The session; none for a client's own tokens.
    pub session: Option<UserSession>,
    /// Notes that mappers read where there is no session.
    pub notes: Notes,
    /// `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// The level of authentication, where no session holds it.
    pub acr: Option<String>,
    /// Id and chain of the refresh token that must be issued, where the realm revokes them.
    pub rotation: Option<Rotated>,
    /// The log's clock.
    pub now: UnixMs,
}

/// The refresh token that replaces one that was used.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Its id.
    pub jti: String,
    /// Its chain.
    pub reuse_id: String,
}

/// The answer, members in Keycloak's order.
#[derive(Debug, Serialize)]
pub struct TokenSet {
    access_token: String,
    expires_in: i64,
    refresh_expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(rename = "not-before-policy")]
    not_before_policy: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_state: Option<String>,
    scope: String,
}

/// Makes the tokens.
///
/// # Errors
///
/// [`Error::Unavailable`], or [`Error::Internal`] where the realm has no key for what the client asks.
pub async fn issue(
    oidc: &Oidc,
    asked: &Asked,
    client: &Arc<ClientView>,
    authorization: Authorization,
) -> Result<TokenSet, Error> {
    let realm = &signing_realm(oidc, &asked.realm, client).await?;
    let user = &authorization.user;
    let granted = GrantedScopes::of(realm, client, Some(&authorization.scope)).permitted(realm, user);
    let all = granted.all();
    // As the original does: an answer narrowed to less than `openid` still brings the ID token.
    let is_openid = granted.is_openid();
    let scopes = match &authorization.narrowed {
        Some(narrowed) => granted.narrowed(client, narrowed),
        None => granted,
    };
    let subject = Subject::gather(oidc, realm, client, user, scopes).await?;
    let session = authorization.session.as_ref();
    let held = session.and_then(|session| session.clients.get(&client.client.id));
    let moment = Moment {
        issuer: &asked.issuer,
        base_url: asked.base_url(),
        sid: session.map(|session| session.sid.as_str()),
        session_notes: session.map_or(&authorization.notes, |session| &session.notes),
        acr: held
            .and_then(|held| held.notes.get(notes::ACR))
            .or(authorization.acr.as_ref())
            .map(String::as_str),
        nonce: authorization.nonce.as_deref(),
        now: authorization.now,
    };
    let visible = subject.scopes().visible();
    let ends = Ends::new(realm, client, session, authorization.now);
    let tokens = Maker {
        realm,
        client,
        authorization: &authorization,
        is_openid,
        builder: TokenBuilder::new(subject.context(moment)),
    };
    let (access_token, id_token, refresh_token) = tokens.make(&visible, &all, &ends)?;
    let now = authorization.now;
    Ok(TokenSet {
        access_token,
        expires_in: ends.access.secs() - now.secs(),
        refresh_expires_in: match (&refresh_token, ends.refresh) {
            (Some(_), Some(end)) => end.secs() - now.secs(),
            _ => 0,
        },
        refresh_token,
        token_type: if client.client.is_attribute("token.response.type.bearer.lower-case") {
            "bearer"
        } else {
            "Bearer"
        },
        id_token,
        not_before_policy: not_before(realm, client, user),
        session_state: session.map(|session| session.sid.clone()),
        scope: visible,
    })
}

/// The realm with the keys that the client's tokens are signed with, made if they are missing.
async fn signing_realm(
    oidc: &Oidc,
    realm: &Arc<RealmView>,
    client: &ClientView,
) -> Result<Arc<RealmView>, Error> {
    let mut realm = Arc::clone(realm);
    for kind in [Use::AccessToken, Use::IdToken, Use::RefreshToken] {
        let algorithm = kind.algorithm(&realm, &client.client);
        realm = oidc.core.with_signing_key(&realm, algorithm).await?;
    }
    Ok(realm)
}

/// The latest of the times before which tokens count for nothing.
pub fn not_before(realm: &RealmView, client: &ClientView, user: &UserRecord) -> i64 {
    realm.realm.not_before.max(client.client.not_before).max(user.user.not_before)
}

/// When the tokens of this answer end.
struct Ends {
    access: UnixMs,
    refresh: Option<UnixMs>,
}

impl Ends {
    fn new(realm: &RealmView, client: &ClientView, session: Option<&UserSession>, now: UnixMs) -> Self {
        let (realm, client) = (&realm.realm, &client.client);
        let held = session.and_then(|session| Some((session, session.clients.get(&client.id)?)));
        Self {
            access: limits::access_token_end(realm, client, held, now),
            refresh: held
                .and_then(|(session, held)| limits::refresh_token_end(realm, client, session, held, now)),
        }
    }
}

struct Maker<'a> {
    realm: &'a RealmView,
    client: &'a ClientView,
    authorization: &'a Authorization,
    is_openid: bool,
    builder: TokenBuilder<'a>,
}

impl<'a> Maker<'a> {
    /// Access token, ID token and refresh token, as far as they are due.
    fn make(
        &self,
        visible: &'a str,
        all: &'a str,
        ends: &Ends,
    ) -> Result<(String, Option<String>, Option<String>), Error> {
        let session = self.authorization.session.as_ref();
        let kind = AccessTokenType {
            session: match session.map(|session| session.kind) {
                Some(Kind::Online) => "on",
                Some(Kind::Offline) => "of",
                None => "tr",
            },
            grant: self.authorization.grant.letters(),
        };
        let claims = self.builder.access_token(kind, &random::uuid(), visible, ends.access);
        let access_token = sign(Use::AccessToken, self.realm, &self.client.client, &claims)?;
        let id_token = if self.is_openid { Some(self.id_token(&access_token, ends.access)?) } else { None };
        let refresh_token = match session {
            Some(session) if self.issues_refresh_tokens() => {
                let (jti, reuse_id) = self.refresh_ids();
                let is_offline = session.kind == Kind::Offline;
                let refresh = RefreshClaims { jti, scope: all, is_offline, reuse_id };
                let claims = self.builder.refresh_token(&claims, refresh, ends.refresh);
                Some(sign(Use::RefreshToken, self.realm, &self.client.client, &claims)?)
            }
            _ => None,
        };
        Ok((access_token, id_token, refresh_token))
    }

    fn id_token(&self, access_token: &str, end: UnixMs) -> Result<String, Error> {
        let key = Use::IdToken.key(self.realm, &self.client.client)?;
        let at_hash = jose::half_hash(key.algorithm(), access_token);
        let claims = self.builder.id_token(random::uuid(), Some(at_hash), end);
        sign(Use::IdToken, self.realm, &self.client.client, &claims)
    }

    /// Id and chain of the refresh token: those that the rotation promised, else fresh ones.
    fn refresh_ids(&self) -> (String, Option<String>) {
        if let Some(next) = &self.authorization.rotation {
            return (next.jti.clone(), Some(next.reuse_id.clone()));
        }
        let revokes = self.realm.realm.revoke_refresh_token;
        (random::uuid(), revokes.then(random::uuid))
    }

    fn issues_refresh_tokens(&self) -> bool {
        let client = &self.client.client;
        match self.authorization.grant {
            GrantType::ClientCredentials => client.is_attribute("client_credentials.use_refresh_token"),
            GrantType::AuthorizationCode | GrantType::Password | GrantType::RefreshToken => {
                client.attribute("use.refresh.tokens").is_none_or(|text| text == "true")
            }
        }
    }
}
