//! Sealed copies of entities on this node's disk: what lets it serve while the database is away, after a restart too.
//!
//! Whatever a read brings from the database is written here, sealed under a key of its own and bound to its place, with
//! its version and how far the log had come; a copy is believed as one in memory is (`cache::ledger`). Writing happens behind
//! the request and may be left out: a copy that is missing is a miss, never an error. Files are bounded, the oldest go.

mod folder;

use std::{path::Path, sync::Arc};

use keyraft_crypto::seal::DataKeys;
use keyraft_model::RealmId;
use keyraft_store::changes::Kind;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::mpsc;

use self::folder::Folder;
use crate::cache::ledger::{Ledger, Stamp};

/// Copies that may wait to be written; past that they are left out.
const QUEUE: usize = 256;

/// What a copy is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// A realm's name.
    Realm(&'a str),
    /// A realm's row.
    RealmId(&'a str),
    /// A client's `client_id`, in a realm.
    Client(&'a str, &'a str),
    /// A client's row, in a realm.
    ClientId(&'a str, &'a str),
    /// A user's row, in a realm.
    User(&'a str, &'a str),
    /// The service account of a client, in a realm: its copy is the user's id.
    Service(&'a str, &'a str),
}

impl Key<'_> {
    /// As bytes that no other key has: what a copy is bound to.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (kind, realm, name) = match self {
            Self::Realm(name) => ("realm", "", *name),
            Self::RealmId(id) => ("realm-id", "", *id),
            Self::Client(realm, name) => ("client", *realm, *name),
            Self::ClientId(realm, id) => ("client-id", *realm, *id),
            Self::User(realm, id) => ("user", *realm, *id),
            Self::Service(realm, id) => ("service", *realm, *id),
        };
        [kind, realm, name].join("\0").into_bytes()
    }
}

/// A copy with its word on how new it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Copy<T> {
    /// Which log `as_of` is a number of.
    epoch: u64,
    ver: i64,
    as_of: u64,
    pub(crate) doc: T,
}

impl<T> Copy<T> {
    pub(crate) fn new(ledger: &dyn Ledger, as_of: u64, ver: i64, doc: T) -> Self {
        Self { epoch: ledger.epoch(), ver, as_of, doc }
    }

    /// The version of its row.
    pub(crate) fn ver(&self) -> i64 {
        self.ver
    }

    /// How far the log had come when it was read.
    pub(crate) fn as_of(&self) -> u64 {
        self.as_of
    }

    /// Whether no change that this node has applied makes it too old.
    pub(crate) fn is_current(&self, ledger: &dyn Ledger, kind: Kind, realm: &RealmId, entity: &str) -> bool {
        self.epoch == ledger.epoch()
            && Stamp::read_long_ago(self.ver, self.as_of).is_current(ledger, kind, realm, entity)
    }
}

/// The copies of one node.
#[derive(Clone, Debug, Default)]
pub struct Copies(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    keys: DataKeys,
    folder: Folder,
    queue: mpsc::Sender<(String, Vec<u8>)>,
}

impl Copies {
    /// In a folder, made when something is kept; must be called within the async runtime.
    pub fn open(folder: &Path, keys: &DataKeys) -> Self {
        let folder = Folder::new(folder);
        let (queue, mut waiting) = mpsc::channel::<(String, Vec<u8>)>(QUEUE);
        let into = folder.clone();
        // It ends with the last handle.
        tokio::spawn(async move {
            while let Some((name, sealed)) = waiting.recv().await {
                if let Err(error) = into.put(name, sealed).await {
                    tracing::debug!(%error, "a local copy was not written");
                }
            }
        });
        Self(Some(Arc::new(Inner { keys: keys.derive("copies", ""), folder, queue })))
    }

    /// None at all: nothing is kept and nothing is found.
    pub fn nowhere() -> Self {
        Self(None)
    }

    /// Keeps a copy, soon.
    pub(crate) fn keep<T: Serialize>(&self, key: &Key<'_>, copy: &Copy<T>) {
        let Some(inner) = &self.0 else { return };
        let key = key.bytes();
        let Ok(plain) = serde_json::to_vec(copy) else { return };
        let sealed = inner.keys.seal_bytes(&key, &plain);
        // A full queue: the next read of it will bring it again.
        let _ = inner.queue.try_send((inner.name(&key), sealed));
    }

    /// The copy of that key, whether or not it is still right.
    pub(crate) async fn find<T: DeserializeOwned>(&self, key: &Key<'_>) -> Option<Copy<T>> {
        let sealed = self.find_sealed(&key.bytes()).await?;
        self.open_sealed(key, &sealed)
    }

    /// The sealed bytes kept under the bytes of a key: what is given to a peer, who has the same keys.
    pub(crate) async fn find_sealed(&self, key: &[u8]) -> Option<Vec<u8>> {
        let inner = self.0.as_ref()?;
        inner.folder.get(inner.name(key)).await
    }

    /// Opens what was sealed for a key, here or at a peer.
    pub(crate) fn open_sealed<T: DeserializeOwned>(&self, key: &Key<'_>, sealed: &[u8]) -> Option<Copy<T>> {
        let opened = self.0.as_ref()?.keys.open_bytes(&key.bytes(), sealed);
        match opened.map(|plain| serde_json::from_slice(&plain)) {
            Ok(Ok(copy)) => Some(copy),
            // Torn, of another key, or of another release: as good as none.
            Ok(Err(_)) | Err(_) => None,
        }
    }
}

impl Inner {
    /// Names of files tell nothing of what is in them.
    fn name(&self, key: &[u8]) -> String {
        use std::fmt::Write as _;
        self.keys.current().keyed_hash(key).iter().take(16).fold(String::new(), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

#[cfg(test)]
mod tests {
    use keyraft_crypto::seal::DataKey;

    use super::*;
    use crate::cache::ledger::tests::Paper;

    async fn kept(copies: &Copies, key: &Key<'_>) -> Option<Copy<String>> {
        // The writer runs beside the test.
        for _ in 0..500 {
            if let Some(copy) = copies.find(key).await {
                return Some(copy);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        None
    }

    #[tokio::test]
    async fn a_copy_outlives_the_process_opens_in_its_place_alone_and_shows_nothing() {
        let folder = std::env::temp_dir().join(format!("keyraft-copies-{}", keyraft_crypto::random::uuid()));
        let keys = DataKeys::new(vec![DataKey::generate()]).expect("one key");
        let (paper, shop) = (Paper::default(), Key::Client("lab", "shop"));
        let copy = Copy::new(&paper, 0, 4, "the client's secret".to_owned());
        let first = Copies::open(&folder, &keys);
        first.keep(&shop, &copy);
        assert!(kept(&first, &shop).await.is_some());
        drop(first);

        let again = Copies::open(&folder, &keys);
        let found = again.find::<String>(&shop).await.expect("is there");
        let sealed = again.find_sealed(&shop.bytes()).await.expect("is there");
        let other = Copies::open(&folder, &DataKeys::new(vec![DataKey::generate()]).expect("one key"));

        assert_eq!((found.doc.as_str(), found.ver), ("the client's secret", 4));
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert!(again.open_sealed::<String>(&Key::Client("lab", "blog"), &sealed).is_none());
        assert!(other.find::<String>(&shop).await.is_none());
        std::fs::remove_dir_all(folder).expect("is removed");
    }

    #[test]
    fn a_copy_is_believed_until_its_entity_changes_and_in_its_own_log() {
        let (paper, lab) = (Paper::default(), RealmId::from("lab"));
        let copy = Copy::new(&paper, 0, 4, ());
        let foreign = Copy { epoch: 2, ..Copy::new(&paper, 0, 4, ()) };

        assert!(copy.is_current(&paper, Kind::Client, &lab, "shop"));
        assert!(!foreign.is_current(&paper, Kind::Client, &lab, "shop"));
        paper.note(Kind::Client, "shop", 5);
        assert!(!copy.is_current(&paper, Kind::Client, &lab, "shop"));
    }
}
