//! What operators ask of a node of a cluster, from its start on: also while it waits for the others.

use std::sync::{Arc, OnceLock, Weak};

use crate::{Cluster, Error, Status, members::Members};

/// Something that an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Look for other nodes at this address as well, `host:port`.
    Join(String),
    /// Take this node out of the cluster for good.
    Leave,
    /// Take a member out that does not answer, by its name.
    Remove(String),
    /// Have that member lead, or whoever is best.
    Transfer(Option<String>),
    /// Form the cluster anew with the fresh nodes that are here: all members' disks are lost.
    Reform,
    /// Write the state down now, so that the next start has less to replay.
    Snapshot,
}

/// An operator's way to a node, given to it in its settings. Clones lead to the same node.
#[derive(Clone, Debug, Default)]
pub struct Operators(Arc<OnceLock<Weak<Members>>>);

impl Operators {
    /// Leads to that node from now on.
    pub(crate) fn lead_to(&self, members: &Arc<Members>) {
        // One node opens with these settings; a second would have settings of its own.
        drop(self.0.set(Arc::downgrade(members)));
    }

    fn members(&self) -> Result<Arc<Members>, Error> {
        self.0.get().and_then(Weak::upgrade).ok_or(Error::Stopped)
    }

    /// How the cluster is, as its leader sees it, or as this node does where there is none.
    ///
    /// # Errors
    /// [`Error::Stopped`] before the node has begun to open, and after it was closed.
    pub async fn status(&self) -> Result<Status, Error> {
        Ok(self.members()?.overall().await)
    }

    /// Why this node is not ready; `None`: it is. From memory, and of this node alone.
    pub fn unready(&self) -> Option<String> {
        match self.members() {
            Ok(members) => members.unready(),
            Err(_) => Some("starting".to_owned()),
        }
    }

    /// Does what an operator asks for, and returns when it is done.
    ///
    /// # Errors
    /// [`Error::Refused`] with the reason, for people; [`Error::NoQuorum`] where nobody can decide.
    pub async fn operate(&self, operation: Operation) -> Result<(), Error> {
        let members = self.members()?;
        match operation {
            Operation::Join(address) => {
                members.propose_address(address);
                Ok(())
            }
            Operation::Leave => members.leave().await,
            Operation::Remove(name) => members.remove_member(name).await,
            Operation::Transfer(name) => members.transfer_leadership(name).await,
            Operation::Reform => members.reform(),
            Operation::Snapshot => members.snapshot().await,
        }
    }
}

impl Cluster {
    /// How the cluster is; see [`Operators::status`]. `None` where this node is alone.
    pub async fn status(&self) -> Option<Status> {
        match self.members() {
            Some(members) => Some(members.overall().await),
            None => None,
        }
    }

    /// Why this node is not ready; `None`: it is. From memory, and of this node alone.
    pub fn unready(&self) -> Option<String> {
        let asks = || {
            (!self.has_begun()).then(|| "the database has not said yet whether it holds sessions".to_owned())
        };
        match self.members() {
            Some(members) => members.unready().or_else(asks),
            None if self.metrics().is_leader => None,
            None => Some("the session log has stopped".to_owned()),
        }
    }
}
