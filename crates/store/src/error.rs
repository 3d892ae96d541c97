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
    /// The connection holds plans of an older schema; run again on another.
    Outdated,
    /// No answer came in time; running again would only take longer.
    Silent,
    /// COMMIT may or may not have happened.
    Unknown,
    /// A unique key is taken.
    Taken,
    /// The database does not work now: read-only, full, out of memory, files or connections.
    Down,
    /// The database does not take the value: not text, or too large for it.
    Unfit,
    /// Anything else: we are at fault.
    Other,
}

impl Failure {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_code(error.code().as_deref().unwrap_or_default()),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Down,
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::Silent,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => Self::Lost,
            _ => Self::Other,
        }
    }

    /// SQLSTATE of PostgreSQL and CockroachDB has five characters, a result code of SQLite is a number of up to four.
    fn of_code(code: &str) -> Self {
        match code.parse() {
            Ok(number) if code.len() < 5 => Self::of_sqlite(number),
            _ => Self::of_sqlstate(code),
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_sqlstate(code: &str) -> Self {
        match code {
            // Serialization, deadlock, a lock that was not to be had.
            "40001" | "40P01" | "55P03" => Self::Again,
            "40003" | "08007" => Self::Unknown,
            // Shutdown, crash, starting up, a session that was idle too long, too many connections.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" => Self::Lost,
            // "Cached plan must not change result type", after a migration: the driver keeps the dead plan.
            "0A000" => Self::Outdated,
            "23505" => Self::Taken,
            // Not of the encoding, a character that has no place in it, too large for an index.
            "22021" | "22P05" | "54000" => Self::Unfit,
            // Read-only, cancelled by an operator or a limit, a database or right that was taken away.
            "25006" | "57014" | "57P04" | "3D000" | "42501" => Self::Down,
            _ => match code.get(..2).unwrap_or_default() {
                "08" => Self::Lost,
                // Resources, the system below, a refused sign-in.
                "53" | "58" | "28" => Self::Down,
                _ => Self::Other,
            },
        }
    }

    /// <https://www.sqlite.org/rescode.html>
    fn of_sqlite(code: u16) -> Self {
        // PRIMARYKEY, UNIQUE, ROWID: of the constraints, those that another row stands in the way of.
        if matches!(code, 1_555 | 2_067 | 2_579) {
            return Self::Taken;
        }
        // The low byte is the kind of error; the rest says what led to it.
        match code & 0xff {
            // ABORT, BUSY, LOCKED, PROTOCOL (a race for the write-ahead log), SCHEMA.
            4 | 5 | 6 | 15 | 17 => Self::Again,
            // PERM, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, AUTH.
            3 | 7 | 8 | 9 | 10 | 13 | 14 | 23 => Self::Down,
            // TOOBIG.
            18 => Self::Unfit,
            // CORRUPT, NOTADB, CONSTRAINT and what only a wrong statement meets.
            _ => Self::Other,
        }
    }

    /// Whether the failure says something about the database's health.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Self::Lost | Self::Silent | Self::Down)
    }

    /// Whether a transaction that met it may run again from its start.
    pub(crate) fn may_retry(self) -> bool {
        matches!(self, Self::Again | Self::Lost | Self::Outdated)
    }

    /// Whether the connection that met it is of no more use.
    pub(crate) fn ends_connection(self) -> bool {
        matches!(self, Self::Lost | Self::Outdated | Self::Silent)
    }

    /// Whether a COMMIT that met it may have happened all the same.
    pub(crate) fn leaves_doubt(self) -> bool {
        matches!(self, Self::Lost | Self::Silent | Self::Unknown)
    }
}

impl Error {
    pub(crate) fn stale(sql: Sql) -> Self {
        Self::Conflict { statement: sql.name, stale: true }
    }

    pub(crate) fn from_driver(statement: &'static str, error: sqlx::Error) -> Self {
        match Failure::of(&error) {
            Failure::Taken => Self::Conflict { statement, stale: false },
            Failure::Unfit => {
                Self::Invalid("a text is too large or has characters that the database does not take")
            }
            Failure::Other => Self::Corrupt { statement, source: Box::new(error) },
            Failure::Again
            | Failure::Lost
            | Failure::Outdated
            | Failure::Silent
            | Failure::Unknown
            | Failure::Down => Self::Unavailable { statement, source: Some(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_databases_ask_for_the_right_thing() {
        let table: [(Failure, &[&str]); 8] = [
            (Failure::Again, &["40001", "40P01", "55P03"]),
            (Failure::Again, &["5", "6", "15", "17", "261", "262", "516", "517", "773"]),
            (Failure::Unknown, &["40003", "08007"]),
            (
                Failure::Lost,
                &["08000", "08003", "08006", "57P01", "57P02", "57P03", "57P05", "25P03", "53300"],
            ),
            (Failure::Outdated, &["0A000"]),
            (Failure::Taken, &["23505", "1555", "2067", "2579"]),
            (
                Failure::Down,
                &["25006", "53000", "53100", "53200", "57014", "58030", "28P01", "3D000", "42501"],
            ),
            // CANTOPEN, ISDIR; READONLY, DBMOVED; IOERR, of a write and of memory; NOMEM, FULL, PERM, INTERRUPT.
            (Failure::Down, &["14", "526", "8", "1032", "10", "778", "3082", "7", "13", "3", "9"]),
        ];
        for (wanted, codes) in table {
            for code in codes {
                assert_eq!(Failure::of_code(code), wanted, "{code}");
            }
        }
        // A wrong statement, a foreign key, NOT NULL, damage, a file of another kind.
        for code in ["42601", "42P01", "23503", "23502", "XX001", "1", "787", "1299", "11", "26", "", "x"] {
            assert_eq!(Failure::of_code(code), Failure::Other, "{code}");
        }
        for code in ["22021", "22P05", "54000", "18"] {
            assert_eq!(Failure::of_code(code), Failure::Unfit, "{code}");
        }
    }

    #[test]
    fn what_no_database_said_is_an_outage_too() {
        let io = |kind| Failure::of(&std::io::Error::from(kind).into());
        assert_eq!(io(std::io::ErrorKind::ConnectionReset), Failure::Lost);
        assert_eq!(io(std::io::ErrorKind::TimedOut), Failure::Silent);
        assert_eq!(Failure::of(&sqlx::Error::PoolTimedOut), Failure::Down);
    }

    #[test]
    fn only_what_did_not_commit_is_run_again() {
        assert!(Failure::Again.may_retry() && Failure::Lost.may_retry() && Failure::Outdated.may_retry());
        for other in [Failure::Unknown, Failure::Silent, Failure::Taken, Failure::Down] {
            assert!(!other.may_retry(), "{other:?}");
        }
    }

    #[test]
    fn who_cannot_tell_says_unavailable_and_never_that_data_is_damaged() {
        for kind in [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::TimedOut] {
            let error = Error::from_driver("x", std::io::Error::from(kind).into());
            assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        }
        let error = Error::from_driver("x", sqlx::Error::RowNotFound);
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}
