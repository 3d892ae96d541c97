//! Files of copies: 256 folders by the first byte of the name, each bounded, written whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files of one of the 256 folders; 64,000 copies in all.
const FILES: usize = 250;

/// The folder of one node's copies.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name.get(..2).unwrap_or("00")).join(name)
    }

    /// The content of that name.
    pub(super) async fn get(&self, name: String) -> Option<Vec<u8>> {
        tokio::fs::read(self.path(&name)).await.ok()
    }

    /// Writes a file in place of the one of that name, and lets the oldest go where there are too many.
    pub(super) async fn put(&self, name: String, content: Vec<u8>) -> io::Result<()> {
        let path = self.path(&name);
        tokio::task::spawn_blocking(move || put(&path, &content)).await.map_err(io::Error::other)?
    }
}

#[expect(clippy::disallowed_methods, reason = "it runs on a thread for blocking work")]
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    if !path.exists() {
        make_room(folder)?;
    }
    // A name that no copy has. One writer a node, so no two are being written.
    let half = folder.join("new");
    fs::write(&half, content)?;
    fs::rename(half, path)
}

fn make_room(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        files.push((file.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH), file.path()));
    }
    if files.len() < FILES {
        return Ok(());
    }
    files.sort();
    let surplus = files.len() + 1 - FILES;
    files.into_iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_files_go_when_there_are_too_many() {
        let path = std::env::temp_dir().join(format!("keyraft-folder-{}", keyraft_crypto::random::uuid()));
        let folder = Folder::new(&path);
        for number in 0..FILES + 3 {
            folder.put(format!("00{number:04}"), b"x".to_vec()).await.expect("writes");
        }

        assert_eq!(fs::read_dir(path.join("00")).expect("lists").count(), FILES);
        assert!(folder.get(format!("00{:04}", FILES + 2)).await.is_some());
        assert!(folder.get("000000".to_owned()).await.is_none());
        fs::remove_dir_all(path).expect("is removed");
    }
}
