//! Where other nodes may be: a list, or names in DNS that are looked up again and again.
//!
//! Discovery proposes addresses and nothing else: who listens there is for the handshake to say, and a member
//! is never removed because a name no longer leads to it. So an answer that is stale, partial, empty, late or
//! an error does no harm: what was found stays proposed for a while, and is asked for again.

mod dns;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long a name's earlier answer stays proposed after DNS stopped giving it.
const STALE: Duration = Duration::from_mins(10);
/// Most addresses that are proposed; a wrong name must not make a node dial the world.
const MOST: usize = 64;

/// How other nodes are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// At these addresses, `host:port` each.
    Static(Vec<String>),
    /// Behind names in DNS.
    Dns(DnsNames),
}

/// Names in DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsNames {
    /// Names, such as that of a headless service: A and AAAA records, or, where a name begins with an
    /// underscore, SRV records.
    pub names: Vec<String>,
    /// The port behind A and AAAA records.
    pub port: u16,
    /// Whom to ask; `None`: whom `/etc/resolv.conf` names.
    pub resolver: Option<SocketAddr>,
}

/// Finds addresses. One a node.
#[derive(Debug)]
pub(crate) struct Finder {
    discovery: Discovery,
    found: Mutex<BTreeMap<String, Instant>>,
}

impl Finder {
    pub(crate) fn new(discovery: Discovery) -> Self {
        Self { discovery, found: Mutex::default() }
    }

    /// Addresses to try now, found anew where they are found in DNS.
    pub(crate) async fn find(&self) -> Vec<String> {
        match &self.discovery {
            Discovery::Static(addresses) => self.merge(&addresses.iter().cloned().collect(), Instant::now()),
            Discovery::Dns(names) => {
                let answer = dns::look_up(names).await;
                self.merge(&answer, Instant::now())
            }
        }
    }

    /// Adds an address that an operator named.
    pub(crate) fn add(&self, address: String) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(address, Instant::now());
    }

    /// What was just found, and what was found lately.
    fn merge(&self, answer: &BTreeSet<String>, now: Instant) -> Vec<String> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let before: BTreeSet<String> = found.keys().cloned().collect();
        for address in answer {
            found.insert(address.clone(), now);
        }
        found.retain(|_, seen| now.duration_since(*seen) < STALE);
        let new: Vec<&String> = answer.difference(&before).collect();
        let past: Vec<&String> = before.iter().filter(|address| !found.contains_key(*address)).collect();
        if !new.is_empty() || !past.is_empty() {
            tracing::info!(?new, ?past, "discovery: the addresses of other nodes changed");
        }
        // The newest first: they are the likeliest to answer.
        let mut addresses: Vec<_> = found.iter().map(|(address, seen)| (*seen, address.clone())).collect();
        addresses.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        addresses.truncate(MOST);
        addresses.into_iter().map(|(_, address)| address).collect()
    }
}

#[cfg(test)]
mod tests;
