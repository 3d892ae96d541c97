//! What the log carries besides openraft's own entries.
//!
//! The body lies behind its length, so that a node can carry on one that it cannot read: it reaches disk and
//! peers unharmed, and only applying it stops the node.

use keyraft_model::UnixMs;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor, ser::Error as _};
use sha2::{Digest, Sha256};

use crate::command::Command;

/// One entry: a body, the leader's time, and who asked, so that asking twice is asking once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The leader's time when it was proposed.
    pub(crate) time: UnixMs,
    /// The node that asked.
    pub(crate) origin: u64,
    /// That node's start, counted; results of an earlier start are forgotten.
    pub(crate) boot: u64,
    /// The command's number within that start.
    pub(crate) sequence: u64,
    /// The oldest number whose answer the origin still waits for.
    pub(crate) oldest: u64,
    /// What to do.
    pub(crate) body: Body,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A caller's command.
    Command(Box<Command>),
    /// Time passes: drops what is due.
    Tick,
    /// The bound of the state in bytes, as the leader is configured; the same on every node by being here.
    Bound(u64),
    /// What this build cannot read; as it came.
    Unknown(Box<[u8]>),
}

/// As it is encoded. Only ever grows at its end.
#[derive(Serialize, Deserialize)]
enum Encoded<C> {
    Command(C),
    Tick,
    Bound(u64),
}

impl Body {
    fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        match self {
            Self::Command(command) => postcard::to_stdvec(&Encoded::Command(command)),
            Self::Tick => postcard::to_stdvec(&Encoded::<()>::Tick),
            Self::Bound(bound) => postcard::to_stdvec(&Encoded::<()>::Bound(*bound)),
            Self::Unknown(bytes) => Ok(bytes.to_vec()),
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        match postcard::take_from_bytes(bytes) {
            Ok((Encoded::Command(command), [])) => Self::Command(command),
            Ok((Encoded::Tick, [])) => Self::Tick,
            Ok((Encoded::Bound(bound), [])) => Self::Bound(bound),
            // More than this build knows of is as unknown as another command.
            Ok(_) | Err(_) => Self::Unknown(bytes.into()),
        }
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.encode().map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Body;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes of a body")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Body, E> {
        Ok(Body::decode(bytes))
    }
}

/// An entry that this build cannot apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log holds a command that this version does not know, {name}: run the version that wrote it; to pass it \
     over on all nodes, `keyraft cluster skip {name}`"
)]
pub(crate) struct UnknownCommand {
    /// Its index in the log and the beginning of its hash: `index-hash`. An operator who skips it names both, so
    /// that a number mistyped passes nothing over.
    pub(crate) name: String,
}

impl UnknownCommand {
    pub(crate) fn new(index: u64, bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self { name: format!("{index}-{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]) }
    }
}
