//! Discovery against a DNS server of our own.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::net::UdpSocket;

use super::*;

/// How the server answers.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Mood {
    Whole,
    Partial,
    Empty,
    ServFail,
    Silent,
}

const MOODS: [Mood; 5] = [Mood::Whole, Mood::Partial, Mood::Empty, Mood::ServFail, Mood::Silent];

/// Knows `nodes.test` (A and AAAA) and `_peers._tcp.nodes.test` (SRV).
async fn serve(socket: UdpSocket, mood: Arc<AtomicU8>) {
    let mut question = [0_u8; 512];
    loop {
        let (length, from) = socket.recv_from(&mut question).await.unwrap();
        let mood = MOODS[usize::from(mood.load(Ordering::Relaxed))];
        if let Some(answer) = answer(&question[..length], mood) {
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

fn answer(question: &[u8], mood: Mood) -> Option<Vec<u8>> {
    // Header of 12 bytes, then labels up to an empty one, then kind and class.
    let end = 12 + question[12..].iter().position(|byte| *byte == 0)? + 1;
    let kind = u16::from_be_bytes([question[end], question[end + 1]]);
    let data: Vec<Vec<u8>> = match (kind, mood) {
        (_, Mood::Silent) => return None,
        (1, Mood::Partial) => vec![Ipv4Addr::new(10, 0, 0, 1).octets().to_vec()],
        (1, Mood::Whole) => [1, 2].map(|last| Ipv4Addr::new(10, 0, 0, last).octets().to_vec()).into(),
        (28, Mood::Whole) => vec![Ipv6Addr::LOCALHOST.octets().to_vec()],
        (33, Mood::Whole) => vec![[&[0, 0, 0, 0, 0x1a, 0xe1, 4][..], b"node", &[4], b"test", &[0]].concat()],
        _ => Vec::new(),
    };
    let code = if matches!(mood, Mood::ServFail) { 2 } else { 0 };
    let count = u16::try_from(data.len()).ok()?.to_be_bytes();
    let mut answer = [&question[..2], &[0x84, 0x80 | code, 0, 1], &count, &[0, 0, 0, 0]].concat();
    answer.extend(&question[12..end + 4]);
    for data in data {
        let length = u16::try_from(data.len()).ok()?.to_be_bytes();
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 1]);
        answer.extend(length);
        answer.extend(data);
    }
    Some(answer)
}

struct Server {
    mood: Arc<AtomicU8>,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, mood) = (socket.local_addr().unwrap(), Arc::new(AtomicU8::new(0)));
        tokio::spawn(serve(socket, Arc::clone(&mood)));
        Self { mood, address }
    }

    fn turn(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    fn finder(&self, name: &str) -> Finder {
        let names = vec![name.to_owned()];
        Finder::new(Discovery::Dns(DnsNames { names, port: 7900, resolver: Some(self.address) }))
    }
}

fn sorted(mut addresses: Vec<String>) -> Vec<String> {
    addresses.sort();
    addresses
}

const ALL: [&str; 3] = ["10.0.0.1:7900", "10.0.0.2:7900", "[::1]:7900"];

#[tokio::test]
async fn addresses_of_both_kinds_and_services_are_found() {
    let server = Server::start().await;

    assert_eq!(sorted(server.finder("nodes.test.").find().await), ALL);
    assert_eq!(server.finder("_peers._tcp.nodes.test.").find().await, ["node.test:6881"]);
}

#[tokio::test]
async fn a_bad_answer_takes_nothing_away_and_a_good_one_is_heard_again() {
    let server = Server::start().await;
    let finder = server.finder("nodes.test.");
    server.turn(Mood::Partial);
    assert_eq!(finder.find().await, ALL[..1]);
    server.turn(Mood::Whole);
    assert_eq!(sorted(finder.find().await), ALL);

    for mood in [Mood::Partial, Mood::Empty, Mood::ServFail, Mood::Silent] {
        server.turn(mood);
        assert_eq!(sorted(finder.find().await), ALL);
    }
}

#[tokio::test]
async fn what_dns_has_not_said_for_long_is_proposed_no_more() {
    let finder = Finder::new(Discovery::Dns(DnsNames { names: vec![], port: 1, resolver: None }));
    let (old, new) = ("10.0.0.1:1".to_owned(), "10.0.0.2:1".to_owned());
    let now = Instant::now();

    finder.merge(&[old.clone()].into(), now);
    let soon = finder.merge(&[new.clone()].into(), now + Duration::from_mins(1));
    let late = finder.merge(&[new.clone()].into(), now + STALE + Duration::from_secs(1));

    assert_eq!(soon, [new.clone(), old]);
    assert_eq!(late, [new]);
}
