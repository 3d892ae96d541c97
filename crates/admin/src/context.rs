//! What an operation knows of its request: who asks, which realm, what came along.

use std::sync::Arc;

use axum::body::Bytes;
use http::{HeaderMap, header};
use keyraft_core::{
    ClientView, Core, RealmView, UserRecord,
    authority::{Asker, Authority, Right},
};
use keyraft_model::{ClientUuid, GroupId, Role, RoleId, ScopeId, UserId};
use keyraft_web::RequestOrigin;
use serde_json::Value;

use crate::{
    error::Error,
    json::{self, Object},
    query::Query,
    reply::Reply,
    routes::Parameters,
};

/// One request, let in.
pub(crate) struct Context {
    /// Operations on identities.
    pub(crate) core: Core,
    /// Who asks.
    pub(crate) asker: Asker,
    /// The realm that the path names; the caller's own where it names none.
    pub(crate) realm: Arc<RealmView>,
    /// What the caller may do there.
    pub(crate) authority: Authority,
    /// Whether the operation changes anything.
    pub(crate) writes: bool,
    /// Values of the path's variables.
    pub(crate) parameters: Parameters,
    /// The query.
    pub(crate) query: Query,
    /// The body.
    pub(crate) body: Bytes,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
    /// The names that hold.
    pub(crate) origin: RequestOrigin,
    /// The address of the request without its query, for `Location`.
    pub(crate) url: String,
}

impl Context {
    /// The value of a variable in the path; every row names its own.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The caller's address, for the hasher's fairness.
    pub(crate) fn ip(&self) -> String {
        self.origin.client_ip.to_string()
    }

    /// Refuses a caller without `right`.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn require(&self, right: Right) -> Result<(), Error> {
        if self.authority.has(right) { Ok(()) } else { Err(Error::forbidden()) }
    }

    /// The body as an object of that class.
    ///
    /// # Errors
    /// 415; 400 with the fault.
    pub(crate) fn object(&self, class: &str) -> Result<Object, Error> {
        self.takes("application/json")?;
        Ok(json::object(&self.body, class)?)
    }

    /// The body as a list.
    ///
    /// # Errors
    /// 415; 400 with the fault.
    pub(crate) fn list(&self, element: &str) -> Result<Vec<Value>, Error> {
        self.takes("application/json")?;
        Ok(json::list(&self.body, element)?)
    }

    /// Refuses a body of another media type; one without any is taken.
    ///
    /// # Errors
    /// 415.
    pub(crate) fn takes(&self, media_type: &str) -> Result<(), Error> {
        let Some(given) = self.headers.get(header::CONTENT_TYPE) else { return Ok(()) };
        let given = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let fits = given.eq_ignore_ascii_case(media_type) || given == "*/*";
        if fits { Ok(()) } else { Err(Error::wrong_media_type()) }
    }

    /// 201 with the request's own address and `/{id}`.
    pub(crate) fn created(&self, id: &str) -> Reply {
        Reply::Created(self.below(id))
    }

    /// The request's own address and `/{id}`.
    pub(crate) fn below(&self, id: &str) -> String {
        let below = format!("{}/{}", self.url.trim_end_matches('/'), keyraft_web::extract::segment(id));
        below.trim_end_matches('/').to_owned()
    }

    /// The user of the path.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn user(&self) -> Result<Arc<UserRecord>, Error> {
        let id = UserId::from(self.parameter("user-id"));
        self.core.user(&self.realm, &id).await?.ok_or_else(|| Error::not_found("User not found"))
    }

    /// The client of the path. One that authority is made of is there to be read only.
    ///
    /// # Errors
    /// 404; 403.
    pub(crate) async fn client(&self) -> Result<Arc<ClientView>, Error> {
        let client = self.client_named("client-uuid", "Could not find client").await?;
        if self.writes && self.core.is_management(&self.realm, &client.client.id).await? {
            return Err(Error::forbidden());
        }
        Ok(client)
    }

    /// The client that a variable names by its row.
    ///
    /// # Errors
    /// 404 with `sentence`.
    pub(crate) async fn client_named(
        &self,
        variable: &str,
        sentence: &str,
    ) -> Result<Arc<ClientView>, Error> {
        let id = ClientUuid::from(self.parameter(variable));
        self.core.client_by_id(&self.realm, &id).await?.ok_or_else(|| Error::not_found(sentence))
    }

    /// The group that a variable names.
    ///
    /// # Errors
    /// 404 with `sentence`.
    pub(crate) fn group_named(&self, variable: &str, sentence: &str) -> Result<&keyraft_model::Group, Error> {
        let id = GroupId::from(self.parameter(variable));
        self.realm.groups.find(&id).ok_or_else(|| Error::not_found(sentence))
    }

    /// The client scope that a variable names.
    ///
    /// # Errors
    /// 404 with `sentence`.
    pub(crate) fn scope_named(
        &self,
        variable: &str,
        sentence: &str,
    ) -> Result<&keyraft_model::ClientScope, Error> {
        let id = ScopeId::from(self.parameter(variable));
        self.realm.scopes.get(&id).ok_or_else(|| Error::not_found(sentence))
    }

    /// Roles of the container that a body lists with id and name.
    ///
    /// # Errors
    /// 400 for a body that does not read; 404 when id and name do not name a role of the container.
    pub(crate) fn listed_roles(&self, container: Option<&ClientUuid>) -> Result<Vec<RoleId>, Error> {
        let listed = self.list("RoleRepresentation")?;
        let found = listed.iter().filter_map(Value::as_object).map(|given| {
            let id = json::text(given, "id").map(RoleId::from);
            let role = id.and_then(|id| self.realm.roles.find(&id));
            let is_same = |role: &&Role| {
                role.client.as_ref() == container && Some(role.name.as_str()) == json::text(given, "name")
            };
            role.filter(is_same).map(|role| role.id.clone()).ok_or_else(|| Error::not_found("Role not found"))
        });
        found.collect()
    }
}
