//! Public keys that clients publish at an address of their own (`jwks_uri`).
//!
//! A droppable cache in front of the guard for outgoing requests: a key that a client replaced is known after
//! a minute, and a flood of assertions does not become a flood of fetches.

use std::time::{Duration, Instant};

use keyraft_core::outbound::Outbound;
use keyraft_crypto::jose;
use keyraft_crypto::keys::VerifyingKey;
use quick_cache::sync::Cache;

const KEEP: Duration = Duration::from_mins(1);
const MAX_CLIENTS: usize = 1_000;

/// Fetched JWK Sets by address.
#[derive(Debug)]
pub(crate) struct ClientKeys(Cache<String, (Instant, Option<Vec<VerifyingKey>>)>);

impl Default for ClientKeys {
    fn default() -> Self {
        Self(Cache::new(MAX_CLIENTS))
    }
}

impl ClientKeys {
    /// The keys at an address; nothing when there is no readable set there. Failures are remembered as long
    /// as keys are.
    pub(crate) async fn fetch(&self, outbound: &Outbound, url: &str) -> Option<Vec<VerifyingKey>> {
        if let Some((at, keys)) = self.0.get(url)
            && at.elapsed() < KEEP
        {
            return keys;
        }
        let keys = match outbound.get(url).await {
            Ok(body) => String::from_utf8(body).ok().and_then(|text| jose::parse_jwks(&text).ok()),
            Err(error) => {
                tracing::warn!(%error, "a client's keys were not fetched");
                None
            }
        };
        self.0.insert(url.to_owned(), (Instant::now(), keys.clone()));
        keys
    }
}
