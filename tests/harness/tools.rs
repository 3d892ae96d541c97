//! Programs and packages of other languages that tests drive: found, or fetched once into the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

/// One fetch at a time: tests of a ring ask for the same packages.
static FETCHING: Mutex<()> = Mutex::new(());

/// The folder of the rings, `tests/` in the source tree.
pub fn folder() -> PathBuf {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.parent().unwrap_or(harness).to_owned()
}

/// Where fetched packages go; never the source tree.
fn fetched(name: &str) -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => folder().parent().context("the rings have no parent folder")?.join("target"),
    };
    let folder = target.join("test-tools").join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The path of a program, or `None` when this machine does not have it.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| Some(Path::new("/usr/sbin").join(name)).filter(|file| file.is_file()))
}

/// Fetches the npm packages that `source` (a folder with `package.json` and `package-lock.json`) pins.
///
/// Returns the folder that holds `node_modules`; nothing is fetched when the lockfile is the one fetched last.
///
/// # Errors
/// `npm` fails; the error carries what it said.
pub fn node_modules(name: &str, source: &Path) -> Result<PathBuf> {
    let _one = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let to = fetched(&format!("node-{name}"))?;
    let lock = std::fs::read(source.join("package-lock.json"))?;
    let stamp = to.join("fetched");
    if std::fs::read(&stamp).is_ok_and(|last| last == lock) {
        return Ok(to);
    }
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(source.join(file), to.join(file))?;
    }
    run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&to))?;
    std::fs::write(stamp, lock)?;
    Ok(to)
}

/// A Python interpreter with the packages that a `requirements.txt` pins.
///
/// # Errors
/// Python has no `venv`, or `pip` fails.
pub fn python_with(name: &str, requirements: &Path) -> Result<PathBuf> {
    let _one = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let to = fetched(&format!("python-{name}"))?;
    let python = to.join("bin/python");
    let wanted = std::fs::read(requirements)?;
    let stamp = to.join("fetched");
    if std::fs::read(&stamp).is_ok_and(|last| last == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&to))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(&python).args(pip).arg(requirements))?;
    std::fs::write(stamp, wanted)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}\n{}{said}", output.status, String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}
