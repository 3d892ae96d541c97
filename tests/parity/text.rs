//! Texts taken from answers and put into requests.

use serde_json::{Value, json};

use crate::http;
use crate::judge::Read;

/// JSON with a space after `:` and `,`, as the recording's client wrote it: errors name columns.
pub(crate) fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members: Vec<String> =
                map.iter().map(|(k, v)| format!("{}: {}", json!(k), spaced(v))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A URL with query parameters set, or a text with parts swapped: `a=b|c=d`.
pub(crate) fn changed(text: &str, changes: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes.split('|').filter_map(|c| c.split_once('=')) {
        let marker = format!("{from}=");
        match text.find(&marker) {
            Some(at) => {
                let start = at + marker.len();
                let end = text[start..].find('&').map_or(text.len(), |e| start + e);
                text.replace_range(start..end, to);
            }
            None => text = text.replace(from, to),
        }
    }
    text
}

/// What a capture of the recording takes from an answer.
pub(crate) fn captured(from: &str, read: &Read) -> Option<String> {
    let (kind, rest) = from.split_once('.').unwrap_or((from, ""));
    match (kind, rest) {
        ("location", "") => read.header("location").map(str::to_owned),
        ("location", "id") => read.header("location")?.rsplit('/').next().map(str::to_owned),
        ("location", name) => {
            let found = http::parameters(read.header("location")?).into_iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value)
        }
        ("form", _) => form_with_fields(read)?["action"].as_str().map(str::to_owned),
        ("input", name) => {
            let fields = form_with_fields(read)?["fields"].as_array()?;
            fields.iter().find(|f| f["name"] == name)?["value"].as_str().map(str::to_owned)
        }
        ("body", path) => {
            let value = path.split('.').try_fold(&read.body, |v, key| match key.parse::<usize>() {
                Ok(at) => v.get(at),
                Err(_) => v.get(key),
            })?;
            value.as_str().map(str::to_owned).or_else(|| Some(value.to_string()))
        }
        _ => None,
    }
}

fn form_with_fields(read: &Read) -> Option<&Value> {
    read.body["page"]["forms"].as_array()?.first()
}
