//! A user as a client may see him: scopes, mappers and roles, gathered before any token is made.

use std::sync::Arc;

use keyraft_cluster::session::Notes;
use keyraft_core::{ClientView, Error, RealmView, UserRecord, authz};
use keyraft_model::{ClientUuid, UnixMs};

use super::{GrantedScopes, Plan, TokenContext};
use crate::Oidc;
use crate::mappers::Access;

/// What tokens of one user at one client are made of.
#[derive(Debug)]
pub struct Subject<'a> {
    realm: &'a RealmView,
    client: &'a ClientView,
    user: &'a UserRecord,
    scopes: GrantedScopes<'a>,
    plan: Arc<Plan>,
    access: Access,
}

/// The parts of a [`TokenContext`] that differ from request to request.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The realm's issuer.
    pub issuer: &'a str,
    /// The server's base URL for this realm.
    pub base_url: &'a str,
    /// The session, if there is one.
    pub sid: Option<&'a str>,
    /// Its notes.
    pub session_notes: &'a Notes,
    /// The level of authentication at this client.
    pub acr: Option<&'a str>,
    /// `nonce`, where these are the first tokens after its request.
    pub nonce: Option<&'a str>,
    /// Now.
    pub now: UnixMs,
}

impl<'a> Subject<'a> {
    /// Gathers it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when a client that owns roles cannot be read.
    pub async fn gather(
        oidc: &Oidc,
        realm: &'a Arc<RealmView>,
        client: &'a Arc<ClientView>,
        user: &'a UserRecord,
        scopes: GrantedScopes<'a>,
    ) -> Result<Self, Error> {
        let plan = oidc.plans.get(realm, client, &scopes);
        let granted = authz::granted_roles(realm, client, user, scopes.as_slice());
        let mut names: Vec<(&ClientUuid, Arc<ClientView>)> = Vec::new();
        for owner in Access::owners(&granted) {
            if let Some(view) = oidc.core.client_by_id(realm, owner).await? {
                names.push((owner, view));
            }
        }
        let client_id = |owner: &ClientUuid| {
            names.iter().find(|(id, _)| *id == owner).map(|(_, view)| view.client.client_id.as_str())
        };
        let access = Access::resolve(&granted, &plan.mappers, client_id);
        Ok(Self { realm, client, user, scopes, plan, access })
    }

    /// The granted scopes.
    pub fn scopes(&self) -> &GrantedScopes<'a> {
        &self.scopes
    }

    /// What token builders read, at this moment.
    pub fn context<'s>(&'s self, moment: Moment<'s>) -> TokenContext<'s> {
        TokenContext {
            realm: self.realm,
            issuer: moment.issuer,
            base_url: moment.base_url,
            client: self.client,
            user: self.user,
            access: &self.access,
            scopes: &self.scopes,
            mappers: &self.plan.mappers,
            sid: moment.sid,
            session_notes: moment.session_notes,
            acr: moment.acr,
            nonce: moment.nonce,
            now: moment.now,
        }
    }
}
