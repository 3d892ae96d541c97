//! `users`: searching, creating, reading, changing and deleting.

use keyraft_core::{
    authority::Right,
    user_profile::{Editor, UserProfile},
    users::UserQuery,
};
use keyraft_model::User;
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::Error,
    query::{DEFAULT_MAX, Query},
    reply::Reply,
    representation,
};

/// `GET users`. Who may only query gets an empty list.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let page = cx.query.page(Some(DEFAULT_MAX))?;
    let query = query(&cx.query)?;
    let Some(query) = query.filter(|_| cx.authority.has(Right::ViewUsers)) else {
        return Ok(Reply::Json(json!([])));
    };
    let users = match ids(&cx.query) {
        Some(ids) => page.of(by_ids(&cx, ids).await?),
        None => cx.core.list_users(&cx.realm, &query, page.offset(), page.limit()).await?,
    };
    listed(&cx, &users, true).await
}

/// `GET users/count`: a bare number.
pub(crate) async fn count(cx: Context) -> Result<Reply, Error> {
    let query = query(&cx.query)?;
    let Some(query) = query.filter(|_| cx.authority.has(Right::ViewUsers)) else {
        return Ok(Reply::Json(json!(0)));
    };
    let count = match ids(&cx.query) {
        Some(ids) => i64::try_from(by_ids(&cx, ids).await?.len()).unwrap_or(i64::MAX),
        None => cx.core.count_users(&cx.realm, &query).await?,
    };
    Ok(Reply::Json(json!(count)))
}

/// A list of users; brief where the query asks for it, with `access` where Keycloak has it.
pub(crate) async fn listed(cx: &Context, users: &[User], access: bool) -> Result<Reply, Error> {
    let profile = UserProfile::of(&cx.realm.components);
    let brief = cx.query.flag("briefRepresentation").unwrap_or(false);
    let mut shown = Vec::with_capacity(users.len());
    for user in users {
        let totp = if brief { None } else { Some(cx.core.has_otp(&cx.realm.realm.id, &user.id).await?) };
        let mut user = representation::user(user, &profile, totp);
        if access {
            representation::put(&mut user, "access", json!({"manage": cx.authority.has(Right::ManageUsers)}));
        }
        shown.push(Value::Object(user));
    }
    Ok(Reply::Json(shown.into()))
}

/// The ids of `search=id:a b`.
fn ids(query: &Query) -> Option<Vec<&str>> {
    let ids = query.get("search")?.trim().strip_prefix("id:")?;
    Some(ids.split_whitespace().take(DEFAULT_MAX).collect())
}

async fn by_ids(cx: &Context, ids: Vec<&str>) -> Result<Vec<User>, Error> {
    let mut users = Vec::new();
    for id in ids {
        users.extend(cx.core.user(&cx.realm, &id.into()).await?.map(|record| record.user.clone()));
    }
    Ok(users)
}

/// What a query asks for; `None` when nobody can match.
fn query(query: &Query) -> Result<Option<UserQuery>, Error> {
    // No user has an identity of a provider: there are no providers in this release.
    if query.filled("idpAlias").is_some() || query.filled("idpUserId").is_some() {
        return Ok(None);
    }
    let text = |name: &str| query.filled(name).map(str::to_owned);
    let (created_after, created_before) = (date(query, "createdAfter")?, date(query, "createdBefore")?);
    let search = text("search").map(|search| search.trim().to_owned()).filter(|search| !search.is_empty());
    let mut fields = [text("username"), text("email"), text("firstName"), text("lastName")];
    let (mut exact, mut pairs) = (query.flag("exact"), attributes(query.filled("q").unwrap_or_default()));
    if pairs.iter().any(|(key, _)| key.is_empty()) {
        return Ok(None);
    }
    // `q` may name what every user has; its values match whole.
    for (field, name) in fields.iter_mut().zip(["username", "email", "firstName", "lastName"]) {
        let named = pairs.iter().position(|(key, _)| key == name);
        if let Some((_, value)) = named.filter(|_| field.is_none()).map(|place| pairs.remove(place)) {
            (*field, exact) = (Some(value), exact.or(Some(true)));
        }
    }
    let by_field = search.is_none()
        && (fields.iter().any(Option::is_some)
            || ["enabled", "emailVerified"].iter().any(|name| query.filled(name).is_some())
            || created_after.or(created_before).is_some());
    let [username, email, first_name, last_name] = if search.is_some() { Default::default() } else { fields };
    Ok(Some(UserQuery {
        search,
        username,
        email,
        first_name,
        last_name,
        exact,
        enabled: query.flag("enabled"),
        email_verified: query.flag("emailVerified"),
        created_after,
        created_before,
        attributes: pairs,
        service_accounts: by_field,
    }))
}

/// A date as `yyyy-MM-dd` or Unix milliseconds.
fn date(query: &Query, name: &str) -> Result<Option<i64>, Error> {
    let Some(text) = query.filled(name) else { return Ok(None) };
    let of_day =
        || jiff::tz::TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)).ok();
    let ms = text.parse().ok().or_else(|| Some(of_day()?.as_millisecond()));
    let sentence = format!("Invalid value for '{name}', expected format is yyyy-MM-dd or an Epoch timestamp");
    ms.map(Some).ok_or_else(|| Error::plain(sentence))
}

/// The pairs of `q`: `key:value key2:"value two"`. What is no pair is passed over; a key may be empty.
pub(crate) fn attributes(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = token(rest, &[':', ' ']);
        let Some(value) = after.strip_prefix(':') else {
            rest = after.trim_start();
            continue;
        };
        let (value, after) = token(value, &[' ']);
        pairs.push((key, value));
        rest = after.trim_start();
    }
    pairs
}

/// A word up to one of `ends`, or what stands in quotes.
fn token<'a>(text: &'a str, ends: &[char]) -> (String, &'a str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let end = quoted.find('"').unwrap_or(quoted.len());
        return (quoted[..end].to_owned(), quoted.get(end + 1..).unwrap_or_default());
    }
    let end = text.find(ends).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

/// `POST users`.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("UserRepresentation")?;
    let user = cx.core.create_user(&cx.realm, &given, &cx.authority, &cx.ip()).await?;
    Ok(cx.created(user.id.as_str()))
}

/// `GET users/{user-id}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let profile = UserProfile::of(&cx.realm.components);
    let totp = cx.core.has_otp(&cx.realm.realm.id, &record.user.id).await?;
    let mut shown = representation::user(&record.user, &profile, Some(totp));
    if cx.query.flag("userProfileMetadata") == Some(true) {
        let editable = cx.realm.realm.edit_username_allowed;
        representation::put(&mut shown, "userProfileMetadata", profile.metadata(Editor::Admin, editable));
    }
    representation::put(&mut shown, "access", representation::access(&cx.authority));
    Ok(Reply::Json(shown.into()))
}

/// `PUT users/{user-id}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let given = cx.object("UserRepresentation");
    let given = given.map_err(|error| error.of_nothing(|| Error::message("Could not update user!")))?;
    cx.core.update_user(&cx.realm, &record, &given, &cx.authority, &cx.ip()).await?;
    Ok(Reply::Nothing)
}

/// `DELETE users/{user-id}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    cx.core.delete_user(&cx.realm, &record.user.id).await?;
    Ok(Reply::Nothing)
}

/// `GET users/{user-id}/federated-identity`: none, as there are no providers in this release.
pub(crate) async fn federated_identities(cx: Context) -> Result<Reply, Error> {
    cx.user().await?;
    Ok(Reply::Json(json!([])))
}

/// `DELETE users/{user-id}/federated-identity/{provider}`: there is none to remove.
pub(crate) async fn remove_federated_identity(cx: Context) -> Result<Reply, Error> {
    cx.user().await?;
    Ok(Reply::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_queries_read_pairs_and_pass_over_the_rest() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());

        assert_eq!(attributes("foo:1 dept:aa"), [pair("foo", "1"), pair("dept", "aa")]);
        assert_eq!(attributes(r#"a:"b c" "d e":f"#), [pair("a", "b c"), pair("d e", "f")]);
        assert_eq!(attributes("foo"), []);
        assert_eq!(attributes("foo: bar"), [pair("foo", "")]);
        assert_eq!(attributes(r#"a:"b"#), [pair("a", "b")]);
    }

    #[test]
    fn dates_are_days_or_milliseconds() {
        let read = |text: &str| date(&Query::read(Some(&format!("createdAfter={text}"))), "createdAfter");

        assert_eq!(read("1970-01-02").ok(), Some(Some(86_400_000)));
        assert_eq!(read("7").ok(), Some(Some(7)));
        assert!(read("x").is_err());
    }
}
