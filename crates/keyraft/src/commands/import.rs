//! `keyraft import`, and `--import-realm` of `start` and `start-dev`: realms out of Keycloak's export files.
//!
//! All realms of an import are written in one transaction, or none. What a file configures and this release
//! does not do is reported first: nothing is weakened in silence.

use anyhow::Context as _;
use keyraft_core::{
    Core, bootstrap,
    contents::MASTER,
    image::Representation,
    import::{self, IfThere, files, files::Placeholders},
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
        if !brings_master(&given) {
            offline::make_master(&store, &hasher).await?;
        }
        let imported = import::import(&store, &hasher, given, if_there, offline::now()).await;
        store.close().await;
        let reports = imported.with_context(|| format!("nothing was imported from {}", path.display()))?;
        for report in reports {
            say(&report.to_string());
        }
        Ok(())
    })
}

/// Makes `master` and the first administrator in an empty database, and with `import` brings in the realms in the
/// folder `import` of the data folder; those that are there stay as they are. Says whether it made `master`.
///
/// # Errors
/// A file cannot be read or does not fit; then nothing was imported, and the start fails.
pub(crate) async fn first_start(
    core: &Core,
    config: &Config,
    import: bool,
    now: keyraft_model::UnixMs,
) -> anyhow::Result<bool> {
    let given = if import { waiting(config)? } else { Vec::new() };
    // A `master` among them is the one to have; without it, the others need one to be governed from.
    let brings_master = brings_master(&given);
    let first = crate::assemble::first_admin(config);
    let mut made = false;
    if !brings_master {
        made = bootstrap::run(&core.store, &core.hasher, &first, now).await?;
    }
    let imported = import::import(&core.store, &core.hasher, given, IfThere::Skip, now).await;
    for report in imported.context("nothing was imported")? {
        for line in report.to_string().lines() {
            tracing::info!("import: {line}");
        }
    }
    Ok(made)
}

fn waiting(config: &Config) -> anyhow::Result<Vec<Representation>> {
    let folder = config.general.data_dir.join("import");
    if folder.is_dir() {
        return Ok(files::read(&folder, &placeholders(config))?);
    }
    tracing::info!("nothing to import: {} is not there", folder.display());
    Ok(Vec::new())
}

fn brings_master(given: &[Representation]) -> bool {
    given.iter().any(|realm| realm.get("realm").is_some_and(|name| name == MASTER))
}

fn placeholders(config: &Config) -> Placeholders {
    Placeholders::of_environment(config.general.import_variables.iter().map(String::as_str))
}
