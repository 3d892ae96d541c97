//! Components, and keys in the form of exports before Keycloak had components.

use keyraft_model::{Component, Rest, component::KEY_PROVIDER};
use serde_json::{Value, json};

use super::shape::{entity, give_id, lists_in, members, take_object, text, wrong};
use crate::{Error, image::Representation};

/// Components are nested this deep at most.
const MAX_DEPTH: usize = 8;

/// Takes the components out of a representation; `realm` is the id of the realm, the parent of the topmost.
pub(super) fn build(given: &mut Representation, realm: &str) -> Result<Vec<Component>, Error> {
    take_old_keys(given);
    let mut components = Vec::new();
    let top = take_object(given, "components", "$")?;
    read(top, realm, "$.components", 0, &mut components)?;
    Ok(components)
}

fn read(kinds: Rest, parent: &str, path: &str, depth: usize, into: &mut Vec<Component>) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(wrong(path, "components are nested too deep"));
    }
    for (kind, values) in kinds {
        let path = format!("{path}[{kind:?}]");
        let Value::Array(values) = values else { return Err(wrong(&path, "is not an array")) };
        for (place, value) in values.into_iter().enumerate() {
            let path = format!("{path}[{place}]");
            let mut component = members(value, &path)?;
            let below = take_object(&mut component, "subComponents", &path)?;
            give_id(&mut component);
            lists_in(&mut component, "config");
            let id = text(&component, "id", &path)?.to_owned();
            component.insert("parentId".into(), json!(parent));
            component.insert("providerType".into(), json!(kind));
            into.push(entity(component, &path)?);
            read(below, &id, &format!("{path}.subComponents"), depth + 1, into)?;
        }
    }
    Ok(())
}

/// `privateKey`, `publicKey` and `certificate` of the realm itself become the component that Keycloak makes of them.
fn take_old_keys(given: &mut Representation) {
    let mut take = |name: &str| match given.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (private, certificate) = (take("privateKey"), take("certificate"));
    for dropped in ["publicKey", "codeSecret"] {
        take(dropped);
    }
    let Some(private) = private else { return };
    let mut config = json!({"priority": ["100"], "privateKey": [private]});
    if let Some(certificate) = certificate {
        config["certificate"] = json!([certificate]);
    }
    let components = given.entry("components").or_insert_with(|| json!({}));
    if let Value::Object(components) = components {
        components
            .entry(KEY_PROVIDER)
            .or_insert_with(|| json!([{"name": "rsa", "providerId": "rsa", "config": config}]));
    }
}
