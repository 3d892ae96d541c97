//! Everything a token is made of.

use keyraft_cluster::session::Notes;
use keyraft_core::{ClientView, RealmView, UserRecord};
use keyraft_model::UnixMs;
use keyraft_wire::oauth::{RedirectUris, redirect_uri};
use keyraft_wire::oidc::claim_order;
use keyraft_wire::oidc::claims::Text;

use super::GrantedScopes;
use crate::mappers::{Access, Mapper};

/// What token builders and mappers read; the same for all tokens of one answer.
#[derive(Clone, Copy, Debug)]
pub struct TokenContext<'a> {
    /// The realm.
    pub realm: &'a RealmView,
    /// Its issuer.
    pub issuer: &'a str,
    /// The server's base URL, for clients without a root URL of their own.
    pub base_url: &'a str,
    /// The client that the tokens are issued to.
    pub client: &'a ClientView,
    /// Whom they speak of.
    pub user: &'a UserRecord,
    /// His roles, as far as the client may see them.
    pub access: &'a Access,
    /// The granted scopes.
    pub scopes: &'a GrantedScopes<'a>,
    /// The mappers of client and scopes.
    pub mappers: &'a [Mapper],
    /// The user session's handle; none for a token without a session.
    pub sid: Option<&'a str>,
    /// Notes of the user session.
    pub session_notes: &'a Notes,
    /// The level of authentication at this client.
    pub acr: Option<&'a str>,
    /// `nonce` of the authorization request; only the first tokens after it carry it.
    pub nonce: Option<&'a str>,
    /// `iat`.
    pub now: UnixMs,
}

impl<'a> TokenContext<'a> {
    /// The origins whose scripts may call the client's endpoints.
    pub fn web_origins(&self) -> Vec<Text<'a>> {
        web_origins(self.client, self.base_url)
    }
}

/// The web origins of a client; `+` stands for those of its redirect URIs.
pub fn web_origins<'a>(client: &'a ClientView, base_url: &str) -> Vec<Text<'a>> {
    let client = &client.client;
    let mut origins: Vec<Text<'a>> = client
        .web_origins
        .iter()
        .filter(|origin| *origin != "+")
        .map(|origin| origin.as_str().into())
        .collect();
    if origins.len() < client.web_origins.len() {
        let root_url = redirect_uri::resolve_root_url(client.root_url.as_deref(), base_url);
        let redirect_uris = RedirectUris { patterns: &client.redirect_uris, root_url: &root_url };
        for origin in redirect_uris.origins() {
            if !origins.iter().any(|known| *known == origin) {
                origins.push(origin.into());
            }
        }
    }
    claim_order::sort(&mut origins, |origin| origin);
    origins
}
