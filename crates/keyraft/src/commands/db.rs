//! `keyraft db plan|migrate`: the schema, looked at and brought up to date without serving.

use anyhow::Context as _;
use keyraft_core::seal;

use super::offline;
use crate::{
    assemble,
    cli::{DbVerb, say},
    dev,
};

/// Carries out `keyraft db …`.
pub(super) fn run(verb: DbVerb) -> anyhow::Result<()> {
    let (changes, settings) = match verb {
        DbVerb::Plan { settings } => (false, settings),
        DbVerb::Migrate { settings } => (true, settings),
    };
    let config = offline::load(settings)?;
    dev::make_folder(&config.general.data_dir)?;
    let store = assemble::store_settings(&config)?;
    super::runtime(&config)?.block_on(async {
        if changes {
            let steps = seal::migrate(&store, "db migrate").await.context("the database was not migrated")?;
            say(&format!("{steps} steps were run; the schema is up to date."));
            return Ok(());
        }
        let steps = seal::plan(&store).await.context("the database cannot be read")?;
        for step in &steps {
            say(&format!("{}  {}", step.id, step.text.trim().replace('\n', "\n         ")));
        }
        say(&format!("{} steps would be run.", steps.len()));
        Ok(())
    })
}
