//! `keys`: what a realm signs and encrypts with, never the private parts.

use keyraft_core::keys::RealmKey;
use keyraft_crypto::encoding;
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    error::Error,
    reply::Reply,
    representation::{Members, put, put_some},
};

/// `GET keys`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let mut active = Map::new();
    for key in cx.realm.keys.iter().filter(|key| key.enabled && key.active) {
        active.entry(key.algorithm.clone()).or_insert_with(|| key.kid.clone().into());
    }
    let keys: Vec<Value> = cx.realm.keys.iter().map(shown).collect();
    Ok(Reply::Json(json!({"active": active, "keys": keys})))
}

fn shown(key: &RealmKey) -> Value {
    let is_secret = key.material.secret().is_some();
    let mut shown = Members::new();
    put(&mut shown, "providerId", key.component.id.as_str());
    put(&mut shown, "providerPriority", key.priority);
    put(&mut shown, "kid", key.kid.as_str());
    let status = match (key.enabled, key.active) {
        (false, _) => "DISABLED",
        (true, false) => "PASSIVE",
        (true, true) => "ACTIVE",
    };
    put(&mut shown, "status", status);
    put(&mut shown, "type", if is_secret { "OCT" } else { kind(key) });
    put(&mut shown, "algorithm", key.algorithm.as_str());
    put_some(&mut shown, "publicKey", key.material.public_key_base64().ok().flatten());
    put_some(&mut shown, "certificate", key.material.certificate().map(encoding::base64));
    put(&mut shown, "use", if key.signing.is_some() { "SIG" } else { "ENC" });
    put_some(&mut shown, "validTo", key.material.certificate_end().map(|end| end * 1000));
    shown.into()
}

fn kind(key: &RealmKey) -> &'static str {
    match key.algorithm.as_str() {
        "EdDSA" => "OKP",
        algorithm if algorithm.starts_with("ES") || algorithm.starts_with("ECDH") => "EC",
        _ => "RSA",
    }
}
