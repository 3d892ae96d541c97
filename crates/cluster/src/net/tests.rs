//! Two ends of a connection over loopback; strangers and their certificates; bytes that mean nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    CaSeed, CallError, Formation, Lane, Net, NetworkSettings, Serve, Target, Tcp, Tls, Transport,
    authority::Authority,
    connection::{Connection, Patience},
    frames, handshake,
    identity::NodeUri,
    tls::Identity,
    wire::{self, Hello, PROTOCOL, PROTOCOL_MIN, Refusal, Request, Response},
};
use crate::{Member, Timing};

/// Answers `ReadIndex` with 42 and `Members` with what was asked; never answers `Entities`.
#[derive(Debug)]
struct Echo(Hello);

impl Serve for Echo {
    fn hello(&self) -> Hello {
        self.0.clone()
    }

    fn admit(&self, peer: &Hello) -> Result<(), Refusal> {
        if peer.name == "banned" { Err(Refusal::Stranger("not you".to_owned())) } else { Ok(()) }
    }

    fn place(&self, _: u64) -> Option<String> {
        None
    }

    fn serve(&self, _: &Hello, request: Request) -> BoxFuture<'static, Response> {
        async move {
            match request {
                Request::ReadIndex => Response::ReadIndex(42),
                Request::Members(bytes) => {
                    tokio::task::yield_now().await;
                    Response::Members(bytes)
                }
                _ => std::future::pending().await,
            }
        }
        .boxed()
    }
}

fn settings(cluster: &str, name: &str, tls: Tls) -> NetworkSettings {
    NetworkSettings {
        cluster: cluster.to_owned(),
        name: name.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        advertise: String::new(),
        tls,
        formation: Formation::Fixed { id: 1, members: BTreeMap::new() },
    }
}

fn derived(seeds: &[u8]) -> Tls {
    Tls::Derived(seeds.iter().map(|seed| CaSeed::new([*seed; 32])).collect())
}

fn timing() -> Timing {
    Timing { lost: Duration::from_millis(800), ..Timing::default() }
}

struct End {
    net: Net,
    addr: String,
    identity: Arc<Identity>,
    serve: Arc<Echo>,
}

async fn end_of(settings: &NetworkSettings, id: u64) -> End {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let hello = Hello {
        protocol: (PROTOCOL_MIN, PROTOCOL),
        cluster: settings.cluster.clone(),
        id: Some(id),
        name: settings.name.clone(),
        addr: addr.clone(),
        ..Hello::default()
    };
    let (identity, serve) = (Arc::new(Identity::new(settings).unwrap()), Arc::new(Echo(hello)));
    let transport = Tcp::start(listener, Arc::clone(&identity), Arc::clone(&serve) as _, &timing());
    End { net: Net::new(Arc::new(transport)), addr, identity, serve }
}

async fn end(name: &str, id: u64) -> End {
    end_of(&settings("blue", name, derived(&[1])), id).await
}

impl End {
    async fn ask(&self, to: &Target) -> Result<Response, CallError> {
        self.net.call(to, Lane::Raft, &Request::ReadIndex, Duration::from_secs(5)).await
    }
}

fn target(of: &End, name: &str, id: u64) -> Target {
    Target::member(id, &Member::new(name, of.addr.clone()))
}

#[tokio::test]
async fn many_questions_are_in_flight_and_each_gets_its_own_answer() {
    let (alice, bob) = (end("alice", 1).await, end("bob", 2).await);
    alice.net.keep(&[(2, Member::new("bob", bob.addr.clone()))].into());

    let to = target(&bob, "bob", 2);
    let calls = (0..500_u32).map(|number| {
        let question = Request::Members(number.to_be_bytes().to_vec());
        alice.net.call(&to, Lane::Bulk, &question, Duration::from_secs(10))
    });
    let answers = futures::future::join_all(calls).await;

    for (number, answer) in answers.into_iter().enumerate() {
        let expected = u32::try_from(number).unwrap().to_be_bytes().to_vec();
        assert_eq!(answer, Ok(Response::Members(expected)));
    }
    let nothing = Request::Entities(vec![]);
    let late = alice.net.call(&to, Lane::Raft, &nothing, Duration::from_millis(100)).await;
    assert_eq!(late, Err(CallError::Lost));
}

#[tokio::test]
async fn who_answers_must_be_who_was_meant() {
    let (alice, bob) = (end("alice", 1).await, end("bob", 2).await);

    assert_eq!(alice.ask(&target(&bob, "bob", 2)).await, Ok(Response::ReadIndex(42)));
    assert_eq!(alice.ask(&Target::at(bob.addr.clone())).await, Ok(Response::ReadIndex(42)));
    for (name, id) in [("bob", 3), ("carol", 2)] {
        let answer = alice.ask(&target(&bob, name, id)).await;
        assert!(matches!(answer, Err(CallError::WrongPeer(_))), "{answer:?}");
    }
    assert_eq!(alice.net.dial(&bob.addr).await.unwrap().name, "bob");
    let banned = end("banned", 9).await;
    assert!(matches!(banned.ask(&target(&bob, "bob", 2)).await, Err(CallError::Refused(_))));
}

#[tokio::test]
async fn another_ca_another_cluster_and_another_name_are_refused() {
    let bob = end("bob", 2).await;

    for strange in [settings("blue", "eve", derived(&[2])), settings("green", "eve", derived(&[1]))] {
        let eve = end_of(&strange, 5).await;
        let answer = eve.ask(&Target::at(bob.addr.clone())).await;
        assert!(matches!(answer, Err(CallError::Unreachable(_))), "{strange:?}: {answer:?}");
        let answer = bob.ask(&Target::at(eve.addr.clone())).await;
        assert!(matches!(answer, Err(CallError::Unreachable(_))), "{strange:?}: {answer:?}");
    }
    // A certificate of the cluster, and another node's name in the greeting.
    let mut liar = end("eve", 5).await;
    let hello = Hello { name: "alice".to_owned(), ..liar.serve.0.clone() };
    liar.serve = Arc::new(Echo(hello));
    let answer = handshake::connect(&liar.identity, &*liar.serve, &Target::at(bob.addr), SECOND).await;
    assert!(matches!(answer, Err(CallError::Refused(_))), "{:?}", answer.err());
}

const SECOND: Duration = Duration::from_secs(2);

/// Certificate, key and CA as files, made as if it had been `now`.
fn files(dir: &Path, seed: u8, name: &str, now: u64) -> Tls {
    let authority = Authority::new("blue", &CaSeed::new([seed; 32])).unwrap();
    let uri = NodeUri::new("blue", name).unwrap();
    let made = authority.issue(&uri, now, Duration::from_hours(24)).unwrap();
    let pem = |label: &str, der: &[u8]| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    let write = |file: &str, text: String| -> PathBuf {
        let path = dir.join(format!("{name}-{file}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    Tls::Files {
        ca: write("ca.pem", pem("CERTIFICATE", authority.certificate())),
        cert: write("cert.pem", pem("CERTIFICATE", &made.chain[0])),
        key: write("key.pem", pem("PRIVATE KEY", made.key.secret_der())),
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("keyraft-net-{:032x}", rand::random::<u128>()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn now() -> u64 {
    u64::try_from(crate::time::wall_us() / 1_000_000).unwrap()
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_a_new_one_needs_no_restart() {
    let folder = Folder::new();
    let bob = end_of(&settings("blue", "bob", files(&folder.0, 1, "bob", now())), 2).await;
    let last_week = now() - 7 * 86_400;
    let alice = end_of(&settings("blue", "alice", files(&folder.0, 1, "alice", last_week)), 1).await;

    let to = target(&bob, "bob", 2);
    assert!(matches!(alice.ask(&to).await, Err(CallError::Unreachable(_))));
    assert!(matches!(bob.ask(&Target::at(alice.addr.clone())).await, Err(CallError::Unreachable(_))));

    files(&folder.0, 1, "alice", now());
    alice.identity.renew().unwrap();
    assert_eq!(alice.ask(&to).await, Ok(Response::ReadIndex(42)));
    assert_eq!(bob.ask(&Target::at(alice.addr.clone())).await, Ok(Response::ReadIndex(42)));
}

#[tokio::test]
async fn files_of_another_node_are_refused_before_anything_starts() {
    let folder = Folder::new();
    let tls = files(&folder.0, 1, "bob", now());

    let refused = Identity::new(&settings("blue", "alice", tls)).unwrap_err();

    assert!(refused.contains("keyraft://blue/node/alice"), "{refused}");
}

#[tokio::test]
async fn both_master_keys_are_trusted_while_one_replaces_the_other() {
    let old = end_of(&settings("blue", "old", derived(&[1])), 1).await;
    let between = end_of(&settings("blue", "between", derived(&[1, 2])), 2).await;
    let after = end_of(&settings("blue", "after", derived(&[2, 1])), 3).await;
    let new = end_of(&settings("blue", "new", derived(&[2])), 4).await;

    for (one, other) in [(&old, &between), (&between, &after), (&after, &new)] {
        assert!(one.ask(&Target::at(other.addr.clone())).await.is_ok());
        assert!(other.ask(&Target::at(one.addr.clone())).await.is_ok());
    }
    assert!(old.ask(&Target::at(new.addr.clone())).await.is_err());
}

#[tokio::test]
async fn a_client_without_a_certificate_learns_nothing() {
    let bob = end("bob", 2).await;
    let mut config = (*bob.identity.configs().client).clone();
    config.client_auth_cert_resolver = Arc::new(NoCertificate);

    let stream = TcpStream::connect(&bob.addr).await.unwrap();
    let name = rustls::pki_types::ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
    let connected = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    // TLS 1.3 tells the client only with the next flight that it was refused.
    let mut heard = Vec::new();
    if let Ok(mut stream) = connected {
        let greeting = wire::Greeting { hello: bob.serve.0.clone(), to: (None, None) };
        let payload = wire::encode(&greeting).unwrap();
        let frame = frames::Frame { kind: frames::Kind::Hello, number: 0, payload };
        drop(frames::write(&mut stream, &frame, frames::MAX_HELLO).await);
        drop(stream.flush().await);
        drop(stream.read_to_end(&mut heard).await);
    }

    assert!(heard.is_empty(), "{heard:?}");
}

/// No certificate, whoever asks.
#[derive(Debug)]
struct NoCertificate;

impl rustls::client::ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn whatever_bytes_a_stranger_sends_he_is_cut_off_and_members_are_served() {
    let (alice, bob) = (end("alice", 1).await, end("bob", 2).await);
    let mut seed = 7_u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };

    let mut strangers = Vec::new();
    for round in 0..60_usize {
        let mut bytes: Vec<u8> = (0..round * 700).map(|_| next()).collect();
        if round % 3 == 0 {
            // Looks like TLS to begin with, and promises more than comes.
            bytes.splice(0..0, [0x16, 0x03, 0x01, 0x3f, 0xff]);
        }
        let addr = bob.addr.clone();
        strangers.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let begun = Instant::now();
            drop(stream.write_all(&bytes).await);
            let mut heard = vec![0; 4096];
            loop {
                match tokio::time::timeout(Duration::from_secs(10), stream.read(&mut heard)).await {
                    Ok(Ok(0) | Err(_)) => return begun.elapsed(),
                    Ok(Ok(_)) => {}
                    Err(late) => panic!("still open: {late}"),
                }
            }
        }));
    }
    for stranger in strangers {
        assert!(stranger.await.unwrap() < Duration::from_secs(5));
    }

    assert_eq!(alice.ask(&target(&bob, "bob", 2)).await, Ok(Response::ReadIndex(42)));
}

#[tokio::test]
async fn a_member_that_sends_more_than_a_frame_may_hold_is_cut_off() {
    let (alice, bob) = (end("alice", 1).await, end("bob", 2).await);
    let to = Target::at(bob.addr.clone());
    let (mut stream, _) = handshake::connect(&alice.identity, &*alice.serve, &to, SECOND).await.unwrap();

    let length = u32::try_from(frames::MAX + 1).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], &[1], &[0; 8]].concat()).await.unwrap();
    stream.flush().await.unwrap();
    let mut heard = Vec::new();
    drop(tokio::time::timeout(Duration::from_millis(500), stream.read_to_end(&mut heard)).await.unwrap());

    assert!(heard.is_empty());
    let large = Request::Members(vec![0; frames::MAX + 1]);
    let refused = alice.net.call(&to, Lane::Bulk, &large, SECOND).await;
    assert_eq!(refused, Err(CallError::TooLarge));
}

#[tokio::test]
async fn a_half_open_connection_is_found_before_it_is_lost() {
    let (alice, bob) = (end("alice", 1).await, end("bob", 2).await);
    // Takes the connection, says who it is, and is never heard again: as if its machine had gone.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (identity, serve) = (Arc::clone(&bob.identity), Arc::clone(&bob.serve));
    let gone = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let accepted = handshake::accept(&identity, &*serve, stream, SECOND).await.unwrap();
        std::future::pending::<()>().await;
        drop(accepted);
    });

    let to = Target::at(addr);
    let (stream, hello) = handshake::connect(&alice.identity, &*alice.serve, &to, SECOND).await.unwrap();
    let connection = Arc::new(Connection::new(stream, hello, Patience::new(timing().lost)));
    let begun = Instant::now();
    let answer = connection.call(wire::encode(&Request::ReadIndex).unwrap(), Duration::from_mins(1)).await;

    assert_eq!(answer, Err(CallError::Lost));
    assert!(begun.elapsed() < timing().lost, "{:?}", begun.elapsed());
    connection.closed().await;
    gone.abort();
}

#[tokio::test]
async fn a_peer_that_comes_back_is_found_again() {
    let alice = end("alice", 1).await;
    let bob = end("bob", 2).await;
    let (addr, member) = (bob.addr.clone(), Member::new("bob", bob.addr.clone()));
    alice.net.keep(&[(2, member.clone())].into());
    let to = Target::member(2, &member);
    assert!(alice.ask(&to).await.is_ok());

    bob.net.close();
    drop(bob);
    while alice.ask(&to).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let listener = TcpListener::bind(&addr).await.unwrap();
    let hello = Hello { id: Some(2), name: "bob".to_owned(), ..alice.serve.0.clone() };
    let identity = Identity::new(&settings("blue", "bob", derived(&[1]))).unwrap();
    let again: Arc<dyn Transport> =
        Arc::new(Tcp::start(listener, Arc::new(identity), Arc::new(Echo(hello)), &timing()));

    let begun = Instant::now();
    while alice.ask(&to).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5), "never found again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    again.close();
}
