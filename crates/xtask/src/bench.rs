//! Runs the benchmark against the binary as it is shipped, and keeps the README's table of its numbers.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{self, cargo, root};

const BEGIN: &str = "<!-- bench: cargo xtask bench --write-readme -->";
const END: &str = "<!-- /bench -->";
const WRITE_README: &str = "--write-readme";

/// Builds the server, and runs `crates/bench` with `options` on it. Further peers are among the options; with
/// `--write-readme` the table replaces the one in the README.
pub(crate) fn run(options: &[String]) -> Result<()> {
    command::run(&mut cargo(["build", "--profile", "dist", "--package", "keyraft"]))?;
    command::run(&mut cargo(["build", "--release", "--package", "bench"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let server = target.join("dist/keyraft");
    let table = std::env::temp_dir().join(format!("keyraft-bench-{}.md", std::process::id()));
    let mut bench = std::process::Command::new(target.join("release/bench"));
    bench.arg("--server").arg(server).arg("--markdown").arg(&table);
    bench.args(options.iter().filter(|option| *option != WRITE_README));
    command::run(&mut bench)?;
    let text = std::fs::read_to_string(&table).context("the benchmark left no table")?;
    std::fs::remove_file(&table)?;
    if options.iter().any(|option| option == WRITE_README) {
        write_readme(&text)?;
    }
    Ok(())
}

fn write_readme(table: &str) -> Result<()> {
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path)?;
    let fresh = replaced(&text, table).context("the README has no place for the table")?;
    std::fs::write(&path, fresh).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_replaced_and_nothing_else() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let fresh = replaced(&text, "| x |\n").expect("both marks");

        assert_eq!(fresh, format!("a\n{BEGIN}\n| x |\n{END}\nb\n"));
        assert_eq!(replaced("no marks", "| x |"), None);
    }
}
