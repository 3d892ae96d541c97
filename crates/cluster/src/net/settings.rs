//! What a node must be told to take part in a group.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Founding, Member};

/// A node's place in a group of several.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// The cluster's name; nodes of another one are refused.
    pub cluster: String,
    /// This node's name, unique in the cluster.
    pub name: String,
    /// Where to listen for peers.
    pub listen: SocketAddr,
    /// Where peers reach this node, `host:port`.
    pub advertise: String,
    /// How nodes prove who they are.
    pub tls: Tls,
    /// How the group comes about.
    pub formation: Formation,
}

/// How a group comes about.
#[derive(Clone, Debug)]
pub enum Formation {
    /// Exactly these members by their ids, this node among them: for measurements and tests, which form the
    /// same group on every node. An empty disk may not come back under its id.
    Fixed {
        /// This node's id.
        id: u64,
        /// All members.
        members: BTreeMap<u64, Member>,
    },
    /// By the nodes themselves: they find each other, and the database's row decides who begins.
    Founded(Founding),
}

/// How nodes prove who they are.
#[derive(Clone, Debug)]
pub enum Tls {
    /// By certificates that each node makes for itself, signed with a key that only the cluster's nodes can
    /// derive. The first seed signs, all are trusted: so a master key is replaced while the cluster runs.
    Derived(Vec<CaSeed>),
    /// By files in PEM, re-read when they change: the CAs to trust, this node's certificate chain with the URI
    /// name `keyraft://<cluster>/node/<name>`, and its key.
    Files {
        /// The CAs to trust.
        ca: PathBuf,
        /// This node's certificate, and what leads from it to a CA.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

/// Secret bytes that the cluster's CA key is made of: the master key's, bound to the cluster's name by whoever
/// derives them.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CaSeed(pub(crate) [u8; 32]);

impl CaSeed {
    /// From derived bytes; never a master key itself.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for CaSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
