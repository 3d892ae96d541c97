//! Measures Keyraft beside other OpenID providers, in one run on one machine.
//!
//! What counts is operations per CPU-second of the *server*: wall time on a shared machine is noise, and the
//! load generator's own work must not count. Beside the rates stand the bare costs of what an operation
//! cannot do without, a signature or a password hash, measured in the same run.

#![expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]

mod bare;
mod browser;
mod crowd;
mod http;
mod measure;
mod peer;
mod process;
mod scenario;
mod server;
mod setup;
mod table;
mod worker;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use clap::Parser;

use crate::{
    bare::Bare,
    measure::Pace,
    peer::Peer,
    scenario::Scenario,
    server::Server,
    table::{Findings, Provider, count},
};

/// `bench --server target/dist/keyraft --peer other=http://127.0.0.1:8480/realms/bench,4712`
#[derive(Debug, Parser)]
struct Options {
    /// Keyraft's binary: it is started, measured first, and stopped.
    #[arg(long)]
    server: Option<PathBuf>,
    /// `NAME=URL,PID`: a provider that runs already. The URL is an issuer's, who knows the clients `bench`,
    /// `bench-rs256`, `bench-es256` and `bench-eddsa` with the secret `bench-secret` and the person `bench` with
    /// `bench-password`; or it is that of a server with Keycloak's admin API, where they are made.
    #[arg(long = "peer")]
    peers: Vec<Peer>,
    /// Seconds of a round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds of each scenario; the best counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each scenario before its first round.
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Requests in flight.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only scenarios whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Starts this many sessions at the first provider and says what they cost in resident memory.
    #[arg(long, default_value_t = 0)]
    sessions: u64,
    /// Writes the table to this file as well.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Administrator of servers that are set up.
    #[arg(long, default_value = "admin")]
    admin: String,
    /// His password.
    #[arg(long, default_value = "admin")]
    password: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let admin = (options.admin.as_str(), options.password.as_str());
    let bare = Bare::measure()?;
    say(&format!("{}; bare costs on one of them:", process::machine()));
    for (name, micros) in bare.rows() {
        say(&format!("  {name:<48} {micros:>9.1} µs  {:>8.0}/s", 1e6 / micros));
    }
    let mut findings = Findings {
        bare,
        start_up: None,
        scenarios: Scenario::ALL.into_iter().filter(|one| one.name.contains(&options.only)).collect(),
        providers: Vec::new(),
        session: None,
    };
    let mut peers = options.peers.clone();
    let mut server = None;
    if let Some(binary) = &options.server {
        let (started, start_up) = Server::start(binary, admin).await?;
        say(&format!(
            "start to first token: {} ms at first, {} ms later",
            start_up.first.as_millis(),
            start_up.again.as_millis()
        ));
        peers.insert(0, started.peer());
        server = Some(started);
        findings.start_up = Some(start_up);
    }
    ensure!(!peers.is_empty(), "nothing to measure: name a --server or a --peer");
    for (at, peer) in peers.iter().enumerate() {
        findings.providers.push(provider(peer, &findings, &options).await?);
        if at == 0 && options.sessions > 0 {
            let bytes = crowd::bytes_per_session(peer, admin, options.sessions, options.connections).await?;
            say(&format!("  {} sessions with two clients: {bytes:.0} bytes each", options.sessions));
            findings.session = Some((bytes, options.sessions));
        }
        if at == 0 {
            drop(server.take());
        }
    }
    let text = findings.markdown()?;
    say(&format!("\n{text}"));
    if let Some(path) = options.markdown {
        tokio::fs::write(path, text).await?;
    }
    Ok(())
}

/// Sets a provider up and runs every scenario against it. A scenario that it cannot do has no rate.
async fn provider(peer: &Peer, findings: &Findings, options: &Options) -> Result<Provider> {
    say(&format!("\n{} ({}, process {})", peer.name, peer.url, peer.pid));
    let idle = process::resident_bytes(peer.pid)?;
    let target = setup::target(peer, (&options.admin, &options.password)).await?;
    let pace = Pace {
        connections: options.connections.max(1),
        warm_up: Duration::from_secs_f64(options.warm_up),
        round: Duration::from_secs_f64(options.seconds),
        rounds: options.rounds.max(1),
    };
    let mut rates = Vec::new();
    for scenario in &findings.scenarios {
        match measure::run(*scenario, &target, peer.pid, pace).await {
            Ok(measured) => {
                let rate = measured.per_cpu_second;
                let goal = scenario.goal.rate(&findings.bare);
                say(&format!(
                    "  {:<28} {:>8} per CPU-second ({} at worst) {:>9.1} µs  {:>7.0}/s wall{}",
                    scenario.name,
                    count(rate),
                    count(measured.worst),
                    1e6 / rate,
                    measured.per_second,
                    goal.map_or_else(String::new, |goal| format!(
                        "  {:>4.0} % of the goal",
                        100.0 * rate / goal
                    )),
                ));
                rates.push(Some(rate));
            }
            Err(error) => {
                say(&format!("  {:<28} not measured: {error:#}", scenario.name));
                rates.push(None);
            }
        }
    }
    let resident = (idle, process::resident_bytes(peer.pid)?);
    say(&format!(
        "  resident: {:.1} MiB before, {:.1} MiB after",
        resident.0 / 1_048_576.0,
        resident.1 / 1_048_576.0
    ));
    Ok(Provider { name: peer.name.clone(), rates, resident })
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
