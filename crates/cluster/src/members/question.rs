//! What members ask each other about the membership. Encoded here, carried by `net` as bytes.
//!
//! A message is a version and a value in postcard's encoding. The enums only grow at their end; whoever does
//! not know a question answers [`Answer::Unknown`].

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Member;

const VERSION: u8 = 1;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    /// How are you?
    Pulse,
    /// Which fresh nodes do you see, yourself included? By incarnation.
    Fresh,
    /// An id, please, for a disk that has none. To the leader.
    Seat,
    /// Take me in, as a learner at first. To the leader.
    Join(Claim),
    /// I am to be reached elsewhere now. To the leader.
    Moved(Claim),
    /// That node leaves for good. To the leader.
    Remove(String),
    /// That node should lead, or anybody else. To the leader.
    Transfer(Option<String>),
    /// How is everybody? To the leader.
    Status,
    /// Is that id a member? To the leader.
    IsMember(u64),
}

/// Who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) id: u64,
    pub(crate) member: Member,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The question is of a later version.
    Unknown,
    /// There is no leader to answer, or none that is known.
    NoLeader,
    /// No, and why, for people.
    No(String),
    /// To `Pulse`.
    Pulse(Pulse),
    /// To `Fresh`.
    Fresh(Vec<[u8; 16]>),
    /// To `Seat`.
    Seat {
        /// The group's epoch.
        epoch: u64,
        /// The id.
        id: u64,
    },
    /// It is done.
    Done,
    /// To `Status`.
    Status(Box<super::status::Status>),
    /// To `IsMember`.
    IsMember(bool),
}

/// How a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pulse {
    /// Its Raft id, once it has one.
    pub(crate) id: Option<u64>,
    /// Its epoch.
    pub(crate) epoch: u64,
    /// Its wall clock, Unix milliseconds.
    pub(crate) clock: i64,
    /// The highest `cluster_version` that its build supports.
    pub(crate) supports: u32,
    /// Its term.
    pub(crate) term: u64,
    /// Whom it takes for the leader.
    pub(crate) leader: Option<u64>,
    /// The last entry that it has applied.
    pub(crate) applied: u64,
    /// The last entry in its log.
    pub(crate) last: u64,
    /// Why it is not ready; `None`: it is.
    pub(crate) unready: Option<String>,
}

/// A question with the number of times it may be passed on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) question: Question,
    /// How many nodes have passed it on.
    pub(crate) hops: u8,
}

/// Encodes a message.
pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_extend(message, vec![VERSION]).unwrap_or_default()
}

/// Decodes a message; `None` when it is of a later version or garbled.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    }
}

impl Question {
    /// Whether only the leader can answer.
    pub(crate) fn is_for_the_leader(&self) -> bool {
        !matches!(self, Self::Pulse | Self::Fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_over_the_wire_as_they_always_did() {
        let claim = Claim { id: 65, member: Member::new("a", "h:1") };

        let letter = Letter { question: Question::Join(claim), hops: 1 };

        assert_eq!(encode(&letter), [1, 3, 65, 1, b'a', 3, b'h', b':', b'1', 1]);
        assert_eq!(encode(&Answer::Seat { epoch: 1, id: 65 }), [1, 5, 1, 65]);
        assert_eq!(encode(&Answer::IsMember(true)), [1, 8, 1]);
    }

    #[test]
    fn what_is_garbled_or_of_a_later_version_is_not_guessed() {
        assert!(decode::<Letter>(&[2, 0, 0]).is_none());
        assert!(decode::<Letter>(&[1, 250, 0]).is_none());
        assert!(decode::<Letter>(&[]).is_none());
    }
}
