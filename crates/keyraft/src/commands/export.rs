//! `keyraft export`: realms into files of Keycloak's form, to import there or here.
//!
//! An export is a backup: it holds password hashes, private keys and secrets in clear, so its files are readable
//! by their owner alone.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use keyraft_core::{
    export::{self, Options},
    image::RealmImage,
};
use keyraft_store::{Db, realms};
use serde_json::{Value, json};

use super::offline;
use crate::{
    cli::{Export, Users, say},
    dev,
};

/// Carries out `keyraft export`.
pub(super) fn run(options: Export) -> anyhow::Result<()> {
    let place = Place::of(&options)?;
    let config = offline::load(options.settings)?;
    super::runtime(&config)?.block_on(async {
        let (store, _) = offline::open(&config).await?;
        let mut images = Vec::new();
        for name in names(&store, options.realm.as_deref()).await? {
            let image = export::read(&store, &name).await?;
            images.push(image.with_context(|| format!("there is no realm {name}"))?);
        }
        store.close().await;
        match &place {
            Place::File(path) => in_one_file(path, &images, options.realm.is_some(), options.users),
            Place::Folder(folder) => {
                dev::make_folder(folder)?;
                images
                    .iter()
                    .try_for_each(|image| in_folder(folder, image, options.users, options.users_per_file))
            }
        }
    })
}

/// Where the files go.
enum Place {
    File(PathBuf),
    Folder(PathBuf),
}

impl Place {
    fn of(options: &Export) -> anyhow::Result<Self> {
        ensure!(options.users_per_file > 0, "--users-per-file 0 would need endless files");
        match (&options.file, &options.dir) {
            (Some(_), None) if matches!(options.users, Some(Users::SameFile | Users::DifferentFiles)) => {
                bail!("--file is one file: with it, --users is realm_file or skip")
            }
            (Some(file), None) => Ok(Self::File(file.clone())),
            (None, Some(folder)) => Ok(Self::Folder(folder.clone())),
            _ => bail!("name one of --file and --dir"),
        }
    }
}

async fn names(store: &Db, wanted: Option<&str>) -> anyhow::Result<Vec<String>> {
    match wanted {
        Some(name) => Ok(vec![name.to_owned()]),
        None => Ok(realms::names(store).await?.into_iter().map(|(_, name)| name).collect()),
    }
}

fn in_one_file(
    path: &Path,
    images: &[RealmImage],
    only_one: bool,
    users: Option<Users>,
) -> anyhow::Result<()> {
    let options = Options { users: users != Some(Users::Skip), ..Options::BACKUP };
    let mut realms = Vec::with_capacity(images.len());
    for image in images {
        realms.push(Value::Object(export::representation(image, options)?.into_iter().collect()));
    }
    // One realm stands alone in its file, several in an array, as Keycloak writes them.
    match realms.pop() {
        Some(realm) if only_one => write(path, &realm),
        last => write(path, &Value::Array(realms.into_iter().chain(last).collect())),
    }
}

fn in_folder(folder: &Path, image: &RealmImage, users: Option<Users>, per_file: usize) -> anyhow::Result<()> {
    let users = users.unwrap_or(Users::DifferentFiles);
    let name = &image.parts.realm.realm;
    // A name is part of a file's name here: it must not lead elsewhere.
    ensure!(!name.contains(['/', '\\']), "the name of the realm {name:?} cannot be part of a file's name");
    let options = Options { users: users == Users::RealmFile, ..Options::BACKUP };
    let realm = Value::Object(export::representation(image, options)?.into_iter().collect());
    write(&folder.join(format!("{name}-realm.json")), &realm)?;
    let per_file = match users {
        Users::Skip | Users::RealmFile => return Ok(()),
        Users::SameFile => usize::MAX,
        Users::DifferentFiles => per_file,
    };
    let people = export::users(image)?;
    for (number, people) in people.chunks(per_file).enumerate() {
        let file = folder.join(format!("{name}-users-{number}.json"));
        write(&file, &json!({ "realm": name, "users": people }))?;
    }
    Ok(())
}

fn write(path: &Path, value: &Value) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut text = serde_json::to_string_pretty(value).with_context(failed)?;
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).with_context(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(failed)?;
    say(&path.display().to_string());
    Ok(())
}
