//! Laying a representation over what is stored: members that came replace, members that did not are kept.

use keyraft_model::{Attributes, MultiAttributes, Rest};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Error;

/// `entity` with the members of `given` that are not null, those in `except` left out.
///
/// # Errors
/// [`Error::Invalid`] when a member is of the wrong type.
pub(crate) fn overlay<T: Serialize + DeserializeOwned>(
    entity: &T,
    given: &Rest,
    except: &[&str],
) -> Result<T, Error> {
    let internal =
        |error: serde_json::Error| Error::Internal(format!("an entity does not serialise: {error}"));
    let mut value = serde_json::to_value(entity).map_err(internal)?;
    let Some(members) = value.as_object_mut() else {
        return Err(Error::Internal("an entity is no object".to_owned()));
    };
    for (name, given) in given {
        // Names that begin with an underscore are ours: no caller sets them.
        if !given.is_null() && !except.contains(&name.as_str()) && !name.starts_with('_') {
            members.insert(name.clone(), given.clone());
        }
    }
    serde_json::from_value(value)
        .map_err(|error| Error::Invalid { field: "representation".to_owned(), rule: error.to_string() })
}

/// The text member of that name, unless it is null.
pub(crate) fn text<'a>(given: &'a Rest, name: &str) -> Option<&'a str> {
    given.get(name).and_then(Value::as_str)
}

/// The switch of that name, unless it is null.
pub(crate) fn flag(given: &Rest, name: &str) -> Option<bool> {
    given.get(name).and_then(Value::as_bool)
}

/// The list of texts of that name; `None` when it is not there.
pub(crate) fn texts(given: &Rest, name: &str) -> Option<Vec<String>> {
    let list = given.get(name)?.as_array()?;
    Some(list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
}

/// Objects in the list of that name.
pub(crate) fn objects<'a>(given: &'a Rest, name: &str) -> impl Iterator<Item = &'a Rest> + use<'a> {
    given.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// Merges a map of attributes: empty text and null remove a name.
pub(crate) fn merge_attributes(attributes: &mut Attributes, given: &Rest) {
    for (name, value) in given {
        match value.as_str().filter(|text| !text.is_empty()) {
            Some(text) => {
                attributes.insert(name.clone(), text.to_owned());
            }
            None => {
                attributes.shift_remove(name);
            }
        }
    }
}

/// The map of lists of that name; `None` when it is not there.
pub(crate) fn multi_attributes(given: &Rest, name: &str) -> Option<MultiAttributes> {
    let map = given.get(name)?.as_object()?;
    let values = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
        _ => vec![],
    };
    Some(map.iter().map(|(name, value)| (name.clone(), values(value))).collect())
}

/// An error about a member, with Keycloak's sentence.
pub(crate) fn invalid(field: &str, rule: impl Into<String>) -> Error {
    Error::Invalid { field: field.to_owned(), rule: rule.into() }
}

/// Refuses text that is longer than Keycloak's column for it.
pub(crate) fn fits(field: &str, text: &str, most: usize) -> Result<(), Error> {
    if text.chars().count() > most {
        return Err(invalid(field, format!("{field} is longer than {most} characters")));
    }
    if text.contains('\0') {
        return Err(invalid(field, format!("{field} has a character that is not allowed")));
    }
    Ok(())
}
