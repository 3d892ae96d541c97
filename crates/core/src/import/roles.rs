//! Roles of the realm and its clients, and what they include.

use keyraft_model::{Rest, Role};
use serde_json::Value;

use super::{
    names::Names,
    shape::{entity, give_id, lists_in, members, take_list, take_object, text, texts, wrong},
};
use crate::{Error, image::Representation};

/// A role, the client that it is of, and what it includes by name.
type Named = (Role, Option<String>, Representation, String);

/// Takes the roles out of a representation.
pub(super) fn build(given: &mut Representation, names: &mut Names) -> Result<Vec<Role>, Error> {
    let mut roles = take_object(given, "roles", "$")?;
    let mut open = Vec::new();
    for (place, value) in take_list(&mut roles, "realm", "$.roles")?.into_iter().enumerate() {
        open.push(role(value, None, format!("$.roles.realm[{place}]"), names)?);
    }
    for (client_id, values) in take_object(&mut roles, "client", "$.roles")? {
        let path = format!("$.roles.client.{client_id}");
        names.client(&client_id, &path)?;
        let Value::Array(values) = values else { return Err(wrong(&path, "is not an array")) };
        for (place, value) in values.into_iter().enumerate() {
            open.push(role(value, Some(client_id.clone()), format!("{path}[{place}]"), names)?);
        }
    }
    open.into_iter().map(|open| with_composites(open, names)).collect()
}

fn role(value: Value, client: Option<String>, path: String, names: &mut Names) -> Result<Named, Error> {
    let mut given = members(value, &path)?;
    let composites = take_object(&mut given, "composites", &path)?;
    let name = text(&given, "name", &path)?.to_owned();
    given.retain(|name, _| matches!(name.as_str(), "id" | "name" | "description" | "attributes"));
    give_id(&mut given);
    lists_in(&mut given, "attributes");
    let mut role: Role = entity(given, &path)?;
    role.client = client.as_deref().map(|client| names.client(client, &path)).transpose()?;
    if names.roles.insert((client.clone(), name.clone()), role.id.clone()).is_some() {
        return Err(wrong(&path, &format!("the role {name:?} stands here twice")));
    }
    Ok((role, client, composites, path))
}

fn with_composites((mut role, _, mut composites, path): Named, names: &Names) -> Result<Role, Error> {
    let path = format!("{path}.composites");
    for name in texts(take_list(&mut composites, "realm", &path)?, &path)? {
        role.composites.push(names.role(None, &name, &path)?);
    }
    for (client, values) in take_object(&mut composites, "client", &path)? {
        for name in list_of(values, &format!("{path}.client.{client}"))? {
            role.composites.push(names.role(Some(&client), &name, &path)?);
        }
    }
    Ok(role)
}

/// Texts of a value that must be an array of them.
pub(super) fn list_of(value: Value, path: &str) -> Result<Vec<String>, Error> {
    match value {
        Value::Array(items) => texts(items, path),
        _ => Err(wrong(path, "is not an array")),
    }
}

/// Takes `realmRoles` and `clientRoles` out of a group or user.
pub(super) fn take_held(
    given: &mut Rest,
    names: &mut Names,
    path: &str,
) -> Result<Vec<keyraft_model::RoleId>, Error> {
    let mut held = Vec::new();
    for name in texts(take_list(given, "realmRoles", path)?, &format!("{path}.realmRoles"))? {
        held.push(names.role_or_made(None, &name, &format!("{path}.realmRoles"))?);
    }
    for old in ["applicationRoles", "clientRoles"] {
        for (client, values) in take_object(given, old, path)? {
            let path = format!("{path}.{old}.{client}");
            for name in list_of(values, &path)? {
                held.push(names.role_or_made(Some(&client), &name, &path)?);
            }
        }
    }
    Ok(held)
}
