//! What a node must be told to form a group or to find the one that is there.

use std::{path::PathBuf, sync::Arc};

use super::{plan::Patience, registry::Registry};
use crate::{Operators, discovery::Discovery};

/// How nodes find each other and become a group.
#[derive(Clone, Debug)]
pub struct Founding {
    /// How many fresh nodes form a group: 1, 3 or 5. Those that come later join.
    pub expect: usize,
    /// Where other nodes may be.
    pub discovery: Discovery,
    /// The cluster's row in the database. Without it a node never forms a group; it can only join one.
    pub registry: Option<Arc<dyn Registry>>,
    /// A file that holds how many nodes there should be; a change of it needs no restart.
    pub replicas_file: Option<PathBuf>,
    /// When silence means something.
    pub patience: Patience,
    /// An operator's way to the node, which leads somewhere once the node opens.
    pub operators: Operators,
}
