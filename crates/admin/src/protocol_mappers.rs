//! Protocol mappers of clients and client scopes.

use http::StatusCode;
use keyraft_core::{
    Error as CoreError,
    mappers::{MapperOwner, TYPES, mapper_of},
};
use keyraft_model::ProtocolMapper;
use serde_json::Value;

use crate::{
    context::Context, error::Error, json, json::Object, reply::Reply, representation::effective_mapper,
};

async fn owner(cx: &Context) -> Result<MapperOwner, Error> {
    if cx.parameters.contains_key("client-uuid") {
        return Ok(MapperOwner::Client(cx.client().await?.client.id.clone()));
    }
    Ok(MapperOwner::Scope(cx.scope_named("client-scope-id", "Could not find client scope")?.id.clone()))
}

async fn mappers(cx: &Context) -> Result<(MapperOwner, Vec<ProtocolMapper>), Error> {
    let owner = owner(cx).await?;
    let mappers = cx.core.mappers(&cx.realm, &owner).await?;
    Ok((owner, mappers))
}

/// `GET …/models`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let (_, mappers) = mappers(&cx).await?;
    Ok(Reply::Json(mappers.iter().map(effective_mapper).collect::<Value>()))
}

/// `GET …/protocol/{protocol}`.
pub(crate) async fn by_protocol(cx: Context) -> Result<Reply, Error> {
    let (_, mappers) = mappers(&cx).await?;
    let of_protocol = mappers.iter().filter(|mapper| mapper.protocol == cx.parameter("protocol"));
    Ok(Reply::Json(of_protocol.map(effective_mapper).collect::<Value>()))
}

/// `GET …/models/{id}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let (_, mappers) = mappers(&cx).await?;
    let mapper = mappers.iter().find(|mapper| mapper.id == cx.parameter("id"));
    Ok(Reply::Json(effective_mapper(mapper.ok_or_else(unknown)?)))
}

/// `POST …/models`.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let owner = owner(&cx).await?;
    let given = cx.object("ProtocolMapperRepresentation")?;
    let mapper = new_mapper(&given)?;
    let id = mapper.id.clone();
    cx.core.add_mappers(&cx.realm, &owner, &[mapper], &cx.authority).await?;
    Ok(cx.created(&id))
}

/// A mapper of a known type. Keycloak's database refuses one without a name or protocol as a duplicate.
fn new_mapper(given: &Object) -> Result<ProtocolMapper, Error> {
    known(given)?;
    mapper_of(given).map_err(|error| match error {
        CoreError::Invalid { field, .. } if field == "name" || field == "protocol" => Error::duplicate(),
        other => other.into(),
    })
}

fn known(given: &Object) -> Result<(), Error> {
    let kind = json::text(given, "protocolMapper").unwrap_or_default();
    if TYPES.contains(&kind) { Ok(()) } else { Err(Error::not_found("ProtocolMapper provider not found")) }
}

/// `POST …/add-models`: all or none.
pub(crate) async fn add(cx: Context) -> Result<Reply, Error> {
    let owner = owner(&cx).await?;
    let listed = cx.list("ProtocolMapperRepresentation")?;
    let mappers: Result<Vec<_>, _> = listed.iter().filter_map(Value::as_object).map(new_mapper).collect();
    cx.core.add_mappers(&cx.realm, &owner, &mappers?, &cx.authority).await.map_err(|error| match error {
        CoreError::Conflict { .. } => {
            let sentence = "Protocol mapper name must be unique per protocol".to_owned();
            Error::Described(StatusCode::CONFLICT, "conflict", sentence)
        }
        other => other.into(),
    })?;
    Ok(Reply::Nothing)
}

/// `PUT …/models/{id}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let (owner, mappers) = mappers(&cx).await?;
    let id = cx.parameter("id");
    if !mappers.iter().any(|mapper| mapper.id == id) {
        return Err(unknown());
    }
    let given = cx.object("ProtocolMapperRepresentation")?;
    known(&given)?;
    if json::text(&given, "id") != Some(id) {
        return Err(Error::plain("The mapper's id does not match the path"));
    }
    cx.core.update_mapper(&cx.realm, &owner, id, &given, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// `DELETE …/models/{id}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let (owner, mappers) = mappers(&cx).await?;
    let id = cx.parameter("id");
    if !mappers.iter().any(|mapper| mapper.id == id) {
        return Err(unknown());
    }
    cx.core.remove_mapper(&cx.realm, &owner, id).await?;
    Ok(Reply::Nothing)
}

fn unknown() -> Error {
    Error::not_found("Model not found")
}
