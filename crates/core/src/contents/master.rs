//! The realm `master`, and the clients in it whose roles are authority over a realm.

use serde_json::{Value, json};

use super::{CLIENT_ROLES, MASTER, client_roles, complete, list, realm_roles};
use crate::image::Representation;

/// The client whose roles an administrator of a realm may hold inside that realm.
const ADMIN_ROLES_OF: &str = "realm-management";

/// The representation of `master`, complete.
pub(super) fn representation() -> Representation {
    let mut given = Representation::new();
    for (name, value) in [
        ("realm", json!(MASTER)),
        ("enabled", json!(true)),
        ("displayName", json!("Keycloak")),
        ("displayNameHtml", json!("<div class=\"kc-logo-text\"><span>Keycloak</span></div>")),
        ("accessTokenLifespan", json!(60)),
        // Nothing in it needs to be renewed.
        ("keycloakVersion", json!(crate::export::VERSION)),
    ] {
        given.insert(name.into(), value);
    }
    let (client, roles) = admin_client(MASTER);
    let names: Vec<_> = roles.iter().filter_map(|role| role["name"].as_str()).map(str::to_owned).collect();
    list(&mut given, "clients").push(client);
    client_roles(&mut given).insert("master-realm".into(), Value::Array(roles));
    realm_roles(&mut given).extend([
        json!({
            "name": "admin",
            "description": "${role_admin}",
            "composites": {"realm": ["create-realm"], "client": {"master-realm": names}}
        }),
        json!({"name": "create-realm", "description": "${role_create-realm}"}),
    ]);
    complete(&mut given);
    given
}

/// The client `<realm>-realm` of `master` and its roles, whose holders govern `realm`.
pub(crate) fn admin_client(realm: &str) -> (Value, Vec<Value>) {
    let id = format!("{realm}-realm");
    let mut client = json!({
        "clientId": id,
        "name": format!("{realm} Realm"),
        "enabled": true,
        "bearerOnly": true,
        "standardFlowEnabled": true,
        "clientAuthenticatorType": "client-secret",
        "attributes": {"realm_client": "true"},
        "fullScopeAllowed": false,
        "nodeReRegistrationTimeout": 0
    });
    if realm != MASTER {
        // Keycloak gives the scopes to `master-realm` alone: the others come without the event that would.
        client["defaultClientScopes"] = json!([]);
        client["optionalClientScopes"] = json!([]);
    }
    let of_realm = CLIENT_ROLES.get(ADMIN_ROLES_OF).and_then(Value::as_array).into_iter().flatten();
    let roles = of_realm.filter(|role| role["name"] != "realm-admin").map(|role| {
        let mut role = role.clone();
        if let Some(composites) = role.pointer_mut("/composites/client").and_then(Value::as_object_mut)
            && let Some(included) = composites.remove(ADMIN_ROLES_OF)
        {
            composites.insert(id.clone(), included);
        }
        role
    });
    let roles = roles.collect();
    (client, roles)
}
