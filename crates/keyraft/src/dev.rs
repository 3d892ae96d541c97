//! What `start-dev` makes by itself: a data folder, a master key, an administrator.

#![expect(clippy::disallowed_methods, reason = "runs before anything is served")]

use std::{fs, io::ErrorKind, os::unix::fs::DirBuilderExt as _, path::Path};

use anyhow::Context as _;
use keyraft_core::seal;
use keyraft_crypto::{Secret, random};

use crate::config::Config;

/// File with the master key, in the data folder.
const MASTER_KEY: &str = "master.key";
/// Length of the administrator's password: 20 letters and digits are 119 bits.
const PASSWORD_CHARS: usize = 20;

/// Where the first administrator's password comes from.
#[derive(Debug)]
pub(crate) enum FirstAdministrator {
    /// From the settings, if at all.
    AsConfigured,
    /// Made up just now; printed once.
    MadeUp(Secret),
}

/// Makes the data folder and the keys, unless they are there, and makes up a password, unless one is given.
///
/// # Errors
/// What the file system refuses.
pub(crate) fn prepare(config: &mut Config) -> anyhow::Result<FirstAdministrator> {
    let folder = &config.general.data_dir;
    make_folder(folder)?;
    if config.general.master_key.is_empty() {
        config.general.master_key = vec![master_key(folder)?];
    }
    if config.bootstrap_admin.password.is_some() {
        return Ok(FirstAdministrator::AsConfigured);
    }
    let password = random::alphanumeric(PASSWORD_CHARS);
    config.bootstrap_admin.password = Some(Secret::new(password.as_str()));
    Ok(FirstAdministrator::MadeUp(Secret::new(password)))
}

/// The master key that `start-dev` has left in a data folder, for the commands that work on that folder.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn existing_master_key(folder: &Path) -> anyhow::Result<Option<Secret>> {
    let path = folder.join(MASTER_KEY);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Secret::new(text.trim()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Makes a folder that only its owner can read.
///
/// # Errors
/// What the file system refuses.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the data folder {}", folder.display()))
}

fn master_key(folder: &Path) -> anyhow::Result<Secret> {
    let path = folder.join(MASTER_KEY);
    seal::master_keys_in(&path).with_context(|| format!("cannot use {}", path.display()))?;
    existing_master_key(folder)?.context("the master key's file came and went")
}

/// What a person at the terminal wants to know.
pub(crate) fn greeting(place: &str, made: Option<&FirstAdministrator>, config: &Config) -> String {
    let name = &config.bootstrap_admin.username;
    let who = match made {
        Some(FirstAdministrator::MadeUp(password)) => {
            format!("Sign in as {name} with the password {}   (printed this once)", password.expose())
        }
        Some(FirstAdministrator::AsConfigured) => {
            format!("Sign in as {name} with the password that you gave.")
        }
        None => "Sign in with the administrator you have; a lost password: keyraft bootstrap-admin user"
            .to_owned(),
    };
    format!(
        "\n  Keyraft {} for development: {place}/\n  {who}\n  Data: {}\n",
        env!("CARGO_PKG_VERSION"),
        config.general.data_dir.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Mode, Sources};

    #[test]
    fn the_second_start_finds_the_first_ones_key_and_nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("keyraft-dev-{}", std::process::id()));
        let start = || {
            let mut config = Config::read(Mode::Dev, &Sources::default()).config;
            config.general.data_dir.clone_from(&folder);
            let administrator = prepare(&mut config).expect("a folder");
            (config, administrator)
        };

        let (first, administrator) = start();
        let (second, _) = start();

        assert!(
            matches!(administrator, FirstAdministrator::MadeUp(password) if password.expose().len() == 20)
        );
        assert!(first.general.master_key[0].matches(second.general.master_key[0].expose()));
        let mode = fs::metadata(folder.join(MASTER_KEY)).expect("the key").permissions().mode();
        assert_eq!(mode & 0o077, 0);
        fs::remove_dir_all(folder).expect("to clean up");
    }
}
