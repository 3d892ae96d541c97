//! Protocol mappers: rules of clients and client scopes that put claims into tokens.
//!
//! A mapper is [compiled](Mapper::compile) once from its configuration and then [applied](apply) to every
//! token. It reads the [`TokenContext`] and writes [`Claims`]; it has no clock and no I/O. A mapper of a kind
//! that is not known here, and a value that does not fit its type, add nothing: a token with a claim
//! less is safe, a token with a wrong one is not.

mod claim_path;
mod compile;
mod convert;
mod roles;
mod user;

use keyraft_core::UserRecord;
use keyraft_wire::oidc::claims::{Claim, Claims};

use crate::tokens::TokenContext;
use claim_path::ClaimPath;
use convert::JsonType;

/// Which token is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An access token with everything in it.
    AccessToken,
    /// An access token that holds only what is marked for it.
    LightweightAccessToken,
    /// An ID token.
    IdToken,
    /// The answer of the userinfo endpoint.
    UserInfo,
    /// The answer of the introspection endpoint.
    Introspection,
}

/// In which tokens a mapper takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each kind of token is a switch of its own in the configuration"
)]
struct Places {
    access: bool,
    lightweight: bool,
    id: bool,
    userinfo: bool,
    introspection: bool,
}

impl Places {
    const fn has(self, target: Target) -> bool {
        match target {
            Target::AccessToken => self.access,
            Target::LightweightAccessToken => self.lightweight,
            Target::IdToken => self.id,
            Target::UserInfo => self.userinfo,
            Target::Introspection => self.introspection,
        }
    }
}

/// A mapper ready to run.
#[derive(Clone, Debug)]
pub struct Mapper {
    source: Source,
    claim: ClaimPath,
    json_type: JsonType,
    multivalued: bool,
    places: Places,
    /// Low ones run first: roles are renamed, then added, then counted as audience, then written.
    priority: u8,
}

/// Where a mapper takes its value from.
#[derive(Clone, Debug)]
enum Source {
    Attribute { name: String, aggregate: bool },
    Property(user::Property),
    FullName,
    Address(user::AddressNames),
    Groups { full_path: bool },
    HardcodedClaim(String),
    HardcodedRole { client_id: Option<String>, role: String },
    RoleName { from: (Option<String>, String), to: (Option<String>, String) },
    SessionNote(String),
    Audience(String),
    AudienceResolve,
    AllowedOrigins,
    Acr,
    Amr,
    Sub,
    SessionState,
    Nonce,
    RealmRoles { prefix: String },
    ClientRoles { client_id: Option<String>, prefix: String },
}

pub use roles::Access;

/// Runs the mappers that take part in `target`, in their order.
pub fn apply<'a>(mappers: &'a [Mapper], context: &TokenContext<'a>, target: Target, claims: &mut Claims<'a>) {
    for mapper in mappers.iter().filter(|mapper| mapper.places.has(target)) {
        mapper.apply(context, target, claims);
    }
}

impl Mapper {
    fn apply<'a>(&'a self, context: &TokenContext<'a>, target: Target, claims: &mut Claims<'a>) {
        let record: &'a UserRecord = context.user;
        match &self.source {
            Source::Attribute { name, aggregate } => {
                let values = user::attribute(context.realm, record, name, *aggregate);
                self.put(claims, self.values(values));
            }
            Source::Property(property) => self.put(claims, property.read(&record.user, self.json_type)),
            Source::FullName => {
                if let Some(name) = record.user.full_name() {
                    claims.other.put("name", Claim::Text(name.into()));
                }
            }
            Source::Address(names) => {
                if let Some(address) = names.read(context.realm, record) {
                    claims.other.put("address", Claim::Object(address));
                }
            }
            Source::Groups { full_path } => {
                self.put(claims, user::groups(context.realm, record, *full_path));
            }
            Source::HardcodedClaim(text) => self.put(claims, self.json_type.convert(text)),
            Source::SessionNote(name) => {
                let note = context.session_notes.get(name);
                self.put(claims, note.and_then(|note| self.json_type.convert(note)));
            }
            Source::Audience(audience) => add_audience(claims, audience),
            Source::AudienceResolve => {
                // A token is not addressed to the client that carries it.
                let others =
                    context.access.clients().filter(|client| *client != context.client.client.client_id);
                others.for_each(|client| add_audience(claims, client));
            }
            Source::AllowedOrigins => claims.allowed_origins = context.web_origins(),
            Source::Acr => claims.acr = context.acr.map(Into::into),
            Source::Amr => claims.other.put("amr", Claim::List(Vec::new())),
            Source::Sub => claims.sub = Some(record.user.id.as_str().into()),
            Source::SessionState => {
                if let Some(sid) = context.sid {
                    claims.other.put("session_state", Claim::Text(sid.into()));
                }
            }
            Source::Nonce => claims.nonce = context.nonce.map(Into::into),
            Source::RealmRoles { prefix } => self.put_realm_roles(claims, context.access, prefix, target),
            Source::ClientRoles { client_id, prefix } => {
                self.put_client_roles(claims, context.access, client_id.as_deref(), prefix, target);
            }
            // These change which roles there are, before any token is written.
            Source::HardcodedRole { .. } | Source::RoleName { .. } => {}
        }
    }

    /// One value, or all of them where the mapper says that there are several.
    fn values<'a>(&self, mut values: impl Iterator<Item = &'a str>) -> Option<Claim<'a>> {
        if !self.multivalued {
            return self.json_type.convert(values.next()?);
        }
        let list: Vec<_> = values.filter_map(|value| self.json_type.convert(value)).collect();
        (!list.is_empty()).then_some(Claim::List(list))
    }

    /// Writes a value where the mapper's claim name says; names of the protocol's own are written to the
    /// claim itself or, where a mapper has no say, not at all.
    fn put<'a>(&'a self, claims: &mut Claims<'a>, claim: Option<Claim<'a>>) {
        let Some(claim) = claim else { return };
        match self.claim.reserved() {
            None => claims.other.put_at(self.claim.words().iter().map(String::as_str), claim),
            Some(reserved) => reserved.put(claims, claim),
        }
    }
}

fn add_audience<'a>(claims: &mut Claims<'a>, audience: &'a str) {
    if !claims.aud.iter().any(|known| known == audience) {
        claims.aud.push(audience.into());
    }
}

#[cfg(test)]
mod tests;
