//! The rings of tests, inside out: what fails fastest runs first.
//!
//! A ring that lacks something is left out and said so; nothing is ever left out silently. Tests on a real
//! CockroachDB run when `KEYRAFT_TEST_CRDB_URL` names one.

use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::{
    command::{cargo, root, say},
    needs,
    postgres::Postgres,
    tally::{Tally, counted},
};

/// A ring of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ring {
    /// Inside the crates, the store's on every database and the simulated cluster included.
    Unit,
    /// The binary over HTTP, one file a journey.
    E2e,
    /// Three real processes.
    Cluster,
    /// Recorded answers of Keycloak.
    Parity,
    /// A real browser.
    Browser,
    /// Client libraries of other people.
    Clients,
    /// Every SQL statement through the grammar of CockroachDB.
    Cockroach,
}

impl Ring {
    const ALL: [Self; 7] =
        [Self::Unit, Self::Cockroach, Self::E2e, Self::Cluster, Self::Parity, Self::Browser, Self::Clients];

    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::E2e => "e2e",
            Self::Cluster => "cluster",
            Self::Parity => "parity",
            Self::Browser => "browser",
            Self::Clients => "clients",
            Self::Cockroach => "cockroach",
        }
    }
}

/// How a ring ended.
struct Outcome {
    ring: Ring,
    tally: Tally,
    good: bool,
    /// Why it, or a part of it, was left out.
    left_out: Vec<String>,
}

/// Runs the named rings, or all.
pub(crate) fn run(named: &[Ring]) -> Result<()> {
    let rings: Vec<Ring> =
        Ring::ALL.into_iter().filter(|ring| named.is_empty() || named.contains(ring)).collect();
    let mut outcomes = Vec::new();
    for ring in rings {
        say(&format!("\n== {}", ring.name()));
        let began = Instant::now();
        let outcome = run_ring(ring)?;
        say(&format!("== {} took {} s", ring.name(), began.elapsed().as_secs()));
        outcomes.push(outcome);
    }
    summary(&outcomes)
}

fn run_ring(ring: Ring) -> Result<Outcome> {
    let mut outcome = Outcome { ring, tally: Tally::default(), good: true, left_out: Vec::new() };
    match ring {
        Ring::Unit => unit(&mut outcome)?,
        Ring::Cockroach => folder(&mut outcome, "tests/cockroach", needs::go())?,
        Ring::Browser => match needs::chromium() {
            Ok(()) => target(&mut outcome)?,
            Err(why) => outcome.left_out.push(why),
        },
        Ring::Clients => {
            // Those in other languages are left out one by one, each with a line of its own.
            outcome.left_out.extend(
                [needs::node(), needs::chromium(), needs::apache(), needs::python()]
                    .into_iter()
                    .filter_map(Result::err),
            );
            target(&mut outcome)?;
        }
        Ring::E2e => {
            target(&mut outcome)?;
            on_postgres(&mut outcome)?;
        }
        Ring::Cluster => cluster(&mut outcome)?,
        Ring::Parity => target(&mut outcome)?,
    }
    Ok(outcome)
}

/// A PostgreSQL for tests: the one that is named, or one of this run's own while the value lives.
enum Server {
    Named(String),
    Own(Postgres),
}

impl Server {
    /// `None`, and said so, where there is none.
    fn find(outcome: &mut Outcome, what: &str) -> Result<Option<Self>> {
        Ok(match (std::env::var("KEYRAFT_TEST_PG_URL"), needs::postgres()) {
            (Ok(url), _) => Some(Self::Named(url)),
            (Err(_), Ok(binaries)) => Some(Self::Own(Postgres::start(&binaries)?)),
            (Err(_), Err(why)) => {
                outcome.left_out.push(format!("{what} on PostgreSQL: {why}"));
                None
            }
        })
    }

    fn url(&self) -> String {
        match self {
            Self::Named(url) => url.clone(),
            Self::Own(postgres) => postgres.url(),
        }
    }
}

/// The e2e ring once more, each server with a database of its own on PostgreSQL.
fn on_postgres(outcome: &mut Outcome) -> Result<()> {
    let Some(server) = Server::find(outcome, "e2e")? else { return Ok(()) };
    let mut command = cargo(["test", "--package", "keyraft", "--test", "e2e"]);
    command.env("KEYRAFT_TEST_DB", "pg").env("KEYRAFT_TEST_PG_URL", server.url());
    count(outcome, &mut command)
}

/// Real processes over one PostgreSQL, one group of them at a time: each has its own elections to win.
fn cluster(outcome: &mut Outcome) -> Result<()> {
    let Some(server) = Server::find(outcome, "the cluster")? else { return Ok(()) };
    let arguments =
        ["test", "--package", "keyraft", "--test", "cluster", "--", "--test-threads=1", "--nocapture"];
    let mut command = cargo(arguments);
    command.env("KEYRAFT_TEST_DB", "pg").env("KEYRAFT_TEST_PG_URL", server.url());
    count(outcome, &mut command)
}

/// Everything but the rings around the binary, against a PostgreSQL of its own where there is one.
fn unit(outcome: &mut Outcome) -> Result<()> {
    let postgres = Server::find(outcome, "the store")?;
    if std::env::var_os("KEYRAFT_TEST_CRDB_URL").is_none() {
        outcome.left_out.push("the store on a real CockroachDB: KEYRAFT_TEST_CRDB_URL is not set".to_owned());
    }
    let all = ["test", "--workspace", "--no-fail-fast", "--exclude", "keyraft"];
    for arguments in [&all[..], &["test", "--package", "keyraft", "--bins"]] {
        let mut command = cargo(arguments.iter().copied());
        if let Some(postgres) = &postgres {
            command.env("KEYRAFT_TEST_PG_URL", postgres.url());
        }
        count(outcome, &mut command)?;
    }
    Ok(())
}

/// A test target of the binary's package.
fn target(outcome: &mut Outcome) -> Result<()> {
    let name = outcome.ring.name();
    if !root().join("tests").join(name).join("main.rs").exists() {
        outcome.left_out.push(format!("tests/{name} is not there"));
        return Ok(());
    }
    count(outcome, &mut cargo(["test", "--package", "keyraft", "--test", name]))
}

/// A folder with a script of its own, because other people's tools run there.
fn folder(outcome: &mut Outcome, path: &str, ready: Result<(), String>) -> Result<()> {
    let script = root().join(path).join("run");
    if !script.exists() {
        outcome.left_out.push(format!("{path} is not there"));
    } else if let Err(why) = ready {
        outcome.left_out.push(why);
    } else {
        let mut command = std::process::Command::new(script);
        count(outcome, command.current_dir(root()))?;
    }
    Ok(())
}

fn count(outcome: &mut Outcome, command: &mut std::process::Command) -> Result<()> {
    let (tally, good) = counted(command)?;
    outcome.tally += tally;
    outcome.good &= good;
    Ok(())
}

fn summary(outcomes: &[Outcome]) -> Result<()> {
    let mut total = Tally::default();
    say("\n== summary");
    for Outcome { ring, tally, good, left_out } in outcomes {
        let verdict = if *good { "ok" } else { "FAILED" };
        let Tally { passed, failed, skipped } = tally;
        say(&format!("{:10} {verdict:6} {passed} passed, {failed} failed, {skipped} skipped", ring.name()));
        for why in left_out {
            say(&format!("{:10} left out: {why}", ""));
        }
        total += *tally;
    }
    say(&format!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped));
    let bad: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.good).map(|outcome| outcome.ring.name()).collect();
    if !bad.is_empty() {
        bail!("failed: {}", bad.join(", "));
    }
    Ok(())
}
