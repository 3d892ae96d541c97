//! `console/whoami`: what the admin console needs to know of the person in front of it.

use http::StatusCode;
use keyraft_core::authority::{AdminRole, Authority};
use serde_json::{Map, Value, json};

use crate::{context::Context, error::Error, reply::Reply};

/// The client of the admin console.
const CONSOLE: &str = "security-admin-console";

/// `GET /admin/{realm}/console/whoami`: for tokens of that realm's admin console only.
pub(crate) async fn whoami(cx: Context) -> Result<Reply, Error> {
    let (user, own) = (&cx.asker.user.user, &cx.asker.realm);
    if own.realm.realm != cx.parameter("realm") {
        return Err(Error::unauthorized());
    }
    let client_id = &cx.asker.client.client.client_id;
    if client_id != CONSOLE {
        let sentence = format!("Token issued for an application that is not the admin console: {client_id}");
        return Err(Error::Plain(StatusCode::FORBIDDEN, sentence));
    }
    let (realm, authority) = match cx.query.filled("currentRealm") {
        None => (own.clone(), cx.authority),
        Some(name) => {
            let realm = cx.core.realm(name).await?.ok_or_else(|| Error::not_found("Realm not found"))?;
            let authority = cx.core.authority(&cx.asker, &realm).await?;
            (realm, authority)
        }
    };
    let roles = names(&authority);
    if roles.is_empty() {
        return Err(Error::Plain(StatusCode::FORBIDDEN, "No realm access".to_owned()));
    }
    let mut access = Map::new();
    access.insert(realm.realm.realm.clone(), roles.into());
    Ok(Reply::Json(json!({
        "userId": user.id.as_str(),
        "realm": own.realm.realm,
        "displayName": user.full_name().unwrap_or_else(|| user.username.clone()),
        "locale": user.attribute("locale").unwrap_or("en"),
        "temporary": user.attribute("is_temporary_admin") == Some("true"),
        "createRealm": authority.may_create_realms(),
        "realm_access": access,
    })))
}

/// The admin roles by name; holding all of them reads as `admin`.
fn names(authority: &Authority) -> Vec<Value> {
    let roles = authority.roles();
    let named =
        roles.iter().filter(|role| *role != AdminRole::RealmAdmin).map(|role| Value::from(role.name()));
    let all = roles.is_complete().then(|| Value::from("admin"));
    named.chain(all).collect()
}
