//! Who may what: the holder of each single admin role, and of none, at every door of the measured matrix.

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::{Keyraft, Realm};
use serde_json::{Value, json};

/// Method, path and the roles that are let in, as measured on the original.
const MATRIX: &str = include_str!("../../crates/admin/src/routes/matrix.txt");

async fn token(keyraft: &Keyraft, realm: &Realm<'_>, name: &str, password: &str) -> Result<String> {
    let form = [("grant_type", "password"), ("client_id", "cli"), ("username", name), ("password", password)];
    let answer: Value = keyraft.http().post(realm.endpoint("token")).form(&form).send().await?.json().await?;
    Ok(answer["access_token"].as_str().with_context(|| format!("no token: {answer}"))?.to_owned())
}

#[tokio::test]
async fn each_admin_role_opens_the_doors_that_it_opens_on_the_original() -> Result<()> {
    let keyraft = super::keyraft().await?;
    let realm = keyraft.realm("matrix", json!({})).await?;
    realm.client("cli", json!({"publicClient": true, "directAccessGrantsEnabled": true})).await?;
    let client = realm.client("shop", json!({})).await?;
    let user = realm.person("somebody").await?.id;
    let management = keyraft.read(&realm.path("/clients?clientId=realm-management")).await?[0]["id"].clone();
    let management = management.as_str().context("no realm-management")?;
    let roles = keyraft.read(&realm.path(&format!("/clients/{management}/roles"))).await?;
    let mut wrong = Vec::new();

    for role in std::iter::once(&Value::Null).chain(roles.as_array().into_iter().flatten()) {
        let name = role["name"].as_str().unwrap_or("nobody");
        let person = realm.person(&format!("{name}-only")).await?;
        if !role.is_null() {
            let path = realm.path(&format!("/users/{}/role-mappings/clients/{management}", person.id));
            keyraft.admin(Method::POST, &path, Some(json!([role]))).await?;
        }
        let token = token(&keyraft, &realm, &person.name, &person.password).await?;
        for line in MATRIX.lines().filter(|line| !line.starts_with('#')) {
            let (request, allowed) = line.split_once(" = ").context("a line of the matrix")?;
            let (method, path) = request.split_once(' ').context("method and path")?;
            let path = path
                .replace("/users/u", &format!("/users/{user}"))
                .replace("/clients/c", &format!("/clients/{client}"));
            // A user who is there would be gone for the roles after this one.
            let path = if method == "DELETE" {
                path.replace(&user, "00000000-0000-0000-0000-000000000000")
            } else {
                path
            };
            let url = format!("{}{}", keyraft.url(), path.replacen('~', &realm.path(""), 1));
            let request = keyraft.http().request(method.parse()?, url).bearer_auth(&token);
            let request = if method == "GET" { request } else { request.json(&json!({})) };
            let status = request.send().await?.status().as_u16();
            let expected = match allowed {
                "." => true,
                "*" => !matches!(name, "impersonation" | "nobody"),
                names => names.split(' ').any(|allowed| allowed == name),
            };
            // Who may list users learns that one is not there before he learns that he may not remove him.
            let lists = method == "DELETE" && path.contains("/users/") && status == 404;
            if (status != 403) != expected && !(lists && matches!(name, "view-users" | "query-users")) {
                wrong.push(format!("{name}: {method} {path}: {status}"));
            }
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
