//! Does things to identities: the operations every protocol and console share.
//!
//! A [`Core`] holds the store, the session maps, the keys and the caches; the files of this room are what
//! can be done with them. Reads go through the caches, which the store's own commits empty; writes go to the
//! store in transactions. This room knows no HTTP and no protocol: its [`Error`] has no public face.

pub mod action_tokens;
pub mod attempts;
pub mod authority;
pub mod authz;
pub mod bootstrap;
pub mod cache;
pub mod changes;
pub mod client_scopes;
pub mod clients;
pub mod contents;
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
pub mod keys;
pub mod limits;
pub mod lists;
pub mod mail;
pub mod mappers;
pub mod outbound;
mod overlay;
pub mod passwords;
mod pattern;
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

use crate::{cache::Caches, events::Events, mail::Mailer, outbound::Outbound, sessions::Sessions};

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
    /// Local copies.
    pub caches: Arc<Caches>,
}

impl Core {
    /// Puts the operations together, and has the store's commits empty the caches.
    pub fn new(store: Db, cluster: Cluster, hasher: Hasher, keys: DataKeys, outbound: Outbound) -> Self {
        let caches = Arc::new(Caches::default());
        let emptied = Arc::clone(&caches);
        store.on_commit(move |committed| {
            for change in committed {
                changes::empty(&emptied, change);
            }
        });
        let sessions = Sessions::new(cluster.clone());
        Self(Arc::new(Parts {
            store,
            sessions,
            cluster,
            hasher,
            keys,
            events: Events::default(),
            outbound,
            mail: Mailer::default(),
            caches,
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
