//! Sessions and how much memory they may take.

use super::section::section;

section! {
    /// The replicated log of sessions, codes and markers, kept in the data folder.
    pub Cluster in "cluster" {
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
