//! Transactions: a closure that is run whole, again where the database asks for it.
//!
//! The closure must have no effect but through its [`Tx`]. Isolation is SERIALIZABLE on every database; the
//! code must be right under READ COMMITTED all the same. What was changed is noted on the way ([`notes`]) and
//! written into `change` before COMMIT, which also tells what became of a COMMIT whose answer was lost.

use std::{
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Sqlite, Transaction};
use tokio::sync::Mutex;

use crate::{
    Change, Db, Error, Sealer, Source, Sql, changes, clock,
    db::Pools,
    error::Failure,
    lender::Loan,
    notes::{Kind, Notes},
    source::{self, Arg, Row},
    sql::statements,
};

statements! {
    BEGIN_PG = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    BEGIN_PG_READ = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY";
}

const BEGIN_LITE: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const MAX_RUNS: u32 = 8;
const MAX_TIME: Duration = Duration::from_secs(10);
/// How long to ask what became of a COMMIT.
const LOOK_UP: Duration = Duration::from_secs(2);

enum Conn {
    Pg(Loan),
    Lite(Transaction<'static, Sqlite>),
}

struct Shared {
    conn: Mutex<Option<Conn>>,
    failure: StdMutex<Option<Failure>>,
    notes: StdMutex<Notes>,
    sealer: Arc<dyn Sealer>,
}

/// An open transaction. Clones are the same transaction; after its end every statement is refused.
#[derive(Clone)]
pub struct Tx(Arc<Shared>);

enum End<T, E> {
    Done(Result<T, E>),
    Again(E),
    /// No answer to COMMIT came.
    InDoubt(Doubt<T>),
}

/// A transaction that may have been committed.
struct Doubt<T> {
    since_ms: i64,
    value: T,
    changes: Vec<Change>,
}

impl Db {
    /// Runs `body` in a transaction and commits what it did if it returns `Ok`; rolls back otherwise.
    ///
    /// `body` is run again from its start (at most 8 times in 10 s) when the database says so, so it must change
    /// nothing but through its [`Tx`].
    ///
    /// # Errors
    /// What `body` returned; [`Error::Unavailable`], [`Error::OutcomeUnknown`].
    pub async fn write<T, E, F, R>(&self, body: F) -> Result<T, E>
    where
        F: Fn(Tx) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        let started = Instant::now();
        let mut doubt = None;
        let mut run = 0;
        loop {
            run += 1;
            let end = match self.admit(BEGIN_PG.name) {
                Ok(()) => self.run_once(&body, doubt.as_ref()).await,
                Err(error) => End::Done(Err(error.into())),
            };
            let error = match (end, doubt.take()) {
                (End::Done(Ok(value)), _) => return Ok(value),
                (End::Done(Err(error)), None) => return Err(error),
                (End::Done(Err(error)), Some(earlier)) => {
                    // The earlier run may have been committed meanwhile, and this one failed over that.
                    return self.look_up(earlier).await?.map_err(|_| error);
                }
                (End::InDoubt(now), None) => match self.look_up(now).await? {
                    Ok(value) => return Ok(value),
                    Err(earlier) => {
                        doubt = Some(earlier);
                        Error::OutcomeUnknown.into()
                    }
                },
                // One of two was committed, or none.
                (End::InDoubt(_), Some(_)) => return Err(Error::OutcomeUnknown.into()),
                (End::Again(error), earlier) => {
                    doubt = earlier;
                    error
                }
            };
            if run >= MAX_RUNS || started.elapsed() >= MAX_TIME {
                return Err(if doubt.is_some() { Error::OutcomeUnknown.into() } else { error });
            }
            tokio::time::sleep(pause(run)).await;
        }
    }

    /// Runs `body` over one snapshot of the database; what it writes is refused or rolled back.
    ///
    /// # Errors
    /// What `body` returned; [`Error::Unavailable`].
    pub async fn read<T, E, F, R>(&self, body: F) -> Result<T, E>
    where
        F: Fn(Tx) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        let mut run = 0;
        loop {
            run += 1;
            self.admit(BEGIN_PG_READ.name)?;
            let tx = match self.begin(false).await {
                Ok(tx) => tx,
                Err((failure, _)) if failure.may_retry() && run < MAX_RUNS => continue,
                Err((_, error)) => return Err(error.into()),
            };
            let result = body(tx.clone()).await;
            tx.roll_back().await;
            match tx.failure() {
                Some(failure) if failure.may_retry() && run < MAX_RUNS => {
                    tokio::time::sleep(pause(run)).await;
                }
                _ => return result,
            }
        }
    }

    /// A run after one in doubt marks its first change with that one's id, so that at most one of them commits.
    async fn run_once<T, E, F, R>(&self, body: &F, earlier: Option<&Doubt<T>>) -> End<T, E>
    where
        F: Fn(Tx) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<Error>,
    {
        let tx = match self.begin(true).await {
            Ok(tx) => tx,
            Err((failure, error)) if failure.may_retry() => return End::Again(error.into()),
            Err((_, error)) => return End::Done(Err(error.into())),
        };
        let result = body(tx.clone()).await;
        if let Some(failure) = tx.failure().filter(|failure| failure.is_outage()) {
            self.note(Some(failure));
        }
        let value = match result {
            Ok(value) if tx.failure().is_none() => value,
            // A closure that swallowed a failure must not commit half of its work.
            Ok(_) => return tx.gave_up(unavailable(COMMIT).into()).await,
            Err(error) => return tx.gave_up(error).await,
        };
        let mark = earlier.and_then(|earlier| earlier.changes.first()).map(|change| change.id.clone());
        let changes = match tx.write_changes(mark).await {
            Ok(changes) => changes,
            Err(error) => return tx.gave_up(error.into()).await,
        };
        match tx.commit().await {
            Ok(()) => {
                self.note(None);
                self.committed(changes).await;
                End::Done(Ok(value))
            }
            Err((Failure::Again, error)) => End::Again(error.into()),
            Err((failure, _)) if failure.leaves_doubt() => {
                End::InDoubt(Doubt { since_ms: clock::now_ms(), value, changes })
            }
            Err((_, error)) => End::Done(Err(error.into())),
        }
    }

    /// Finds out whether a COMMIT whose answer was lost happened: its `change` rows tell. Gives the doubt back
    /// when it did not happen so far.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] when nothing can be found out.
    async fn look_up<T>(&self, doubt: Doubt<T>) -> Result<Result<T, Doubt<T>>, Error> {
        let Some(change) = doubt.changes.first() else { return Err(Error::OutcomeUnknown) };
        let asked = Instant::now();
        for run in 1.. {
            match changes::is_there(self, change).await {
                Ok(true) => {
                    self.committed(doubt.changes).await;
                    return Ok(Ok(doubt.value));
                }
                Ok(false) if clock::now_ms() - doubt.since_ms < changes::STAY_MS / 2 => {
                    return Ok(Err(doubt));
                }
                _ if asked.elapsed() > LOOK_UP => break,
                _ => tokio::time::sleep(pause(run)).await,
            }
        }
        Err(Error::OutcomeUnknown)
    }

    async fn begin(&self, writes: bool) -> Result<Tx, (Failure, Error)> {
        let begin = if writes { BEGIN_PG } else { BEGIN_PG_READ };
        let conn = match self.pools() {
            Pools::Pg(lender) => match lender.lend().await {
                Ok(mut loan) => loan.begin(begin.text).await.map(|()| Conn::Pg(loan)),
                Err(error) => Err(error),
            },
            Pools::Lite { writer, .. } if writes => writer.begin_with(BEGIN_LITE).await.map(Conn::Lite),
            Pools::Lite { readers, .. } => readers.begin().await.map(Conn::Lite),
        };
        self.note(conn.as_ref().err().map(Failure::of));
        let conn = conn.map_err(|error| (Failure::of(&error), Error::from_driver(begin.name, error)))?;
        Ok(Tx(Arc::new(Shared {
            conn: Mutex::new(Some(conn)),
            failure: StdMutex::new(None),
            notes: StdMutex::new(Notes::default()),
            sealer: self.shared_sealer(),
        })))
    }
}

impl Tx {
    /// Runs a statement and returns how many rows it changed.
    pub(crate) async fn exec(&self, sql: Sql, args: Vec<Arg>) -> Result<u64, Error> {
        source::check(&args)?;
        let mut conn = self.0.conn.lock().await;
        let result = match conn.as_mut().ok_or_else(|| unavailable(sql.name))? {
            Conn::Pg(loan) => loan.exec(sql, args).await,
            Conn::Lite(tx) => source::lite_exec(&mut **tx, sql, args).await,
        };
        result.map_err(|error| self.failed(sql, error))
    }

    /// Notes that an entity changed. `ver` is its new version where the statement told it; otherwise its row is
    /// given a new version at the end.
    pub(crate) fn changed(&self, kind: Kind, realm: &str, entity: &str, ver: Option<i64>) {
        self.notes(|notes| notes.add(kind, realm, entity, ver));
    }

    /// Notes that a realm was inserted: caches know nothing of it yet, so what is in it needs no note.
    pub(crate) fn realm_is_new(&self, realm: &str) {
        self.notes(|notes| notes.realm_is_new(realm));
    }

    fn notes<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.0.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn failure(&self) -> Option<Failure> {
        *self.0.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, sql: Sql, error: sqlx::Error) -> Error {
        // The first one counts: what follows in the same transaction is only its echo.
        let mut failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(Failure::of(&error));
        Error::from_driver(sql.name, error)
    }

    /// Gives noted entities their new versions and writes the `change` rows, the first one under the id `mark`.
    async fn write_changes(&self, mut mark: Option<String>) -> Result<Vec<Change>, Error> {
        let noted = self.notes(Notes::take);
        let mut changes = Vec::with_capacity(noted.len());
        for ((kind, realm, entity), ver) in noted {
            let ver = match ver {
                Some(ver) => ver,
                None => crate::notes::raise(self, kind, &realm, &entity).await?,
            };
            let id = mark.take().map_or_else(changes::new_id, Ok)?;
            let change = Change { id, realm, kind, entity, ver };
            changes::insert(self, &change).await?;
            changes.push(change);
        }
        Ok(changes)
    }

    async fn commit(&self) -> Result<(), (Failure, Error)> {
        let conn = self.0.conn.lock().await.take();
        let result = match conn.ok_or_else(|| (Failure::Other, unavailable(COMMIT)))? {
            Conn::Pg(mut loan) => loan.commit().await,
            Conn::Lite(tx) => tx.commit().await,
        };
        result.map_err(|error| (Failure::of(&error), Error::from_driver(COMMIT, error)))
    }

    async fn gave_up<T, E>(&self, error: E) -> End<T, E> {
        self.roll_back().await;
        if self.failure().is_some_and(Failure::may_retry) { End::Again(error) } else { End::Done(Err(error)) }
    }

    async fn roll_back(&self) {
        // A connection that cannot roll back is closed by the driver, which ends the transaction too.
        match self.0.conn.lock().await.take() {
            Some(Conn::Pg(mut loan)) => loan.roll_back().await,
            Some(Conn::Lite(tx)) => drop(tx.rollback().await),
            None => {}
        }
    }

    /// The version that a row inserted now starts with: the time, so that versions rise over deletion too.
    pub(crate) fn first_ver() -> i64 {
        clock::now_ms()
    }
}

impl Source for Tx {
    async fn rows(&self, sql: Sql, args: Vec<Arg>) -> Result<Vec<Row>, Error> {
        source::check(&args)?;
        let mut conn = self.0.conn.lock().await;
        let result = match conn.as_mut().ok_or_else(|| unavailable(sql.name))? {
            Conn::Pg(loan) => loan.rows(sql, args).await,
            Conn::Lite(tx) => source::lite_rows(&mut **tx, sql, args).await,
        };
        result.map_err(|error| self.failed(sql, error))
    }

    fn sealer(&self) -> &dyn Sealer {
        self.0.sealer.as_ref()
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx(…)")
    }
}

fn unavailable(statement: &'static str) -> Error {
    Error::Unavailable { statement, source: None }
}

/// 5 to 500 ms, doubling, with jitter: two transactions that collided must not collide again.
fn pause(run: u32) -> Duration {
    let most = (5_u64 << run.min(7)).min(500);
    Duration::from_millis(rand::random_range(5..=most))
}
