//! The bytes of every message, as they always were: a node of the previous release must understand them.

use super::wire::{
    Append, AppendResult, Appended, Ballot, Chunk, Greeting, Hello, Proposed, Received, Refusal, Request,
    Response, Transfer, Transferred, Voted, Welcome, Word, decode, encode,
};
use crate::engine::layout::{LogId, Vote};

const VOTE: Vote = Vote { term: 3, node: 1, committed: true };
const ID: LogId = LogId { term: 3, leader: 1, index: 200 };

fn hex<T: serde::Serialize>(message: &T) -> String {
    encode(message).unwrap().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn hello() -> Hello {
    Hello {
        protocol: (1, 2),
        cluster: "c".to_owned(),
        epoch: 4,
        id: Some(5),
        incarnation: [6; 16],
        name: "n".to_owned(),
        addr: "a:1".to_owned(),
        boot: 7,
        version: "v".to_owned(),
        clock: -1,
    }
}

fn ballot() -> Ballot {
    Ballot { vote: VOTE, last: Some(ID), is_transfer: true }
}

#[test]
fn greetings_are_as_they_always_were() {
    let hello_hex = "0102016304010506060606060606060606060606060606016e03613a3107017601";

    assert_eq!(
        hex(&Greeting { hello: hello(), to: (Some("x".to_owned()), None) }),
        format!("01{hello_hex}01017800")
    );
    assert_eq!(hex(&Welcome::Welcome(hello())), format!("0100{hello_hex}"));
    assert_eq!(hex(&Welcome::Refused(hello(), Refusal::Stopped)), format!("0101{hello_hex}02"));
}

#[test]
fn questions_are_as_they_always_were() {
    let append = Append {
        vote: VOTE,
        previous: Some(ID),
        entries: Vec::new(),
        commit: None,
        word: Some(Word { echo: 300, age: 2 }),
    };
    let chunk =
        Chunk { vote: VOTE, transfer: 9, offset: 1, total: 300, checksum: 5, bytes: vec![0xaa, 0xbb] };
    let transfer = Transfer { from: VOTE, to: 2, last: None };

    assert_eq!(hex(&Request::Append(append)), "0100030101010301c801000001ac0202");
    assert_eq!(hex(&Request::Vote(ballot())), "0101030101010301c80101");
    assert_eq!(hex(&Request::PreVote(ballot())), "0102030101010301c80101");
    assert_eq!(hex(&Request::Transfer(transfer)), "01030301010200");
    assert_eq!(hex(&Request::Snapshot(chunk)), "01040301010901ac020502aabb");
    assert_eq!(hex(&Request::Propose(vec![vec![1, 2], vec![3]])), "0105020201020103");
    assert_eq!(hex(&Request::ReadIndex), "0106");
    assert_eq!(hex(&Request::Members(vec![8])), "01070108");
    assert_eq!(hex(&Request::Entities(vec![8])), "01080108");
}

#[test]
fn answers_are_as_they_always_were() {
    let appended = |result| Response::Append(Appended { result, boot_us: 300 });

    assert_eq!(hex(&appended(AppendResult::Success)), "010000ac02");
    assert_eq!(hex(&appended(AppendResult::Partial(Some(ID)))), "01000101".to_owned() + "0301c801ac02");
    assert_eq!(hex(&appended(AppendResult::Conflict)), "010002ac02");
    assert_eq!(hex(&appended(AppendResult::HigherVote(VOTE))), "010003030101ac02");
    let voted = Voted { vote: VOTE, is_granted: true, last: Some(ID) };
    assert_eq!(hex(&Response::Vote(voted)), "010103010101010301c801");
    assert_eq!(hex(&Response::Transfer(Transferred::Accepted)), "010200");
    let changed = Transferred::VoteChanged { expected: VOTE, actual: VOTE };
    assert_eq!(hex(&Response::Transfer(changed)), "010201030101030101");
    let unflushed = Transferred::LogNotFlushed { expected: None, actual: Some(ID) };
    assert_eq!(hex(&Response::Transfer(unflushed)), "01020200010301c801");
    assert_eq!(hex(&Response::Snapshot(Received::Next(300))), "010300ac02");
    assert_eq!(hex(&Response::Snapshot(Received::Whole(VOTE))), "010301030101");
    assert_eq!(hex(&Response::Snapshot(Received::Restart)), "010302");
    let proposed = vec![Proposed::Applied(vec![1]), Proposed::Again, Proposed::Unreadable];
    assert_eq!(hex(&Response::Proposed(proposed)), "0104030001010102");
    assert_eq!(hex(&Response::ReadIndex(300)), "0105ac02");
    assert_eq!(hex(&Response::Members(vec![8])), "01060108");
    assert_eq!(hex(&Response::Entities(vec![8])), "01070108");
    for (number, refusal) in
        [Refusal::NotLeader, Refusal::Busy, Refusal::Stopped, Refusal::Unknown].into_iter().enumerate()
    {
        assert_eq!(hex(&Response::Refused(refusal)), format!("01080{number}"));
    }
    assert_eq!(hex(&Response::Refused(Refusal::Stranger("s".to_owned()))), "0108040173");
}

#[test]
fn a_newer_protocol_is_refused_by_number_and_bytes_at_random_never_panic() {
    let newer = decode::<Request>(&[2, 6]).unwrap_err().to_string();
    assert!(newer.contains("protocol 2"), "{newer}");

    let mut seed = 3_u64;
    for _ in 0..20_000 {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        let length = usize::from(next()) % 60;
        let mut bytes: Vec<u8> = (0..length).map(|_| next()).collect();
        bytes.splice(0..0, [1, next() % 10]);
        drop(decode::<Request>(&bytes));
        drop(decode::<Response>(&bytes));
        drop(decode::<Greeting>(&bytes));
    }
}
