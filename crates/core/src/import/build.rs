//! From a complete representation to a realm: names become ids, and what does not fit is refused with its path.

use keyraft_model::{Client, Realm, Role, ScopeId, UnixMs};
use serde_json::{Value, json};

use super::{
    clients::{self, RealmScopes},
    components, flows, groups,
    names::Names,
    report::Findings,
    roles, scopes,
    shape::{entity, give_id, members, take_list, take_texts, text, texts_in, wrong},
    users,
};
use crate::{
    Error, contents,
    image::{RealmImage, Representation},
};

/// Members that say nothing that is not said elsewhere, or that only the exporting server could use.
const IGNORED: [&str; 6] = [
    "keycloakVersion",
    "defaultRole",
    "social",
    "updateProfileOnInitialSocialLogin",
    "userCacheEnabled",
    "realmCacheEnabled",
];

/// Builds the realm of a complete representation, but for keys that it lacks.
pub(super) fn realm(mut given: Representation, now: UnixMs) -> Result<(RealmImage, Findings), Error> {
    check_name(&given)?;
    give_id(&mut given);
    let mut names = Names::default();
    let mut image = RealmImage::default();
    let id = text(&given, "id", "$")?.to_owned();
    clients::learn(&mut given, &mut names)?;
    let default_role = default_role_name(&given);
    image.parts.roles = roles::build(&mut given, &mut names)?;
    let default_role = names.role(None, &default_role, "$.defaultRole")?;
    image.parts.client_scopes = scopes::build(&mut given, &mut names)?;
    image.parts.default_scopes =
        scopes::take_named(&mut given, "defaultDefaultClientScopes", "$", &mut names)?;
    image.parts.optional_scopes =
        scopes::take_named(&mut given, "defaultOptionalClientScopes", "$", &mut names)?;
    let mut mappings = scopes::mappings(&mut given, &mut names)?;
    for scope in &mut image.parts.client_scopes {
        scope.scope_mappings = mappings.of_scopes.remove(&scope.id).unwrap_or_default();
    }
    image.parts.groups = groups::build(&mut given, &mut names)?;
    (image.parts.flows, image.parts.configs) = flows::build(&mut given, &mut names)?;
    image.parts.required_actions = flows::required_actions(&mut given)?;
    image.parts.components = components::build(&mut given, &id)?;
    let of_protocol = |id: &ScopeId, protocol: &str| {
        let scope = image.parts.client_scopes.iter().find(|scope| scope.id == *id);
        scope.is_some_and(|scope| scope.protocol.as_deref() == Some(protocol))
    };
    let realm_scopes = RealmScopes {
        defaults: &image.parts.default_scopes,
        optionals: &image.parts.optional_scopes,
        is_for: &of_protocol,
    };
    image.clients = clients::build(&mut given, &mut names, &realm_scopes, &mut mappings, now)?;
    image.users = users::build(&mut given, &mut names, now)?;
    image.parts.roles.append(&mut names.made);
    let mut default_groups = Vec::new();
    for group in take_texts(&mut given, "defaultGroups", "$")? {
        default_groups.push(names.group(&group, "$.defaultGroups")?);
    }
    let joins = (&default_role, default_groups.as_slice());
    users::add_service_accounts(&mut image.users, &mut image.clients, &names, joins, now);
    image.parts.realm = settings(given)?;
    image.parts.realm.default_role = default_role;
    image.parts.realm.default_groups = default_groups;
    check_doors(&image, &names)?;
    Ok((image, names.findings))
}

/// The realm's own members.
fn settings(mut given: Representation) -> Result<Realm, Error> {
    given.retain(|name, _| !IGNORED.contains(&name.as_str()));
    for map in ["attributes", "smtpServer", "browserSecurityHeaders"] {
        texts_in(&mut given, map);
    }
    for (attribute, member) in [
        ("oauth2DeviceCodeLifespan", "oauth2DeviceCodeLifespan"),
        ("oauth2DevicePollingInterval", "oauth2DevicePollingInterval"),
    ] {
        // Exports say these twice; the attribute is what Keycloak reads.
        let said: Option<i64> = given
            .get("attributes")
            .and_then(|map| map[attribute].as_str())
            .and_then(|text| text.parse().ok());
        if let Some(said) = said {
            given.insert(member.into(), json!(said));
        }
    }
    let mut realm: Realm = entity(given, "$")?;
    realm.ssl_required.make_ascii_lowercase();
    Ok(realm)
}

/// A realm is named in every URL of its clients, so its name has no characters that would change one.
fn check_name(given: &Representation) -> Result<(), Error> {
    let name = text(given, "realm", "$")?;
    let is_unfit = |character: char| character.is_control() || "/?#%;\\:&\"'<>".contains(character);
    if name.chars().any(is_unfit) || name.chars().count() > 255 || name == "." || name == ".." {
        return Err(wrong("$.realm", "a realm's name has at most 255 characters, none of /?#%;\\:&\"'<>"));
    }
    Ok(())
}

fn default_role_name(given: &Representation) -> String {
    let name = given.get("defaultRole").and_then(|role| role["name"].as_str());
    name.unwrap_or_default().to_owned()
}

/// A realm whose people cannot sign in at all because of a typing error in a name is refused at once.
fn check_doors(image: &RealmImage, names: &Names) -> Result<(), Error> {
    let realm = &image.parts.realm;
    for (member, alias) in
        [("browserFlow", &realm.browser_flow), ("directGrantFlow", &realm.direct_grant_flow)]
    {
        if !names.flows.contains_key(alias) {
            return Err(wrong(&format!("$.{member}"), &format!("there is no flow {alias:?}")));
        }
    }
    Ok(())
}

/// The client in `master` whose roles are authority over a realm, with those roles.
pub(super) fn admin_client(realm: &str) -> Result<(Client, Vec<Role>), Error> {
    let (client, roles) = contents::admin_client(realm);
    let client_id = format!("{realm}-realm");
    let mut given = Representation::new();
    given.insert("clients".into(), json!([client]));
    given.insert("roles".into(), json!({"client": {&client_id: roles}}));
    let mut names = Names::default();
    clients::learn(&mut given, &mut names)?;
    let roles = roles::build(&mut given, &mut names)?;
    let scopes = RealmScopes { defaults: &[], optionals: &[], is_for: &|_, _| false };
    let mut images =
        clients::build(&mut given, &mut names, &scopes, &mut scopes::Mappings::default(), UnixMs(0))?;
    let image = images.pop().ok_or_else(|| Error::Internal("the client was built away".into()))?;
    Ok((image.client, roles))
}

/// Adds the users of a further file of the same realm.
pub(super) fn append_users(
    given: &mut Representation,
    mut more: Representation,
    path: &str,
) -> Result<(), Error> {
    let users = take_list(&mut more, "users", path)?;
    let list = given.entry("users").or_insert_with(|| json!([]));
    let Value::Array(list) = list else { return Err(wrong("$.users", "is not an array")) };
    for (place, user) in users.into_iter().enumerate() {
        list.push(Value::Object(members(user, &format!("{path}.users[{place}]"))?));
    }
    Ok(())
}
