//! What is done to the data folder of a node that is stopped. The log's lock keeps a running node out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    ClusterRow, Error, Founder, Member, Registry,
    engine::offline::{Rewritten, rewrite},
    machine::skips::Skips,
    members::{founder_id, hex},
};

/// The node whose data is to become the cluster's.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// The cluster's name.
    pub cluster: String,
    /// The node's name.
    pub name: String,
    /// Where its peers reach it, `host:port`.
    pub addr: String,
}

/// What a recovery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The epoch that begins.
    pub epoch: u64,
    /// The last entry that the survivor held.
    pub entries: u64,
}

/// Begins a new epoch with what one survivor holds, as its only member.
///
/// All that is in its log counts, committed or not: of what was answered it loses only what it never received. The
/// epoch is higher, so the others are fenced.
///
/// # Errors
/// [`Error::Refused`] where another node has begun a new epoch, or the folder is of no cluster; [`Error::Storage`]
/// where the node runs, or the database gives no answer. The folder is changed last, so after an error it is as it was.
pub async fn recover(
    folder: &Path,
    survivor: &Survivor,
    registry: &dyn Registry,
) -> Result<Recovered, Error> {
    let opened = rewrite(folder.to_owned()).await?;
    let identity = opened.identity().clone();
    let Some(seat) = identity.seat.clone().filter(|_| identity.is_formed) else {
        return Err(Error::Refused("the data folder is of no cluster".to_owned()));
    };
    let away = |error| Error::Storage(io::Error::other(error));
    let incarnation = hex(&identity.incarnation);
    let is_mine =
        |row: &ClusterRow| matches!(row.founders.as_slice(), [one] if one.incarnation == incarnation);
    let newest = registry.read().await.map_err(away)?;
    let begun = newest.as_ref().filter(|row| row.epoch > seat.epoch);
    let epoch = match begun {
        // An earlier attempt came this far.
        Some(row) if is_mine(row) => row.epoch,
        Some(row) => {
            let names = row.members.join(", ");
            return Err(Error::Refused(format!("epoch {} was begun already, by {names}", row.epoch)));
        }
        None => newest.map_or(0, |row| row.epoch).max(seat.epoch) + 1,
    };
    let id = founder_id(epoch, 0);
    let founder = Founder {
        id,
        name: survivor.name.clone(),
        addr: survivor.addr.clone(),
        incarnation: incarnation.clone(),
    };
    let row = ClusterRow {
        epoch,
        cluster: survivor.cluster.clone(),
        founders: vec![founder],
        members: vec![survivor.name.clone()],
    };
    let won = registry.form(row).await.map_err(away)?;
    if won.epoch != epoch || !is_mine(&won) {
        return Err(Error::Refused(format!("epoch {} was begun by another node just now", won.epoch)));
    }
    let member = Member::new(survivor.name.clone(), survivor.addr.clone());
    let Rewritten { entries } = opened.sole(&survivor.cluster, epoch, id, member).await?;
    Ok(Recovered { epoch, entries })
}

/// Has a node pass over an entry of the log that its version cannot read, from its next start on.
///
/// The same must be done on every node. `name` is the entry's, `INDEX-HASH`, as the node said it when it stopped.
///
/// # Errors
/// [`Error::Storage`] where the node runs, the name is none, or the file system refuses.
pub fn skip(folder: &Path, name: &str) -> Result<(), Error> {
    let _lock = crate::engine::offline::lock(folder).map_err(Error::Storage)?;
    Skips::add(folder, name).map_err(Error::Storage)
}

/// Moves what a node holds of an earlier membership out of the way; its next start is that of a new disk. Returns
/// where it is now; `None` where there was nothing.
///
/// # Errors
/// [`Error::Storage`] where the node runs, or the file system refuses.
pub fn set_aside(folder: &Path) -> Result<Option<PathBuf>, Error> {
    if !folder.join("identity").exists() {
        return Ok(None);
    }
    let lock = crate::engine::offline::lock(folder).map_err(Error::Storage)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (1..u32::MAX).map(|number| folder.with_file_name(format!("{name}.aside-{number}")));
    let place = free.into_iter().find(|place| !place.exists());
    let place =
        place.ok_or_else(|| Error::Refused("there is no free name to move the data to".to_owned()))?;
    fs::rename(folder, &place).map_err(Error::Storage)?;
    drop(lock);
    Ok(Some(place))
}
