//! A whole answer against its recording: status, the headers that are kept, cookies, body, page.

use serde_json::{Map, Value, json};

use crate::compare::{Comparison, Difference};
use crate::http::{Answer, Cookie, parameters};
use crate::pattern::Place;

/// Headers that the recording keeps; every other header is nobody's business.
const KEPT: [&str; 19] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "cache-control",
    "content-language",
    "content-security-policy",
    "content-type",
    "location",
    "pragma",
    "referrer-policy",
    "strict-transport-security",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-robots-tag",
];

/// An answer in the form of the recording, its body read by its content type.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) cookies: Vec<Cookie>,
    pub(crate) body: Value,
}

impl Read {
    pub(crate) fn new(answer: &Answer) -> Self {
        let headers = KEPT.iter().filter_map(|n| Some(((*n).to_owned(), answer.header(n)?))).collect();
        let cookies = answer.all("set-cookie").into_iter().map(Cookie::parse).collect();
        Self { status: answer.status, headers, cookies, body: body(answer) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

fn body(answer: &Answer) -> Value {
    let text = answer.text();
    let kind = answer.header("content-type").unwrap_or_default();
    if text.is_empty() {
        Value::Null
    } else if kind.contains("json") {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    } else if kind.contains("text/html") {
        crate::page::facts(&text)
    } else {
        Value::String(text)
    }
}

/// How one answer is to be compared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner<'a> {
    /// Whether the order of keys in JSON objects counts.
    pub(crate) ordered: bool,
    /// Whether a body that is a list of objects is a set.
    pub(crate) set: bool,
    /// What the recording made of the body (`reduce` in `steps.toml`).
    pub(crate) reduce: Option<&'a str>,
}

/// Every fact in which `got` differs from the recorded `response`.
pub(crate) fn judge(place: &Place, response: &Value, got: &Read, manner: Manner<'_>) -> Vec<Difference> {
    let mut c = Comparison::new(place, manner.ordered);
    c.set = manner.set;
    if got.status == 501 && response["status"].as_u64() != Some(501) {
        // What the server itself calls not built differs in one fact, not in each of its parts.
        let what = got.body["error_description"].as_str().unwrap_or_default();
        c.differ("unbuilt", &response["status"], what);
        return c.found;
    }
    if response["status"].as_u64() != Some(u64::from(got.status)) {
        c.differ("status", &response["status"], got.status);
    }
    let empty = Map::new();
    let headers = response["headers"].as_object().unwrap_or(&empty);
    // A few lines of the recording were read for their bodies alone.
    for name in KEPT.iter().filter(|_| !headers.is_empty()) {
        header(&mut c, name, headers.get(*name).and_then(Value::as_str), got.header(name));
    }
    let cookies = headers.get("set-cookie").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !headers.is_empty() {
        self::cookies(&mut c, cookies, &got.cookies);
    }
    let (expected, body) = reduced(response, &got.body, manner.reduce);
    match (expected.get("page"), body.get("page")) {
        (Some(expected), Some(got)) => page(&mut c, expected, got),
        _ => c.value("body", &expected, &body),
    }
    c.found
}

fn header(c: &mut Comparison<'_>, name: &str, expected: Option<&str>, got: Option<&str>) {
    let fact = format!("header:{name}");
    match (expected, got) {
        (None, None) => {}
        (None, Some(got)) => c.differ(&fact, "(none)", got),
        (Some(expected), None) => c.differ(&fact, expected, "(missing)"),
        (Some(expected), Some(got)) if name == "location" => location(c, expected, got),
        (Some(expected), Some(got)) => {
            let same = if name == "allow" || name.starts_with("access-control-") {
                list(expected) == list(got)
            } else if name == "www-authenticate" {
                challenge(expected) == challenge(got)
            } else if name == "content-type" {
                expected.replace("; ", ";").eq_ignore_ascii_case(&got.replace("; ", ";"))
            } else {
                c.place.matches(expected, got)
            };
            if !same {
                c.differ(&fact, expected, got);
            }
        }
    }
}

fn list(value: &str) -> Vec<String> {
    let mut items: Vec<String> = value.split(',').map(|i| i.trim().to_ascii_lowercase()).collect();
    items.sort_unstable();
    items
}

/// A challenge with the words of its lists sorted.
fn challenge(value: &str) -> String {
    value
        .split('"')
        .enumerate()
        .map(|(at, part)| {
            let mut words: Vec<&str> = part.split(' ').collect();
            if at == 1 && value.starts_with("DPoP") {
                words.sort_unstable();
            }
            words.join(" ")
        })
        .collect::<Vec<_>>()
        .join("\"")
}

/// Redirects: the address must be the same; parameters are named one by one when they differ.
fn location(c: &mut Comparison<'_>, expected: &str, got: &str) {
    if c.place.matches(expected, got) {
        return;
    }
    let before = |url: &str| url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let names = |url: &str| parameters(url).into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    if !c.place.matches(&before(expected), &before(got)) || names(expected) != names(got) {
        c.differ("header:location", expected, got);
        return;
    }
    let mut found = false;
    for ((name, expected), (_, got)) in parameters(expected).into_iter().zip(parameters(got)) {
        if !c.place.matches(&expected.replace("{{base%}}", "{{base}}"), &got) {
            c.differ(&format!("header:location.{name}"), expected, got);
            found = true;
        }
    }
    if !found {
        c.differ("header:location", expected, got);
    }
}

fn cookies(c: &mut Comparison<'_>, expected: &[Value], got: &[Cookie]) {
    for cookie in expected {
        let name = cookie["name"].as_str().unwrap_or_default();
        let fact = format!("cookie:{name}");
        let Some(sent) = got.iter().find(|g| g.name == name) else {
            c.differ(&fact, cookie, "(missing)");
            continue;
        };
        let mut attributes = Map::new();
        for (name, value) in &sent.attributes {
            let flag = value.is_empty() && matches!(name.as_str(), "secure" | "httponly");
            attributes.insert(name.clone(), if flag { json!(true) } else { json!(value) });
        }
        attributes.retain(|name, _| name != "expires");
        let mut wanted = cookie.as_object().cloned().unwrap_or_default();
        let value = wanted.remove("value").unwrap_or_default();
        wanted.remove("name");
        c.value(&fact, &Value::Object(wanted), &Value::Object(attributes));
        let emptied = value.as_str() == Some("");
        if emptied != sent.value.is_empty()
            || value.as_str().is_some_and(|v| !v.contains("{{") && v != sent.value)
        {
            c.differ(&format!("{fact}.value"), value, &sent.value);
        }
    }
    for cookie in got {
        if !expected.iter().any(|e| e["name"] == json!(cookie.name)) {
            c.differ(&format!("cookie:{}", cookie.name), "(none)", "set");
        }
    }
}

/// Compares two pages; see `README.md` for which facts are hard.
pub(crate) fn page(c: &mut Comparison<'_>, expected: &Value, got: &Value) {
    if expected.get("lang").is_some() && expected["lang"] != got["lang"] {
        c.differ("page.lang", &expected["lang"], &got["lang"]);
    }
    for soft in ["title", "heading"] {
        let text = expected[soft].as_str().unwrap_or_default();
        if !text.is_empty() && expected[soft] != got[soft] {
            c.soft(&format!("page.{soft}"), &expected[soft], &got[soft]);
        }
    }
    let visible = got["text"].as_str().unwrap_or_default();
    for message in messages(expected) {
        if !visible.contains(&message) {
            c.differ("page.message", &message, visible);
        }
    }
    let none = Vec::new();
    let forms = got["forms"].as_array().unwrap_or(&none);
    for form in expected["forms"].as_array().unwrap_or(&none) {
        let path = action(form).0;
        if let Some(found) = forms.iter().find(|f| c.place.matches(&path, &bare(c.place, &action(f).0))) {
            self::form(c, form, found);
        } else {
            let have: Vec<String> = forms.iter().map(|f| action(f).0).collect();
            c.differ("page.form", &path, format!("forms for {have:?}"));
        }
    }
    for frame in expected["iframes"].as_array().unwrap_or(&none) {
        let wanted =
            frame.as_str().and_then(|f| f.split("src=\"").nth(1)?.split('"').next()).unwrap_or_default();
        let have = got["iframes"].as_array().unwrap_or(&none);
        if !have.iter().filter_map(Value::as_str).any(|f| c.place.matches(wanted, f)) {
            c.differ("page.iframe", wanted, json!(have));
        }
    }
    links(c, expected, got);
    let labels = |page: &Value| page["labels"].clone();
    if expected.get("labels").is_some() && labels(expected) != labels(got) {
        c.soft("page.labels", labels(expected), labels(got));
    }
}

/// A path without scheme and host when they are the server's own.
fn bare(place: &Place, url: &str) -> String {
    url.strip_prefix(&place.base).unwrap_or(url).to_owned()
}

fn action(form: &Value) -> (String, Vec<String>) {
    let url = form["action"].as_str().unwrap_or_default();
    let url = url.strip_prefix("{{base}}").unwrap_or(url);
    let names = parameters(url).into_iter().map(|(n, _)| n).collect();
    (url.split(['?', '#']).next().unwrap_or_default().to_owned(), names)
}

/// The sentences that scripts and people look for: errors, notices, questions.
fn messages(page: &Value) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for (id, text) in page["by_id"].as_object().into_iter().flatten() {
        if id != "kc-oauth" {
            // The recording took the way back to the application for a part of the sentence.
            let sentence = text.as_str().and_then(|t| t.split('«').next()).map(|t| t.trim().to_owned());
            messages.extend(sentence);
        }
    }
    messages.extend(page["alert_text"].as_str().map(str::to_owned));
    messages.retain(|m| !m.is_empty());
    messages.sort();
    messages.dedup();
    messages
}

fn form(c: &mut Comparison<'_>, expected: &Value, got: &Value) {
    if action(expected).1 != action(got).1 {
        c.differ("page.form.action", format!("{:?}", action(expected).1), format!("{:?}", action(got).1));
    }
    let method = |f: &Value| f["method"].as_str().unwrap_or("get").to_ascii_lowercase();
    if method(expected) != method(got) {
        c.differ("page.form.method", method(expected), method(got));
    }
    let none = Vec::new();
    let fields = got["fields"].as_array().unwrap_or(&none);
    let kind = |f: &Value| f["type"].as_str().unwrap_or("text").to_ascii_lowercase();
    let submit = |f: &Value| f["tag"] == "button" || kind(f) == "submit" || kind(f) == "button";
    for field in expected["fields"].as_array().unwrap_or(&none) {
        let Some(name) = field["name"].as_str() else { continue };
        let fact = format!("page.field:{name}");
        let Some(found) = fields.iter().find(|f| f["name"] == name) else {
            c.differ(&fact, field, "(missing)");
            continue;
        };
        if submit(field) {
            continue;
        }
        if kind(field) != kind(found) {
            c.differ(&format!("{fact}.type"), kind(field), kind(found));
        }
        if field["id"].is_string() && kind(field) != "hidden" && field["id"] != found["id"] {
            c.differ(&format!("{fact}.id"), &field["id"], &found["id"]);
        }
        let value = |f: &Value| f["value"].as_str().unwrap_or_default().replace("{{code}}", "{{any}}");
        if !c.place.matches(&value(field), &value(found)) {
            c.differ(&format!("{fact}.value"), value(field), value(found));
        }
        if field["autocomplete"] != found["autocomplete"] {
            c.soft(&format!("{fact}.autocomplete"), &field["autocomplete"], &found["autocomplete"]);
        }
    }
    for field in fields.iter().filter(|f| !submit(f) && kind(f) != "hidden") {
        let known = expected["fields"].as_array().unwrap_or(&none).iter().any(|e| e["name"] == field["name"]);
        if field["name"].is_string() && !known {
            c.differ(&format!("page.field:{}", field["name"].as_str().unwrap_or_default()), "(none)", field);
        }
    }
}

fn links(c: &mut Comparison<'_>, expected: &Value, got: &Value) {
    let none = Vec::new();
    let path = |l: &Value| {
        let url = l["a"].as_str().unwrap_or_default();
        let url = url.strip_prefix("{{base}}").unwrap_or(url);
        url.split(['?', '#']).next().unwrap_or_default().to_owned()
    };
    let have: Vec<String> =
        got["links"].as_array().unwrap_or(&none).iter().map(|l| bare(c.place, &path(l))).collect();
    for link in expected["links"].as_array().unwrap_or(&none) {
        let wanted = path(link);
        if !have.iter().any(|h| c.place.matches(&wanted, h)) {
            c.differ("page.link", &link["a"], json!(have));
        }
    }
}

/// Both bodies in the form to which the recording reduced the original's.
fn reduced(response: &Value, body: &Value, reduce: Option<&str>) -> (Value, Value) {
    let expected = response["body"].clone();
    let each = |key: &str| body.as_array().map(|a| a.iter().map(|e| e[key].clone()).collect::<Value>());
    if let Some(matches) = response.get("matches") {
        if matches.is_null() {
            return (Value::Null, Value::Null); // an error, whose text was not kept
        }
        return (matches.clone(), each("username").unwrap_or(body.clone()));
    }
    let got = match reduce {
        Some("clientIds") => each("clientId").unwrap_or(body.clone()),
        Some("array") if body.is_array() => expected.clone(),
        Some("object") if body.is_object() => expected.clone(),
        Some("keys") => json!({ "keys": keys(body) }),
        Some("known keys") => expected
            .as_object()
            .map(|e| e.keys().filter_map(|k| Some((k.clone(), picked(body, k)?))).collect::<Map<_, _>>())
            .map_or(body.clone(), Value::Object),
        _ => body.clone(),
    };
    (expected, got)
}

fn keys(body: &Value) -> Value {
    body.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
}

/// A member, the names of all members, or the element of a list: `clients[clientId=web]`.
fn picked(body: &Value, key: &str) -> Option<Value> {
    let Some((list, test)) = key.strip_suffix(']').and_then(|k| k.split_once('[')) else {
        return body.get(key).cloned().or_else(|| (key == "keys").then(|| keys(body)));
    };
    let (name, wanted) = test.split_once('=')?;
    body.get(list)?.as_array()?.iter().find(|e| e[name] == wanted).cloned()
}
