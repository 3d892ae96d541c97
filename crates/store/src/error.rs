//! What can go wrong in the store, and what a driver's error means.

use crate::{SealError, Sql};

/// Why a statement or transaction did not do what was asked. Names statements, never their values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique key is taken, or the row changed since it was read.
    #[error("{} ({statement})", if *.stale { "the row changed since it was read" } else { "the key is taken" })]
    Conflict {
        /// The statement that found out.
        statement: &'static str,
        /// Whether it was an update of an old version, not a taken key.
        stale: bool,
    },
    /// The database cannot be reached or refuses to work now. Nothing is known, which is never a "no".
    #[error("the database is unavailable ({statement})")]
    Unavailable {
        /// What was being done.
        statement: &'static str,
        /// The driver's error.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// COMMIT was sent and its answer lost, and the change could not be looked up.
    #[error("the outcome of a transaction is unknown")]
    OutcomeUnknown,
    /// A value that no database takes (a NUL character), or more than a query has room for.
    #[error("not storable: {0}")]
    Invalid(&'static str),
    /// A row that cannot be read: damage, or a newer release's.
    #[error("a stored row cannot be read ({statement})")]
    Corrupt {
        /// The statement that read it.
        statement: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A secret does not seal or open.
    #[error("a stored secret cannot be sealed or opened")]
    Seal(#[source] SealError),
    /// The database is not one that this server may run on.
    #[error("{0}")]
    Refused(String),
}

/// What a driver's error asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Run the transaction again: serialization, deadlock, a busy file.
    Again,
    /// The connection is gone; run again on another.
    Lost,
    /// COMMIT may or may not have happened.
    Unknown,
    /// A unique key is taken.
    Taken,
    /// The database does not work now: read-only, full, out of memory or connections.
    Down,
    /// The value is not text for this database.
    BadText,
    /// Anything else: we are at fault.
    Other,
}

impl Failure {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_code(error.code().as_deref().unwrap_or_default()),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Down,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Lost,
            _ => Self::Other,
        }
    }

    /// SQLSTATE of PostgreSQL and CockroachDB, result codes of SQLite.
    fn of_code(code: &str) -> Self {
        match code {
            "40001" | "40P01" | "5" | "6" | "261" | "262" | "517" | "773" => Self::Again,
            "40003" => Self::Unknown,
            // 0A000 is "cached plan must not change result type" after a migration: sqlx keeps the dead plan.
            "57P01" | "57P02" | "57P03" | "53300" | "0A000" => Self::Lost,
            "23505" | "2067" | "1555" => Self::Taken,
            "25006" | "53100" | "53200" | "13" | "8" | "10" => Self::Down,
            "22021" | "22P05" => Self::BadText,
            code if code.starts_with("08") && code.len() == 5 => Self::Lost,
            _ => Self::Other,
        }
    }

    /// Whether the failure says something about the database's health.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Self::Lost | Self::Down)
    }

    /// Whether a transaction that met it may run again from its start.
    pub(crate) fn may_retry(self) -> bool {
        matches!(self, Self::Again | Self::Lost)
    }
}

impl Error {
    pub(crate) fn stale(sql: Sql) -> Self {
        Self::Conflict { statement: sql.name, stale: true }
    }

    pub(crate) fn from_driver(statement: &'static str, error: sqlx::Error) -> Self {
        match Failure::of(&error) {
            Failure::Taken => Self::Conflict { statement, stale: false },
            Failure::BadText => Self::Invalid("a text has characters that the database does not take"),
            Failure::Other => Self::Corrupt { statement, source: Box::new(error) },
            Failure::Again | Failure::Lost | Failure::Unknown | Failure::Down => {
                Self::Unavailable { statement, source: Some(error) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_databases_ask_for_the_right_thing() {
        assert_eq!(Failure::of_code("40001"), Failure::Again);
        assert_eq!(Failure::of_code("517"), Failure::Again);
        assert_eq!(Failure::of_code("08006"), Failure::Lost);
        assert_eq!(Failure::of_code("2067"), Failure::Taken);
        assert_eq!(Failure::of_code("23505"), Failure::Taken);
        assert_eq!(Failure::of_code("40003"), Failure::Unknown);
        assert_eq!(Failure::of_code("42601"), Failure::Other);
    }

    #[test]
    fn only_what_did_not_commit_is_run_again() {
        assert!(Failure::Again.may_retry() && Failure::Lost.may_retry());
        assert!(!Failure::Unknown.may_retry() && !Failure::Taken.may_retry() && !Failure::Down.may_retry());
    }
}
