//! What a realm says about itself.

use anyhow::Result;
use serde_json::json;

use crate::{keyraft, shop::reply};

#[tokio::test]
async fn the_discovery_document_leads_to_endpoints_that_answer() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("discovery", json!({})).await?;

    let document =
        reply(keyraft.http().get(format!("{}/.well-known/openid-configuration", realm.issuer()))).await?;

    assert_eq!(document.text("issuer")?, realm.issuer());
    let keys = reply(keyraft.http().get(document.text("jwks_uri")?)).await?;
    let signing = keys.body["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["use"] == "sig"));
    assert!(signing, "{keys:?}");
    for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint"]
    {
        let status = reply(keyraft.http().get(document.text(endpoint)?)).await?.status;
        assert!(status != 404 && status < 500, "{endpoint}: {status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_realm_that_is_not_there_is_404_everywhere() -> Result<()> {
    let keyraft = keyraft().await?;

    for path in ["", "/.well-known/openid-configuration", "/protocol/openid-connect/certs"] {
        let url = format!("{}/realms/no-such-realm{path}", keyraft.url());
        let answer = reply(keyraft.http().get(url)).await?;
        assert_eq!((answer.status, answer.text("error")?), (404, "Realm does not exist"), "{path}");
    }
    Ok(())
}
