//! `components`, to read.

use keyraft_model::{Component, component::KEY_PROVIDER};
use serde_json::Value;

use crate::{context::Context, error::Error, reply::Reply, representation::plain};

/// Members of a key's configuration that say how it is used; everything else in it is the key.
const KEY_SETTINGS: [&str; 7] =
    ["priority", "enabled", "active", "algorithm", "keySize", "secretSize", "ecdsaEllipticCurveKey"];

/// `GET components`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let is =
        |name: &str, value: Option<&str>| cx.query.filled(name).is_none_or(|wanted| value == Some(wanted));
    let found = cx.realm.components.iter().filter(|component| {
        is("parent", Some(&component.parent_id))
            && is("type", Some(&component.provider_type))
            && is("providerId", Some(&component.provider_id))
            && is("name", component.name.as_deref())
    });
    Ok(Reply::Json(found.map(shown).collect::<Value>()))
}

/// `GET components/{id}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let found = cx.realm.components.iter().find(|component| component.id.as_str() == cx.parameter("id"));
    Ok(Reply::Json(shown(found.ok_or_else(|| Error::not_found("Could not find component"))?)))
}

fn shown(component: &Component) -> Value {
    let mut component = component.clone();
    if component.provider_type == KEY_PROVIDER {
        component.config.retain(|name, _| KEY_SETTINGS.contains(&name.as_str()));
    }
    for (name, values) in &mut component.config {
        if Component::is_secret_member(name) {
            *values = vec![keyraft_core::realms::MASKED.to_owned()];
        }
    }
    plain(&component).into()
}
