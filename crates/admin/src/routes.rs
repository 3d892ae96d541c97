//! The one table of the admin API: method, path, who may, and what answers.
//!
//! Every operation that Keycloak has stands in it; those that are not built answer 501. A path is matched as
//! its segments were sent, each decoded on its own, so that a role may be called `a b/c`. Where no row fits,
//! the answer is Keycloak's: 405 if the resource has no operation of that method at all, 404 otherwise.

mod authentication;
mod authorization;
mod client_scopes;
mod clients;
mod extensions;
mod groups;
mod identity_providers;
mod organizations;
mod realms;
mod roles;
mod users;

use std::{collections::HashMap, future::Future, pin::Pin, sync::LazyLock};

use keyraft_core::authority::Right;

use crate::{context::Context, error::Error, reply::Reply};

/// What answers an operation.
pub(crate) type Operation = fn(Context) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

/// One row of the table.
pub(crate) struct Route {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub(crate) method: &'static str,
    /// The path; `~` stands for `/admin/realms/{realm}`, `{name*}` for one or more segments.
    pub(crate) path: &'static str,
    /// What the caller must have.
    pub(crate) right: Right,
    /// What answers; `None`: not built.
    pub(crate) operation: Option<Operation>,
}

/// Writes rows: `METHOD "path" Right => module::function;`, without the arrow for one that is not built.
macro_rules! routes {
    ($($method:ident $path:literal $right:ident $(=> $module:ident :: $function:ident)?;)*) => {
        pub(super) static ROUTES: &[Route] = &[$(Route {
            method: stringify!($method),
            path: $path,
            right: keyraft_core::authority::Right::$right,
            operation: routes!(@ $($module $function)?),
        }),*];
    };
    (@) => { None };
    (@ $module:ident $function:ident) => { Some(|context| Box::pin($module::$function(context))) };
}
use routes;

/// Values of the variables in a path, by name.
pub(crate) type Parameters = HashMap<&'static str, String>;

/// Where a request leads.
pub(crate) enum Match {
    /// To a row of the table.
    Row(&'static Route, Parameters),
    /// To a resource that has no such operation, though it has others of that method.
    NotFound,
    /// To a resource without any operation of that method.
    WrongMethod,
}

/// All rows.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    [
        realms::ROUTES,
        users::ROUTES,
        groups::ROUTES,
        roles::ROUTES,
        clients::ROUTES,
        client_scopes::ROUTES,
        authentication::ROUTES,
        authorization::ROUTES,
        identity_providers::ROUTES,
        organizations::ROUTES,
        extensions::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// Paths at which Keycloak hands a request on to another class: which methods exist is decided per class.
const CLASSES: [&str; 28] = [
    "/admin",
    "/admin/realms",
    "~",
    "~/attack-detection",
    "~/authentication",
    "~/client-policies/policies",
    "~/client-policies/profiles",
    "~/client-scopes",
    "~/client-scopes/{}",
    "~/client-scopes/{}/protocol-mappers",
    "~/client-scopes/{}/scope-mappings",
    "~/clients",
    "~/clients/{}",
    "~/clients/{}/protocol-mappers",
    "~/clients/{}/roles",
    "~/clients/{}/scope-mappings",
    "~/clients-initial-access",
    "~/components",
    "~/groups",
    "~/groups/{}",
    "~/groups/{}/role-mappings",
    "~/identity-provider",
    "~/keys",
    "~/roles",
    "~/roles-by-id",
    "~/users",
    "~/users/{}",
    "~/users/{}/role-mappings",
];

/// Writes whose answers say `Cache-Control: no-cache`, as reads do.
const UNCACHED: [(&str, &str); 30] = [
    ("DELETE", "~/client-scopes/{client-scope-id}"),
    ("DELETE", "~/client-scopes/{client-scope-id}/protocol-mappers/models/{id}"),
    ("DELETE", "~/clients/{client-uuid}"),
    ("DELETE", "~/clients/{client-uuid}/default-client-scopes/{clientScopeId}"),
    ("DELETE", "~/clients/{client-uuid}/optional-client-scopes/{clientScopeId}"),
    ("DELETE", "~/clients/{client-uuid}/protocol-mappers/models/{id}"),
    ("DELETE", "~/default-default-client-scopes/{clientScopeId}"),
    ("DELETE", "~/default-groups/{groupId}"),
    ("DELETE", "~/default-optional-client-scopes/{clientScopeId}"),
    ("DELETE", "~/roles-by-id/{role-id}"),
    ("DELETE", "~/roles/{role-name}"),
    ("DELETE", "~/users/{user-id}"),
    ("DELETE", "~/users/{user-id}/consents/{client}"),
    ("DELETE", "~/users/{user-id}/credentials/{credentialId}"),
    ("DELETE", "~/users/{user-id}/federated-identity/{provider}"),
    ("DELETE", "~/users/{user-id}/groups/{groupId}"),
    ("POST", "~/client-scopes"),
    ("POST", "~/client-scopes/{client-scope-id}/protocol-mappers/add-models"),
    ("POST", "~/client-scopes/{client-scope-id}/protocol-mappers/models"),
    ("POST", "~/clients/{client-uuid}/protocol-mappers/add-models"),
    ("POST", "~/clients/{client-uuid}/protocol-mappers/models"),
    ("POST", "~/groups/{group-id}/children"),
    ("PUT", "~/client-scopes/{client-scope-id}/protocol-mappers/models/{id}"),
    ("PUT", "~/clients/{client-uuid}/default-client-scopes/{clientScopeId}"),
    ("PUT", "~/clients/{client-uuid}/optional-client-scopes/{clientScopeId}"),
    ("PUT", "~/clients/{client-uuid}/protocol-mappers/models/{id}"),
    ("PUT", "~/default-default-client-scopes/{clientScopeId}"),
    ("PUT", "~/default-optional-client-scopes/{clientScopeId}"),
    ("PUT", "~/default-groups/{groupId}"),
    ("PUT", "~/users/{user-id}/groups/{groupId}"),
];

/// Reads whose answers do not.
const CACHED: [&str; 3] = ["~/localization", "~/users/profile", "~/users/profile/metadata"];

/// Where every answer says it but those to changes of a required action itself.
const AUTHENTICATION: &str = "~/authentication/";
const REQUIRED_ACTION: &str = "~/authentication/required-actions/{alias}";

/// Whether the answers of a row say `Cache-Control: no-cache`.
pub(crate) fn says_no_cache(route: &Route) -> bool {
    match route.method {
        "GET" => !CACHED.contains(&route.path),
        _ if route.path.starts_with(AUTHENTICATION) => route.path != REQUIRED_ACTION,
        method => UNCACHED.contains(&(method, route.path)),
    }
}

struct Row {
    route: &'static Route,
    segments: Vec<&'static str>,
    class: usize,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows: Vec<Row> = all()
        .map(|route| {
            let segments = split(route.path);
            Row { route, class: class(&segments), segments }
        })
        .collect();
    // Rows with fewer variables first: `users/count` before `users/{user-id}`.
    rows.sort_by_key(|row| row.segments.iter().filter(|segment| segment.starts_with('{')).count());
    rows
});

/// The segments of a row's path, `~` spelled out.
fn split(path: &'static str) -> Vec<&'static str> {
    let (start, rest) = match path.strip_prefix('~') {
        Some(rest) => (vec!["admin", "realms", "{realm}"], rest),
        None => (vec![], path),
    };
    start.into_iter().chain(rest.split('/').filter(|segment| !segment.is_empty())).collect()
}

/// Which of [`CLASSES`] answers at a path.
fn class<S: AsRef<str>>(segments: &[S]) -> usize {
    let begins = |class: &'static str| {
        let class = split(class);
        class.len() <= segments.len()
            && class.iter().zip(segments).all(|(c, s)| c.starts_with('{') || *c == s.as_ref())
    };
    let fitting = CLASSES.iter().enumerate().filter(|(_, class)| begins(class));
    fitting.max_by_key(|(_, class)| split(class).len()).map_or(0, |(index, _)| index)
}

/// The values of a row's variables, if the row is at that path.
fn parameters(row: &[&'static str], path: &[String]) -> Option<Parameters> {
    let mut values = Parameters::new();
    for (index, segment) in row.iter().enumerate() {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            if path.get(index)? != segment {
                return None;
            }
            continue;
        };
        if let Some(name) = name.strip_suffix('*') {
            values.insert(name, path.get(index..).filter(|rest| !rest.is_empty())?.join("/"));
            return Some(values);
        }
        values.insert(name, path.get(index)?.clone());
    }
    (row.len() == path.len()).then_some(values)
}

/// Finds where a request leads. `client-templates` is the old name of `client-scopes`.
///
/// `HEAD` is `GET` whose body the server leaves away (RFC 9110 section 9.3.2).
pub(crate) fn find(method: &str, path: &[String]) -> Match {
    let method = if method == "HEAD" { "GET" } else { method };
    let renamed: Vec<String>;
    let path = if path.get(3).is_some_and(|segment| segment == "client-templates") {
        renamed = path
            .iter()
            .enumerate()
            .map(|(i, s)| if i == 3 { "client-scopes".to_owned() } else { s.clone() })
            .collect();
        &renamed
    } else {
        path
    };
    for row in TABLE.iter().filter(|row| row.route.method == method) {
        if let Some(values) = parameters(&row.segments, path) {
            return Match::Row(row.route, values);
        }
    }
    let class = class(path);
    let has_method = TABLE.iter().any(|row| row.class == class && row.route.method == method);
    if has_method && class > 1 { Match::NotFound } else { Match::WrongMethod }
}

#[cfg(test)]
mod tests;
