//! The claims of each kind of token. Pure: ids and times come in.

use keyraft_model::UnixMs;
use keyraft_wire::oidc::claims::{Claim, Claims, Object, Text};

use super::TokenContext;
use crate::mappers::{self, Target};

/// The three parts of an access token's `jti` before its random one.
#[derive(Clone, Copy, Debug)]
pub struct AccessTokenType {
    /// `on` online, `of` offline, `tr` without a stored session.
    pub session: &'static str,
    /// The grant's two letters.
    pub grant: &'static str,
}

/// Makes claims from one context.
#[derive(Clone, Copy, Debug)]
pub struct TokenBuilder<'a> {
    /// What they are made of.
    pub context: TokenContext<'a>,
    /// Whether access tokens are lightweight at this client.
    pub is_lightweight: bool,
}

impl<'a> TokenBuilder<'a> {
    /// For a context; the client says whether its tokens are lightweight.
    pub fn new(context: TokenContext<'a>) -> Self {
        let is_lightweight =
            context.client.client.is_attribute("client.use.lightweight.access.token.enabled");
        Self { context, is_lightweight }
    }

    /// An access token.
    pub fn access_token(&self, kind: AccessTokenType, id: &str, scope: &'a str, end: UnixMs) -> Claims<'a> {
        let weight = if self.is_lightweight { "lt" } else { "rt" };
        let jti = format!("{}{weight}{}:{id}", kind.session, kind.grant);
        let mut claims = self.base("Bearer", jti.into(), end);
        claims.scope = Some(scope.into());
        if self.context.sid.is_none() {
            // No session says later whose token it is.
            claims.sub = Some(self.context.user.user.id.as_str().into());
        }
        let target = if self.is_lightweight { Target::LightweightAccessToken } else { Target::AccessToken };
        mappers::apply(self.context.mappers, &self.context, target, &mut claims);
        claims
    }

    /// An ID token. `at_hash` binds it to the access token beside it (OpenID Connect Core 3.1.3.6).
    pub fn id_token(&self, id: String, at_hash: Option<String>, end: UnixMs) -> Claims<'a> {
        let mut claims = self.base("ID", id.into(), end);
        claims.aud = vec![self.context.client.client.client_id.as_str().into()];
        claims.sub = Some(self.context.user.user.id.as_str().into());
        claims.nonce = self.context.nonce.map(Into::into);
        claims.at_hash = at_hash.map(Into::into);
        mappers::apply(self.context.mappers, &self.context, Target::IdToken, &mut claims);
        claims
    }

    /// A refresh token for `access`, the access token that it is issued with.
    pub fn refresh_token(
        &self,
        access: &Claims<'a>,
        refresh: RefreshClaims<'a>,
        end: Option<UnixMs>,
    ) -> Claims<'a> {
        let typ = if refresh.is_offline { "Offline" } else { "Refresh" };
        Claims {
            exp: end.map(UnixMs::secs),
            aud: vec![self.context.issuer.into()],
            sub: access.sub.clone(),
            nonce: access.nonce.clone(),
            scope: Some(refresh.scope.into()),
            aud_x: access.aud.clone(),
            prov: Some("default".into()),
            reuse_id: refresh.reuse_id.map(Into::into),
            ..self.base(typ, refresh.jti.into(), UnixMs(0))
        }
    }

    /// What every token of a client says.
    fn base(&self, typ: &'static str, jti: Text<'a>, end: UnixMs) -> Claims<'a> {
        Claims {
            exp: Some(end.secs()),
            iat: Some(self.context.now.secs()),
            jti: Some(jti),
            iss: Some(self.context.issuer.into()),
            typ: Some(typ.into()),
            azp: Some(self.context.client.client.client_id.as_str().into()),
            sid: self.context.sid.map(Into::into),
            ..Claims::default()
        }
    }

    /// What the userinfo endpoint tells: `sub` and what mappers add, all of it free of order.
    pub fn userinfo(&self) -> Object<'a> {
        let mut claims = Claims::default();
        mappers::apply(self.context.mappers, &self.context, Target::UserInfo, &mut claims);
        let sub = claims.sub.unwrap_or_else(|| self.context.user.user.id.as_str().into());
        let mut object = Object::default();
        object.put("sub", Claim::Text(sub));
        object.append(claims.other);
        object
    }
}

/// What a refresh token says that its access token does not.
#[derive(Clone, Debug)]
pub struct RefreshClaims<'a> {
    /// Its id.
    pub jti: String,
    /// Everything granted.
    pub scope: &'a str,
    /// Whether it belongs to an offline session.
    pub is_offline: bool,
    /// Its chain, in realms that revoke refresh tokens.
    pub reuse_id: Option<String>,
}
