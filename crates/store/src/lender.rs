//! Connections to PostgreSQL and CockroachDB, lent for a while: nothing that is asked over one takes forever.
//!
//! A database that hangs says nothing, and neither do the sockets to one that went away without a word. So an
//! answer that is late is followed by a question on another connection: who hears nothing there either gives up
//! and closes his connection, and those that were made before are not used again. A connection also goes back
//! into the pool within bounds, and never with a transaction open: whoever is dropped in the middle of BEGIN
//! leaves one that the driver does not know of.

use std::{
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    PgPool, Postgres,
    pool::{PoolConnection, PoolOptions},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

use crate::{
    Sql,
    error::Failure,
    source::{self, Arg, Row},
};

/// An answer that takes longer is late.
const LATE: Duration = Duration::from_millis(1_500);
/// How long the question on another connection may take.
const SIGN_OF_LIFE: Duration = Duration::from_millis(400);
/// What takes longer is given up even while the database answers others.
const MOST: Duration = Duration::from_secs(30);
/// A connection that cannot be tidied up in this time is closed.
const RETURN: Duration = Duration::from_secs(1);
const ALIVE: Sql = crate::migrate::PING;

/// The pool, since when its connections are good, and when one of them last brought an answer.
#[derive(Clone, Debug)]
pub(crate) struct Lender {
    pool: PgPool,
    suspicion: Suspicion,
    heard: Arc<Mutex<Option<Instant>>>,
}

/// Connections that are older than this are closed instead of lent.
#[derive(Clone, Debug, Default)]
struct Suspicion(Arc<Mutex<Option<Instant>>>);

impl Suspicion {
    fn arise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn falls_on(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| age > since.elapsed())
    }
}

impl Lender {
    /// Of that database; the first loan connects.
    pub(crate) fn open(options: PgPoolOptions, to: PgConnectOptions) -> Self {
        let suspicion = Suspicion::default();
        let suspected = suspicion.clone();
        let options: PoolOptions<Postgres> = options.before_acquire(move |_, about| {
            let is_good = !suspected.falls_on(about.age);
            Box::pin(async move { Ok(is_good) })
        });
        Self { pool: options.connect_lazy_with(to), suspicion, heard: Arc::default() }
    }

    /// A connection, within the pool's limit of waiting.
    ///
    /// # Errors
    /// None was free or could be made.
    pub(crate) async fn lend(&self) -> Result<Loan, sqlx::Error> {
        match self.pool.acquire().await {
            Ok(connection) => {
                Ok(Loan { connection: Some(connection), has_begun: false, lender: self.clone() })
            }
            Err(error) => {
                self.judge(&error);
                Err(error)
            }
        }
    }

    /// Whether the pool was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    /// Closes all connections; waits for those that are lent.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// The answer, unless the database hangs.
    async fn hear<T>(&self, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let asked = Instant::now();
        let mut answer = pin!(answer);
        loop {
            if let Ok(answer) = timeout(LATE, &mut answer).await {
                *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                return answer;
            }
            if asked.elapsed() >= MOST || !self.is_alive().await {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
        }
    }

    /// Whether another connection brought an answer just now, or does when it is asked for a sign of life. Under
    /// load there may be none to ask.
    async fn is_alive(&self) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_some_and(|heard| heard.elapsed() < SIGN_OF_LIFE) {
            return true;
        }
        let alive = async {
            let mut loan = self.lend().await?;
            let connection = loan.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
            let rows = source::pg_rows(&mut **connection, ALIVE, Vec::new()).await;
            if rows.is_err() {
                loan.close();
            }
            rows
        };
        matches!(timeout(SIGN_OF_LIFE, alive).await, Ok(Ok(_)))
    }

    /// An error that may be every connection's makes those that exist suspect.
    fn judge(&self, error: &sqlx::Error) {
        if Failure::of(error).ends_connection() {
            self.suspicion.arise();
        }
    }
}

/// A connection on loan.
#[derive(Debug)]
pub(crate) struct Loan {
    /// `None` once it was closed.
    connection: Option<PoolConnection<Postgres>>,
    /// Whether a transaction may be open.
    has_begun: bool,
    lender: Lender,
}

impl Loan {
    /// Runs a statement and returns its rows.
    pub(crate) async fn rows(&mut self, sql: Sql, args: Vec<Arg>) -> Result<Vec<Row>, sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let heard = self.lender.hear(source::pg_rows(&mut **connection, sql, args)).await;
        self.settle(heard)
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) async fn exec(&mut self, sql: Sql, args: Vec<Arg>) -> Result<u64, sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let heard = self.lender.hear(source::pg_exec(&mut **connection, sql, args)).await;
        self.settle(heard)
    }

    /// Runs a statement that may take as long as it likes: one that changes the schema.
    pub(crate) async fn exec_at_length(&mut self, sql: Sql) -> Result<u64, sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let heard = source::pg_exec(&mut **connection, sql, Vec::new()).await;
        self.settle(heard)
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self, begin: &'static str) -> Result<(), sqlx::Error> {
        self.has_begun = true;
        self.say(begin).await
    }

    /// Commits. After an error the transaction is over too, or its connection is.
    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    /// Rolls back, or closes the connection, which has the same effect.
    pub(crate) async fn roll_back(&mut self) {
        if self.connection.is_some() && self.end("ROLLBACK").await.is_err() {
            self.close();
        }
    }

    async fn end(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let said = self.say(statement).await;
        self.has_begun &= said.is_err();
        said
    }

    async fn say(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let said = async { sqlx::raw_sql(statement).execute(&mut **connection).await.map(|_| ()) };
        let heard = self.lender.hear(said).await;
        self.settle(heard)
    }

    /// Closes a connection whose answer tells that nothing more will come over it.
    fn settle<T>(&mut self, heard: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if let Err(error) = &heard {
            self.lender.judge(error);
            if Failure::of(error).ends_connection() {
                self.close();
            }
        }
        heard
    }

    /// Closes the socket at once: the server rolls back, or never learns of it.
    fn close(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let has_begun = self.has_begun;
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if has_begun {
                let rolled_back = timeout(RETURN, sqlx::raw_sql("ROLLBACK").execute(&mut *connection)).await;
                if !matches!(rolled_back, Ok(Ok(_))) {
                    return drop(connection.detach());
                }
            }
            // Otherwise the driver would wait without end for the other side to answer.
            let mut returned = pin!(connection.return_to_pool());
            tokio::select! {
                () = &mut returned => {}
                () = sleep(RETURN) => {}
            }
        });
    }
}
