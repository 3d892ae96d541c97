//! The other nodes.

use super::section::section;

section! {
    /// The replicas that share sessions with this node. Without peers it is alone and complete.
    pub Cluster in "cluster" {
        /// Name that all nodes of a cluster share; a node of another name is refused.
        ///
        /// Default `keyraft`. Env `KEYRAFT_CLUSTER_NAME`.
        name: String = "CLUSTER_NAME", "keyraft";

        /// Addresses of the other nodes: `host:port`, or the name of a headless service, separated by commas.
        ///
        /// No default: a single node. Env `KEYRAFT_CLUSTER_PEERS`. Needs a database that all nodes reach; SQLite is
        /// refused.
        peers: Vec<String> = "CLUSTER_PEERS", "";
    }
}
