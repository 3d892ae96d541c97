//! `cargo xtask parity`: the parity ring from the outside.
//!
//! `run` judges the freshly built binary or a server at an address, `report` shows the last whole report,
//! A whole run against the binary puts the counts into the README, between its marks.
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
            say(&read_report()?);
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
    let done = command::run(&mut ring);
    if matches!(verb, Parity::Run { url: None, areas: None, only: None }) {
        refresh_readme()?;
    }
    done
}

const BEGIN: &str = "<!-- parity: cargo xtask parity run -->";
const END: &str = "<!-- /parity -->";

/// Puts the counts of the last run into the README, if it has a place for them.
fn refresh_readme() -> Result<()> {
    let path = root().join("README.md");
    let (Ok(text), Ok(report)) = (std::fs::read_to_string(&path), read_report()) else { return Ok(()) };
    let fresh = refreshed(&text, &report)?;
    if fresh != text {
        std::fs::write(&path, fresh).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn read_report() -> Result<String> {
    let path = root().join("target/parity.txt");
    std::fs::read_to_string(&path).with_context(|| format!("{}: run the ring first", path.display()))
}

fn refreshed(text: &str, report: &str) -> Result<String> {
    let Some((before, rest)) = text.split_once(BEGIN) else { return Ok(text.to_owned()) };
    let (_, after) = rest.split_once(END).context("the README's parity counts have no end mark")?;
    let total = report.lines().find(|line| line.starts_with("all ")).context("the report has no totals")?;
    let counts: Vec<u32> = total.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [same, different, pending, unreplayable, failed] = counts[..] else {
        anyhow::bail!("the report's totals are not five numbers: {total}");
    };
    let sum: u32 = counts.iter().sum();
    let open = if failed == 0 { String::new() } else { format!(", {failed} open") };
    let sentence = format!(
        "Of {sum} recorded answers of Keycloak 26.7.3, {same} are the same, {different} differ by choice \
         (each with its reason), {pending} wait for a capability{open}; {unreplayable} cannot be asked twice."
    );
    Ok(format!("{before}{BEGIN}\n{sentence}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_the_last_run_stand_between_the_marks() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let fresh = refreshed(&text, "area same\nall 5 3 2 1 0\n").expect("marks and totals");

        assert!(
            fresh.contains("Of 11 recorded answers of Keycloak 26.7.3, 5 are the same, 3 differ by choice")
        );
        assert!(fresh.contains("2 wait for a capability; 1 cannot") && !fresh.contains("old"));
        assert_eq!(refreshed("no marks", "").expect("nothing to do"), "no marks");
    }
}
