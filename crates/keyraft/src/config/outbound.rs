//! Where this server may fetch from.

use super::{section::section, setting::Network};

section! {
    /// What this server may fetch by itself: keys and sector lists of clients, logout calls, brokers.
    pub Outbound in "outbound" {
        /// Private networks that addresses from requests and registrations may point into, separated by commas.
        ///
        /// No default: none. Env `KEYRAFT_OUTBOUND_ALLOWED_NETWORKS`. Each one listed lets whoever may register a
        /// client make this server call addresses in it.
        allowed_networks: Vec<Network> = "OUTBOUND_ALLOWED_NETWORKS", "";
    }
}
