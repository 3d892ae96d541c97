//! Who am I.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method};
use keyraft_oidc::Oidc;
use keyraft_web::headers::ContentPolicy;
use keyraft_web::{Messages, Page, Query, RequestId, RequestOrigin, accept};

use super::door::{Call, Visitor};
use super::pages::{Fact, ProfilePage, State as Sure};
use super::rest::{self, Ask};

/// `GET /realms/{realm}/account`: the page for people, the account API for machines.
pub(super) async fn show(
    State(oidc): State<Oidc>,
    Path(realm): Path<String>,
    Query(query): Query,
    origin: RequestOrigin,
    id: RequestId,
    headers: HeaderMap,
) -> Response {
    if accept::prefers_json(&headers) {
        let (rest, body) = (String::new(), Bytes::new());
        let ask = Ask { realm, rest, method: Method::GET, query, origin, headers, body };
        return rest::serve(&oidc, ask).await;
    }
    let call = Call { realm, query, origin, id, headers };
    let visitor = match Visitor::enter(&oidc.core, &call, "").await {
        Ok(visitor) => visitor,
        Err(answer) => return *answer,
    };
    let (t, frame, bar) = (&visitor.t, visitor.frame(), visitor.bar(""));
    let facts = facts(t, &visitor.user.user);
    let page = ProfilePage { t, frame: &frame, bar: &bar, facts: &facts };
    Page::new(&page, t).policy(ContentPolicy::StaysHere).into_response()
}

fn facts(t: &Messages, user: &keyraft_model::User) -> Vec<Fact> {
    let fact = |key: &str, value: Option<&str>, state| Fact {
        name: t.get(key).into_owned(),
        value: value.unwrap_or_default().to_owned(),
        state,
    };
    let has_email = user.email.as_ref().is_some_and(|email| !email.is_empty());
    let confirmed = if user.email_verified { "emailConfirmed" } else { "emailNotConfirmed" };
    let sure = Sure { text: t.get(confirmed).into_owned(), good: user.email_verified };
    vec![
        fact("username", Some(&user.username), None),
        fact("email", user.email.as_deref(), has_email.then_some(sure)),
        fact("firstName", user.first_name.as_deref(), None),
        fact("lastName", user.last_name.as_deref(), None),
    ]
}
