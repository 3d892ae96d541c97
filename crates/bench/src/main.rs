//! Measures Keyraft beside other OpenID providers, in one run on one machine.
//!
//! What counts is operations per CPU-second of the *server*: wall time on a shared machine is noise, and the
//! load generator's own work must not count. Beside the rates stand the bare costs of what an operation
//! cannot do without, a signature or a password hash, measured in the same run.

#![expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]

mod bare;
mod peer;
mod process;
mod scenario;
mod setup;

use std::time::Duration;

use clap::Parser;

use crate::{peer::Peer, scenario::Scenario};

/// `bench --peer keyraft=http://127.0.0.1:8080,4711 --peer other=http://127.0.0.1:8480/realms/bench,4712`
#[derive(Debug, Parser)]
struct Options {
    /// `NAME=URL,PID`: a provider that runs already. A URL without a path is a server with Keycloak's admin API,
    /// which is set up with `admin`/`admin`; with a path it is an issuer that knows client `bench`/`bench-secret`.
    #[arg(long = "peer", required = true)]
    peers: Vec<Peer>,
    /// Seconds for each scenario, after as many of warming up (at most 5).
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Requests in flight.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Signature algorithm of the realm that is made.
    #[arg(long, default_value = "RS256")]
    alg: String,
    /// Only scenarios whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Starts this many sessions and prints what they cost in resident memory.
    #[arg(long, default_value_t = 0)]
    sessions: u64,
    /// Administrator of servers that are set up.
    #[arg(long, default_value = "admin")]
    admin: String,
    /// His password.
    #[arg(long, default_value = "admin")]
    password: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    say("bare costs on one core of this machine:");
    for (name, micros) in bare::costs() {
        say(&format!("  {name:<34} {micros:>10.1} µs  {:>10.0}/s", 1e6 / micros));
    }
    let span = Duration::from_secs(options.seconds.max(1));
    let mut table: Vec<(Scenario, Vec<Option<f64>>)> = Vec::new();
    for scenario in Scenario::ALL.into_iter().filter(|scenario| scenario.name().contains(&options.only)) {
        table.push((scenario, Vec::new()));
    }
    for peer in &options.peers {
        say(&format!("\n{} ({}, process {}), {}", peer.name, peer.url, peer.pid, options.alg));
        let idle = process::resident_mib(peer.pid)?;
        let target = setup::target(peer, &options.admin, &options.password, &options.alg).await?;
        for (scenario, rates) in &mut table {
            match scenario.run(&target, peer.pid, options.connections, span).await {
                Ok(measured) => {
                    say(&format!(
                        "  {:<20} {:>9.0} per CPU-second  {:>9.1} µs CPU  {:>8.0}/s wall  {} failed",
                        scenario.name(),
                        measured.per_cpu_second(),
                        1e6 / measured.per_cpu_second(),
                        measured.per_second(),
                        measured.failed
                    ));
                    rates.push((measured.failed == 0).then(|| measured.per_cpu_second()));
                }
                Err(error) => {
                    say(&format!("  {:<20} not measured: {error:#}", scenario.name()));
                    rates.push(None);
                }
            }
        }
        say(&format!("  resident: {idle:.0} MiB before, {:.0} MiB after", process::resident_mib(peer.pid)?));
        if options.sessions > 0 {
            let (started, grown) =
                scenario::sessions(&target, peer.pid, options.sessions, options.connections).await?;
            say(&format!(
                "  {started} sessions: {grown:.1} MiB, {:.0} bytes each",
                grown * 1_048_576.0 / started as f64
            ));
        }
    }
    ratios(&options.peers, &table);
    Ok(())
}

/// The table for documents: a row for each scenario, a column for each peer, and how the first compares.
fn ratios(peers: &[Peer], table: &[(Scenario, Vec<Option<f64>>)]) {
    let names: Vec<_> = peers.iter().map(|peer| peer.name.as_str()).collect();
    say(&format!("\n| operations per CPU-second | {} | ratio |", names.join(" | ")));
    say(&format!("|---|{}---|", "---:|".repeat(names.len())));
    for (scenario, rates) in table {
        let cells: Vec<_> = rates
            .iter()
            .map(|rate| rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.0}")))
            .collect();
        let first = rates.first().copied().flatten();
        let others = rates.iter().skip(1);
        let ratio: Vec<_> = others
            .map(|rate| match (first, rate) {
                (Some(first), Some(rate)) => format!("{:.1}×", first / rate),
                _ => "–".to_owned(),
            })
            .collect();
        say(&format!("| {} | {} | {} |", scenario.name(), cells.join(" | "), ratio.join(", ")));
    }
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
