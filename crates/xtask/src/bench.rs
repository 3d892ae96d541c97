//! Runs the benchmark, built as it is shipped.

use anyhow::{Result, ensure};

use crate::command::{self, cargo, root};

/// Builds and runs `crates/bench` with `options`.
pub(crate) fn run(options: &[String]) -> Result<()> {
    ensure!(root().join("crates/bench/Cargo.toml").exists(), "crates/bench is not there");
    command::run(&mut cargo(["build", "--profile", "dist", "--package", "keyraft"]))?;
    let mut arguments = vec!["run", "--release", "--package", "keyraft-bench", "--"];
    arguments.extend(options.iter().map(String::as_str));
    command::run(&mut cargo(arguments))
}
