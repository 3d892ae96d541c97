//! What the commands share that work on the database without serving: their settings, keys and clock.

use keyraft_core::bootstrap::FirstAdmin;
use keyraft_crypto::password::Hasher;
use keyraft_model::UnixMs;
use keyraft_store::Db;

use crate::{
    assemble,
    cli::{Settings, complain},
    config::{Config, Mode, Problem, Problems},
    dev, telemetry,
};

/// Reads the settings that such a command needs: where the database is, and the key to its secrets.
///
/// Whether the set-up would be safe to serve is not asked. A master key that `start-dev` has left in the data
/// folder counts, so that these commands work beside it without any setting.
pub(super) fn load(settings: Settings) -> anyhow::Result<Config> {
    let mut loaded = Config::load(Mode::Dev, &settings.sources())?;
    telemetry::start_logging(&loaded.config.log);
    for warning in &loaded.warnings {
        complain(&format!("warning: {}", warning.escape_debug()));
    }
    let general = &mut loaded.config.general;
    if general.master_key.is_empty() {
        general.master_key.extend(dev::existing_master_key(&general.data_dir)?);
    }
    Ok(loaded.config)
}

/// Opens the database with its secrets.
pub(super) async fn open(config: &Config) -> anyhow::Result<(Db, Hasher)> {
    if config.general.master_key.is_empty() {
        let what = format!("is not set, and {} holds none", config.general.data_dir.display());
        let remedy = "Set KEYRAFT_MASTER_KEY or KEYRAFT_MASTER_KEY_FILE to the one that the server has.";
        return Err(Problems(vec![Problem::new("master_key", what, remedy)]).into());
    }
    dev::make_folder(&config.general.data_dir)?;
    let (store, _) = assemble::open_store(config).await?;
    Ok((store, Hasher::start()?))
}

/// Makes `master` where it is not there, so that a command may be the first thing that meets an empty database.
pub(super) async fn make_master(store: &Db, hasher: &Hasher) -> anyhow::Result<()> {
    keyraft_core::bootstrap::run(store, hasher, &FirstAdmin::default(), now()).await?;
    Ok(())
}

/// The wall clock.
pub(super) fn now() -> UnixMs {
    #[expect(clippy::disallowed_methods, reason = "no cluster runs here whose clock would be the time")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
