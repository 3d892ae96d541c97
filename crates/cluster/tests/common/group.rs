//! Several nodes in one process, over loopback and TLS, with real files.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use keyraft_cluster::{
    CaSeed, Cluster, Error, Formation, Group, Member, NetworkSettings, Settings, Tls, command::Command,
};

use super::Folder;

/// The nodes; each is named by its id.
pub struct Nodes {
    members: BTreeMap<u64, Member>,
    folders: BTreeMap<u64, Folder>,
    running: BTreeMap<u64, Cluster>,
    seeds: Vec<[u8; 32]>,
    /// What is changed of each node's settings.
    adjust: fn(&mut Settings),
}

impl Nodes {
    /// Starts that many.
    pub async fn start(count: u64) -> Self {
        Self::start_with(count, |_| {}).await
    }

    /// Starts that many with other settings than the usual.
    pub async fn start_with(count: u64, adjust: fn(&mut Settings)) -> Self {
        let members =
            (1..=count).map(|id| (id, Member::new(format!("node-{id}"), free_address().to_string())));
        let members: BTreeMap<_, _> = members.collect();
        let folders = members.keys().map(|id| (*id, Folder::new())).collect();
        let mut nodes = Self { members, folders, running: BTreeMap::new(), seeds: vec![[7; 32]], adjust };
        for id in 1..=count {
            nodes.resume(id).await;
        }
        nodes
    }

    /// The node of that id.
    pub fn node(&self, id: u64) -> &Cluster {
        &self.running[&id]
    }

    /// The ids of those that run.
    pub fn running(&self) -> Vec<u64> {
        self.running.keys().copied().collect()
    }

    /// Where a node listens.
    pub fn address(&self, id: u64) -> SocketAddr {
        self.members[&id].addr.parse().unwrap()
    }

    /// The seeds of the CA that nodes started from here on get.
    pub fn set_seeds(&mut self, seeds: &[[u8; 32]]) {
        self.seeds = seeds.to_vec();
    }

    /// What a node is told.
    pub fn settings(&self, id: u64) -> Settings {
        let member = &self.members[&id];
        let mut settings = Settings::new(self.folders[&id].path());
        (self.adjust)(&mut settings);
        settings.group = Group::Network(Box::new(NetworkSettings {
            cluster: "blue".to_owned(),
            name: member.name.clone(),
            listen: member.addr.parse().unwrap(),
            advertise: member.addr.clone(),
            tls: Tls::Derived(self.seeds.iter().map(|seed| CaSeed::new(*seed)).collect()),
            formation: Formation::Fixed { id, members: self.members.clone() },
        }));
        settings
    }

    /// Starts a node on the disk that it had.
    pub async fn resume(&mut self, id: u64) {
        let begun = Instant::now();
        loop {
            match Cluster::open(self.settings(id)).await {
                Ok(cluster) => {
                    self.running.insert(id, cluster);
                    return;
                }
                // The node before it is on its way out.
                Err(Error::Storage(_) | Error::Network(_)) if begun.elapsed() < Duration::from_secs(10) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Ends a node without a word to anybody.
    pub fn kill(&mut self, id: u64) {
        self.running.remove(&id);
    }

    /// Ends a node in order.
    pub async fn stop(&mut self, id: u64) {
        self.running.remove(&id).unwrap().shutdown().await.unwrap();
    }

    /// The leader, once there is one and a majority follows it.
    pub async fn leader(&self) -> u64 {
        let begun = Instant::now();
        loop {
            for (id, cluster) in &self.running {
                if cluster.metrics().is_leader && cluster.is_informed() {
                    return *id;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no leader");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until that holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// An address that nobody listens at.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A command asked until it is answered, as a browser would.
pub async fn persist(cluster: &Cluster, command: Command) -> keyraft_cluster::command::Outcome {
    let begun = Instant::now();
    loop {
        match cluster.write(command.clone()).await {
            Ok(outcome) => return outcome,
            Err(Error::NoQuorum | Error::Timeout) if begun.elapsed() < Duration::from_secs(20) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}
