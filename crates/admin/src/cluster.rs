//! `GET /admin/cluster`: how the nodes are that keep the sessions. Not of Keycloak.

use keyraft_core::authority::{MASTER, Right};
use serde_json::{Value, json};

use crate::{context::Context, error::Error, reply::Reply};

/// `GET /admin/cluster`: for those who govern the realm `master`, and with it the server: names and addresses of nodes
/// are nobody else's business.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    if cx.asker.realm.realm.realm != MASTER || !cx.authority.has(Right::RealmAdmin) {
        return Err(Error::forbidden());
    }
    let alone = || json!({"summary": "This node is alone. You can lose 0.", "canLose": 0, "nodes": []});
    let status = cx.core.cluster.status().await;
    let document = status.map(|status| serde_json::to_value(status).unwrap_or(Value::Null));
    Ok(Reply::Json(document.unwrap_or_else(alone)))
}
