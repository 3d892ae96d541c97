//! The database: pools, settings, what kind it is.

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use sqlx::{
    SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Change, Error, Sealer, Source, Sql,
    breaker::Breaker,
    clock,
    error::Failure,
    lender::Lender,
    source::{self, Arg, Row},
};

/// Where the database is and how much of it to use.
#[derive(Clone)]
pub struct Settings {
    /// `postgres://user:password@host/database?…` (CockroachDB too) or `sqlite:path`. TLS is `verify-full` unless
    /// the address says another `sslmode` in so many words, or names a socket.
    pub url: String,
    /// Most connections of this node to PostgreSQL or CockroachDB; default 10.
    pub max_connections: u32,
    /// Most reading connections to an SQLite file; default 4. There is one for writing.
    pub max_readers: u32,
    /// How long a caller waits for a connection before it hears "unavailable"; default 1.5 s.
    pub acquire_timeout: Duration,
}

impl Settings {
    /// The defaults at an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            max_readers: 4,
            acquire_timeout: Duration::from_millis(1_500),
        }
    }

    /// The file of an SQLite address.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        let path = self.url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address holds a password.
        f.debug_struct("Settings").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// What kind of database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// CockroachDB.
    Cockroach,
    /// PostgreSQL.
    Postgres,
    /// An SQLite file.
    Sqlite,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Pg(Lender),
    Lite { readers: SqlitePool, writer: SqlitePool },
}

/// What a hook goes on with; the writer waits for it.
pub type AfterCommit = Pin<Box<dyn Future<Output = ()> + Send>>;

type Hook = Box<dyn Fn(Db, Vec<Change>) -> AfterCommit + Send + Sync>;

struct Inner {
    pools: Pools,
    flavor: OnceLock<Flavor>,
    sealer: Arc<dyn Sealer>,
    breaker: Breaker,
    on_commit: OnceLock<Hook>,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

impl Db {
    /// Connects. Migrations are a step of their own: [`migrate::run`](crate::migrate::run).
    ///
    /// # Errors
    /// [`Error::Refused`] with a sentence for an address that means nothing or a database that does not sort by
    /// code point; [`Error::Unavailable`] when it cannot be reached.
    pub async fn open(settings: &Settings, sealer: Arc<dyn Sealer>) -> Result<Self, Error> {
        let db = Self::open_away(settings, sealer).await?;
        db.learn_flavor().await?;
        Ok(db)
    }

    /// As [`Db::open`], of a server that need not answer now: the first statement connects. What it must be is
    /// found out before it is migrated.
    ///
    /// # Errors
    /// [`Error::Refused`]; an SQLite file must be there.
    pub async fn open_away(settings: &Settings, sealer: Arc<dyn Sealer>) -> Result<Self, Error> {
        let flavor = OnceLock::new();
        let pools = match settings.sqlite_path() {
            Some(path) => {
                let _ = flavor.set(Flavor::Sqlite);
                open_sqlite(settings, &path).await?
            }
            None if settings.url.starts_with("postgres") => Pools::Pg(postgres_pool(settings)?),
            None => {
                return Err(Error::Refused(
                    "the database address starts neither with `postgres://` nor with `sqlite:`".into(),
                ));
            }
        };
        let on_commit = OnceLock::new();
        Ok(Self(Arc::new(Inner { pools, flavor, sealer, breaker: Breaker::default(), on_commit })))
    }

    /// Asks the server what it is, once.
    pub(crate) async fn learn_flavor(&self) -> Result<Flavor, Error> {
        match (self.0.flavor.get(), &self.0.pools) {
            (Some(flavor), _) => Ok(*flavor),
            (None, Pools::Lite { .. }) => Ok(Flavor::Sqlite),
            (None, Pools::Pg(pool)) => {
                let found = flavor_of(pool).await?;
                Ok(*self.0.flavor.get_or_init(|| found))
            }
        }
    }

    /// What kind of database it is; PostgreSQL until a server has said more.
    pub fn flavor(&self) -> Flavor {
        self.0.flavor.get().copied().unwrap_or(Flavor::Postgres)
    }

    /// Whether callers are refused at once because the database was away the last times.
    pub fn is_away(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Registers what to call with the changes of each committed transaction. Its writer waits for the future that
    /// is returned. Only the first registration counts.
    pub fn on_commit(&self, hook: impl Fn(Self, Vec<Change>) -> AfterCommit + Send + Sync + 'static) {
        let _ = self.0.on_commit.set(Box::new(hook));
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.rows(crate::migrate::PING, Vec::new()).await.map(|_| ())
    }

    /// Whether [`Db::close`] was called.
    pub fn is_closed(&self) -> bool {
        match &self.0.pools {
            Pools::Pg(lender) => lender.is_closed(),
            Pools::Lite { writer, .. } => writer.is_closed(),
        }
    }

    /// Closes all connections; waits for statements that run.
    pub async fn close(&self) {
        match &self.0.pools {
            Pools::Pg(lender) => lender.close().await,
            Pools::Lite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }

    pub(crate) async fn committed(&self, changes: Vec<Change>) {
        if let Some(hook) = self.0.on_commit.get()
            && !changes.is_empty()
        {
            hook(self.clone(), changes).await;
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.0.pools
    }

    pub(crate) fn shared_sealer(&self) -> Arc<dyn Sealer> {
        self.0.sealer.clone()
    }

    /// Refuses at once while the database is away.
    pub(crate) fn admit(&self, statement: &'static str) -> Result<(), Error> {
        if self.0.breaker.may_try(clock::now_ms()) {
            Ok(())
        } else {
            Err(Error::Unavailable { statement, source: None })
        }
    }

    pub(crate) fn note(&self, failure: Option<Failure>) {
        self.0.breaker.note(failure.is_some_and(Failure::is_outage), clock::now_ms());
    }

    /// Runs one writing statement outside any transaction.
    pub(crate) async fn exec_alone(&self, sql: Sql, args: Vec<Arg>) -> Result<u64, Error> {
        source::check(&args)?;
        let result = match &self.0.pools {
            Pools::Pg(lender) => match lender.lend().await {
                Ok(mut loan) => loan.exec(sql, args).await,
                Err(error) => Err(error),
            },
            Pools::Lite { writer, .. } => source::lite_exec(writer, sql, args).await,
        };
        result.map_err(|error| Error::from_driver(sql.name, error))
    }

    /// Runs a statement that changes the schema, however long it takes.
    pub(crate) async fn exec_at_length(&self, sql: Sql) -> Result<(), Error> {
        let result = match &self.0.pools {
            Pools::Pg(lender) => match lender.lend().await {
                Ok(mut loan) => loan.exec_at_length(sql).await,
                Err(error) => Err(error),
            },
            Pools::Lite { writer, .. } => source::lite_exec(writer, sql, Vec::new()).await,
        };
        result.map(|_| ()).map_err(|error| Error::from_driver(sql.name, error))
    }

    /// Runs one writing statement outside any transaction and returns its rows.
    pub(crate) async fn rows_alone(&self, sql: Sql, args: Vec<Arg>) -> Result<Vec<Row>, Error> {
        source::check(&args)?;
        let result = match &self.0.pools {
            Pools::Pg(lender) => match lender.lend().await {
                Ok(mut loan) => loan.rows(sql, args).await,
                Err(error) => Err(error),
            },
            Pools::Lite { writer, .. } => source::lite_rows(writer, sql, args).await,
        };
        result.map_err(|error| Error::from_driver(sql.name, error))
    }
}

impl Source for Db {
    /// Reads are repeated once on another connection when theirs is gone.
    async fn rows(&self, sql: Sql, args: Vec<Arg>) -> Result<Vec<Row>, Error> {
        source::check(&args)?;
        self.admit(sql.name)?;
        let mut tries_left = 2;
        loop {
            tries_left -= 1;
            let result = match &self.0.pools {
                Pools::Pg(lender) => match lender.lend().await {
                    Ok(mut loan) => loan.rows(sql, args.clone()).await,
                    Err(error) => Err(error),
                },
                Pools::Lite { readers, .. } => source::lite_rows(readers, sql, args.clone()).await,
            };
            let failure = result.as_ref().err().map(Failure::of);
            self.note(failure);
            if tries_left > 0 && failure.is_some_and(Failure::may_retry) {
                continue;
            }
            return result.map_err(|error| Error::from_driver(sql.name, error));
        }
    }

    fn sealer(&self) -> &dyn Sealer {
        self.0.sealer.as_ref()
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("flavor", &self.flavor()).finish_non_exhaustive()
    }
}

async fn open_sqlite(settings: &Settings, path: &Path) -> Result<Pools, Error> {
    create_private(path)
        .map_err(|error| Error::Refused(format!("the database file {}: {error}", path.display())))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let pool =
        || SqlitePoolOptions::new().acquire_timeout(settings.acquire_timeout).test_before_acquire(false);
    let away = |error| Error::from_driver("open", error);
    let writer = pool().max_connections(1).max_lifetime(None).idle_timeout(None);
    let writer = writer.connect_with(options.clone()).await.map_err(away)?;
    let readers = pool().max_connections(settings.max_readers.max(1)).idle_timeout(Duration::from_mins(5));
    let readers = readers.connect_with(options.read_only(true)).await.map_err(away)?;
    Ok(Pools::Lite { readers, writer })
}

/// Makes the file readable by its owner alone: it holds names, addresses and password hashes.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

fn postgres_pool(settings: &Settings) -> Result<Lender, Error> {
    // The driver's own error may repeat the address, and with it the password.
    let refused = |_| Error::Refused("the database address cannot be read".into());
    let mut options = PgConnectOptions::from_str(&settings.url).map_err(refused)?;
    let is_said = settings.url.contains("sslmode=") || settings.url.contains("ssl-mode=");
    if !is_said && options.get_socket().is_none() {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections.max(2))
        .min_connections(0)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(Duration::from_mins(5))
        .max_lifetime(Duration::from_secs(rand::random_range(300..600)))
        .test_before_acquire(false);
    Ok(Lender::open(pool, options.application_name("keyraft")))
}

async fn flavor_of(pool: &Lender) -> Result<Flavor, Error> {
    let away = |error| Error::from_driver("open", error);
    let mut first = pool.lend().await.map_err(away)?;
    let rows = first.rows(crate::migrate::VERSION, Vec::new()).await.map_err(away)?;
    let row = rows.first().ok_or_else(|| Error::Refused("the database tells no version".into()))?;
    let is_cockroach = row.text(crate::migrate::VERSION, 0)?.contains("CockroachDB");
    if !row.bool(crate::migrate::VERSION, 1)? {
        return Err(Error::Refused(
            "the database does not sort by code point; create it with `LC_COLLATE 'C' TEMPLATE template0`"
                .into(),
        ));
    }
    Ok(if is_cockroach { Flavor::Cockroach } else { Flavor::Postgres })
}
