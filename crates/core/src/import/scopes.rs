//! Client scopes, the realm's lists of them, and scope mappings of scopes and clients.

use std::collections::HashMap;

use keyraft_model::{ClientScope, ClientUuid, RoleId, ScopeId};
use serde_json::Value;

use super::{
    names::Names,
    roles::list_of,
    shape::{entity, give_id, members, take_list, take_object, take_texts, text, texts_in, wrong},
};
use crate::{Error, image::Representation};

/// Takes the client scopes out of a representation.
pub(super) fn build(given: &mut Representation, names: &mut Names) -> Result<Vec<ClientScope>, Error> {
    let mut scopes = Vec::new();
    for (place, value) in take_list(given, "clientScopes", "$")?.into_iter().enumerate() {
        let path = format!("$.clientScopes[{place}]");
        let mut scope = members(value, &path)?;
        give_id(&mut scope);
        texts_in(&mut scope, "attributes");
        give_mapper_ids(&mut scope);
        let name = text(&scope, "name", &path)?.to_owned();
        let scope: ClientScope = entity(scope, &path)?;
        if names.scopes.insert(name.clone(), scope.id.clone()).is_some() {
            return Err(wrong(&path, &format!("the client scope {name:?} stands here twice")));
        }
        scopes.push(scope);
    }
    Ok(scopes)
}

/// Gives mappers ids, and texts in their configuration.
pub(super) fn give_mapper_ids(owner: &mut Representation) {
    let mappers = owner.get_mut("protocolMappers").and_then(Value::as_array_mut);
    for mapper in mappers.into_iter().flatten().filter_map(Value::as_object_mut) {
        give_id(mapper);
        texts_in(mapper, "config");
        // A configuration value that is null is one that is not set.
        if let Some(Value::Object(config)) = mapper.get_mut("config") {
            config.retain(|_, value| !value.is_null());
        }
    }
}

/// Takes a list of scope names; names that no scope has are left out and reported.
pub(super) fn take_named(
    given: &mut Representation,
    list: &str,
    path: &str,
    names: &mut Names,
) -> Result<Vec<ScopeId>, Error> {
    let mut scopes = Vec::new();
    for name in take_texts(given, list, path)? {
        match names.scopes.get(&name) {
            Some(id) if !scopes.contains(id) => scopes.push(id.clone()),
            Some(_) => {}
            None => names.findings.dropped.push(format!("{path}.{list}: there is no client scope {name:?}")),
        }
    }
    Ok(scopes)
}

/// Roles by the scope or client whose tokens may carry them.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    pub(super) of_scopes: HashMap<ScopeId, Vec<RoleId>>,
    pub(super) of_clients: HashMap<ClientUuid, Vec<RoleId>>,
}

/// Takes `scopeMappings` and `clientScopeMappings` out of a representation.
pub(super) fn mappings(given: &mut Representation, names: &mut Names) -> Result<Mappings, Error> {
    let mut mappings = Mappings::default();
    for (place, value) in take_list(given, "scopeMappings", "$")?.into_iter().enumerate() {
        add(&mut mappings, value, None, &format!("$.scopeMappings[{place}]"), names)?;
    }
    for list in ["applicationScopeMappings", "clientScopeMappings"] {
        for (client, values) in take_object(given, list, "$")? {
            let path = format!("$.{list}.{client}");
            let Value::Array(values) = values else { return Err(wrong(&path, "is not an array")) };
            for (place, value) in values.into_iter().enumerate() {
                add(&mut mappings, value, Some(&client), &format!("{path}[{place}]"), names)?;
            }
        }
    }
    Ok(mappings)
}

fn add(
    mappings: &mut Mappings,
    value: Value,
    of_client: Option<&str>,
    path: &str,
    names: &mut Names,
) -> Result<(), Error> {
    let mut given = members(value, path)?;
    let roles = list_of(given.remove("roles").unwrap_or_default(), &format!("{path}.roles"))?;
    let roles: Vec<_> = roles
        .iter()
        .map(|role| names.role_or_made(of_client, role, &format!("{path}.roles")))
        .collect::<Result<_, _>>()?;
    let held = if let Some(Value::String(scope)) = given.get("clientScope").or(given.get("clientTemplate")) {
        let Some(id) = names.scopes.get(scope) else {
            names.findings.dropped.push(format!("{path}: there is no client scope {scope:?}"));
            return Ok(());
        };
        mappings.of_scopes.entry(id.clone()).or_default()
    } else {
        let client = names.client(text(&given, "client", path)?, &format!("{path}.client"))?;
        mappings.of_clients.entry(client).or_default()
    };
    for role in roles {
        if !held.contains(&role) {
            held.push(role);
        }
    }
    Ok(())
}
