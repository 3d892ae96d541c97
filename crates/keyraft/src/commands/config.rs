//! `keyraft config check|show|reference`: looks at the configuration without starting.

use crate::{
    cli::{ConfigVerb, Look, complain, say},
    config::{Config, Mode, Problems, reference},
};

/// Carries out `keyraft config …`.
pub(super) fn run(verb: ConfigVerb) -> anyhow::Result<()> {
    match verb {
        ConfigVerb::Reference { markdown: true } => say(&reference::markdown()),
        ConfigVerb::Reference { markdown: false } => say(&reference::reference()),
        ConfigVerb::Check(look) => {
            let (mode, command) = mode(&look);
            let loaded = Config::load(mode, &look.settings.sources())?;
            warn(&loaded.warnings);
            say(&format!("`keyraft {command}` takes these settings."));
        }
        ConfigVerb::Show(look) => {
            let (mode, _) = mode(&look);
            let loaded = Config::read(mode, &look.settings.sources());
            say(&reference::show(&loaded));
            warn(&loaded.warnings);
            if !loaded.problems.is_empty() {
                complain(&format!("\n{}", Problems(loaded.problems)));
            }
        }
    }
    Ok(())
}

fn mode(look: &Look) -> (Mode, &'static str) {
    if look.dev { (Mode::Dev, "start-dev") } else { (Mode::Production, "start") }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        complain(&format!("warning: {}", warning.escape_debug()));
    }
}
