//! What the rings need from the machine, and how it gets there.
//!
//! On a CI machine that is ours to change (root, Debian, `CI=true`) missing packages are installed; on a
//! person's machine the command is told instead.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use crate::command;

/// The folder with PostgreSQL's server programs.
pub(crate) fn postgres() -> Result<PathBuf, String> {
    postgres_binaries()
        .or_else(|| {
            install(&["postgresql"]);
            postgres_binaries()
        })
        .ok_or_else(|| missing("PostgreSQL's initdb", "postgresql"))
}

fn postgres_binaries() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(path());
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// A browser and its driver.
pub(crate) fn chromium() -> Result<(), String> {
    let there = || program("chromedriver") && (program("chromium") || program("google-chrome"));
    if !there() {
        install(&["chromium", "chromium-driver"]);
    }
    if there() { Ok(()) } else { Err(missing("chromium and chromedriver", "chromium chromium-driver")) }
}

/// Node and its package manager; the packages themselves are fetched by the tests.
pub(crate) fn node() -> Result<(), String> {
    let there = || program("node") && program("npm");
    if !there() {
        install(&["nodejs", "npm"]);
    }
    if there() { Ok(()) } else { Err(missing("node and npm", "nodejs npm")) }
}

/// Apache with its OpenID Connect module, as Debian ships them.
pub(crate) fn apache() -> Result<(), String> {
    let there = || Path::new("/usr/lib/apache2/modules/mod_auth_openidc.so").exists();
    if !there() {
        install(&["apache2", "libapache2-mod-auth-openidc"]);
    }
    if there() {
        Ok(())
    } else {
        Err(missing("Apache's mod_auth_openidc", "apache2 libapache2-mod-auth-openidc"))
    }
}

/// Python that can make an environment of its own; the packages in it are fetched by the tests.
pub(crate) fn python() -> Result<(), String> {
    let there = || {
        let mut command = Command::new("python3");
        command.args(["-c", "import ensurepip"]).output().is_ok_and(|output| output.status.success())
    };
    if !there() {
        install(&["python3", "python3-venv"]);
    }
    if there() { Ok(()) } else { Err(missing("python3 with venv", "python3 python3-venv")) }
}

/// The Go toolchain.
pub(crate) fn go() -> Result<(), String> {
    if program("go") { Ok(()) } else { Err(missing("Go", "golang")) }
}

fn program(name: &str) -> bool {
    path().into_iter().any(|folder| folder.join(name).exists())
}

fn path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn install(packages: &[&str]) {
    static UPDATE: Once = Once::new();
    if std::env::var_os("CI").is_none() || !program("apt-get") {
        return;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        // What cannot be installed shows as missing right after.
        let _ = command::run(&mut command);
    };
    UPDATE.call_once(|| apt(&["update", "-q"]));
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    apt(&arguments);
}

fn missing(what: &str, packages: &str) -> String {
    format!("{what} is missing (on Debian: apt-get install {packages})")
}
