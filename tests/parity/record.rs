//! Writes what a server answers in the form of the recording, for requests that the recording lacks.
//!
//! What a run may draw anew (ids, tokens, times) becomes a placeholder; the rest stays as it was sent.

use serde_json::{Map, Value, json};

use crate::http::encode;
use crate::judge::Read;
use crate::pattern::{Place, is_uuid};

/// One line of `data/exchanges.jsonl`: the exchange with `read` as its answer.
pub(crate) fn line(exchange: &Value, read: &Read, place: &Place) -> Value {
    let mut headers: Map<String, Value> =
        read.headers.iter().map(|(name, value)| (name.clone(), json!(text(value, place)))).collect();
    let cookies: Vec<Value> = read
        .cookies
        .iter()
        .map(|c| {
            let mut cookie = json!({"name": c.name, "value": opaque(&c.value, place)});
            for (name, value) in c.attributes.iter().filter(|(name, _)| name != "expires") {
                cookie[name] = if value.is_empty() { json!(true) } else { json!(value) };
            }
            cookie
        })
        .collect();
    if !cookies.is_empty() {
        headers.insert("set-cookie".into(), Value::Array(cookies));
    }
    let mut recorded = exchange.clone();
    recorded["response"] =
        json!({"status": read.status, "headers": headers, "body": value(&read.body, place)});
    recorded
}

fn value(body: &Value, place: &Place) -> Value {
    match body {
        Value::String(s) => json!(text(s, place)),
        Value::Number(n) => match n.as_u64() {
            Some(n) if (1_000_000_000..10_000_000_000).contains(&n) => json!("{{epoch}}"),
            Some(n) if (1_000_000_000_000..10_000_000_000_000).contains(&n) => json!("{{epoch_ms}}"),
            _ => body.clone(),
        },
        Value::Array(list) => list.iter().map(|v| value(v, place)).collect(),
        Value::Object(map) => {
            // `text` is the reader's own fact, for finding messages.
            map.iter()
                .filter(|(k, v)| *k != "text" || !v.is_string())
                .map(|(k, v)| (text(k, place), value(v, place)))
                .collect()
        }
        other => other.clone(),
    }
}

fn opaque(value: &str, place: &Place) -> String {
    let shaped = text(value, place);
    if shaped == value && value.len() >= 40 { format!("{{{{opaque:{}}}}}", value.len()) } else { shaped }
}

/// Text with the server's address, ids and tokens as placeholders.
fn text(text: &str, place: &Place) -> String {
    let text = text.replace(&place.base, "{{base}}").replace(&encode(&place.base), "{{base%}}");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        if end == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push_str(&word(&rest[..end]));
            rest = &rest[end..];
        }
    }
    out
}

fn word(word: &str) -> String {
    let parts: Vec<&str> = word.split('.').collect();
    let token = |count: usize| parts.len() == count && parts[0].starts_with("eyJ");
    let sid = |t: &str| {
        t.len() == 24
            && t.contains(|c: char| c.is_ascii_digit())
            && t.contains(|c: char| c.is_ascii_uppercase())
    };
    match word {
        _ if is_uuid(word) => "{{uuid}}".into(),
        _ if token(3) => "{{jwt}}".into(),
        _ if token(5) => "{{jwe}}".into(),
        _ if parts.len() == 3 && is_uuid(parts[0]) => "{{code}}".into(),
        _ if sid(word) => "{{sid}}".into(),
        _ => word.to_owned(),
    }
}
