//! Seals what the store keeps: a data key in the database, wrapped by a master key that is not.
//!
//! The sealed text of a secret is bound to its table, row and column, so that whoever can write to the database
//! cannot move one realm's secret into another's. Master keys rotate without downtime: several may be given, the
//! first wraps, all unwrap, and a data key that an older one wrapped is wrapped anew at the next start.

use std::{io, io::Write, path::Path, sync::Arc, sync::OnceLock};

use keyraft_crypto::{
    encoding,
    seal::{DataKey, DataKeys, MasterKeys},
};
use keyraft_store::{
    Db, SealError, Sealer, Settings,
    data_keys::{self, WrappedKey},
    migrate,
};

/// Why the store could not be opened with its keys.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error("the database cannot be opened")]
    Store(#[from] keyraft_store::Error),
    /// No master key that was given opens the database's data keys.
    #[error(
        "none of the master keys opens this database; give the key that it was made with as well \
         (KEYRAFT_MASTER_KEY takes several, the first seals)"
    )]
    WrongMasterKey(#[source] keyraft_crypto::Error),
}

/// The store's sealer. Its keys come from the database that it serves, so they are set once that is open.
#[derive(Debug, Default)]
struct StoreSealer(OnceLock<DataKeys>);

impl StoreSealer {
    fn keys(&self, table: &str, row: &str, column: &str) -> Result<&DataKeys, SealError> {
        self.0.get().ok_or_else(|| error(table, row, column, "no data key is open yet".into()))
    }
}

impl Sealer for StoreSealer {
    fn seal(&self, table: &str, row: &str, column: &str, plain: &str) -> Result<String, SealError> {
        Ok(self.keys(table, row, column)?.seal(&place(table, row, column), plain.as_bytes()))
    }

    fn open(&self, table: &str, row: &str, column: &str, sealed: &str) -> Result<String, SealError> {
        let opened = self.keys(table, row, column)?.open(&place(table, row, column), sealed);
        let bytes = opened.map_err(|refusal| error(table, row, column, refusal.to_string()))?;
        String::from_utf8(bytes).map_err(|_| error(table, row, column, "not text".into()))
    }
}

/// Opens the database, brings its schema up to date and opens its data keys; the first start makes one.
/// `holder` names this node while it migrates.
///
/// # Errors
/// [`OpenError`].
pub async fn open_store(
    settings: &Settings,
    masters: &MasterKeys,
    holder: &str,
) -> Result<(Db, DataKeys), OpenError> {
    let sealer = Arc::new(StoreSealer::default());
    let db = Db::open(settings, sealer.clone()).await?;
    migrate::run(&db, holder).await?;
    let keys = open_data_keys(&db, masters).await?;
    // The store's keys are their own: what a browser holds is never a text that the database would open.
    // Made above and set here alone: the first time is the only one.
    let _ = sealer.0.set(keys.derive("store", ""));
    Ok((db, keys))
}

/// A store that was opened, and whether its database answered.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Db,
    /// Its data keys.
    pub keys: DataKeys,
    /// The database did not answer: the schema is as it was left, and [`catch_up`] is still to be done.
    pub is_away: bool,
}

/// Opens the database as [`open_store`] does. One that does not answer is opened all the same where this node has been
/// at it before: the data keys lie in `kept`, wrapped as they are in the database.
///
/// # Errors
/// [`OpenError`].
pub async fn open_store_or_kept(
    settings: &Settings,
    masters: &MasterKeys,
    holder: &str,
    kept: &Path,
) -> Result<Opened, OpenError> {
    let error = match open_store(settings, masters, holder).await {
        Ok((store, keys)) => {
            keep(&store, kept).await?;
            return Ok(Opened { store, keys, is_away: false });
        }
        Err(OpenError::Store(error @ keyraft_store::Error::Unavailable { .. })) => error,
        Err(error) => return Err(error),
    };
    let Some(wrapped) = read_kept(kept).await else { return Err(OpenError::Store(error)) };
    let keys = wrapped.iter().map(|row| masters.unwrap(&row.wrapped)).collect::<Result<Vec<_>, _>>();
    let keys = keys.and_then(DataKeys::new).map_err(OpenError::WrongMasterKey)?;
    let sealer = Arc::new(StoreSealer(OnceLock::from(keys.derive("store", ""))));
    let store = Db::open_away(settings, sealer).await?;
    tracing::warn!(%error, "the database is away; this node starts with what it knows");
    Ok(Opened { store, keys, is_away: true })
}

/// Brings the schema up to date once a database that was away at the start answers.
///
/// # Errors
/// [`keyraft_store::Error::Unavailable`] while it does not.
pub async fn catch_up(store: &Db, holder: &str) -> Result<(), keyraft_store::Error> {
    migrate::run(store, holder).await.map(|_| ())
}

/// Keeps the wrapped data keys for a start without the database.
async fn keep(store: &Db, kept: &Path) -> Result<(), OpenError> {
    let rows = data_keys::list(store).await?;
    let pairs: Vec<_> = rows.iter().map(|row| (&row.id, &row.wrapped)).collect();
    let (Ok(text), Some(folder)) = (serde_json::to_vec(&pairs), kept.parent()) else { return Ok(()) };
    let half = kept.with_extension("new");
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&half, text).await?;
        tokio::fs::rename(&half, kept).await
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "the data keys were not kept: this node cannot start while the database is away");
    }
    Ok(())
}

async fn read_kept(kept: &Path) -> Option<Vec<WrappedKey>> {
    let text = tokio::fs::read(kept).await.ok()?;
    let pairs: Vec<(String, String)> = serde_json::from_slice(&text).ok()?;
    Some(pairs.into_iter().map(|(id, wrapped)| WrappedKey { id, wrapped }).collect())
}

/// The steps of the schema that a start would run, in order; it changes nothing.
///
/// # Errors
/// [`OpenError::Store`].
pub async fn plan(settings: &Settings) -> Result<Vec<migrate::Step>, OpenError> {
    let db = Db::open(settings, Arc::new(StoreSealer::default())).await?;
    let steps = migrate::plan(&db).await?;
    db.close().await;
    Ok(steps)
}

/// Brings the schema up to date and nothing else; says how many steps that took. `holder` names who migrates.
///
/// # Errors
/// [`OpenError::Store`].
pub async fn migrate(settings: &Settings, holder: &str) -> Result<usize, OpenError> {
    let db = Db::open(settings, Arc::new(StoreSealer::default())).await?;
    let steps = migrate::run(&db, holder).await?;
    db.close().await;
    Ok(steps)
}

async fn open_data_keys(db: &Db, masters: &MasterKeys) -> Result<DataKeys, OpenError> {
    let mut rows = data_keys::list(db).await?;
    if rows.is_empty() {
        let key = DataKey::generate();
        let first = WrappedKey { id: key.id().to_owned(), wrapped: masters.wrap(&key) };
        data_keys::insert_first(db, &first).await?;
        rows = data_keys::list(db).await?;
    }
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        let key = masters.unwrap(&row.wrapped).map_err(OpenError::WrongMasterKey)?;
        if masters.is_stale(&row.wrapped) {
            data_keys::rewrap(db, row, &masters.wrap(&key)).await?;
        }
        keys.push(key);
    }
    DataKeys::new(keys).map_err(OpenError::WrongMasterKey)
}

/// The master key in a file of its own, which only its owner can read; made when it is not there. For `start-dev`,
/// which keeps it beside its SQLite file.
///
/// # Errors
/// When the file cannot be made or read, or holds no key.
#[expect(clippy::disallowed_methods, reason = "it runs before the server serves")]
pub fn master_keys_in(path: &Path) -> io::Result<MasterKeys> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            let key: [u8; 32] = keyraft_crypto::random::bytes();
            file.write_all(encoding::base64(&key).as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let text = std::fs::read_to_string(path)?;
    MasterKeys::parse([text.trim()])
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))
}

/// Lengths keep ("ab", "c") and ("a", "bc") apart.
fn place(table: &str, row: &str, column: &str) -> Vec<u8> {
    let mut place = Vec::with_capacity(table.len() + row.len() + column.len() + 24);
    for part in [table, row, column] {
        place.extend_from_slice(&(part.len() as u64).to_be_bytes());
        place.extend_from_slice(part.as_bytes());
    }
    place
}

fn error(table: &str, row: &str, column: &str, reason: String) -> SealError {
    SealError { table: table.into(), row: row.into(), column: column.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masters(texts: &[&str]) -> MasterKeys {
        MasterKeys::parse(texts.iter().copied()).expect("long enough")
    }

    const OLD: &str = "an old passphrase that is long enough";
    const NEW: &str = "a new passphrase that is long enough!";

    #[test]
    fn a_sealed_text_opens_in_its_place_alone() {
        let sealer = StoreSealer(OnceLock::from(DataKeys::new(vec![DataKey::generate()]).expect("one key")));
        let text = sealer.seal("client", "r/1", "doc.secret", "s3cret").expect("seals");

        assert_eq!(sealer.open("client", "r/1", "doc.secret", &text).expect("opens"), "s3cret");
        assert!(sealer.open("client", "r/2", "doc.secret", &text).is_err());
        assert!(sealer.open("client", "r/1d", "oc.secret", &text).is_err());
        assert!(!text.contains("s3cret"));
    }

    #[tokio::test]
    async fn a_master_key_rotates_and_the_wrong_one_is_refused() {
        let folder = std::env::temp_dir().join(format!("keyraft-seal-{}", keyraft_crypto::random::uuid()));
        let settings = Settings::new(format!("sqlite:{}", folder.join("k.db").display()));
        let (db, keys) = open_store(&settings, &masters(&[OLD]), "a").await.expect("opens");
        db.close().await;

        let (db, rotated) = open_store(&settings, &masters(&[NEW, OLD]), "a").await.expect("opens");
        db.close().await;
        let (db, alone) = open_store(&settings, &masters(&[NEW]), "a").await.expect("was wrapped anew");
        db.close().await;
        let refused = open_store(&settings, &masters(&[OLD]), "a").await;

        assert_eq!(keys.current().id(), rotated.current().id());
        assert_eq!(keys.current().id(), alone.current().id());
        assert!(matches!(refused, Err(OpenError::WrongMasterKey(_))));
        std::fs::remove_dir_all(folder).expect("is removed");
    }

    #[tokio::test]
    async fn a_node_starts_with_kept_keys_while_the_database_is_away() {
        let folder = std::env::temp_dir().join(format!("keyraft-kept-{}", keyraft_crypto::random::uuid()));
        let (there, kept) = (folder.join("k.db"), folder.join("keys"));
        let here = Settings::new(format!("sqlite:{}", there.display()));
        let mut gone = Settings::new("postgres://nobody@127.0.0.1:9/none?sslmode=disable");
        gone.acquire_timeout = std::time::Duration::from_millis(200);
        let never = open_store_or_kept(&gone, &masters(&[OLD]), "a", &kept).await;
        let first = open_store_or_kept(&here, &masters(&[OLD]), "a", &kept).await.expect("opens");

        let again = open_store_or_kept(&gone, &masters(&[OLD]), "a", &kept).await.expect("opens");
        let wrong = open_store_or_kept(&gone, &masters(&[NEW]), "a", &kept).await;

        assert!(matches!(never, Err(OpenError::Store(keyraft_store::Error::Unavailable { .. }))));
        assert!(!first.is_away && again.is_away);
        assert_eq!(first.keys.current().id(), again.keys.current().id());
        assert!(matches!(wrong, Err(OpenError::WrongMasterKey(_))));
        let text = tokio::fs::read_to_string(&kept).await.expect("is there");
        assert!(text.contains(first.keys.current().id()));
        first.store.close().await;
        std::fs::remove_dir_all(folder).expect("is removed");
    }

    #[test]
    fn a_key_file_is_made_once_and_is_private() {
        let folder = std::env::temp_dir().join(format!("keyraft-key-{}", keyraft_crypto::random::uuid()));
        let path = folder.join("master.key");
        let first = master_keys_in(&path).expect("is made");

        let again = master_keys_in(&path).expect("is read");

        assert_eq!(first.current().id(), again.current().id());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).expect("is there"));
            assert_eq!(mode & 0o077, 0);
        }
        std::fs::remove_dir_all(folder).expect("is removed");
    }
}
