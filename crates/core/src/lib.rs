//! Does things to identities: the operations every protocol and console share.
//!
//! A [`Core`] holds the store, the session maps, the keys and the caches; the files of this room are what
//! can be done with them. Reads go through the caches, which believe the cluster's log; writes go to the store in
//! transactions, and the log is told what they changed. This room knows no HTTP and no protocol: its [`Error`] has no public face.

pub mod action_tokens;
pub mod attempts;
pub mod authority;
pub mod authz;
mod away;
pub mod bootstrap;
pub mod cache;
pub mod changes;
pub mod client_scopes;
pub mod clients;
pub mod contents;
pub mod copies;
pub mod credentials;
mod error;
pub mod events;
pub mod export;
mod fallback_keys;
pub mod flows;
pub mod group_index;
pub mod groups;
pub mod image;
pub mod import;
mod java_order;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod lists;
mod log;
pub mod mail;
pub mod mappers;
pub mod outbound;
mod overlay;
pub mod passwords;
mod pattern;
pub mod peers;
pub mod policies;
pub mod proof;
pub mod read;
pub mod realms;
pub mod registration;
pub mod registry;
pub mod required_actions;
pub mod role_index;
pub mod role_lists;
pub mod roles;
pub mod rows;
pub mod seal;
pub mod sessions;
pub mod user_profile;
pub mod users;
pub mod view;

use std::{fmt, ops::Deref, sync::Arc};

pub use error::Error;
use keyraft_cluster::Cluster;
use keyraft_crypto::{password::Hasher, seal::DataKeys};
use keyraft_store::Db;
pub use role_lists::RolesOf;
pub use view::{ClientView, RealmView, UserRecord};

use crate::{
    cache::Caches, copies::Copies, events::Events, jobs::Duty, log::Log, mail::Mailer, outbound::Outbound,
    peers::Peers, sessions::Sessions,
};

/// Everything that operations need. Cheap to clone: one for the whole server.
#[derive(Clone)]
pub struct Core(Arc<Parts>);

/// See [`Core`].
pub struct Parts {
    /// What must survive everything.
    pub store: Db,
    /// What must survive a node: sessions, codes, markers.
    pub sessions: Sessions,
    /// The node's part of the cluster, for health and metrics.
    pub cluster: Cluster,
    /// Hashes and checks passwords, a bounded number at a time.
    pub hasher: Hasher,
    /// The data keys: what is sealed outside the store is sealed under keys derived from these.
    pub keys: DataKeys,
    /// Where events go.
    pub events: Events,
    /// Fetches URLs that others chose.
    pub outbound: Outbound,
    /// Sends mail.
    pub mail: Mailer,
    /// Copies in memory.
    pub caches: Arc<Caches>,
    /// Sealed copies on disk.
    pub(crate) copies: Copies,
    /// The other members, who have copies too.
    pub(crate) peers: Peers,
    /// What the log says of changed entities.
    pub(crate) log: Log,
    /// Whether this node does the jobs.
    pub(crate) duty: Duty,
}

impl Core {
    /// Puts the operations together without copies on disk: for tests, and for commands that do not serve.
    pub fn new(store: Db, cluster: Cluster, hasher: Hasher, keys: DataKeys, outbound: Outbound) -> Self {
        Self::with_copies(store, cluster, hasher, keys, outbound, Copies::nowhere())
    }

    /// Puts the operations together. What the store commits is told to the log from then on.
    pub fn with_copies(
        store: Db,
        cluster: Cluster,
        hasher: Hasher,
        keys: DataKeys,
        outbound: Outbound,
        copies: Copies,
    ) -> Self {
        let log = Log::new(cluster.clone());
        let caches = Arc::new(Caches::new(Arc::new(log.clone())));
        store.on_commit(changes::after_commit(Arc::clone(&caches), log.clone()));
        let sessions = Sessions::new(cluster.clone());
        cluster.serve_copies(Arc::new(copies.clone()));
        Self(Arc::new(Parts {
            store,
            sessions,
            cluster: cluster.clone(),
            hasher,
            keys,
            events: Events::default(),
            outbound,
            mail: Mailer::default(),
            caches,
            copies,
            peers: Peers::over(cluster),
            log,
            duty: Duty::default(),
        }))
    }
}

impl Deref for Core {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Core")
    }
}
