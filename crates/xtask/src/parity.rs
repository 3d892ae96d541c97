//! `cargo xtask parity`: the parity ring from the outside.
//!
//! `run` judges the freshly built binary or a server at an address, `report` shows the last whole report,
//! `record` sends a list of requests to a server and writes its answers in the form of the recording.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::command::{self, cargo, root, say};

/// What to do with the recorded answers.
#[derive(Debug, Subcommand)]
pub(crate) enum Parity {
    /// Replay and judge; without an address, against the binary of this tree.
    Run {
        /// Base URL of a running server whose administrator is admin/admin.
        url: Option<String>,
        /// Areas to judge, separated by commas; the others are still sent.
        #[arg(long)]
        areas: Option<String>,
        /// Parts to run: fresh, exchanges, tokens or pages.
        #[arg(long)]
        only: Option<String>,
    },
    /// Show the whole report of the last run.
    Report,
    /// Send the requests to a server and write what it answers, normalised.
    Record {
        /// Base URL of a running server whose administrator is admin/admin.
        url: String,
        /// Requests in the form of `tests/parity/data/exchanges.jsonl`, which is taken without a file.
        #[arg(long)]
        requests: Option<PathBuf>,
        /// Where to write.
        #[arg(long, default_value = "target/parity-recorded.jsonl")]
        to: PathBuf,
    },
}

/// Runs one of them.
pub(crate) fn run(verb: &Parity) -> Result<()> {
    let mut ring = cargo(["test", "--package", "keyraft", "--test", "parity"]);
    match verb {
        Parity::Run { url, areas, only } => {
            for (name, value) in [("URL", url), ("AREAS", areas), ("ONLY", only)] {
                if let Some(value) = value {
                    ring.env(format!("KEYRAFT_PARITY_{name}"), value);
                }
            }
        }
        Parity::Report => {
            let path = root().join("target/parity.txt");
            let report = std::fs::read_to_string(&path)
                .with_context(|| format!("{}: run the ring first", path.display()))?;
            say(&report);
            return Ok(());
        }
        Parity::Record { url, requests, to } => {
            ring.env("KEYRAFT_PARITY_URL", url).env("KEYRAFT_PARITY_ONLY", "exchanges");
            ring.env("KEYRAFT_PARITY_RECORD", std::path::absolute(to)?);
            if let Some(requests) = requests {
                ring.env("KEYRAFT_PARITY_REQUESTS", std::path::absolute(requests)?);
            }
        }
    }
    command::run(&mut ring)
}
