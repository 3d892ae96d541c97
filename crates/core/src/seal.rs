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
