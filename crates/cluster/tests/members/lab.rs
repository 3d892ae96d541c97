//! Nodes in one process over real sockets and a database that lives in memory.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use keyraft_cluster::{
    CaSeed, Cluster, ClusterRow, Discovery, Error, Formation, Founding, Group, NetworkSettings, Operators,
    Patience, Registry, RegistryError, Settings, Status, Timing, Tls,
};

/// Long enough for a machine that is busy with other tests; reached only when something is wrong.
const LATEST: Duration = Duration::from_mins(1);

/// What a database does for the cluster, in memory.
#[derive(Debug, Default)]
pub struct Database {
    rows: Mutex<BTreeMap<u64, (ClusterRow, u64)>>,
    boots: Mutex<BTreeMap<(u64, u64), u64>>,
    is_away: AtomicBool,
}

impl Database {
    pub fn go_away(&self, away: bool) {
        self.is_away.store(away, Ordering::Relaxed);
    }

    pub fn row(&self) -> Option<ClusterRow> {
        self.rows.lock().unwrap().last_key_value().map(|(_, (row, _))| row.clone())
    }

    fn check(&self) -> Result<(), RegistryError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(RegistryError::Away("away".into()));
        }
        Ok(())
    }
}

impl Registry for Database {
    fn read(&self) -> BoxFuture<'_, Result<Option<ClusterRow>, RegistryError>> {
        async move { self.check().map(|()| self.row()) }.boxed()
    }

    fn form(&self, row: ClusterRow) -> BoxFuture<'_, Result<ClusterRow, RegistryError>> {
        async move {
            self.check()?;
            self.rows.lock().unwrap().entry(row.epoch).or_insert((row.clone(), 0));
            Ok(self.row().unwrap_or(row))
        }
        .boxed()
    }

    fn set_members(
        &self,
        epoch: u64,
        at: u64,
        members: Vec<String>,
    ) -> BoxFuture<'_, Result<(), RegistryError>> {
        async move {
            self.check()?;
            if let Some((row, index)) = self.rows.lock().unwrap().get_mut(&epoch)
                && *index < at
            {
                (row.members, *index) = (members, at);
            }
            Ok(())
        }
        .boxed()
    }

    fn note_boot(&self, epoch: u64, id: u64, boot: u64) -> BoxFuture<'_, Result<bool, RegistryError>> {
        async move {
            self.check()?;
            let mut boots = self.boots.lock().unwrap();
            let known = boots.entry((epoch, id)).or_default();
            let is_later = *known < boot;
            *known = boot.max(*known);
            Ok(is_later)
        }
        .boxed()
    }
}

/// Some nodes, not all of which need to run.
pub struct Lab {
    pub database: Arc<Database>,
    pub nodes: Vec<Node>,
    folder: PathBuf,
    ports: Vec<u16>,
}

/// One node.
pub struct Node {
    pub name: String,
    pub addr: String,
    pub dir: PathBuf,
    pub operators: Operators,
    pub cluster: Option<Cluster>,
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Ports that are free now.
fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

impl Lab {
    /// So many nodes, none of which runs yet.
    pub fn new(count: usize) -> Self {
        // What the nodes say, where `RUST_LOG` asks for it; the first test of the process sets it up.
        drop(
            tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
                .try_init(),
        );
        let folder = std::env::temp_dir().join(format!("keyraft-members-{:032x}", rand::random::<u128>()));
        let ports = free_ports(count + 2);
        let node = |place: usize| Node {
            name: format!("k-{place}"),
            addr: format!("127.0.0.1:{}", ports[place]),
            dir: folder.join(format!("{place}/cluster")),
            operators: Operators::default(),
            cluster: None,
        };
        Self { database: Arc::default(), nodes: (0..count).map(node).collect(), folder, ports }
    }

    /// A port that no node has had.
    pub fn spare_port(&self, number: usize) -> u16 {
        self.ports[self.nodes.len() + number]
    }

    pub fn settings(&mut self, place: usize) -> Settings {
        self.nodes[place].operators = Operators::default();
        let node = &self.nodes[place];
        let addresses = self.nodes.iter().map(|node| node.addr.clone()).collect();
        let founding = Founding {
            expect: 3,
            discovery: Discovery::Static(addresses),
            registry: Some(Arc::clone(&self.database) as Arc<dyn Registry>),
            replicas_file: Some(self.folder.join("replicas")),
            patience: Patience { replace: Duration::from_secs(6), remove: Duration::from_mins(10) },
            operators: node.operators.clone(),
        };
        let mut settings = Settings::new(&node.dir);
        settings.timing = Timing {
            heartbeat: Duration::from_millis(200),
            election_min: Duration::from_millis(800),
            election_max: Duration::from_millis(1_600),
            lost: Duration::from_secs(3),
            connect: Duration::from_secs(2),
        };
        settings.group = Group::Network(Box::new(NetworkSettings {
            cluster: "lab".to_owned(),
            name: node.name.clone(),
            listen: node.addr.parse::<SocketAddr>().unwrap(),
            advertise: node.addr.clone(),
            tls: Tls::Derived(vec![CaSeed::new([7; 32])]),
            formation: Formation::Founded(founding),
        }));
        settings
    }

    /// Starts a node and waits until it is open.
    pub async fn start(&mut self, place: usize) -> Result<(), Error> {
        let settings = self.settings(place);
        self.nodes[place].cluster = Some(Cluster::open(settings).await?);
        Ok(())
    }

    /// Starts several at once and waits until all are ready.
    pub async fn start_all(&mut self, places: &[usize]) {
        let settings: Vec<_> = places.iter().map(|place| self.settings(*place)).collect();
        let opened = futures::future::join_all(settings.into_iter().map(Cluster::open)).await;
        for (place, opened) in places.iter().zip(opened) {
            self.nodes[*place].cluster = Some(opened.unwrap());
        }
        for place in places {
            self.ready(*place).await;
        }
    }

    /// Stops a node as a signal would.
    pub async fn stop(&mut self, place: usize) {
        if let Some(cluster) = self.nodes[place].cluster.take() {
            cluster.shutdown().await.unwrap();
        }
    }

    /// Waits until a node is ready.
    pub async fn ready(&self, place: usize) {
        eventually(&format!("node {place} is ready"), async || match self.cluster(place).unready() {
            None => Ok(()),
            Some(why) => Err(why),
        })
        .await;
    }

    pub fn cluster(&self, place: usize) -> &Cluster {
        self.nodes[place].cluster.as_ref().unwrap()
    }

    /// The status as that node tells it.
    pub async fn status(&self, place: usize) -> Status {
        self.cluster(place).status().await.unwrap()
    }

    /// Waits until the status is as it should be.
    pub async fn until(&self, place: usize, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let mut last = Status::default();
        let began = Instant::now();
        while began.elapsed() < LATEST {
            last = self.status(place).await;
            if is_so(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{what} did not come to pass: {last:#?}");
    }

    pub fn wipe(&self, place: usize) {
        fs::remove_dir_all(&self.nodes[place].dir).unwrap();
    }

    pub fn want_replicas(&self, count: usize) {
        fs::write(self.folder.join("replicas"), format!("{count}\n")).unwrap();
    }
}

/// Names of the voters, sorted.
pub fn voters(status: &Status) -> Vec<String> {
    let mut names: Vec<String> = status
        .nodes
        .iter()
        .filter(|node| node.role != keyraft_cluster::Role::Learner)
        .map(|node| node.name.clone())
        .collect();
    names.sort();
    names
}

/// Waits until something is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> Result<(), String>) {
    let began = Instant::now();
    let mut why = String::new();
    while began.elapsed() < LATEST {
        match is_so().await {
            Ok(()) => return,
            Err(now) => why = now,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not in {LATEST:?}: {what}: {why}");
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
