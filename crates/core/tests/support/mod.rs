//! Nodes for tests: cores over one database and one cluster; the database is a file or a throwaway PostgreSQL that can
//! be stopped. Where PostgreSQL's programs are not installed, tests on it are skipped and say so.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use keyraft_cluster::Cluster;
use keyraft_core::{
    Core, changes,
    copies::Copies,
    jobs,
    outbound::Outbound,
    rows::Rows,
    seal::{self, Opened},
};
use keyraft_crypto::{password::Hasher, seal::MasterKeys};
use keyraft_model::{Client, Realm, User};
use keyraft_store::{Db, Settings, clients, realms, users};

/// A folder that goes when the test does.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("keyraft-nodes-{}", keyraft_crypto::random::uuid()));
        std::fs::create_dir_all(&path).expect("is made");
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where a test's database is.
pub(crate) enum Place {
    File(PathBuf),
    Server(Postgres),
}

impl Place {
    /// A file, and a server where there is one.
    pub(crate) fn each(folder: &Folder) -> Vec<Self> {
        let mut places = vec![Self::File(folder.join("k.db"))];
        match Postgres::start(folder.join("pg")) {
            Some(server) => places.push(Self::Server(server)),
            None => eprintln!("skipped on PostgreSQL: its programs are not installed"),
        }
        places
    }

    /// A server, where there is one.
    pub(crate) fn server(folder: &Folder) -> Option<Self> {
        Self::each(folder).into_iter().find(|place| matches!(place, Self::Server(_)))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "SQLite",
            Self::Server(_) => "PostgreSQL",
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        match self {
            Self::File(path) => Settings::new(format!("sqlite:{}", path.display())),
            Self::Server(server) => {
                let mut settings = Settings::new(server.url());
                settings.acquire_timeout = Duration::from_secs(1);
                settings
            }
        }
    }
}

pub(crate) fn masters() -> MasterKeys {
    MasterKeys::parse(["a passphrase of more than 32 characters"]).expect("is long enough")
}

/// A database handle of its own, as a command beside the server has.
pub(crate) async fn store(place: &Place) -> Db {
    seal::open_store(&place.settings(), &masters(), "beside").await.expect("opens").0
}

/// The sessions' maps of a node in a folder, with rows in that store.
pub(crate) async fn cluster(folder: &Path, store: &Db) -> Cluster {
    let mut settings = keyraft_cluster::Settings::new(folder);
    settings.backing = Some(Arc::new(Rows::new(store.clone())));
    Cluster::open(settings).await.expect("opens")
}

/// A node: its store, opened even if the database is away, and its copies in `folder`.
pub(crate) async fn node(place: &Place, folder: &Path, shared: Option<Cluster>) -> Core {
    let kept = folder.join("data.keys");
    let opened = seal::open_store_or_kept(&place.settings(), &masters(), "node", &kept).await.expect("opens");
    let Opened { store, keys, is_away } = opened;
    let cluster = match shared {
        Some(cluster) => cluster,
        None => cluster(&folder.join("cluster"), &store).await,
    };
    let copies = Copies::open(&folder.join("copies"), &keys);
    let hasher = Hasher::with_threads(1).expect("starts");
    let core = Core::with_copies(store, cluster, hasher, keys, Outbound::new(true).expect("is made"), copies);
    if is_away {
        let store = core.store.clone();
        tokio::spawn(async move {
            while seal::catch_up(&store, "node").await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }
    tokio::spawn(changes::follow(core.clone()));
    tokio::spawn(jobs::run(core.clone(), jobs::own()));
    core
}

/// Stops a node in order.
pub(crate) async fn stop(core: Core) {
    core.cluster.shutdown().await.expect("stops");
    core.store.close().await;
}

/// The realm `lab` with the client `shop` and the user alice.
pub(crate) async fn fill(store: &Db) {
    let realm = Realm {
        id: "lab".into(),
        realm: "lab".into(),
        enabled: true,
        sso_session_idle_timeout: 1_800,
        sso_session_max_lifespan: 36_000,
        ..Realm::default()
    };
    store.write(async |tx| realms::insert(&tx, &realm).await).await.expect("inserts");
    let shop = Client { id: "shop".into(), client_id: "shop".into(), enabled: true, ..Client::default() };
    store.write(async |tx| clients::insert(&tx, &realm.id, &shop).await).await.expect("inserts");
    let alice = User { id: "alice".into(), username: "alice".into(), enabled: true, ..User::default() };
    store.write(async |tx| users::insert(&tx, &realm.id, &alice, true).await).await.expect("inserts");
}

/// Waits for something that is to come true within `limit`; says how long it took.
pub(crate) async fn within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    began.elapsed()
}

/// A PostgreSQL in a folder, reached through a socket there.
pub(crate) struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    as_whom: Vec<&'static str>,
}

impl Postgres {
    pub(crate) fn start(folder: PathBuf) -> Option<Self> {
        let programs = programs()?;
        std::fs::create_dir_all(&folder).expect("is made");
        let is_root =
            std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        let as_whom = if is_root {
            let parents = folder.parent().expect("is in a folder").display().to_string();
            let open = Command::new("chmod").args(["755", &parents]).status();
            assert!(open.is_ok_and(|status| status.success()));
            let owned = Command::new("chown").arg("nobody").arg(&folder).status();
            assert!(owned.is_ok_and(|status| status.success()), "the folder can be given away");
            vec!["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        } else {
            vec!["env"]
        };
        let server = Self { folder, programs, as_whom };
        let data = server.data();
        server
            .run("initdb", &["-D", &data, "-U", "keyraft", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]);
        server.resume();
        Some(server)
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn url(&self) -> String {
        format!("postgres://keyraft@localhost/postgres?host={}", self.folder.display())
    }

    /// Stops it at once, as a crash would.
    pub(crate) fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    /// Starts it on the data that is there.
    pub(crate) fn resume(&self) {
        let options = format!("-k {} -c listen_addresses= -c fsync=off", self.folder.display());
        let log = self.folder.join("server.log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-o", &options, "-w", "start"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let [first, rest @ ..] = &self.as_whom[..] else { panic!("somebody runs it") };
        let status = Command::new(first)
            .args(rest)
            .arg(self.programs.join(program))
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("runs");
        assert!(status.success(), "{program} {arguments:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let [first, rest @ ..] = &self.as_whom[..] else { return };
        let _ = Command::new(first)
            .args(rest)
            .arg(self.programs.join("pg_ctl"))
            .args(["-D", &self.data(), "-m", "immediate", "stop"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    installed.extend(std::env::split_paths(&path));
    let has_all =
        |folder: &PathBuf| ["initdb", "postgres", "pg_ctl"].iter().all(|name| folder.join(name).exists());
    installed.into_iter().find(has_all)
}
