//! What can go wrong between a caller and the maps.

use std::path::PathBuf;

use crate::backing::BackingError;

/// Why a command or a read got no answer. None of them means "no": what was asked is unknown (503).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No leader is known, or it cannot reach a majority.
    #[error("no quorum")]
    NoQuorum,
    /// No answer in time; the command may have been applied or may yet be.
    #[error("no answer in time")]
    Timeout,
    /// Too many commands of this node wait for their answer.
    #[error("too many commands in flight")]
    Busy,
    /// The cluster has been shut down, or stopped itself after a failed write.
    #[error("the cluster has stopped")]
    Stopped,
    /// A command that no caller may propose: a handle that is none, or too many bytes.
    #[error("command refused: {0}")]
    Invalid(&'static str),
    /// The cluster's network cannot be used: an address that is taken, names or certificates that do not fit.
    #[error("cluster network failed")]
    Network(#[source] std::io::Error),
    /// This node must not take part any more, and why; its word would not count.
    #[error("this node is fenced: {0}")]
    Fenced(String),
    /// What an operator asked for was refused.
    #[error("{0}")]
    Refused(String),
    /// What only the database holds cannot be read now.
    #[error("sessions that are not in memory cannot be read")]
    Away(#[source] BackingError),
    /// The data folder cannot be read or written.
    #[error("cluster storage failed")]
    Storage(#[source] std::io::Error),
    /// A file of the data folder is damaged; nothing of it was used.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Error {
    /// The cluster is new, and its database has not been asked yet.
    pub(crate) fn unasked() -> Self {
        Self::Away(BackingError::Away("the database has not said yet whether it holds sessions".into()))
    }

    /// A session was loaded again and again, and gone each time.
    pub(crate) fn unsettled() -> Self {
        Self::Away(BackingError::Away("sessions do not stay in memory".into()))
    }
}
