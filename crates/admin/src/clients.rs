//! `clients`.

use http::StatusCode;
use keyraft_core::{Error as CoreError, authority::Right};
use keyraft_model::{Client, ClientUuid, RealmId};
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::Error,
    reply::Reply,
    representation::{self, Reach},
};

/// `GET clients`: all, one by `clientId`, or those that contain it. Who may only query gets an empty list.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let page = cx.query.page(None)?;
    if !cx.authority.has(Right::ViewClients) {
        return Ok(Reply::Json(json!([])));
    }
    let pairs = crate::users::attributes(cx.query.filled("q").unwrap_or_default());
    if !pairs.is_empty() {
        let names = pairs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let sentence = format!("Attributes [{names}] not allowed for search");
        return Err(Error::Described(StatusCode::BAD_REQUEST, "invalid_request", sentence));
    }
    let contains = cx.query.flag("search").unwrap_or(false);
    let clients: Vec<Client> = match cx.query.filled("clientId").map(str::trim) {
        Some(client_id) if !contains => {
            let found = cx.core.client(&cx.realm, client_id).await?;
            found.map(|view| view.client.clone()).into_iter().collect()
        }
        search => cx.core.list_clients(&cx.realm, search, page.offset(), page.limit()).await?,
    };
    let management = cx.core.management_clients(&cx.realm).await?;
    let mut shown = Vec::with_capacity(clients.len());
    for client in &clients {
        shown.push(Value::Object(show(&cx, client, &management).await?));
    }
    Ok(Reply::Json(shown.into()))
}

async fn show(
    cx: &Context,
    client: &Client,
    management: &[(RealmId, ClientUuid)],
) -> Result<representation::Members, Error> {
    let covers = cx.core.covers_client(&cx.realm, client, &cx.authority).await?;
    let reach = Reach { covers, is_management: management.iter().any(|(_, id)| *id == client.id) };
    Ok(representation::client(&cx.realm, client, &cx.authority, reach))
}

/// `POST clients`.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("ClientRepresentation")?;
    let client = cx.core.create_client(&cx.realm, &given, &cx.authority).await.map_err(refused)?;
    Ok(cx.created(client.id.as_str()))
}

/// `GET clients/{client-uuid}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let view = cx.client().await?;
    let management = cx.core.management_clients(&cx.realm).await?;
    Ok(Reply::Json(show(&cx, &view.client, &management).await?.into()))
}

/// `PUT clients/{client-uuid}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let view = cx.client().await?;
    let given = cx.object("ClientRepresentation")?;
    cx.core.update_client(&cx.realm, &view, &given, &cx.authority).await.map_err(refused)?;
    Ok(Reply::Nothing)
}

/// `DELETE clients/{client-uuid}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let view = cx.client().await?;
    cx.core.delete_client(&cx.realm, &view, &cx.authority).await.map_err(|error| match error {
        CoreError::Invalid { rule, .. } => Error::Described(StatusCode::BAD_REQUEST, "invalid_request", rule),
        other => other.into(),
    })?;
    Ok(Reply::Nothing)
}

/// What is wrong with a client is `invalid_input`.
fn refused(error: CoreError) -> Error {
    match error {
        CoreError::Invalid { rule, .. } => Error::Described(StatusCode::BAD_REQUEST, "invalid_input", rule),
        other => other.into(),
    }
}
