//! Running statements: arguments, rows, and where they run.

use sqlx::{
    Row as _,
    postgres::{PgRow, Postgres},
    sqlite::{Sqlite, SqliteRow},
};

use crate::{Error, Sealer, Sql};

/// A statement's argument.
#[derive(Clone, Debug)]
pub enum Arg {
    /// `TEXT`.
    Text(String),
    /// `BIGINT`.
    Int(i64),
    /// `BOOLEAN`.
    Bool(bool),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// The arguments of a statement, in order; ids and texts, numbers and flags alike.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$(crate::source::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row of either database.
pub enum Row {
    /// Of PostgreSQL or CockroachDB.
    Pg(PgRow),
    /// Of SQLite.
    Lite(SqliteRow),
}

macro_rules! column {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(&self, sql: Sql, column: usize) -> Result<$type, Error> {
            match self {
                Self::Pg(row) => row.try_get(column),
                Self::Lite(row) => row.try_get(column),
            }
            .map_err(|error| Error::Corrupt { statement: sql.name, source: Box::new(error) })
        }
    };
}

impl Row {
    column!(text, String);
    column!(int, i64);
    column!(bool, bool);

    /// A text column that is an id or another thin wrapper of text.
    pub(crate) fn id<T: From<String>>(&self, sql: Sql, column: usize) -> Result<T, Error> {
        self.text(sql, column).map(T::from)
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row(…)")
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Db {}
    impl Sealed for crate::Tx {}
}

/// Where a read runs: a [`Db`](crate::Db), or a [`Tx`](crate::Tx) to see the transaction's own writes.
pub trait Source: Send + Sync + sealed::Sealed {
    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// As the database says.
    #[doc(hidden)]
    fn rows(&self, sql: Sql, args: Vec<Arg>) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

    /// What seals and opens secrets.
    #[doc(hidden)]
    fn sealer(&self) -> &dyn Sealer;

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As the database says.
    #[doc(hidden)]
    fn row(&self, sql: Sql, args: Vec<Arg>) -> impl Future<Output = Result<Option<Row>, Error>> + Send {
        async move { Ok(self.rows(sql, args).await?.into_iter().next()) }
    }
}

/// PostgreSQL takes no NUL in text; SQLite would, and then the two would differ.
pub(crate) fn check(args: &[Arg]) -> Result<(), Error> {
    let has_nul = args.iter().any(|arg| matches!(arg, Arg::Text(text) if text.contains('\0')));
    if has_nul { Err(Error::Invalid("a text has a NUL character")) } else { Ok(()) }
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql.text).persistent($sql.is_kept);
        for arg in $args {
            query = match arg {
                Arg::Text(text) => query.bind(text),
                Arg::Int(number) => query.bind(number),
                Arg::Bool(flag) => query.bind(flag),
            };
        }
        query
    }};
}

pub(crate) async fn pg_rows<'e>(
    on: impl sqlx::Executor<'e, Database = Postgres>,
    sql: Sql,
    args: Vec<Arg>,
) -> Result<Vec<Row>, sqlx::Error> {
    Ok(bound!(sql, args).fetch_all(on).await?.into_iter().map(Row::Pg).collect())
}

pub(crate) async fn lite_rows<'e>(
    on: impl sqlx::Executor<'e, Database = Sqlite>,
    sql: Sql,
    args: Vec<Arg>,
) -> Result<Vec<Row>, sqlx::Error> {
    Ok(bound!(sql, args).fetch_all(on).await?.into_iter().map(Row::Lite).collect())
}

pub(crate) async fn pg_exec<'e>(
    on: impl sqlx::Executor<'e, Database = Postgres>,
    sql: Sql,
    args: Vec<Arg>,
) -> Result<u64, sqlx::Error> {
    Ok(bound!(sql, args).execute(on).await?.rows_affected())
}

pub(crate) async fn lite_exec<'e>(
    on: impl sqlx::Executor<'e, Database = Sqlite>,
    sql: Sql,
    args: Vec<Arg>,
) -> Result<u64, sqlx::Error> {
    Ok(bound!(sql, args).execute(on).await?.rows_affected())
}
