//! Operations that Keycloak has and this release does not: 501 with a sentence, never an empty list.

use http::StatusCode;
use serde_json::Value;

use crate::{context::Context, error::Error, reply::Reply, routes::Route};

/// The answer of a row without an operation.
pub(crate) fn sentence(route: &Route) -> Error {
    let what = format!("{} {} is not part of this release", route.method, route.path);
    Error::Described(StatusCode::NOT_IMPLEMENTED, "Not implemented", what)
}

/// A feature that Keycloak has switched off by default answers so there as well.
pub(crate) async fn feature_off(_: Context) -> Result<Reply, Error> {
    let log = "For more on this error consult the server log.".to_owned();
    Err(Error::Described(StatusCode::NOT_IMPLEMENTED, "Feature not enabled", log))
}

/// Authorization settings of a client: 404 where it has none, 501 where it would have some.
pub(crate) async fn authorization(context: Context) -> Result<Reply, Error> {
    let right = keyraft_core::authority::Right::ViewAuthorization;
    let client = context.client().await?;
    if client.client.authorization_services_enabled != Some(true) {
        return Err(Error::no_path());
    }
    context.require(right)?;
    let what = "Authorization services are not part of this release".to_owned();
    Err(Error::Described(StatusCode::NOT_IMPLEMENTED, "Not implemented", what))
}

/// Organizations: 404 where the realm has them switched off, 501 where it has them on.
pub(crate) async fn organizations(context: Context) -> Result<Reply, Error> {
    let enabled =
        context.realm.realm.rest.get("organizationsEnabled").and_then(Value::as_bool).unwrap_or(false);
    if !enabled {
        let sentence = "Organizations not enabled for this realm.".to_owned();
        return Err(Error::Message(StatusCode::NOT_FOUND, sentence));
    }
    let what = "Organizations are not part of this release".to_owned();
    Err(Error::Described(StatusCode::NOT_IMPLEMENTED, "Not implemented", what))
}
