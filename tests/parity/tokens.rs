//! What stands in the tokens: the lines of `data/tokens.jsonl`, made again in a realm of their own.
//!
//! `tokens.toml` tells the realm and a request for each line. Headers and claims are compared
//! decoded; the order of the registered claims counts, that of mapped claims differs from realm to
//! realm. Logout tokens are received by a listener, as a client's server would.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::compare::{Comparison, Difference};
use crate::decoded::{decoded, front, plain, tokens};
use crate::http::{self, Answer, parameters};
use crate::judge::Read;
use crate::listener::Listener;
use crate::lists::{Numbers, Subject};
use crate::pattern::Place;
use crate::replay::Replay;
use crate::report::{Lists, Report};
use crate::sign;
use crate::steps::Call;
use crate::text::captured;

/// Claims whose order is the same in every token of the original.
const ORDERED: [&str; 20] = [
    "exp",
    "iat",
    "auth_time",
    "jti",
    "iss",
    "aud",
    "sub",
    "typ",
    "azp",
    "nonce",
    "sid",
    "at_hash",
    "c_hash",
    "acr",
    "s_hash",
    "allowed-origins",
    "realm_access",
    "resource_access",
    "scope",
    "prov",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    realm: String,
    setup: Vec<Call>,
    grant: Vec<Grant>,
    request: Vec<Ask>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    user: String,
    client: Option<String>,
    role: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    line: Option<Numbers>,
    #[serde(rename = "as")]
    kind: Option<String>,
    method: Option<String>,
    path: Option<String>,
    jar: Option<String>,
    client: Option<String>,
    code: Option<String>,
    #[serde(default)]
    form: BTreeMap<String, String>,
    #[serde(default)]
    more: BTreeMap<String, String>,
    json: Option<Value>,
    bearer: Option<String>,
    accept: Option<String>,
    save: Option<String>,
    with: Option<u64>,
}

/// Makes every line again and judges it, as area `tokens.jsonl`.
pub(crate) fn run(
    replay: &mut Replay,
    listener: &Listener,
    script: &str,
    lines: &str,
    lists: &Lists,
    report: &mut Report,
) -> Result<()> {
    let script: Script = toml::from_str(script).context("tokens.toml")?;
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let ready = prepare(replay, &script);
    listener.clear();
    for (line, ask) in script.request.iter().flat_map(asks) {
        let recorded = line
            .and_then(|l| lines.get(usize::try_from(l).ok()?.checked_sub(1)?))
            .cloned()
            .unwrap_or_default();
        let made = match &ready {
            Ok(()) => make(replay, listener, &script, ask, line, &recorded),
            Err(error) => Err(anyhow::anyhow!("the realm is not ready: {error:#}")),
        };
        let Some(line) = line else { continue };
        let subject = Subject {
            n: line,
            area: "tokens.jsonl".into(),
            name: recorded["name"].as_str().unwrap_or_default().to_owned(),
            request: recorded["request"].to_string(),
        };
        let found = match made {
            Ok(made) => compare(replay, &recorded, &made),
            Err(error) => vec![Difference {
                fact: "blocked".into(),
                expected: "an answer".into(),
                got: format!("{error:#}"),
                soft: false,
            }],
        };
        report.items.push(lists.verdict(subject, found));
    }
    Ok(())
}

fn asks(ask: &Ask) -> Vec<(Option<u64>, &Ask)> {
    match &ask.line {
        Some(numbers) => numbers.all().map(|n| (Some(n), ask)).collect(),
        None => vec![(None, ask)],
    }
}

fn prepare(replay: &mut Replay, script: &Script) -> Result<()> {
    let base = format!("/admin/realms/{}", script.realm);
    for call in &script.setup {
        let json = call.json.as_ref().map(|json| replay.filled_json(json)).transpose()?;
        let answer = replay.admin(&call.method, &call.path, json.as_ref())?;
        anyhow::ensure!(
            answer.status < 300,
            "{} {}: {} {}",
            call.method,
            call.path,
            answer.status,
            answer.text()
        );
    }
    for grant in &script.grant {
        let user = replay.lookup(
            &format!("{base}/users?username={}&exact=true", grant.user),
            "username",
            &grant.user,
        )?;
        replay.vars.insert(grant.user.clone(), user["id"].as_str().unwrap_or_default().to_owned());
        let user = user["id"].as_str().unwrap_or_default();
        let (roles, mappings) = match &grant.client {
            None => (format!("{base}/roles"), format!("{base}/users/{user}/role-mappings/realm")),
            Some(client) => {
                let found =
                    replay.lookup(&format!("{base}/clients?clientId={client}"), "clientId", client)?;
                let id = found["id"].as_str().unwrap_or_default();
                replay.admin(
                    "POST",
                    &format!("{base}/clients/{id}/roles"),
                    Some(&json!({"name": grant.role})),
                )?;
                (
                    format!("{base}/clients/{id}/roles"),
                    format!("{base}/users/{user}/role-mappings/clients/{id}"),
                )
            }
        };
        let role = replay.lookup(&roles, "name", &grant.role)?;
        replay.admin("POST", &mappings, Some(&json!([role])))?;
    }
    Ok(())
}

/// Sends what an entry says and brings the answer into the form of a line.
fn make(
    replay: &mut Replay,
    listener: &Listener,
    script: &Script,
    ask: &Ask,
    line: Option<u64>,
    recorded: &Value,
) -> Result<Value> {
    match ask.kind.as_deref() {
        Some("call") => return Ok(call(listener, ask.path.as_deref().unwrap_or_default(), recorded)),
        Some("cookies") => return Ok(cookies(replay, ask.jar.as_deref().unwrap_or_default())),
        _ => {}
    }
    let (answer, redirect) = send(replay, script, ask, recorded)?;
    if ask.kind.as_deref() == Some("front") {
        return Ok(front(&redirect, recorded));
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let name = line.map(|l| l.to_string()).or_else(|| ask.save.clone());
    if let Some(name) = &name {
        for (key, value) in body.as_object().into_iter().flatten() {
            if let Some(text) = value.as_str() {
                replay.vars.insert(format!("{name}.{key}"), text.to_owned());
            }
        }
    }
    if recorded.get("status").is_some() {
        return Ok(plain(&answer, &body));
    }
    let mut made = tokens(&body);
    if recorded.get("redirect").is_some() {
        made["redirect"] = json!(redirect);
    }
    if let (Some(with), Some(name)) = (ask.with, &name) {
        relations(replay, &mut made, &with.to_string(), name, recorded);
    }
    if made.get("access_token").is_none() {
        made["status"] = json!(answer.status);
        made["answer"] = body;
    }
    Ok(made)
}

fn send(replay: &mut Replay, script: &Script, ask: &Ask, recorded: &Value) -> Result<(Answer, String)> {
    let token = format!("/realms/{}/protocol/openid-connect/token", script.realm);
    let path = replay.filled(ask.path.as_deref().unwrap_or(&token))?;
    if let Some(code) = &ask.code {
        return browse(replay, script, ask, code);
    }
    if path.starts_with("/admin/") {
        let method = ask.method.as_deref().unwrap_or("GET");
        return Ok((replay.admin(method, &path, ask.json.as_ref())?, String::new()));
    }
    let mut request =
        http::Request { method: ask.method.clone().unwrap_or("POST".into()), path, ..Default::default() };
    if let Some(bearer) = &ask.bearer {
        request.headers.push(("Authorization".into(), format!("Bearer {}", replay.filled(bearer)?)));
    }
    if let Some(accept) = &ask.accept {
        request.headers.push(("Accept".into(), accept.clone()));
    }
    if request.method == "POST" {
        let mut form: Vec<(String, String)> = Vec::new();
        if ask.form.is_empty() {
            let own = recorded["request"].as_object().into_iter().flatten();
            form.extend(own.filter_map(|(n, v)| Some((n.clone(), v.as_str()?.to_owned()))));
        }
        for (name, value) in ask.form.iter().chain(&ask.more) {
            form.push((name.clone(), replay.filled(value)?));
        }
        request.headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        request.body = http::form(form.iter().map(|(n, v)| (n.as_str(), v.as_str()))).into_bytes();
    }
    let jar = ask.jar.as_ref().map(|jar| replay.jars.entry(jar.clone()).or_default());
    Ok((replay.origin.send(&request, jar)?, String::new()))
}

/// Authorizes in a browser, signs in if asked to, and redeems the code unless the answer is the redirect.
fn browse(replay: &mut Replay, script: &Script, ask: &Ask, more: &str) -> Result<(Answer, String)> {
    let (jar, client) = (ask.jar.as_deref().unwrap_or_default(), ask.client.as_deref().unwrap_or_default());
    let kind = if more.contains("response_type") { "" } else { "&response_type=code" };
    let realm = &script.realm;
    let path = format!(
        "/realms/{realm}/protocol/openid-connect/auth?client_id={client}\
         &redirect_uri=http%3A%2F%2Fapp.test%2Fcb&state=st{kind}{more}"
    );
    let mut answer = replay.browse("GET", jar, &path, &[])?;
    if answer.status == 200 {
        let page = Read::new(&answer);
        let action = captured("form.action", &page).context("no form on the login page")?;
        answer = replay.browse("POST", jar, &action, &[("username", "alice"), ("password", "pw")])?;
    }
    let location = answer.header("location").with_context(|| format!("no redirect: {}", answer.status))?;
    if ask.kind.is_some() {
        return Ok((answer, location));
    }
    let code = parameters(&location).into_iter().find(|(n, _)| n == "code").map(|(_, v)| v);
    let code = code.with_context(|| format!("no code: {location}"))?;
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://app.test/cb"),
        ("client_id", client),
    ];
    if client != "pub" {
        form.push(("client_secret", "s"));
    }
    let answer = replay.post(&format!("/realms/{realm}/protocol/openid-connect/token"), &form)?;
    Ok((answer, location))
}

fn call(listener: &Listener, path: &str, recorded: &Value) -> Value {
    let none = recorded["logout_token"].is_null();
    let wait = Duration::from_millis(if none { 300 } else { 3000 });
    let Some((kind, body)) = listener.take(path, wait) else { return json!({"logout_token": null}) };
    let pairs = parameters(&format!("?{body}"));
    let token = pairs.iter().find(|(n, _)| n == "logout_token").and_then(|(_, v)| decoded(v));
    let keys: Vec<&String> = pairs.iter().map(|(n, _)| n).collect();
    json!({"request_headers": {"content-type": kind}, "form_keys": keys, "logout_token": token})
}

fn cookies(replay: &Replay, jar: &str) -> Value {
    let value = |name: &str| replay.jars.get(jar).and_then(|j| j.value(name)).map(str::to_owned);
    let mut made = json!({});
    if let Some(identity) = value("KEYCLOAK_IDENTITY") {
        made["KEYCLOAK_IDENTITY"] = json!(decoded(&identity));
    }
    for name in ["AUTH_SESSION_ID", "KC_AUTH_SESSION_HASH", "KEYCLOAK_SESSION"] {
        if let Some(value) = value(name) {
            made[name] = json!({"length": value.trim_matches('"').len()});
        }
    }
    made
}

/// How a line's tokens stand to those of another line.
fn relations(replay: &Replay, made: &mut Value, with: &str, name: &str, recorded: &Value) {
    let claim = |line: &str, token: &str, claim: &str| {
        let token = replay.vars.get(&format!("{line}.{token}"))?;
        sign::decoded(token)?.1.get(claim).cloned()
    };
    for key in recorded.as_object().into_iter().flatten().map(|(key, _)| key) {
        let (token, of, same) = match key.as_str() {
            "same_sid" | "same_sid_as_first_client" | "sid_same_as_online_session" => {
                ("access_token", "sid", true)
            }
            "auth_time_same" => ("access_token", "auth_time", true),
            "refresh_jti_changed" => ("refresh_token", "jti", false),
            "access_jti_changed" => ("access_token", "jti", false),
            _ => continue,
        };
        made[key] = json!((claim(with, token, of) == claim(name, token, of)) == same);
    }
}

fn compare(replay: &Replay, recorded: &Value, made: &Value) -> Vec<Difference> {
    let place = Place { base: replay.origin.base.clone(), host: replay.origin.host.clone() };
    let mut c = Comparison::new(&place, true);
    c.order_of = Some(&ORDERED);
    let skipped = ["name", "settings", "request", "AUTH_SESSION_ID", "KC_AUTH_SESSION_HASH"];
    let mut wanted = recorded.clone();
    if let Some(headers) = wanted.get_mut("request_headers").and_then(Value::as_object_mut) {
        headers.shift_remove("user-agent");
    }
    for (key, value) in
        wanted.as_object().into_iter().flatten().filter(|(k, _)| !skipped.contains(&k.as_str()))
    {
        match made.get(key) {
            Some(got) if key == "response_keys" && value != got => c.differ(key, value, got),
            Some(got) => c.value(key, value, got),
            None => c.differ(key, value, made.get("answer").unwrap_or(&json!("(missing)"))),
        }
    }
    c.found
}
