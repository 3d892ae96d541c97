//! The cluster's row, as the cluster asks for it, over the store.

use futures::{FutureExt, future::BoxFuture};
use keyraft_cluster::{ClusterRow, Founder, Registry, RegistryError};
use keyraft_store::{Db, cluster};

/// See [`Registry`].
#[derive(Clone)]
pub struct ClusterRegistry(Db);

impl ClusterRegistry {
    /// Over an open store whose schema is up to date.
    pub fn new(db: Db) -> Self {
        Self(db)
    }
}

impl std::fmt::Debug for ClusterRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterRegistry(…)")
    }
}

impl Registry for ClusterRegistry {
    fn read(&self) -> BoxFuture<'_, Result<Option<ClusterRow>, RegistryError>> {
        async move { cluster::newest(&self.0).await.map_err(away)?.map(row).transpose() }.boxed()
    }

    fn form(&self, row: ClusterRow) -> BoxFuture<'_, Result<ClusterRow, RegistryError>> {
        async move {
            let epoch = number(row.epoch)?;
            let founders = text(&row.founders)?;
            let members = text(&row.members)?;
            let won = cluster::form(&self.0, epoch, &row.cluster, &founders, &members).await.map_err(away)?;
            self::row(won)
        }
        .boxed()
    }

    fn set_members(
        &self,
        epoch: u64,
        at: u64,
        members: Vec<String>,
    ) -> BoxFuture<'_, Result<(), RegistryError>> {
        async move {
            let (epoch, at, members) = (number(epoch)?, number(at)?, text(&members)?);
            cluster::set_members(&self.0, epoch, at, &members).await.map_err(away)
        }
        .boxed()
    }

    fn note_boot(&self, epoch: u64, id: u64, boot: u64) -> BoxFuture<'_, Result<bool, RegistryError>> {
        async move {
            let (epoch, id, boot) = (number(epoch)?, number(id)?, number(boot)?);
            cluster::note_boot(&self.0, epoch, id, boot).await.map_err(away)
        }
        .boxed()
    }
}

fn row(found: cluster::Epoch) -> Result<ClusterRow, RegistryError> {
    let unreadable = |error: serde_json::Error| RegistryError::Unreadable(error.to_string());
    let founders: Vec<Founder> = serde_json::from_str(&found.founders).map_err(unreadable)?;
    let members = serde_json::from_str(&found.members).map_err(unreadable)?;
    let epoch = u64::try_from(found.epoch).map_err(|error| RegistryError::Unreadable(error.to_string()))?;
    Ok(ClusterRow { epoch, cluster: found.name, founders, members })
}

fn away(error: keyraft_store::Error) -> RegistryError {
    RegistryError::Away(Box::new(error))
}

fn number(number: u64) -> Result<i64, RegistryError> {
    i64::try_from(number).map_err(|error| RegistryError::Unreadable(error.to_string()))
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, RegistryError> {
    serde_json::to_string(value).map_err(|error| RegistryError::Unreadable(error.to_string()))
}
