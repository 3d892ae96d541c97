//! Keyraft, the binary: command line, configuration, assembly, start and stop.
//!
//! Every command reads the same configuration (`config`); `start` and `start-dev` open the rooms (`assemble`)
//! and put them behind listeners (`listener`, `management`). Only `assemble` knows every room.

mod assemble;
mod cli;
mod commands;
mod config;
mod control;
mod dev;
mod listener;
mod management;
mod readiness;
mod sessions;
mod shutdown;
mod telemetry;
mod tls;

use std::process::ExitCode;

// Built with `no_thp`: huge pages behind every small heap doubled the memory of an idle server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Settings are wrong: 2, as for a wrong command line; everything else: 1.
            let code = if error.is::<config::Problems>() { 2 } else { 1 };
            cli::complain(&format!("keyraft: {error:#}"));
            ExitCode::from(code)
        }
    }
}
