//! Answers in the form of the lines of `data/tokens.jsonl`: tokens decoded beside what carried them.

use serde_json::{Map, Value, json};

use crate::http::{Answer, parameters};
use crate::sign;

/// A token decoded: header, payload and, where both times stand, the life span.
pub(crate) fn decoded(token: &str) -> Option<Value> {
    let (header, payload) = sign::decoded(token)?;
    let mut out = json!({"header": header, "payload": payload});
    if let (Some(exp), Some(iat)) = (out["payload"]["exp"].as_i64(), out["payload"]["iat"].as_i64()) {
        out["exp-iat"] = json!(exp - iat);
    }
    Some(out)
}

pub(crate) fn tokens(body: &Value) -> Value {
    let keys: Vec<&String> = body.as_object().map(|o| o.keys().collect()).unwrap_or_default();
    let mut made = json!({"response_keys": keys, "response": body});
    for name in ["access_token", "refresh_token", "id_token"] {
        if let Some(token) = body[name].as_str().and_then(decoded) {
            made[name] = token;
        }
    }
    made
}

pub(crate) fn plain(answer: &Answer, body: &Value) -> Value {
    let mut made = json!({
        "status": answer.status, "content-type": answer.header("content-type").map(|t| t.split(';').next().unwrap_or_default().to_owned()),
    });
    let text = answer.text();
    match body {
        Value::Null => made["jwt"] = json!(decoded(&text)),
        body => {
            made["body"] = body.clone();
            if let Some(jwt) = body["jwt"].as_str() {
                made["jwt"] = json!(decoded(jwt));
            }
        }
    }
    made
}

pub(crate) fn front(location: &str, recorded: &Value) -> Value {
    let pairs: Map<String, Value> = parameters(location).into_iter().map(|(n, v)| (n, json!(v))).collect();
    if recorded.get("response_jwt").is_some() {
        let jwt = pairs.get("response").and_then(Value::as_str).and_then(decoded);
        return json!({"redirect": location, "response_jwt": jwt});
    }
    let mut made = tokens(&Value::Object(pairs));
    made["redirect"] = json!(location);
    made
}
