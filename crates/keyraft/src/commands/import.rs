//! `keyraft import`, and `--import-realm` of `start` and `start-dev`: realms out of Keycloak's export files.
//!
//! All realms of an import are written in one transaction, or none. What a file configures and this release
//! does not do is reported first: nothing is weakened in silence.

use std::path::Path;

use anyhow::Context as _;
use keyraft_core::{
    Core,
    import::{self, IfThere, Report, files, files::Placeholders},
};

use super::offline;
use crate::{
    cli::{Import, say},
    config::Config,
};

/// Carries out `keyraft import`.
pub(super) fn run(options: Import) -> anyhow::Result<()> {
    let Import { file, dir, overwrite, settings } = options;
    let path = file.or(dir).context("neither --file nor --dir")?;
    let config = offline::load(settings)?;
    let given = files::read(&path, &placeholders(&config))?;
    let if_there = if overwrite { IfThere::Replace } else { IfThere::Skip };
    super::runtime(&config)?.block_on(async {
        let (store, hasher) = offline::open(&config).await?;
        let imported = import::import(&store, &hasher, given, if_there, offline::now()).await;
        // An import that brings no `master` leaves a server that nobody may govern.
        let reports = imported.with_context(|| format!("nothing was imported from {}", path.display()))?;
        offline::make_master(&store, &hasher).await?;
        store.close().await;
        reports.iter().for_each(|report| say(&report.to_string()));
        Ok(())
    })
}

/// Imports the realms in the folder `import` of the data folder; those that are there stay as they are.
///
/// # Errors
/// A file cannot be read or does not fit; then nothing was imported, and the start fails.
pub(crate) async fn at_start(core: &Core, config: &Config) -> anyhow::Result<()> {
    let folder = config.general.data_dir.join("import");
    if !Path::new(&folder).is_dir() {
        tracing::info!("nothing to import: {} is not there", folder.display());
        return Ok(());
    }
    let given = files::read(&folder, &placeholders(config))?;
    let now = core.sessions.view().await?.now();
    let imported = import::import(&core.store, &core.hasher, given, IfThere::Skip, now).await;
    let reports: Vec<Report> =
        imported.with_context(|| format!("nothing was imported from {}", folder.display()))?;
    for report in &reports {
        for line in report.to_string().lines() {
            tracing::info!("import: {line}");
        }
    }
    Ok(())
}

fn placeholders(config: &Config) -> Placeholders {
    Placeholders::of_environment(config.general.import_variables.iter().map(String::as_str))
}
