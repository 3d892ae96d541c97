//! Exactly once: the answers that each node may still ask for again.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{command::Outcome, machine::Entry};

/// Answers by the node that asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origins(BTreeMap<u64, Origin>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    boot: u64,
    /// Everything below has been answered and forgotten.
    oldest: u64,
    answers: BTreeMap<u64, Arc<Outcome>>,
}

impl Origins {
    /// The answer that this entry already got. One whose answer was given and forgotten, or that an earlier
    /// start of its node sent, is a ghost on the wire: it fails and changes nothing.
    pub(crate) fn answered(&self, entry: &Entry) -> Option<Arc<Outcome>> {
        let origin = self.0.get(&entry.origin)?;
        if entry.boot > origin.boot {
            return None;
        }
        if entry.boot < origin.boot || entry.sequence < origin.oldest {
            return Some(Arc::new(Outcome::Failed));
        }
        origin.answers.get(&entry.sequence).cloned()
    }

    /// Keeps an answer until its node says that it arrived.
    pub(crate) fn keep(&mut self, entry: &Entry, outcome: Arc<Outcome>) {
        let origin = self.0.entry(entry.origin).or_default();
        if entry.boot > origin.boot {
            *origin = Origin { boot: entry.boot, ..Origin::default() };
        }
        if entry.oldest > origin.oldest {
            origin.oldest = entry.oldest;
            origin.answers = origin.answers.split_off(&entry.oldest);
        }
        origin.answers.insert(entry.sequence, outcome);
    }
}
