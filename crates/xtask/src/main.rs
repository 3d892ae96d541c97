//! The project's chores: `cargo xtask test|fix|walls|parity|bench`.
//!
//! `test` runs every ring in order, brings what the rings need, and says what it left out; it never writes to
//! the tree. `fix` may. `walls` checks what `deny.toml` says, without a network.

#![expect(clippy::disallowed_methods, reason = "a chore serves no requests: it may wait for files")]

mod bench;
mod command;
mod fix;
mod limit;
mod needs;
mod parity;
mod postgres;
mod readme;
mod rings;
mod tally;
mod walls;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::rings::Ring;

/// The project's chores.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run the tests, ring after ring; all of them when none is named.
    Test {
        /// Rings to run.
        rings: Vec<Ring>,
    },
    /// Format, apply clippy's suggestions, refresh generated excerpts.
    Fix,
    /// Check dependencies against deny.toml: licences, sources, and who may use what.
    Walls,
    /// Compare with what Keycloak answered.
    Parity {
        #[command(subcommand)]
        verb: parity::Parity,
    },
    /// Measure speed; further words go to the benchmark.
    Bench {
        /// What the benchmark is told.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Test { rings } => rings::run(&rings),
        Chore::Fix => fix::run(),
        Chore::Walls => walls::run(),
        Chore::Parity { verb } => parity::run(&verb),
        Chore::Bench { options } => bench::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
