//! A small realm for tests: the default client scopes, some roles, one user.

use std::sync::Arc;

use keyraft_core::group_index::Groups;
use keyraft_core::keys::KeyRing;
use keyraft_core::role_index::Roles;
use keyraft_core::{ClientView, RealmView, UserRecord};
use keyraft_model::{Client, ClientScope, Group, ProtocolMapper, Realm, Role, RoleId, User};
use serde_json::{Value, json};

/// A mapper with its claim in every token but a lightweight one.
#[expect(clippy::needless_pass_by_value, reason = "reads better at its callers' `json!`")]
pub(crate) fn mapper(kind: &str, config: Value) -> ProtocolMapper {
    let mut all = json!({
        "id.token.claim": "true", "access.token.claim": "true", "userinfo.token.claim": "true",
        "introspection.token.claim": "true", "jsonType.label": "String"
    });
    for (name, value) in config.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    ProtocolMapper {
        name: kind.to_owned(),
        protocol: "openid-connect".into(),
        protocol_mapper: kind.to_owned(),
        config: serde_json::from_value(all).expect("a map of texts"),
        ..ProtocolMapper::default()
    }
}

fn attribute(name: &str, claim: &str) -> ProtocolMapper {
    mapper("oidc-usermodel-attribute-mapper", json!({ "user.attribute": name, "claim.name": claim }))
}

/// Without a claim in ID tokens and userinfo.
fn access_only(kind: &str, config: &Value) -> ProtocolMapper {
    let mut mapper = mapper(kind, config.clone());
    mapper.config.shift_remove("id.token.claim");
    mapper.config.shift_remove("userinfo.token.claim");
    mapper
}

fn scope(name: &str, is_visible: bool, mappers: Vec<ProtocolMapper>) -> ClientScope {
    let mut scope = ClientScope {
        id: name.into(),
        name: name.to_owned(),
        protocol: Some("openid-connect".into()),
        protocol_mappers: mappers,
        ..ClientScope::default()
    };
    scope.attributes.insert("include.in.token.scope".into(), is_visible.to_string());
    scope
}

/// The default client scopes.
pub(crate) fn scopes() -> Vec<ClientScope> {
    let note = |note: &str, claim: &str, kind: &str| {
        let mut mapper = mapper(
            "oidc-usersessionmodel-note-mapper",
            json!({ "user.session.note": note, "claim.name": claim, "jsonType.label": kind }),
        );
        mapper.config.shift_remove("userinfo.token.claim");
        mapper
    };
    let roles =
        |kind: &str, claim: &str| access_only(kind, &json!({ "claim.name": claim, "multivalued": "true" }));
    let mut acr = mapper("oidc-acr-mapper", json!({}));
    acr.config.shift_remove("userinfo.token.claim");
    let verified = json!({ "user.attribute": "emailVerified", "claim.name": "email_verified", "jsonType.label": "boolean" });
    let mut offline = scope("offline_access", true, vec![]);
    offline.scope_mappings = vec!["offline_access".into()];
    vec![
        scope(
            "profile",
            true,
            vec![
                attribute("username", "preferred_username"),
                attribute("lastName", "family_name"),
                attribute("firstName", "given_name"),
                attribute("nickname", "nickname"),
                mapper("oidc-full-name-mapper", json!({})),
            ],
        ),
        scope(
            "email",
            true,
            vec![mapper("oidc-usermodel-property-mapper", verified), attribute("email", "email")],
        ),
        scope(
            "roles",
            false,
            vec![
                roles("oidc-usermodel-realm-role-mapper", "realm_access.roles"),
                access_only("oidc-audience-resolve-mapper", &json!({})),
                roles("oidc-usermodel-client-role-mapper", "resource_access.${client_id}.roles"),
            ],
        ),
        scope("web-origins", false, vec![access_only("oidc-allowed-origins-mapper", &json!({}))]),
        scope("acr", false, vec![acr]),
        scope(
            "basic",
            false,
            vec![access_only("oidc-sub-mapper", &json!({})), note("AUTH_TIME", "auth_time", "long")],
        ),
        offline,
        scope(
            "service_account",
            false,
            vec![
                note("client_id", "client_id", "String"),
                note("clientHost", "clientHost", "String"),
                note("clientAddress", "clientAddress", "String"),
            ],
        ),
    ]
}

fn role(id: &str, client: Option<&str>, composites: &[&str]) -> Role {
    Role {
        id: id.into(),
        name: id.rsplit('/').next().unwrap_or(id).to_owned(),
        client: client.map(Into::into),
        composites: composites.iter().map(|id| RoleId::from(*id)).collect(),
        ..Role::default()
    }
}

/// The roles of a realm and its clients; the first is the default role.
pub(crate) fn roles() -> Vec<Role> {
    let defaults = ["offline_access", "uma_authorization", "account/view-profile", "account/manage-account"];
    vec![
        role("default-roles-tok", None, &defaults),
        role("offline_access", None, &[]),
        role("uma_authorization", None, &[]),
        role("boss", None, &[]),
        role("rolesapp/editor", Some("rolesapp"), &[]),
        role("account/view-profile", Some("account"), &[]),
        role("account/manage-account", Some("account"), &[]),
    ]
}

/// The realm `tok`: everybody holds its default roles.
pub(crate) fn realm() -> Arc<RealmView> {
    let mut staff = Group { id: "staff".into(), name: "staff".into(), ..Group::default() };
    staff.attributes.insert("nickname".into(), vec!["crew".into()]);
    Arc::new(RealmView {
        realm: Arc::new(Realm { id: "r".into(), realm: "tok".into(), enabled: true, ..Realm::default() }),
        ver: 1,
        flows: Vec::new(),
        configs: Vec::new(),
        required_actions: Vec::new(),
        components: Vec::new(),
        scopes: scopes().into_iter().map(|scope| (scope.id.clone(), scope)).collect(),
        default_scopes: Vec::new(),
        optional_scopes: Vec::new(),
        roles: Roles::new(roles()),
        groups: Groups::new(vec![staff]),
        keys: KeyRing::default(),
    })
}

/// A confidential client with the default scopes and these mappers of its own.
pub(crate) fn client(mappers: Vec<ProtocolMapper>) -> Arc<ClientView> {
    let defaults = ["profile", "email", "roles", "web-origins", "acr", "basic", "service_account"];
    Arc::new(ClientView {
        client: Client {
            id: "app".into(),
            client_id: "app".into(),
            enabled: true,
            full_scope_allowed: true,
            web_origins: vec!["http://app.test".into()],
            redirect_uris: vec!["http://app.test/cb".into()],
            default_client_scopes: defaults.map(Into::into).to_vec(),
            optional_client_scopes: vec!["offline_access".into()],
            protocol_mappers: mappers,
            ..Client::default()
        },
        ver: 1,
        scope_mappings: Vec::new(),
    })
}

/// Alice: a boss, and an editor of `rolesapp`.
pub(crate) fn alice() -> UserRecord {
    UserRecord {
        user: User {
            id: "alice-id".into(),
            username: "alice".into(),
            first_name: Some("Alice".into()),
            last_name: Some("Adams".into()),
            email: Some("alice@example.com".into()),
            email_verified: true,
            enabled: true,
            ..User::default()
        },
        roles: vec!["default-roles-tok".into(), "boss".into(), "rolesapp/editor".into()],
        groups: vec!["staff".into()],
    }
}
