//! The parity ring: what Keycloak 26.7.3 answered, asked again.
//!
//! Starts the binary (or takes the server at `KEYRAFT_PARITY_URL`), sends the recorded requests in
//! their order, and fails on every answer that differs and is on no list. `README.md` says how.

#![expect(clippy::disallowed_methods, reason = "a ring serves no requests: it may wait, and read files")]

mod checks;
mod compare;
mod decoded;
mod fresh;
mod http;
mod judge;
mod listener;
mod lists;
mod page;
mod pages;
mod pattern;
mod record;
mod replay;
mod report;
mod server;
mod sign;
mod steps;
mod text;
mod tokens;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::http::Origin;
use crate::judge::Manner;
use crate::listener::Listener;
use crate::lists::{List, Subject};
use crate::pattern::Place;
use crate::replay::{Outcome, Replay};
use crate::report::{Lists, Report, Verdict};
use crate::server::Server;
use crate::steps::Steps;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("parity: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    checks::run()?;
    let folder = folder();
    let lists = Lists {
        differences: List::parse(&read(&folder, "differences.toml")?, "differences.toml")?,
        pending: List::parse(&read(&folder, "pending.toml")?, "pending.toml")?,
        unreplayable: List::parse(&read(&folder, "unreplayable.toml")?, "unreplayable.toml")?,
    };
    let server = if std::env::var_os("KEYRAFT_PARITY_URL").is_none() {
        Some(Server::start(&binary()?)?)
    } else {
        None
    };
    let (base, management) = if let Some(server) = &server {
        (server.base.clone(), server.management.clone())
    } else {
        let base = std::env::var("KEYRAFT_PARITY_URL")?.trim_end_matches('/').to_owned();
        let management = std::env::var("KEYRAFT_PARITY_MANAGEMENT_URL").unwrap_or_else(|_| above(&base));
        (base, management)
    };
    let listener = Listener::start()?;
    let mut replay = Replay::new(Origin::new(&base)?, management, listener.port)?;
    if server.is_none() {
        clear(&mut replay)?;
    }
    let mut report = Report::default();
    let only = std::env::var("KEYRAFT_PARITY_ONLY").unwrap_or_default();
    let runs = |part: &str| only.is_empty() || only == part;
    if runs("fresh") {
        let files = [
            ("demo", read(&folder, "data/fresh-demo.json")?),
            ("master", read(&folder, "data/fresh-master.json")?),
        ];
        fresh::run(&mut replay, files, &lists, &mut report)?;
    }
    if runs("exchanges") {
        exchanges(&mut replay, &folder, &lists, &mut report)?;
    }
    if runs("tokens") {
        let (script, lines) = (read(&folder, "tokens.toml")?, read(&folder, "data/tokens.jsonl")?);
        tokens::run(&mut replay, &listener, &script, &lines, &lists, &mut report)?;
    }
    if runs("pages") {
        let (script, pages) = (read(&folder, "pages.toml")?, read(&folder, "data/pages.json")?);
        pages::run(&mut replay, &script, &pages, &lists, &mut report)?;
    }
    let areas = wanted();
    // The lists speak of this tree's binary; another server proves nothing against them.
    if areas.is_empty() && only.is_empty() && server.is_some() {
        report.stale = lists.stale();
    }
    report.items.retain(|item| areas.is_empty() || areas.contains(&item.subject.area));
    publish(&report, &lists)?;
    drop(server);
    Ok(report.holds() || std::env::var_os("KEYRAFT_PARITY_RECORD").is_some())
}

/// Removes what an earlier run left on the server.
fn clear(replay: &mut Replay) -> Result<()> {
    let answer = replay.admin("GET", "/admin/realms?briefRepresentation=true", None)?;
    let realms: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    for realm in realms.as_array().into_iter().flatten().filter_map(|r| r["realm"].as_str()) {
        if realm != "master" {
            replay.admin(
                "DELETE",
                &format!("/admin/realms/{}", http::encode(realm).replace('+', "%20")),
                None,
            )?;
        }
    }
    Ok(())
}

/// Sends every recorded exchange and judges what came back.
fn exchanges(replay: &mut Replay, folder: &Path, lists: &Lists, report: &mut Report) -> Result<()> {
    let steps = Steps::parse(&read(folder, "steps.toml")?)?;
    let place = Place { base: replay.origin.base.clone(), host: replay.origin.host.clone() };
    let requests = match std::env::var_os("KEYRAFT_PARITY_REQUESTS") {
        Some(path) => std::fs::read_to_string(path)?,
        None => read(folder, "data/exchanges.jsonl")? + &read(folder, "data/more.jsonl")?,
    };
    let mut recorded = String::new();
    for line in requests.lines() {
        let exchange: Value = serde_json::from_str(line)?;
        let subject = subject(&exchange);
        let reduce = steps.of(subject.n).find_map(|s| s.reduce.as_deref());
        let set = !sorted(&subject.request) || steps.of(subject.n).any(|s| s.set);
        let ordered =
            subject.request.contains("/openid-connect/token") || subject.request.contains("/.well-known/");
        let outcome = replay.run(&exchange, &steps);
        let found = match &outcome {
            Outcome::Answered(read) => {
                judge::judge(&place, &exchange["response"], read, Manner { ordered, set, reduce })
            }
            Outcome::Blocked(why) => vec![compare::Difference {
                fact: "blocked".into(),
                expected: exchange["response"]["status"].to_string(),
                got: why.clone(),
                soft: false,
            }],
        };
        if let Outcome::Answered(read) = &outcome {
            recorded.push_str(&record::line(&exchange, read, &place).to_string());
            recorded.push('\n');
        }
        report.items.push(lists.verdict(subject, found));
    }
    if let Some(path) = std::env::var_os("KEYRAFT_PARITY_RECORD") {
        if let Some(folder) = Path::new(&path).parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, recorded)?;
    }
    Ok(())
}

/// Lists that the original sorts; the order of the others differs from run to run.
fn sorted(request: &str) -> bool {
    const SORTED: [&str; 9] = [
        "users",
        "groups",
        "children",
        "clients",
        "organizations",
        "members",
        "executions",
        "events",
        "admin-events",
    ];
    let path = request.split('?').next().unwrap_or_default();
    SORTED.iter().any(|name| path.rsplit('/').next() == Some(name))
}

fn subject(exchange: &Value) -> Subject {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let request = &exchange["request"];
    Subject {
        n: exchange["n"].as_u64().unwrap_or_default(),
        area: text(&exchange["area"]),
        name: text(&exchange["name"]),
        request: format!("{} {}", text(&request["method"]), text(&request["path"])),
    }
}

fn publish(report: &Report, lists: &Lists) -> Result<()> {
    let path = std::env::var_os("KEYRAFT_PARITY_REPORT").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/parity.txt"),
        PathBuf::from,
    );
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, report.full(lists))?;
    let limit = std::env::var("KEYRAFT_PARITY_LIMIT").ok().and_then(|l| l.parse().ok()).unwrap_or(20);
    say(&report.table());
    say(&report.failures(limit));
    say(&format!("whole report: {}", path.display()));
    let passed = report.items.len() - report.count(Verdict::Failed) - report.count(Verdict::Pending);
    say(&format!(
        "parity: {passed} passed, {} failed, {} skipped",
        report.count(Verdict::Failed) + report.stale.len(),
        report.count(Verdict::Pending),
    ));
    Ok(())
}

/// The binary to start: the one that this build made, or another one.
fn binary() -> Result<String> {
    let built = option_env!("CARGO_BIN_EXE_keyraft").map(str::to_owned);
    std::env::var("KEYRAFT_PARITY_BINARY")
        .ok()
        .or(built)
        .context("set KEYRAFT_PARITY_BINARY or KEYRAFT_PARITY_URL")
}

/// Areas to judge; empty means all.
fn wanted() -> Vec<String> {
    let areas = std::env::var("KEYRAFT_PARITY_AREAS").unwrap_or_default();
    areas.split(',').map(str::trim).filter(|a| !a.is_empty()).map(str::to_owned).collect()
}

/// The management port is the main port and a thousand, where nothing else is said.
fn above(base: &str) -> String {
    let (host, port) = base.rsplit_once(':').unwrap_or((base, "8080"));
    format!("{host}:{}", port.parse::<u16>().map_or(9000, |p| p.saturating_add(1000)))
}

fn folder() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity");
    std::env::var_os("KEYRAFT_PARITY_FOLDER").map_or(here, PathBuf::from)
}

fn read(folder: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(folder.join(name)).with_context(|| folder.join(name).display().to_string())
}

#[expect(clippy::print_stdout, reason = "the ring's table is its output")]
fn say(text: &str) {
    println!("{text}");
}
