//! Asking the other members for their copies, while the database is away and this node has none.

use futures::{FutureExt as _, future::BoxFuture};
use keyraft_cluster::{Cluster, CopySource};

use crate::copies::{Copies, Key};

/// The other members, as far as there are any.
#[derive(Clone, Debug)]
pub(crate) struct Peers(Cluster);

impl Peers {
    /// Those of that cluster.
    pub(crate) fn over(cluster: Cluster) -> Self {
        Self(cluster)
    }

    /// The copies that others hold of a key, sealed as they lie on their disks.
    pub(crate) async fn ask(&self, key: &Key<'_>) -> Vec<Vec<u8>> {
        self.0.ask_copies(key.bytes()).await
    }
}

impl CopySource for Copies {
    fn copy(&self, key: Vec<u8>) -> BoxFuture<'static, Option<Vec<u8>>> {
        let copies = self.clone();
        async move { copies.find_sealed(&key).await }.boxed()
    }
}
