//! What a new realm is made of: everything that the admin API says about one, against `data/fresh-*.json`.
//!
//! Lists are compared as sets, their elements paired by name; only executions of flows keep their order.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use crate::compare::{Comparison, Difference};
use crate::lists::Subject;
use crate::pattern::Place;
use crate::replay::Replay;
use crate::report::{Lists, Report};

/// What the recording asked under a plain address, by its name there.
const PLAIN: [(&str, &str); 27] = [
    ("realm", ""),
    ("clients", "/clients"),
    ("client-scopes", "/client-scopes"),
    ("default-default-client-scopes", "/default-default-client-scopes"),
    ("default-optional-client-scopes", "/default-optional-client-scopes"),
    ("roles", "/roles?briefRepresentation=false"),
    ("flows", "/authentication/flows"),
    ("required-actions", "/authentication/required-actions"),
    ("unregistered-required-actions", "/authentication/unregistered-required-actions"),
    ("components", "/components"),
    ("user-profile", "/users/profile"),
    ("user-profile-metadata", "/users/profile/metadata"),
    ("default-groups", "/default-groups"),
    ("groups", "/groups"),
    ("events-config", "/events/config"),
    ("client-policies", "/client-policies/policies?include-global-policies=true"),
    ("client-profiles", "/client-policies/profiles?include-global-profiles=true"),
    ("client-profiles-without-globals", "/client-policies/profiles"),
    ("keys", "/keys"),
    ("identity-providers", "/identity-provider/instances"),
    ("credential-registrators", "/credential-registrators"),
    ("localization", "/localization"),
    ("client-session-stats", "/client-session-stats"),
    ("users", "/users"),
    ("workflows", "/workflows"),
    ("client-types", "/client-types"),
    ("users-management-permissions", "/users-management-permissions"),
];

/// Asks about the realms `demo`, which is made for it, and `master`.
pub(crate) fn run(
    replay: &mut Replay,
    files: [(&str, String); 2],
    lists: &Lists,
    report: &mut Report,
) -> Result<()> {
    replay.admin("POST", "/admin/realms", Some(&json!({"realm": "demo", "enabled": true})))?;
    for (realm, file) in files {
        let recorded: Map<String, Value> = serde_json::from_str(&file)?;
        for (at, (name, expected)) in recorded.iter().enumerate() {
            let request = PLAIN.iter().find(|(n, _)| n == name).map_or(name.as_str(), |(_, path)| *path);
            let subject = Subject {
                n: at as u64 + 1,
                area: format!("fresh-{realm}.json"),
                name: name.clone(),
                request: format!("GET {request}"),
            };
            let found = match ask(replay, realm, name, expected) {
                Ok(got) => compare(replay, name, expected, &got),
                Err(error) => vec![Difference {
                    fact: if error.to_string().contains("501 ") { "unbuilt" } else { "blocked" }.into(),
                    expected: "an answer".into(),
                    got: format!("{error:#}"),
                    soft: false,
                }],
            };
            report.items.push(lists.verdict(subject, found));
        }
    }
    Ok(())
}

fn ask(replay: &mut Replay, realm: &str, name: &str, expected: &Value) -> Result<Value> {
    let base = format!("/admin/realms/{realm}");
    if let Some((_, path)) = PLAIN.iter().find(|(n, _)| *n == name) {
        let answer = replay.admin("GET", &format!("{base}{path}"), None)?;
        let body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(answer.text()));
        // Where the recording met an error it kept the status too.
        let refused = expected.as_array().is_some_and(|e| e.len() == 2 && e[0].is_number());
        ensure!(refused || answer.status == 200, "{} {}", answer.status, answer.text());
        return Ok(if refused { json!([answer.status, body]) } else { body });
    }
    match name {
        "client-roles" => each(replay, &format!("{base}/clients"), "clientId", |id| {
            format!("{base}/clients/{id}/roles?briefRepresentation=false")
        }),
        "scope-mappings" => each(replay, &format!("{base}/clients"), "clientId", |id| {
            format!("{base}/clients/{id}/scope-mappings")
        }),
        "client-scope-scope-mappings" => each(replay, &format!("{base}/client-scopes"), "name", |id| {
            format!("{base}/client-scopes/{id}/scope-mappings")
        }),
        "flow-executions" => executions(replay, &base),
        "composites" => composites(replay, &base),
        _ => anyhow::bail!("nobody knows how {name} was asked"),
    }
}

fn get(replay: &mut Replay, path: &str) -> Result<Value> {
    let answer = replay.admin("GET", path, None)?;
    ensure!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.text());
    Ok(serde_json::from_slice(&answer.body)?)
}

/// One more question for each element of a list, the answers by the elements' names.
fn each(replay: &mut Replay, list: &str, name: &str, path: impl Fn(&str) -> String) -> Result<Value> {
    let mut all = Map::new();
    for element in get(replay, list)?.as_array().into_iter().flatten() {
        let answer = get(replay, &path(element["id"].as_str().unwrap_or_default()))?;
        all.insert(element[name].as_str().unwrap_or_default().to_owned(), answer);
    }
    Ok(Value::Object(all))
}

fn executions(replay: &mut Replay, base: &str) -> Result<Value> {
    let mut all = Map::new();
    for flow in get(replay, &format!("{base}/authentication/flows"))?.as_array().into_iter().flatten() {
        let alias = flow["alias"].as_str().unwrap_or_default();
        let path = format!("{base}/authentication/flows/{}/executions", alias.replace(' ', "%20"));
        all.insert(alias.to_owned(), get(replay, &path)?);
    }
    Ok(Value::Object(all))
}

/// Which role includes which: `realm:NAME` or `CLIENT:NAME`, sorted.
fn composites(replay: &mut Replay, base: &str) -> Result<Value> {
    let clients = get(replay, &format!("{base}/clients"))?;
    let names: BTreeMap<String, String> = clients
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|c| Some((c["id"].as_str()?.to_owned(), c["clientId"].as_str()?.to_owned())))
        .collect();
    let mut lists = vec![format!("{base}/roles")];
    lists.extend(names.keys().map(|id| format!("{base}/clients/{id}/roles")));
    let called = |role: &Value| {
        let container = role["containerId"].as_str().unwrap_or_default();
        let owner = if role["clientRole"] == true {
            names.get(container).map_or("?", String::as_str)
        } else {
            "realm"
        };
        format!("{owner}:{}", role["name"].as_str().unwrap_or_default())
    };
    let mut all = Map::new();
    for list in lists {
        for role in get(replay, &list)?.as_array().into_iter().flatten().filter(|r| r["composite"] == true) {
            let id = role["id"].as_str().unwrap_or_default();
            let parts = get(replay, &format!("{base}/roles-by-id/{id}/composites"))?;
            let mut parts: Vec<String> = parts.as_array().into_iter().flatten().map(called).collect();
            parts.sort();
            all.insert(called(role), json!(parts));
        }
    }
    Ok(Value::Object(all))
}

fn compare(replay: &Replay, name: &str, expected: &Value, got: &Value) -> Vec<Difference> {
    let place = Place { base: replay.origin.base.clone(), host: replay.origin.host.clone() };
    let mut c = Comparison::new(&place, false);
    c.set = name != "flow-executions";
    c.value("body", expected, got);
    c.found
}
