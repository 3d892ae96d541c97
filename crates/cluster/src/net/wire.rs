//! What nodes say to each other: own types, versioned, none of openraft's.
//!
//! A message is the protocol's version and a value in postcard's encoding, as on disk. Enums here only grow at
//! their end; a change to anything else is a new [`PROTOCOL`]. Golden bytes of each are in this room's tests.

use std::{fmt, io};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::engine::{
    frame::damaged,
    layout::{Entry, LogId, Vote},
};

/// The protocol that this build speaks best.
pub(crate) const PROTOCOL: u16 = 1;
/// The oldest that it still speaks.
pub(crate) const PROTOCOL_MIN: u16 = 1;

/// Encodes a message behind the protocol's version.
pub(crate) fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    postcard::to_extend(&PROTOCOL, Vec::new())
        .and_then(|version| postcard::to_extend(message, version))
        .map_err(io::Error::other)
}

/// Decodes what [`encode`] made.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let (version, rest) =
        postcard::take_from_bytes::<u16>(bytes).map_err(|error| damaged(error.to_string()))?;
    if !(PROTOCOL_MIN..=PROTOCOL).contains(&version) {
        return Err(damaged(format!("protocol {version} is not known to this version")));
    }
    postcard::from_bytes(rest).map_err(|error| damaged(error.to_string()))
}

/// What a node says of itself when a connection is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Oldest and newest protocol it speaks.
    pub(crate) protocol: (u16, u16),
    /// The cluster's name.
    pub(crate) cluster: String,
    /// The group's epoch; a group that was formed anew has a higher one. 0: not formed.
    pub(crate) epoch: u64,
    /// Its Raft id, once it has one.
    pub(crate) id: Option<u64>,
    /// Its disk's random incarnation.
    pub(crate) incarnation: [u8; 16],
    /// Its name.
    pub(crate) name: String,
    /// Where peers reach it.
    pub(crate) addr: String,
    /// How often its disk was started.
    pub(crate) boot: u64,
    /// The build's version, for people.
    pub(crate) version: String,
    /// Its wall clock, Unix milliseconds.
    pub(crate) clock: i64,
}

/// The first frame of whoever connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Greeting {
    /// Who it is.
    pub(crate) hello: Hello,
    /// Whom it means, by name and id, as far as it knows.
    pub(crate) to: (Option<String>, Option<u64>),
}

/// The first frame of whoever was connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Welcome {
    /// Who it is; questions are answered from here on.
    Welcome(Hello),
    /// Who it is, and why it will not talk.
    Refused(Hello, Refusal),
}

/// A question. Only ever grows at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// A leader's entries, or its heartbeat.
    Append(Append),
    /// A candidate asks for a vote.
    Vote(Ballot),
    /// A candidate asks whether it would get a vote.
    PreVote(Ballot),
    /// A leader hands its leadership over.
    Transfer(Transfer),
    /// A piece of a snapshot.
    Snapshot(Chunk),
    /// Commands to propose, each an encoded entry of the log.
    Propose(#[serde(with = "blobs")] Vec<Vec<u8>>),
    /// How far must be applied for a read to see everything answered so far.
    ReadIndex,
    /// Membership's own question, encoded by `members`.
    Members(#[serde(with = "blob")] Vec<u8>),
    /// A question about copies of documents, encoded by `persist`.
    Entities(#[serde(with = "blob")] Vec<u8>),
}

/// An answer. Only ever grows at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Response {
    /// To `Append`.
    Append(Appended),
    /// To `Vote` and `PreVote`.
    Vote(Voted),
    /// To `Transfer`.
    Transfer(Transferred),
    /// To `Snapshot`.
    Snapshot(Received),
    /// To `Propose`, in the order asked.
    Proposed(Vec<Proposed>),
    /// To `ReadIndex`: the number of entries that must be applied.
    ReadIndex(u64),
    /// To `Members`.
    Members(#[serde(with = "blob")] Vec<u8>),
    /// To `Entities`.
    Entities(#[serde(with = "blob")] Vec<u8>),
    /// No answer.
    Refused(Refusal),
}

/// Why a peer will not answer. Only ever grows at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// It does not lead, or has no majority.
    NotLeader,
    /// It has too much to do; nothing was begun.
    Busy,
    /// It has stopped, or is about to.
    Stopped,
    /// It does not know the question.
    Unknown,
    /// It will not talk to this node at all; for people.
    Stranger(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader => f.write_str("does not lead"),
            Self::Busy => f.write_str("too much to do"),
            Self::Stopped => f.write_str("has stopped"),
            Self::Unknown => f.write_str("does not know the question"),
            Self::Stranger(why) => f.write_str(why),
        }
    }
}

/// A leader's entries, with its word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Append {
    pub(crate) vote: Vote,
    pub(crate) previous: Option<LogId>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) commit: Option<LogId>,
    pub(crate) word: Option<Word>,
}

/// A leader's word that it leads, as its follower can date it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Word {
    /// The newest of the follower's own boot times, in microseconds, that had reached the leader.
    pub(crate) echo: u64,
    /// How long before that a majority had confirmed the leader, at most, in microseconds.
    pub(crate) age: u64,
}

/// What became of a leader's entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Appended {
    pub(crate) result: AppendResult,
    /// The follower's boot time in microseconds, for the leader's next word.
    pub(crate) boot_us: u64,
}

/// See openraft's answer of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AppendResult {
    /// All of them are on disk.
    Success,
    /// On disk up to here.
    Partial(Option<LogId>),
    /// The entry before them is not there.
    Conflict,
    /// There is a newer leader.
    HigherVote(Vote),
}

/// A candidate and how far its log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ballot {
    pub(crate) vote: Vote,
    pub(crate) last: Option<LogId>,
    /// Whether the leader asked it to become leader.
    pub(crate) is_transfer: bool,
}

/// An answer to a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Voted {
    pub(crate) vote: Vote,
    pub(crate) is_granted: bool,
    pub(crate) last: Option<LogId>,
}

/// A leader's wish that another node leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    pub(crate) from: Vote,
    pub(crate) to: u64,
    pub(crate) last: Option<LogId>,
}

/// What became of that wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Transferred {
    Accepted,
    VoteChanged { expected: Vote, actual: Vote },
    LogNotFlushed { expected: Option<LogId>, actual: Option<LogId> },
}

/// A piece of a snapshot's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) vote: Vote,
    /// A random number of the transfer.
    pub(crate) transfer: u64,
    /// Where in the file this begins; pieces come in order.
    pub(crate) offset: u64,
    /// The file's size.
    pub(crate) total: u64,
    /// CRC-32 of the bytes.
    pub(crate) checksum: u32,
    #[serde(with = "blob")]
    pub(crate) bytes: Vec<u8>,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Received {
    /// It is kept; the next begins here.
    Next(u64),
    /// The snapshot was whole, and is installed unless this vote is higher than its sender's.
    Whole(Vote),
    /// It does not follow what is here: begin again.
    Restart,
}

/// What became of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Proposed {
    /// Applied; the encoded outcome.
    Applied(#[serde(with = "blob")] Vec<u8>),
    /// Not known: to be asked again under the same number.
    Again,
    /// It could not be read by the leader's version.
    Unreadable,
}

/// Bytes as one length and the bytes, not one by one.
mod blob {
    use std::fmt;

    use serde::{Deserializer, Serializer, de::Visitor};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// Several [`blob`]s.
mod blobs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Blob(#[serde(with = "super::blob")] Vec<u8>);

    pub(super) fn serialize<S: Serializer>(blobs: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(blobs.iter().map(|bytes| Borrowed(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        Ok(Vec::<Blob>::deserialize(deserializer)?.into_iter().map(|Blob(bytes)| bytes).collect())
    }

    struct Borrowed<'a>(&'a [u8]);

    impl Serialize for Borrowed<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
}
