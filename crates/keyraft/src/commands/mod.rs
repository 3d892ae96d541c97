//! One file a command.

mod bootstrap_admin;
mod cluster;
mod config;
mod db;
mod export;
mod import;
mod offline;
mod start;

pub(crate) use import::first_start;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use crate::{
    cli::Command,
    config::{Config, Mode},
};

/// Carries out a command.
///
/// # Errors
/// [`crate::config::Problems`] when settings are wrong; otherwise what failed.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::StartDev(options) => start::run(Mode::Dev, options),
        Command::Start(options) => start::run(Mode::Production, options),
        Command::Config { verb } => config::run(verb),
        Command::BootstrapAdmin { verb } => bootstrap_admin::run(verb),
        Command::Db { verb } => db::run(verb),
        Command::Cluster { verb } => cluster::run(verb),
        Command::Export(options) => export::run(options),
        Command::Import(options) => import::run(options),
    }
}

/// The threads that everything runs on.
fn runtime(config: &Config) -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = config.general.threads {
        builder.worker_threads(usize::from(threads));
    }
    builder.thread_name("keyraft").enable_all().build().context("cannot start threads")
}
