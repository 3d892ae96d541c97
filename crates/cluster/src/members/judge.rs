//! Who may talk to this node.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Members, lock};
use crate::{
    engine::serve::Gate,
    net::wire::{Hello, Refusal},
};

impl Members {
    /// Judges a peer by what it says of itself. Its name is proven by its certificate already, so what it says of
    /// epochs is a member's word.
    pub(crate) fn admit(&self, peer: &Hello) -> Result<(), Refusal> {
        let ours = self.hello();
        let stranger = |why: String| Err(Refusal::Stranger(why));
        if peer.cluster != ours.cluster {
            return stranger(format!("this is a node of the cluster {:?}", ours.cluster));
        }
        if peer.incarnation == ours.incarnation {
            if peer.boot == ours.boot {
                return stranger("this is the node itself".to_owned());
            }
            return stranger("a copy of this node's disk runs elsewhere".to_owned());
        }
        self.heed_epoch(peer);
        if let Some(why) = self.fenced() {
            return stranger(format!("{} is fenced: {why}", ours.name));
        }
        if ours.epoch != 0 && peer.epoch != 0 && peer.epoch < ours.epoch {
            return stranger(format!("epoch {} is over, this is epoch {}", peer.epoch, ours.epoch));
        }
        if peer.id.is_some() && peer.id == ours.id {
            return stranger(format!("the id of {} is that of {}", peer.name, ours.name));
        }
        lock(&self.known).note_boot(peer).map_err(Refusal::Stranger)
    }
}

impl Members {
    /// A member of a higher epoch says that this node's epoch is over.
    pub(super) fn heed_epoch(&self, peer: &Hello) {
        let own = self.epoch();
        if own != 0 && peer.cluster == self.cluster && peer.epoch > own {
            let theirs = peer.epoch;
            self.fence(format!(
                "the cluster was formed anew: {} is of epoch {theirs}, this node's disk of epoch {own}. Run `keyraft \
                 cluster join` to set its data aside and join anew",
                peer.name
            ));
        }
    }
}

/// The door of a node that keeps its membership.
#[derive(Debug)]
pub(crate) struct Door(pub(crate) Arc<Members>);

impl Gate for Door {
    fn hello(&self) -> Hello {
        self.0.hello()
    }

    fn admit(&self, peer: &Hello) -> Result<(), Refusal> {
        self.0.admit(peer)
    }

    fn place(&self, id: u64) -> Option<String> {
        self.0.address(id)
    }

    fn members(&self, _: Hello, question: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        self.0.serve(&question)
    }
}
