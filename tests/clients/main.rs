//! The clients ring: other people's libraries against the real binary, with their own ideas of the protocol.
//!
//! What they check by themselves (signatures, nonces, issuers, state) is the point: a server that only its own
//! tests understand has failed here. One file per library. Programs in other languages stand in `node` and `python`
//! with the versions of their libraries.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read their files themselves; nothing here serves requests"
)]

mod apache;
mod authlib;
mod in_the_browser;
mod openid_client;
mod openidconnect;
mod script;

use anyhow::Result;
use keyraft_harness::Realm;
use serde_json::json;

/// The binary under test.
const KEYRAFT: &str = env!("CARGO_BIN_EXE_keyraft");
/// Nothing listens there: the answer is read off the redirect.
const CALLBACK: &str = "https://shop.example/callback";
const SECRET: &str = "shop keeps this to itself";

/// Makes the client that most libraries are tried as.
async fn shop(realm: &Realm<'_>) -> Result<()> {
    // A client may look only at tokens that are meant for it; its own are not, by themselves.
    let audience = json!({
        "name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": { "included.client.audience": "shop", "access.token.claim": "true" },
    });
    let client = json!({
        "secret": SECRET, "redirectUris": [CALLBACK], "serviceAccountsEnabled": true, "directAccessGrantsEnabled": true,
        "protocolMappers": [audience],
        "attributes": {
            "post.logout.redirect.uris": "https://shop.example/", "oauth2.device.authorization.grant.enabled": "true",
        },
    });
    realm.client("shop", client).await?;
    Ok(())
}
