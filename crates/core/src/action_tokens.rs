//! Links that are mailed: what they let somebody do, for how long, and that each works once.
//!
//! A link is a token of its own kind, signed with the realm's HMAC key, in Keycloak's shape. It is bound to the
//! address that it was sent to and names the login that asked for it (`asid`), so that the browser that asked
//! simply goes on and any other one is asked first. Each is taken once, by its `nonce`, when something is done
//! with it: looking at it, as mail scanners do, takes nothing.

use keyraft_cluster::command::{OnceKey, OnceKind};
use keyraft_crypto::{
    digest,
    jose::{self, HeaderFields},
    keys::Algorithm,
    random,
};
use keyraft_model::{DurationMs, Realm, UnixMs, User, UserId};
use serde::{Deserialize, Serialize};

use crate::{Core, Error, RealmView};

/// How much longer than its link the marker stays that it was used.
const OUTLIVES_SECS: i64 = 86_400;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Whoever forgot his password asked for it.
    ResetCredentials,
    /// The address is confirmed by it.
    VerifyEmail,
    /// An administrator asks for actions.
    ExecuteActions,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::ResetCredentials, Self::VerifyEmail, Self::ExecuteActions];

    /// Keycloak's name: the token's `typ`, and the end of the realm attribute with its lifespan.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResetCredentials => "reset-credentials",
            Self::VerifyEmail => "verify-email",
            Self::ExecuteActions => "execute-actions",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// How long a link of a user's own asking works: the realm's setting for this purpose, else for all.
    pub fn lifespan(self, realm: &Realm) -> DurationMs {
        let own = realm.attribute(&format!("actionTokenGeneratedByUserLifespan.{}", self.name()));
        let secs = own.and_then(|secs| secs.parse().ok()).filter(|secs| *secs > 0);
        DurationMs::from_secs(secs.unwrap_or(realm.action_token_generated_by_user_lifespan))
    }
}

/// The claims of a link, in Keycloak's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionToken {
    /// Unix seconds when it is void.
    pub exp: i64,
    /// Unix seconds when it was made.
    pub iat: i64,
    /// Its id.
    pub jti: String,
    /// The realm's issuer.
    pub iss: String,
    /// The realm's issuer: nobody else takes it.
    pub aud: String,
    /// The user's id.
    pub sub: String,
    /// [`Purpose::name`].
    pub typ: String,
    /// The `client_id` that the way leads back to.
    pub azp: String,
    /// What is taken once; a link that was confirmed shares it with the one that was mailed.
    pub nonce: String,
    /// The login in progress that goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asid: Option<String>,
    /// The address that it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eml: Option<String>,
    /// The login in progress that asked, in a link that another browser confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oasid: Option<String>,
    /// Actions that an administrator asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rqac: Option<Vec<String>>,
    /// Where the way leads in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduri: Option<String>,
}

/// Why a link does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Not ours, of another realm, or changed.
    Invalid,
    /// It was good.
    Expired(Box<ActionToken>),
}

impl ActionToken {
    /// A link for a user, of the realm that `issuer` names.
    pub fn new(
        purpose: Purpose,
        issuer: &str,
        user: &User,
        client_id: &str,
        now: UnixMs,
        lifespan: DurationMs,
    ) -> Self {
        Self {
            exp: now.plus(lifespan).secs(),
            iat: now.secs(),
            jti: random::uuid(),
            iss: issuer.to_owned(),
            aud: issuer.to_owned(),
            sub: user.id.to_string(),
            typ: purpose.name().to_owned(),
            azp: client_id.to_owned(),
            nonce: random::uuid(),
            asid: None,
            eml: user.email.clone(),
            oasid: None,
            rqac: None,
            reduri: None,
        }
    }

    /// What it is for.
    ///
    /// # Panics
    /// Never: [`ActionToken::read`] lets no other name in.
    pub fn purpose(&self) -> Purpose {
        Purpose::parse(&self.typ).expect("only known names are made or read")
    }

    /// The text of the link's `key`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the realm has no key to sign it with.
    pub fn sign(&self, realm: &RealmView) -> Result<String, Error> {
        let key = realm
            .keys
            .active(Algorithm::HS512)
            .ok_or_else(|| Error::Internal("the realm has no active HS512 key".into()))?;
        jose::sign(key, HeaderFields::typ("JWT"), self).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Reads a link's `key`: signed by this realm, for this realm, of a known purpose, and not too old.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(realm: &RealmView, issuer: &str, key: &str, now: UnixMs) -> Result<Self, Unusable> {
        let keys = realm.keys.verifying(Algorithm::HS512);
        let verified = jose::verify(keys, &[Algorithm::HS512], key).map_err(|_| Unusable::Invalid)?;
        let token: Self = verified.into_claims().map_err(|_| Unusable::Invalid)?;
        // The kind decides before anything else: an identity cookie is signed with the same key.
        let is_ours = Purpose::parse(&token.typ).is_some() && token.iss == issuer && token.aud == issuer;
        if !is_ours {
            return Err(Unusable::Invalid);
        }
        if now.secs() >= token.exp { Err(Unusable::Expired(Box::new(token))) } else { Ok(token) }
    }

    /// What is taken when it is used.
    pub fn ticket(&self) -> Ticket {
        Ticket { id: digest::sha256(format!("{}|{}", self.typ, self.nonce).as_bytes()), exp: self.exp }
    }
}

/// What of a link is taken once. Small, so that a login in progress can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    id: [u8; 32],
    /// Unix seconds when the link is void.
    exp: i64,
}

impl Ticket {
    fn once(&self, realm: &RealmView, user: &UserId) -> OnceKey {
        let owner = user.to_string();
        OnceKey { kind: OnceKind::ActionToken, realm: realm.realm.id.clone(), owner, id: self.id }
    }
}

impl Core {
    /// Whether a user's link was used.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn is_link_taken(
        &self,
        realm: &RealmView,
        user: &UserId,
        ticket: &Ticket,
    ) -> Result<bool, Error> {
        Ok(self.sessions.view().await?.is_taken(&ticket.once(realm, user)))
    }

    /// Uses a user's link up; says whether this was the first time.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Unavailable`].
    pub async fn take_link(&self, realm: &RealmView, user: &UserId, ticket: &Ticket) -> Result<bool, Error> {
        let now = self.sessions.view().await?.now();
        // A page that a link led to outlives it: the marker has to outlive the page (a day at the most).
        let left = ticket.exp.saturating_sub(now.secs()).max(0).saturating_add(OUTLIVES_SECS);
        self.sessions.take_once(ticket.once(realm, user), DurationMs::from_secs(left)).await
    }
}
