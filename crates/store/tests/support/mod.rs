//! Databases for tests: a fresh SQLite file, and a fresh database in a throwaway PostgreSQL where its programs are
//! installed. What is not installed is skipped, and said so.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use keyraft_store::{Db, SealError, Sealer, Settings, migrate};
use sqlx::{Connection, PgConnection};

/// Marks texts with their place instead of encrypting them, so that tests can see both.
#[derive(Debug)]
pub(crate) struct Marker;

impl Sealer for Marker {
    fn seal(&self, table: &str, row: &str, column: &str, plain: &str) -> Result<String, SealError> {
        Ok(format!("sealed:{table}:{row}:{column}:{}", plain.chars().rev().collect::<String>()))
    }

    fn open(&self, table: &str, row: &str, column: &str, sealed: &str) -> Result<String, SealError> {
        let inside = sealed.strip_prefix(&format!("sealed:{table}:{row}:{column}:"));
        inside.map(|text| text.chars().rev().collect()).ok_or_else(|| SealError {
            table: table.into(),
            row: row.into(),
            column: column.into(),
            reason: "of another place".into(),
        })
    }
}

/// A migrated database of its own, with its address.
pub(crate) struct Fresh {
    pub(crate) db: Db,
    pub(crate) url: String,
    folder: Option<PathBuf>,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Every kind of database there is on this machine.
pub(crate) async fn each() -> Vec<Fresh> {
    let mut all = vec![sqlite().await];
    match postgres().await {
        Some(fresh) => all.push(fresh),
        None => eprintln!("skipped on PostgreSQL: its programs are not installed"),
    }
    if let Ok(url) = std::env::var("KEYRAFT_TEST_CRDB_URL") {
        all.push(on_server(&url, "CREATE DATABASE", "").await);
    }
    all
}

/// A fresh SQLite file.
pub(crate) async fn sqlite() -> Fresh {
    let folder = std::env::temp_dir().join(format!("keyraft-store-{}-{}", std::process::id(), number()));
    let url = format!("sqlite:{}", folder.join("test.db").display());
    open(url, Some(folder)).await
}

/// A fresh database in the PostgreSQL that `KEYRAFT_TEST_PG_URL` names, or in a throwaway one.
pub(crate) async fn postgres() -> Option<Fresh> {
    const OPTIONS: &str = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    if let Ok(url) = std::env::var("KEYRAFT_TEST_PG_URL") {
        return Some(on_server(&url, "CREATE DATABASE", OPTIONS).await);
    }
    let server = SERVER.get_or_init(Server::start).as_ref()?;
    let url = format!("postgres://keyraft@localhost/postgres?host={}", server.folder);
    Some(on_server(&url, "CREATE DATABASE", OPTIONS).await)
}

/// A database of its own on a server whose address ends in a database and options.
async fn on_server(url: &str, create: &str, options: &str) -> Fresh {
    let name = format!("keyraft_{}_{}", std::process::id(), number());
    let mut connection = PgConnection::connect(url).await.expect("the server answers");
    let create = sqlx::AssertSqlSafe(format!("{create} {name} {options}"));
    sqlx::query(create).execute(&mut connection).await.expect("the database is made");
    let (server, options) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = server.rsplit_once('/').expect("the address names a database");
    open(format!("{server}/{name}?{options}"), None).await
}

async fn open(url: String, folder: Option<PathBuf>) -> Fresh {
    let mut settings = Settings::new(url.clone());
    settings.acquire_timeout = Duration::from_secs(20);
    let db = Db::open(&settings, Arc::new(Marker)).await.expect("the database opens");
    migrate::run(&db, "test").await.expect("the migrations run");
    Fresh { db, url, folder }
}

fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A PostgreSQL that lives as long as this process: a shell waits for the end of its input and stops it.
struct Server {
    folder: String,
    _shell: Child,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "no test runs before the server does")]
    fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("keyraft-pg-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok()?;
        let folder = folder.to_str()?.to_owned();
        let script = "set -e; cd \"$1\"; $3 \"$2/initdb\" -D \"$1/data\" -U keyraft -A trust -E UTF8 --locale=C -N >init.log 2>&1; \
            $3 \"$2/postgres\" -D \"$1/data\" -k \"$1\" -c listen_addresses= -c fsync=off -c max_connections=200 \
            -c default_transaction_isolation=serializable >server.log 2>&1 & server=$!; \
            read -r _ || true; kill -QUIT $server; wait $server || true; rm -rf \"$1\"";
        let as_whom = unprivileged(&folder);
        let shell = Command::new("sh")
            .args(["-c", script, "sh", &folder, programs.to_str()?, as_whom])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        for _ in 0..300 {
            let ready = Command::new(programs.join("pg_isready")).args(["-q", "-h", &folder]).status();
            if ready.is_ok_and(|status| status.success()) {
                return Some(Self { folder, _shell: shell });
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("PostgreSQL is installed but did not start; see {folder}");
    }
}

/// PostgreSQL refuses to run as root.
fn unprivileged(folder: &str) -> &'static str {
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !is_root {
        return "";
    }
    let owned = Command::new("chown").args(["nobody", folder]).status().is_ok_and(|status| status.success());
    assert!(owned, "the folder can be given away");
    "setpriv --reuid=nobody --regid=nogroup --clear-groups"
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let has_all =
        |folder: &Path| ["initdb", "postgres", "pg_isready"].iter().all(|name| folder.join(name).exists());
    installed.chain(on_path).find(|folder| has_all(folder))
}
