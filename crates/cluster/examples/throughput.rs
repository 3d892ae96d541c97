//! Measures the maps on this machine: durable commands per second, bytes per session, time to start.
//!
//! `cargo run --release -p keyraft-cluster --example throughput [folder]`; with `three` before the folder, three
//! nodes in one process, over loopback and TLS, each with its own log and syncs.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that stops at the first failure")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use keyraft_cluster::{
    CaSeed, Cluster, Formation, Group, Member, NetworkSettings, Settings, Tls,
    command::{AttachClient, Command, NewClientSession, Outcome, StartSession},
    handle,
    session::{Kind, Limits, Notes},
};
use keyraft_model::{DurationMs, RealmId, UserId};

const SESSIONS: usize = 50_000;
const SPAN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["open", dir] => open(Path::new(dir)).await,
        ["three", dir] => three(Path::new(dir)).await,
        ["three"] => three(&std::env::temp_dir().join("keyraft-throughput-three")).await,
        [dir] => measure(Path::new(dir)).await,
        _ => measure(&std::env::temp_dir().join("keyraft-throughput")).await,
    }
}

async fn measure(dir: &Path) {
    drop(std::fs::remove_dir_all(dir));
    let cluster = Cluster::open(Settings::new(dir)).await.unwrap();
    let sid = sign_in(&cluster, 0).await;
    for writers in [1, 8, 64, 256] {
        touch_with(&cluster, &sid, writers).await;
    }
    read(&cluster, &sid).await;
    fill(&cluster).await;
    tokio::time::sleep(SPAN).await;
    for writers in [1, 64] {
        touch_with(&cluster, &sid, writers).await;
    }
    let kept = dir.with_extension("killed");
    copy(dir, &kept);
    cluster.shutdown().await.unwrap();
    println!("after a kill:");
    in_new_process(&kept);
    println!("after a shutdown:");
    in_new_process(dir);
    println!("empty, first and second start:");
    drop(std::fs::remove_dir_all(dir));
    in_new_process(dir);
    in_new_process(dir);
    drop(std::fs::remove_dir_all(dir));
    drop(std::fs::remove_dir_all(kept));
}

/// Three nodes: commands at the leader and at a follower, reads at a follower, and what a leader's end costs.
async fn three(dir: &Path) {
    drop(std::fs::remove_dir_all(dir));
    let address = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let members: BTreeMap<u64, Member> =
        (1..=3).map(|id| (id, Member::new(format!("node-{id}"), address()))).collect();
    let mut nodes = BTreeMap::new();
    for id in 1..=3 {
        nodes.insert(id, Cluster::open(member(dir, id, &members)).await.unwrap());
    }
    let leader = leader(&nodes).await;
    let follower = leader % 3 + 1;
    let sid = sign_in(&nodes[&leader], 0).await;
    for (place, id) in [("leader", leader), ("follower", follower)] {
        println!("at the {place}:");
        for writers in [1, 64, 512] {
            touch_with(&nodes[&id], &sid, writers).await;
        }
    }
    println!("at the follower:");
    read_with(&nodes[&follower], &sid, 1).await;
    read_with(&nodes[&follower], &sid, 64).await;
    for round in 1..=5 {
        end_leader(dir, &mut nodes, &members, round).await;
    }
    for (_, node) in nodes {
        node.shutdown().await.unwrap();
    }
    drop(std::fs::remove_dir_all(dir));
}

fn member(dir: &Path, id: u64, members: &BTreeMap<u64, Member>) -> Settings {
    let Member { name, addr } = members[&id].clone();
    let mut settings = Settings::new(dir.join(&name));
    settings.group = Group::Network(Box::new(NetworkSettings {
        cluster: "throughput".to_owned(),
        name,
        listen: addr.parse().unwrap(),
        advertise: addr,
        tls: Tls::Derived(vec![CaSeed::new([1; 32])]),
        formation: Formation::Fixed { id, members: members.clone() },
    }));
    settings
}

async fn leader(nodes: &BTreeMap<u64, Cluster>) -> u64 {
    loop {
        let found = nodes.iter().find(|(_, node)| node.metrics().is_leader && node.is_informed());
        if let Some((id, _)) = found {
            return *id;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// How long no command is answered after a leader is killed, and after it has handed over.
async fn end_leader(
    dir: &Path,
    nodes: &mut BTreeMap<u64, Cluster>,
    members: &BTreeMap<u64, Member>,
    round: usize,
) {
    let first = leader(nodes).await;
    let begun = Instant::now();
    nodes[&first].step_down().await;
    sign_in_somewhere(nodes, 1_000 + round).await;
    let handed_over = begun.elapsed();
    let second = leader(nodes).await;
    let begun = Instant::now();
    drop(nodes.remove(&second));
    sign_in_somewhere(nodes, 2_000 + round).await;
    println!("handed over: {} ms, killed: {} ms", handed_over.as_millis(), begun.elapsed().as_millis());
    loop {
        // The node that was killed lets go of its folder in its own time.
        if let Ok(node) = Cluster::open(member(dir, second, members)).await {
            nodes.insert(second, node);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn sign_in_somewhere(nodes: &BTreeMap<u64, Cluster>, number: usize) {
    loop {
        for node in nodes.values() {
            if node.write(Command::StartSession(start(number))).await.is_ok() {
                return;
            }
        }
    }
}

async fn read_with(cluster: &Cluster, sid: &str, readers: usize) {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..readers)
        .map(|_| {
            let (cluster, sid) = (cluster.clone(), sid.to_owned());
            tokio::spawn(async move {
                let mut count = 0_u128;
                while begun.elapsed() < SPAN {
                    assert!(cluster.view().await.unwrap().session(&sid, Kind::Online).is_some());
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap();
    }
    println!("{readers:>4} readers: {} linearizable reads/s", count * 1_000 / begun.elapsed().as_millis());
}

/// The folder as it is on disk while the process goes on, as a kill would leave it.
fn copy(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn in_new_process(dir: &Path) {
    let program = std::env::current_exe().unwrap();
    std::process::Command::new(program).arg("open").arg(dir).status().unwrap();
}

/// Opens a folder and says how long it took and what memory it takes.
async fn open(dir: &Path) {
    let begun = Instant::now();
    let cluster = Cluster::open(Settings::new(dir)).await.unwrap();
    let (millis, metrics) = (begun.elapsed().as_millis(), cluster.metrics());
    println!("  {} objects: {millis} ms, resident {} KiB", metrics.entries, resident_kib());
    cluster.shutdown().await.unwrap();
}

/// A small command of every-day size, from so many tasks at once.
async fn touch_with(cluster: &Cluster, sid: &str, writers: usize) {
    let (count, micros) = (Arc::new(AtomicU64::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (cluster, sid) = (cluster.clone(), sid.to_owned());
            let (count, micros) = (Arc::clone(&count), Arc::clone(&micros));
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while begun.elapsed() < SPAN {
                    let since = Instant::now();
                    let notes = vec![("note".to_owned(), Some("value".to_owned()))];
                    let command = Command::SetNotes { sid: sid.clone(), kind: Kind::Online, notes };
                    assert!(matches!(cluster.write(command).await.unwrap(), Outcome::Done { .. }));
                    mine.push(since.elapsed().as_micros());
                    count.fetch_add(1, Ordering::Relaxed);
                }
                micros.lock().unwrap().append(&mut mine);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut micros = micros.lock().unwrap().clone();
    micros.sort_unstable();
    let at = |share: usize| micros[micros.len() * share / 1_000];
    let rate = u128::from(count.load(Ordering::Relaxed)) * 1_000 / begun.elapsed().as_millis();
    println!("{writers:>4} writers: {rate} durable commands/s, p50 {} us, p99 {} us", at(500), at(990));
}

async fn read(cluster: &Cluster, sid: &str) {
    let begun = Instant::now();
    for _ in 0..200_000 {
        assert!(cluster.view().await.unwrap().session(sid, Kind::Online).is_some());
    }
    println!("linearizable read: {} ns", begun.elapsed().as_nanos() / 200_000);
}

/// Sessions with two clients each.
async fn fill(cluster: &Cluster) {
    let (before, begun) = (resident_kib(), Instant::now());
    let tasks: Vec<_> = (0..64)
        .map(|writer| {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                for number in (writer..SESSIONS).step_by(64) {
                    let sid = sign_in(&cluster, number).await;
                    attach(&cluster, number, sid).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let rate = (SESSIONS * 2) as u128 * 1_000 / begun.elapsed().as_millis();
    let metrics = cluster.metrics();
    println!("{SESSIONS} sessions with two clients: {rate} durable sign-ins and attachments/s");
    println!("  accounted: {} bytes per session", metrics.bytes / SESSIONS as u64);
    println!("  resident: {} bytes per session, log included", (resident_kib() - before) * 1_024 / SESSIONS);
}

async fn sign_in(cluster: &Cluster, number: usize) -> String {
    match cluster.write(Command::StartSession(start(number))).await.unwrap() {
        Outcome::Started { session, .. } => session.sid,
        other => panic!("{other:?}"),
    }
}

fn start(number: usize) -> StartSession {
    let (realm, user) = (realm(), user(number));
    StartSession {
        sid: handle::new_sid(&realm, &user),
        realm,
        user,
        limits: limits(),
        remember_me: false,
        ip_address: "192.0.2.1".to_owned(),
        notes: Notes::from([
            ("AUTH_TIME".to_owned(), "1764000000".to_owned()),
            ("acr".to_owned(), "1".to_owned()),
        ]),
        client: Some(client("3f1c0a52-7a0d-4a6e-9c41-0d6b4d5f0a01")),
        code: None,
        login: None,
    }
}

async fn attach(cluster: &Cluster, number: usize, sid: String) {
    let attach = AttachClient {
        sid,
        realm: realm(),
        user: user(number),
        client: client("3f1c0a52-7a0d-4a6e-9c41-0d6b4d5f0a02"),
        code: None,
        login: None,
        notes: Notes::new(),
    };
    assert!(matches!(cluster.write(Command::AttachClient(attach)).await.unwrap(), Outcome::Started { .. }));
}

fn client(id: &str) -> NewClientSession {
    NewClientSession {
        client: id.into(),
        limits: Limits::default(),
        scope: "openid profile email".to_owned(),
        redirect_uri: Some("https://shop.example.com/callback".to_owned()),
        notes: Notes::from([
            ("acr".to_owned(), "1".to_owned()),
            ("nonce".to_owned(), "Zm9vYmFyYmF6".to_owned()),
        ]),
    }
}

fn limits() -> Limits {
    Limits { max: Some(DurationMs(36_000_000)), idle: Some(DurationMs(1_800_000)) }
}

fn realm() -> RealmId {
    "0b0c2f5e-5d5e-4c1c-8a57-1b2f9c3d4e5f".into()
}

fn user(number: usize) -> UserId {
    format!("7d3f9a10-0000-4000-8000-{number:012}").into()
}

/// Resident memory that is not of files, by the kernel's word; 0 where it has none.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse().ok()).unwrap_or(0)
}
