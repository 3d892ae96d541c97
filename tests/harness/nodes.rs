//! Several servers that form one cluster over one PostgreSQL, each a process of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use reqwest::Client;
use serde_json::Value;

use crate::child::{Child, free_port};
use crate::database::Database;
use crate::fault_proxy::{FaultProxy, Weather};
use crate::keyraft::Keyraft;

/// Name and password of the administrator that the first node makes.
const ADMINISTRATOR: &str = "admin";
const PASSWORD: &str = "4fT0v9zLk2QmXw7R";
/// What all nodes are called in public.
const PUBLIC: &str = "http://localhost:8080";
/// Waiting longer than this means that something is wrong, however busy the machine.
const LATEST: Duration = Duration::from_mins(3);

/// The nodes and their database.
#[derive(Debug)]
pub struct Nodes {
    members: Vec<Node>,
    http: Client,
    proxy: Option<FaultProxy>,
    database: Database,
}

/// One node.
#[derive(Debug)]
struct Node {
    name: String,
    command: Command,
    child: Child,
    url: String,
    health: String,
    data: PathBuf,
    runs: bool,
}

impl Nodes {
    /// Starts so many nodes at once and waits until all are ready; `None` where there is no PostgreSQL.
    ///
    /// # Errors
    /// One does not start; the error carries its log.
    pub async fn start(binary: &str, count: usize) -> Result<Option<Self>> {
        let Some(database) = Database::of_this_test()? else { return Ok(None) };
        let url = database.url();
        Self::start_over(binary, count, (database, &url, None)).await.map(Some)
    }

    /// As [`Nodes::start`], with a network on the way to the database that fails on demand.
    ///
    /// # Errors
    /// As [`Nodes::start`].
    pub async fn start_behind_proxy(binary: &str, count: usize) -> Result<Option<Self>> {
        let Some(database) = Database::of_this_test()? else { return Ok(None) };
        let proxy = FaultProxy::start(database.upstream()).await?;
        let url = database.url_through(&proxy);
        Self::start_over(binary, count, (database, &url, Some(proxy))).await.map(Some)
    }

    async fn start_over(
        binary: &str,
        count: usize,
        (database, url, proxy): (Database, &str, Option<FaultProxy>),
    ) -> Result<Self> {
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect::<Result<_>>()?;
        let peers: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let nodes = (0..count)
            .map(|place| Node::start(binary, place, ports[place], &peers, url))
            .collect::<Result<_>>()?;
        let http = Client::builder().timeout(Duration::from_secs(15)).build()?;
        let mut nodes = Self { members: nodes, http, proxy, database };
        for place in 0..count {
            nodes.ready(place).await?;
        }
        Ok(nodes)
    }

    /// Their database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Changes what all nodes meet on the way to their database.
    ///
    /// # Panics
    /// There is nothing on the way.
    pub fn weather(&self, weather: Weather) {
        self.proxy.as_ref().expect("there is a proxy").set(weather);
    }

    /// A node as the server that it is.
    ///
    /// # Errors
    /// There is no HTTP client.
    pub fn server(&self, place: usize) -> Result<Keyraft> {
        Keyraft::of_this_test(&self.members[place].url, PUBLIC, (ADMINISTRATOR, PASSWORD))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Waits until a node says that it is ready.
    ///
    /// # Errors
    /// It is not ready in time; the error carries its log.
    pub async fn ready(&mut self, place: usize) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < LATEST {
            for node in self.members.iter_mut().filter(|node| node.runs) {
                node.child.still_runs().with_context(|| format!("{} ended by itself", node.name))?;
            }
            let node = &self.members[place];
            if self.http.get(&node.health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let node = &self.members[place];
        bail!("{} is not ready:\n{}", node.name, node.child.log())
    }

    /// Ends a node without warning.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn kill(&mut self, place: usize) -> Result<()> {
        self.members[place].runs = false;
        self.members[place].child.kill()
    }

    /// Asks a node to stop and waits until it has.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn terminate(&mut self, place: usize) -> Result<()> {
        self.members[place].runs = false;
        self.members[place].child.terminate().await
    }

    /// Starts a node that was ended.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start_again(&mut self, place: usize) -> Result<()> {
        let node = &mut self.members[place];
        node.runs = true;
        node.child.start_again(&mut node.command)
    }

    /// Takes away what a node that was ended holds of the cluster.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn wipe(&self, place: usize) -> Result<()> {
        Ok(std::fs::remove_dir_all(self.members[place].data.join("cluster"))?)
    }

    /// What `keyraft cluster …` says on the machine of a node.
    ///
    /// # Errors
    /// It fails, with what it says.
    pub fn command(&self, place: usize, arguments: &[&str]) -> Result<String> {
        let node = &self.members[place];
        let mut command = Command::new(node.command.get_program());
        for (name, value) in node.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let said = command.arg("cluster").args(arguments).output()?;
        if !said.status.success() {
            bail!("{}", String::from_utf8_lossy(&said.stderr));
        }
        Ok(String::from_utf8(said.stdout)?)
    }

    /// As [`Nodes::command`], as soon as the node can be asked.
    ///
    /// # Errors
    /// It cannot be asked in time, or refuses.
    pub async fn until_said(&self, place: usize, arguments: &[&str]) -> Result<String> {
        let began = Instant::now();
        loop {
            match self.command(place, arguments) {
                Err(_) if began.elapsed() < LATEST => tokio::time::sleep(Duration::from_millis(100)).await,
                said => return said,
            }
        }
    }

    /// The cluster as a node that runs tells it.
    ///
    /// # Errors
    /// The node does not answer.
    pub fn status(&self, place: usize) -> Result<Value> {
        Ok(serde_json::from_str(&self.command(place, &["status", "--json"])?)?)
    }

    /// Waits until the status as a node tells it is as it should be.
    ///
    /// # Errors
    /// It does not become so in time.
    pub async fn until(&self, place: usize, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let began = Instant::now();
        let mut last = Value::Null;
        while began.elapsed() < LATEST {
            if let Ok(status) = self.status(place) {
                if is_so(&status) {
                    return Ok(status);
                }
                last = status;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        bail!("{what}: not in {LATEST:?}: {last:#}\n{}", self.members[place].child.log())
    }

    /// The place of the leader, as the first node that runs knows it.
    ///
    /// # Errors
    /// No node knows one.
    pub async fn leader(&self) -> Result<usize> {
        let asked = self.members.iter().position(|node| node.runs).context("no node runs")?;
        let status = self.until(asked, "a leader is known", |status| status["leader"].is_string()).await?;
        let name = status["leader"].as_str().unwrap_or_default();
        self.members.iter().position(|node| node.name == name).context("the leader is no node of this test")
    }

    /// A client of these nodes that outlives changes to them.
    pub fn client(&self) -> Visitor {
        Visitor { http: self.http.clone(), urls: self.members.iter().map(|node| node.url.clone()).collect() }
    }

    /// The administrator signs in at a node; the refresh token, or the status of the answer.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn sign_in(&self, place: usize) -> Result<std::result::Result<String, u16>> {
        let form = [("grant_type", "password"), ("username", ADMINISTRATOR), ("password", PASSWORD)];
        self.client().token(place, &form).await
    }

    /// Uses a refresh token at a node; a new one, or the status of the answer.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn refresh(&self, place: usize, token: &str) -> Result<std::result::Result<String, u16>> {
        self.client().refresh(place, token).await
    }

    /// Everything that a node has written.
    pub fn log(&self, place: usize) -> String {
        self.members[place].child.whole_log()
    }
}

/// Somebody who uses the nodes.
#[derive(Clone, Debug)]
pub struct Visitor {
    http: Client,
    urls: Vec<String>,
}

impl Visitor {
    /// Uses a refresh token at a node; a new one, or the status of the answer.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn refresh(&self, place: usize, token: &str) -> Result<std::result::Result<String, u16>> {
        self.token(place, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn token(&self, place: usize, form: &[(&str, &str)]) -> Result<std::result::Result<String, u16>> {
        let url = format!("{}/realms/master/protocol/openid-connect/token", self.urls[place]);
        let form: Vec<_> = form.iter().copied().chain([("client_id", "admin-cli")]).collect();
        let answer = self.http.post(url).form(&form).send().await?;
        let status = answer.status();
        if !status.is_success() {
            return Ok(Err(status.as_u16()));
        }
        let body: Value = answer.json().await?;
        Ok(Ok(body["refresh_token"].as_str().context("no refresh token")?.to_owned()))
    }
}

impl Node {
    fn start(binary: &str, place: usize, port: u16, peers: &[String], database: &str) -> Result<Self> {
        let (http, management) = (free_port()?, free_port()?);
        let name = format!("keyraft-{place}");
        let folder = Child::folder(&name)?;
        let data = folder.join("data");
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("KC_") || name.starts_with("KEYRAFT_") {
                command.env_remove(name);
            }
        }
        let timings = [
            ("HEARTBEAT", "500ms"),
            ("ELECTION_MIN", "1500ms"),
            ("ELECTION_MAX", "3s"),
            ("LOST", "4s"),
            ("CONNECT", "2s"),
        ];
        command
            .env("KEYRAFT_DATA_DIR", &data)
            .env("KEYRAFT_MASTER_KEY", "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=")
            .env("KEYRAFT_DB_URL", database)
            .env("KC_HTTP_ENABLED", "true")
            .env("KC_HTTP_HOST", "127.0.0.1")
            .env("KC_HOSTNAME", PUBLIC)
            .env("KC_HTTP_PORT", http.to_string())
            .env("KC_HTTP_MANAGEMENT_PORT", management.to_string())
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMINISTRATOR)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD)
            .env("KEYRAFT_CLUSTER_EXPECT", peers.len().to_string())
            .env("KEYRAFT_CLUSTER_NODE_NAME", &name)
            .env("KEYRAFT_CLUSTER_LISTEN", "127.0.0.1")
            .env("KEYRAFT_CLUSTER_PORT", port.to_string())
            .env("KEYRAFT_CLUSTER_NODES", peers.join(","))
            .envs(timings.map(|(name, value)| (format!("KEYRAFT_CLUSTER_{name}"), value)))
            .current_dir(&folder)
            .arg("start");
        let child = Child::start(&name, folder, &mut command)?;
        let url = format!("http://127.0.0.1:{http}");
        let health = format!("http://127.0.0.1:{management}/health/ready");
        Ok(Self { name, command, child, url, health, data, runs: true })
    }
}
