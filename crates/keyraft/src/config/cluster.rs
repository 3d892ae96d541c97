//! Sessions: how much memory they may take, and the nodes that keep them together.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::section::section;

section! {
    /// The replicated log of sessions, codes and markers, kept in the data folder, and the nodes that share it. Where
    /// `cluster.expect` is not set, this node is alone.
    pub Cluster in "cluster" {
        /// How many nodes form the cluster when it starts for the first time: 1, 3 or 5.
        ///
        /// No default: without it this node is alone and opens no port for others. Env `KEYRAFT_CLUSTER_EXPECT`. Nodes that
        /// come later join by themselves. Needs PostgreSQL or CockroachDB, the same for every node, and the same master key.
        expect: Option<u16> = "CLUSTER_EXPECT", "";

        /// Name of the cluster; nodes of another name are refused, and one database serves one name.
        ///
        /// Default `keyraft`. Env `KEYRAFT_CLUSTER_NAME`. Small letters, digits, dots and dashes.
        name: String = "CLUSTER_NAME", "keyraft";

        /// Name of this node, unique in the cluster and the same after a restart.
        ///
        /// Default: the host's name. Env `KEYRAFT_CLUSTER_NODE_NAME`. A node that comes back under its name with an empty
        /// disk takes its earlier place. A number behind the last dash is its ordinal, as a stateful set gives it.
        node_name: Option<String> = "CLUSTER_NODE_NAME", "";

        /// Address on which to listen for the other nodes. They speak TLS with certificates of their own.
        ///
        /// Default `0.0.0.0`. Env `KEYRAFT_CLUSTER_LISTEN`.
        listen: IpAddr = "CLUSTER_LISTEN", "0.0.0.0";

        /// Port for the other nodes.
        ///
        /// Default `7900`. Env `KEYRAFT_CLUSTER_PORT`. 0 is refused: the others must know it.
        port: u16 = "CLUSTER_PORT", "7900";

        /// Where the other nodes reach this one, `host:port`.
        ///
        /// Default: `cluster.listen` where that is one address, otherwise the host's name; with `cluster.port`. Env
        /// `KEYRAFT_CLUSTER_ADVERTISE`. It may change between two starts.
        advertise: Option<String> = "CLUSTER_ADVERTISE", "";

        /// Addresses of the nodes, `host:port`, separated by commas; this one may be among them.
        ///
        /// No default. Env `KEYRAFT_CLUSTER_NODES`. They only say where to look: a node that is missing here is found
        /// through the others, one that is gone is not removed by it. Either this or `cluster.dns_names`.
        nodes: Vec<String> = "CLUSTER_NODES", "";

        /// Names in DNS behind which the nodes are, separated by commas: a headless service.
        ///
        /// No default. Env `KEYRAFT_CLUSTER_DNS_NAMES`. A and AAAA records, with `cluster.port`; a name that begins with an
        /// underscore is asked for SRV records.
        dns_names: Vec<String> = "CLUSTER_DNS_NAMES", "";

        /// DNS server to ask for these names, `address:port`.
        ///
        /// Default: those of `/etc/resolv.conf`. Env `KEYRAFT_CLUSTER_DNS_SERVER`.
        dns_server: Option<SocketAddr> = "CLUSTER_DNS_SERVER", "";

        /// File that holds how many nodes there should be; read again every 10 s.
        ///
        /// No default. Env `KEYRAFT_CLUSTER_REPLICAS_FILE`. Nodes whose ordinal is at or beyond that number and which are
        /// silent for `cluster.replace_after` are removed. Without it silence of `cluster.remove_after` decides.
        replicas_file: Option<PathBuf> = "CLUSTER_REPLICAS_FILE", "";

        /// CAs that sign the nodes' certificates, in PEM.
        ///
        /// No default: certificates are made from the master key, renewed by themselves, and need no care. Env
        /// `KEYRAFT_CLUSTER_CA_FILE`. With `cluster.certificate_file` and `cluster.key_file`, or not at all.
        ca_file: Option<PathBuf> = "CLUSTER_CA_FILE", "";

        /// This node's certificate in PEM, with the URI name `keyraft://<cluster>/node/<node>`.
        ///
        /// No default. Env `KEYRAFT_CLUSTER_CERTIFICATE_FILE`. Read again when it changes.
        certificate_file: Option<PathBuf> = "CLUSTER_CERTIFICATE_FILE", "";

        /// Private key of that certificate, in PEM.
        ///
        /// No default. Env `KEYRAFT_CLUSTER_KEY_FILE`.
        key_file: Option<PathBuf> = "CLUSTER_KEY_FILE", "";

        /// How often the leader speaks.
        ///
        /// Default `100ms`. Env `KEYRAFT_CLUSTER_HEARTBEAT`. The same on every node, as are the four that follow.
        heartbeat: Duration = "CLUSTER_HEARTBEAT", "100ms";

        /// The least silence of the leader after which a node asks for an election.
        ///
        /// Default `300ms`. Env `KEYRAFT_CLUSTER_ELECTION_MIN`. At least two heartbeats; less makes elections out of hiccups.
        election_min: Duration = "CLUSTER_ELECTION_MIN", "300ms";

        /// The most silence of the leader before every node asks for an election.
        ///
        /// Default `600ms`. Env `KEYRAFT_CLUSTER_ELECTION_MAX`. Twice the least is usual.
        election_max: Duration = "CLUSTER_ELECTION_MAX", "600ms";

        /// Silence after which a connection, or a node, counts as lost.
        ///
        /// Default `2s`. Env `KEYRAFT_CLUSTER_LOST`.
        lost: Duration = "CLUSTER_LOST", "2s";

        /// How long making a connection to a node may take.
        ///
        /// Default `500ms`. Env `KEYRAFT_CLUSTER_CONNECT`.
        connect: Duration = "CLUSTER_CONNECT", "500ms";

        /// Silence after which a voter gives its place to a healthy node without a vote, and a node that the replicas file
        /// does not want is removed.
        ///
        /// Default `30s`. Env `KEYRAFT_CLUSTER_REPLACE_AFTER`.
        replace_after: Duration = "CLUSTER_REPLACE_AFTER", "30s";

        /// Silence after which a node is removed where no file says how many there should be, while at least three others
        /// answer.
        ///
        /// Default `10m`. Env `KEYRAFT_CLUSTER_REMOVE_AFTER`. Until then `keyraft cluster status` counts it as lost.
        remove_after: Duration = "CLUSTER_REMOVE_AFTER", "10m";

        /// Most memory that sessions and markers may take, in MiB.
        ///
        /// Default `1024`. Env `KEYRAFT_CLUSTER_MAX_STATE_MIB`. A live session with two clients takes about 600 bytes. At
        /// the bound new sessions are refused; those that exist go on.
        max_state_mib: u32 = "CLUSTER_MAX_STATE_MIB", "1024";

        /// Bytes of log, in MiB, after which a snapshot is written and the log is cut.
        ///
        /// Default `16`. Env `KEYRAFT_CLUSTER_SNAPSHOT_MIB`. More makes a start after a crash slower, less writes more.
        snapshot_mib: u32 = "CLUSTER_SNAPSHOT_MIB", "16";
    }
}

impl Cluster {
    /// Whether this node is one of several, or of one that others may join.
    pub(crate) fn is_on(&self) -> bool {
        self.expect.is_some()
    }

    /// This node's name.
    pub(crate) fn node(&self) -> String {
        self.node_name.clone().unwrap_or_else(host_name)
    }

    /// Where the other nodes reach this one.
    pub(crate) fn advertised(&self) -> String {
        match (&self.advertise, self.listen) {
            (Some(advertise), _) => advertise.clone(),
            (None, ip) if ip.is_unspecified() => format!("{}:{}", host_name(), self.port),
            (None, ip) => SocketAddr::new(ip, self.port).to_string(),
        }
    }
}

/// The host's name, in small letters, as names of nodes are.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().to_lowercase()
}
