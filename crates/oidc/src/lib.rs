//! OAuth 2 and OpenID Connect: endpoints, grants, tokens, logout.
//!
//! Every endpoint reads what was [`Asked`](asked::Asked), and answers in phases that are the same for all of its
//! requests; its error type maps exhaustively to what the protocol says. Tokens are made in one place
//! ([`tokens::issue`]) and accepted at one door ([`tokens::verify`]). This room knows neither SQL nor raft, and
//! leaves everything between the request of a browser and a known person to `login`.

mod acr;
pub mod asked;
pub mod authorize;
pub mod backchannel;
pub mod bearer;
pub mod client_auth;
mod client_keys;
mod code;
mod cors;
mod direct_grant;
mod discovery;
#[cfg(test)]
mod fixture;
pub mod grants;
mod introspection;
mod jwks;
mod live;
mod logout;
pub mod mappers;
mod notes;
mod pages;
mod realm_info;
mod refusal;
mod revocation;
mod router;
mod session_iframe;
#[cfg(test)]
mod tests;
mod token;
pub mod tokens;
mod unbuilt;
mod userinfo;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use keyraft_core::{Core, Error, RealmView, UserRecord};
use keyraft_login::Login;
use keyraft_model::{ClientUuid, RealmId, UserId};
use quick_cache::sync::Cache;

use client_keys::ClientKeys;
use tokens::Plans;
use tokens::verify::Signatures;

pub use authorize::OpenIdConnect;
pub use router::router;

/// Ids of service accounts that are kept.
const MAX_SERVICE_ACCOUNTS: usize = 10_000;

/// What the endpoints share. Cheap to clone: one for the whole server.
#[derive(Clone)]
pub struct Oidc(Arc<Parts>);

/// See [`Oidc`].
pub struct Parts {
    /// Operations on identities.
    pub core: Core,
    /// Where browsers sign in.
    pub login: Login,
    /// Compiled mappers.
    pub plans: Plans,
    /// Signatures that were found good.
    pub signatures: Signatures,
    /// Keys that clients publish.
    client_keys: ClientKeys,
    service_accounts: Cache<(RealmId, ClientUuid), UserId>,
}

impl Oidc {
    /// Over `core`; `login` must answer for [`OpenIdConnect`].
    pub fn new(core: Core, login: Login) -> Self {
        Self(Arc::new(Parts {
            core,
            login,
            plans: Plans::default(),
            signatures: Signatures::default(),
            client_keys: ClientKeys::default(),
            service_accounts: Cache::new(MAX_SERVICE_ACCOUNTS),
        }))
    }

    /// The service account of a client. Its id is remembered; the account itself is read each time, so that one
    /// which is gone or another's is looked for anew.
    pub(crate) async fn service_account(
        &self,
        realm: &RealmView,
        client: &ClientUuid,
    ) -> Result<Option<Arc<UserRecord>>, Error> {
        let key = (realm.realm.id.clone(), client.clone());
        if let Some(id) = self.service_accounts.get(&key)
            && let Some(user) = self.core.user(realm, &id).await?
            && user.user.service_account_client.as_ref() == Some(client)
        {
            return Ok(Some(user));
        }
        let user = self.core.service_account(realm, client).await?;
        if let Some(user) = &user {
            self.service_accounts.insert(key, user.user.id.clone());
        }
        Ok(user)
    }
}

impl Deref for Oidc {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Oidc")
    }
}
