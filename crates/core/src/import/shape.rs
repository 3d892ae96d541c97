//! Reading members of a representation, with the JSON path of what is wrong.

use keyraft_model::Rest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, image::Representation};

/// Ids are at most this long, as in Keycloak.
const MAX_ID: usize = 36;

/// Reads an entity from an object. `null` is absent, and names that begin with `_` are ours: no caller sets them.
pub(super) fn entity<T>(mut members: Rest, path: &str) -> Result<T, Error>
where
    T: Default + Serialize + DeserializeOwned,
{
    if let Some(id) = members.get("id")
        && id.as_str().is_none_or(|id| id.is_empty() || id.chars().count() > MAX_ID)
    {
        return Err(wrong(&format!("{path}.id"), "an id is text of 1 to 36 characters"));
    }
    members.retain(|name, value| !value.is_null() && !name.starts_with('_'));
    members.values_mut().for_each(prune);
    convert::<T>(&mut members);
    let read = serde_path_to_error::deserialize(Value::Object(members));
    read.map_err(|error| wrong(&format!("{path}.{}", error.path()), &error.inner().to_string()))
}

/// Removes `null` members, at any depth.
pub(super) fn prune(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// Takes an array out of an object; none is an empty one.
pub(super) fn take_list(members: &mut Rest, name: &str, path: &str) -> Result<Vec<Value>, Error> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(&format!("{path}.{name}"), "is not an array")),
    }
}

/// Takes an object out of an object; none is an empty one.
pub(super) fn take_object(members: &mut Rest, name: &str, path: &str) -> Result<Representation, Error> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Representation::new()),
        Some(Value::Object(inner)) => Ok(inner),
        Some(_) => Err(wrong(&format!("{path}.{name}"), "is not an object")),
    }
}

/// Takes an array of texts out of an object.
pub(super) fn take_texts(members: &mut Rest, name: &str, path: &str) -> Result<Vec<String>, Error> {
    texts(take_list(members, name, path)?, &format!("{path}.{name}"))
}

/// Texts of an array.
pub(super) fn texts(items: Vec<Value>, path: &str) -> Result<Vec<String>, Error> {
    let text = |(place, item)| match item {
        Value::String(text) => Ok(text),
        _ => Err(wrong(&format!("{path}[{place}]"), "is not text")),
    };
    items.into_iter().enumerate().map(text).collect()
}

/// An object of an array.
pub(super) fn members(value: Value, path: &str) -> Result<Rest, Error> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(wrong(path, "is not an object")),
    }
}

/// A text member that must be there.
pub(super) fn text<'a>(members: &'a Rest, name: &str, path: &str) -> Result<&'a str, Error> {
    let text = members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| wrong(&format!("{path}.{name}"), "is missing, or is not text"))
}

/// Makes texts of numbers and switches in a map of texts, as Keycloak does.
pub(super) fn texts_in(members: &mut Rest, name: &str) {
    if let Some(Value::Object(map)) = members.get_mut(name) {
        map.values_mut().for_each(|value| {
            if value.is_number() || value.is_boolean() {
                *value = Value::String(value.to_string());
            }
        });
    }
}

/// Makes lists of single texts in a map of lists, as Keycloak does.
pub(super) fn lists_in(members: &mut Rest, name: &str) {
    if let Some(Value::Object(map)) = members.get_mut(name) {
        map.values_mut().for_each(|value| match value {
            Value::Array(_) | Value::Null => {}
            Value::String(_) => *value = Value::Array(vec![value.take()]),
            single => *single = Value::Array(vec![Value::String(single.to_string())]),
        });
    }
}

/// Makes switches and numbers of texts, and texts of those, where the entity has the other: so does Keycloak.
fn convert<T: Default + Serialize>(members: &mut Rest) {
    let Ok(Value::Object(usual)) = serde_json::to_value(T::default()) else { return };
    for (name, value) in members {
        let read = match (usual.get(name), &*value) {
            (Some(Value::Bool(_) | Value::Number(_)), Value::String(text)) => serde_json::from_str(text).ok(),
            (Some(Value::String(_)), Value::Bool(_) | Value::Number(_)) => {
                Some(Value::String(value.to_string()))
            }
            _ => None,
        };
        if let Some(read) = read {
            *value = read;
        }
    }
}

/// Gives an entity an id where it brings none.
pub(super) fn give_id(members: &mut Rest) {
    if members.get("id").is_none_or(Value::is_null) {
        members.insert("id".into(), Value::String(keyraft_crypto::random::uuid()));
    }
}

/// What is wrong with a member.
pub(super) fn wrong(path: &str, rule: &str) -> Error {
    Error::Invalid { field: path.to_owned(), rule: rule.to_owned() }
}
