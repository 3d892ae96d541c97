//! Reads a mapper's configuration, as Keycloak names its members.

use keyraft_model::ProtocolMapper;

use super::user::{AddressNames, Property};
use super::{ClaimPath, JsonType, Mapper, Places, Source};

/// Renames roles.
const PRIORITY_ROLE_NAME: u8 = 10;
/// Adds roles.
const PRIORITY_HARDCODED_ROLE: u8 = 20;
/// Counts the owners of roles as audience, once all roles are known.
const PRIORITY_AUDIENCE_RESOLVE: u8 = 30;
/// Writes roles.
const PRIORITY_ROLES: u8 = 40;

impl Mapper {
    /// Reads a mapper; nothing for one of another protocol, of an unknown kind, or without what it needs.
    pub fn compile(mapper: &ProtocolMapper) -> Option<Self> {
        if mapper.protocol != "openid-connect" {
            return None;
        }
        let source = source(mapper)?;
        let claim = ClaimPath::parse(mapper.config("claim.name").unwrap_or_default());
        let needs_claim = matches!(
            source,
            Source::Attribute { .. }
                | Source::Property(_)
                | Source::Groups { .. }
                | Source::HardcodedClaim(_)
                | Source::SessionNote(_)
                | Source::RealmRoles { .. }
                | Source::ClientRoles { .. }
        );
        if needs_claim && claim.words().is_empty() {
            return None;
        }
        Some(Self {
            claim,
            json_type: JsonType::parse(mapper.config("jsonType.label")),
            multivalued: mapper.is_config("multivalued"),
            places: places(mapper, &source),
            priority: priority(&source),
            source,
        })
    }

    /// Compiles mappers and puts them into the order in which they run.
    pub fn compile_all<'m>(mappers: impl Iterator<Item = &'m ProtocolMapper>) -> Vec<Self> {
        let mut compiled: Vec<_> = mappers.filter_map(Self::compile).collect();
        compiled.sort_by_key(|mapper| mapper.priority);
        compiled
    }
}

fn source(mapper: &ProtocolMapper) -> Option<Source> {
    let text = |name: &str| mapper.config(name).map(str::to_owned);
    let prefix = |kind: &str| text(&format!("usermodel.{kind}RoleMapping.rolePrefix")).unwrap_or_default();
    Some(match mapper.protocol_mapper.as_str() {
        "oidc-usermodel-attribute-mapper" => Source::Attribute {
            name: text("user.attribute")?,
            aggregate: mapper.is_config("aggregate.attrs"),
        },
        "oidc-usermodel-property-mapper" => {
            let name = text("user.attribute")?;
            Property::parse(&name).map_or(Source::Attribute { name, aggregate: false }, Source::Property)
        }
        "oidc-full-name-mapper" => Source::FullName,
        "oidc-address-mapper" => Source::Address(AddressNames::read_config(mapper)),
        "oidc-group-membership-mapper" => Source::Groups { full_path: mapper.is_config("full.path") },
        "oidc-hardcoded-claim-mapper" => Source::HardcodedClaim(text("claim.value")?),
        "oidc-hardcoded-role-mapper" => {
            let (client_id, role) = role(&text("role")?);
            Source::HardcodedRole { client_id, role }
        }
        "oidc-role-name-mapper" => {
            Source::RoleName { from: role(&text("role")?), to: role(&text("new.role.name")?) }
        }
        "oidc-usersessionmodel-note-mapper" => Source::SessionNote(text("user.session.note")?),
        "oidc-audience-mapper" => {
            Source::Audience(text("included.client.audience").or_else(|| text("included.custom.audience"))?)
        }
        "oidc-audience-resolve-mapper" => Source::AudienceResolve,
        "oidc-allowed-origins-mapper" => Source::AllowedOrigins,
        "oidc-acr-mapper" => Source::Acr,
        "oidc-amr-mapper" => Source::Amr,
        "oidc-sub-mapper" => Source::Sub,
        "oidc-session-state-mapper" => Source::SessionState,
        "oidc-nonce-backwards-compatible-mapper" => Source::Nonce,
        "oidc-usermodel-realm-role-mapper" => Source::RealmRoles { prefix: prefix("realm") },
        "oidc-usermodel-client-role-mapper" => Source::ClientRoles {
            client_id: text("usermodel.clientRoleMapping.clientId"),
            prefix: prefix("client"),
        },
        _ => return None,
    })
}

/// `client.role`, or a realm role without a dot before it.
fn role(text: &str) -> (Option<String>, String) {
    match text.rsplit_once('.') {
        Some((client, role)) => (Some(client.to_owned()), role.to_owned()),
        None => (None, text.to_owned()),
    }
}

const fn priority(source: &Source) -> u8 {
    match source {
        Source::RoleName { .. } => PRIORITY_ROLE_NAME,
        Source::HardcodedRole { .. } => PRIORITY_HARDCODED_ROLE,
        Source::AudienceResolve => PRIORITY_AUDIENCE_RESOLVE,
        Source::RealmRoles { .. } | Source::ClientRoles { .. } => PRIORITY_ROLES,
        _ => 0,
    }
}

/// What the configuration says, within what the kind can take part in. Not configured means, for userinfo,
/// as the ID token; for introspection, as the access token.
fn places(mapper: &ProtocolMapper, source: &Source) -> Places {
    let is = |name| mapper.is_config(name);
    let or = |name, otherwise| if mapper.config(name).is_some() { is(name) } else { otherwise };
    let (access, id) = (is("access.token.claim"), is("id.token.claim"));
    let all = Places {
        access,
        lightweight: is("lightweight.claim"),
        id,
        userinfo: or("userinfo.token.claim", id),
        introspection: or("introspection.token.claim", access),
    };
    match source {
        Source::Sub | Source::AllowedOrigins | Source::AudienceResolve => {
            Places { id: false, userinfo: false, ..all }
        }
        Source::Acr | Source::Audience(_) => Places { userinfo: false, ..all },
        Source::Amr => Places { userinfo: false, introspection: false, ..all },
        Source::SessionState => Places { introspection: is("introspection.token.claim"), ..all },
        // It has no switches: it is there to be in the access token.
        Source::Nonce => Places { access: true, ..Places::default() },
        Source::HardcodedRole { .. } | Source::RoleName { .. } => Places::default(),
        _ => all,
    }
}
