//! Every operation of the admin API, asked by those who may not: nobody, a person without a role, and the
//! administrator of another realm. The table is read from the source, so a new row is swept as soon as it stands.

use std::path::Path;

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::{Keyraft, Person, Realm};
use serde_json::{Value, json};

use crate::{
    keyraft,
    shop::{Reply, reply},
};

/// A row: method, path (`~` stands for the realm's), right.
struct Row {
    method: Method,
    path: String,
    right: String,
}

/// Reads the rows `METHOD "path" Right …` of the admin API's table.
fn table() -> Result<Vec<Row>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../admin/src/routes");
    let mut rows = Vec::new();
    for file in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = file?.path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("tests.rs") {
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines() {
            let mut words = line.split_whitespace();
            let (Some(method), Some(place), Some(right)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let known = matches!(method, "GET" | "POST" | "PUT" | "DELETE") && place.starts_with('"');
            if known {
                let path = place.trim_matches('"').to_owned();
                rows.push(Row {
                    method: method.parse()?,
                    path,
                    right: right.trim_end_matches(';').to_owned(),
                });
            }
        }
    }
    Ok(rows)
}

/// What the paths of the swept realm name.
struct Names<'a> {
    realm: &'a str,
    user: &'a str,
    client: &'a str,
}

impl Names<'_> {
    /// A path with its variables filled in: with what is there, where the caller could do harm.
    fn fill(&self, path: &str) -> String {
        let path = path.replace('~', "/admin/realms/{realm}");
        let parts = path.split('/').map(|part| match part.trim_matches(['{', '}', '*']) {
            name if !part.starts_with('{') => name,
            "realm" => self.realm,
            "user-id" => self.user,
            "client-uuid" => self.client,
            name if name.contains("role") => "offline_access",
            _ => "x",
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

async fn ask(keyraft: &Keyraft, row: &Row, path: &str, token: Option<&str>) -> Result<Reply> {
    let mut request = keyraft.http().request(row.method.clone(), format!("{}{path}", keyraft.url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if matches!(row.method, Method::POST | Method::PUT) {
        request = request.json(&json!({}));
    }
    reply(request).await
}

async fn token(realm: &Realm<'_>, person: &Person) -> Result<String> {
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", &person.name),
        ("password", &person.password),
    ];
    let answer = reply(realm.keyraft().http().post(realm.endpoint("token")).form(&form)).await?;
    Ok(answer.text("access_token")?.to_owned())
}

/// Gives a person every right over his own realm.
async fn promote(realm: &Realm<'_>, person: &Person) -> Result<()> {
    let clients = realm.keyraft().read(&realm.path("/clients?clientId=realm-management")).await?;
    let client = clients[0]["id"].as_str().context("no realm-management")?;
    let role = realm.keyraft().read(&realm.path(&format!("/clients/{client}/roles/realm-admin"))).await?;
    let path = realm.path(&format!("/users/{}/role-mappings/clients/{client}", person.id));
    realm.keyraft().admin(Method::POST, &path, Some(json!([role]))).await?;
    Ok(())
}

async fn picture(realm: &Realm<'_>) -> Result<Value> {
    let mut picture = vec![realm.keyraft().read(&realm.path("")).await?];
    for part in ["/users", "/clients", "/roles", "/groups", "/client-scopes", "/components"] {
        picture.push(realm.keyraft().read(&realm.path(part)).await?);
    }
    Ok(Value::Array(picture))
}

#[tokio::test]
async fn who_may_not_gets_nothing_from_any_operation_and_changes_nothing() -> Result<()> {
    let keyraft = keyraft().await?;
    let (realm, other) = (keyraft.realm("swept", json!({})).await?, keyraft.realm("other", json!({})).await?);
    let (alice, bob, eve) =
        (realm.person("alice").await?, realm.person("bob").await?, other.person("eve").await?);
    promote(&other, &eve).await?;
    let client = realm.client("shop", json!({})).await?;
    let names = Names { realm: realm.name(), user: &bob.id, client: &client };
    let (stranger, neighbour) = (token(&realm, &alice).await?, token(&other, &eve).await?);
    let (before, rows) = (picture(&realm).await?, table()?);
    assert!(rows.len() > 300, "the table was not found: {} rows", rows.len());

    let mut wrong = Vec::new();
    for row in &rows {
        let path = names.fill(&row.path);
        let nobody = ask(&keyraft, row, &path, None).await?.status;
        let person = ask(&keyraft, row, &path, Some(&stranger)).await?.status;
        let foreign = ask(&keyraft, row, &path, Some(&neighbour)).await?.status;
        let refused = match (row.path.starts_with('~'), row.right.as_str()) {
            (true, "Anyone") => nobody == 401 && person >= 400 && foreign >= 400,
            (true, _) => nobody == 401 && person == 403 && foreign == 403,
            // The server's own operations: an administrator of any realm may look, and sees his own alone.
            (false, _) => nobody == 401 && person >= 400,
        };
        if !refused {
            wrong.push(format!("{} {path} ({}): {nobody} {person} {foreign}", row.method, row.right));
        }
    }

    assert!(wrong.is_empty(), "nobody, a person, a foreign administrator:\n{}", wrong.join("\n"));
    assert_eq!(picture(&realm).await?, before);
    Ok(())
}
