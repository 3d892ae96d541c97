//! What may be mended without a decision.

use anyhow::Result;

use crate::{
    command::{self, cargo},
    readme,
};

/// Formats, applies clippy's suggestions, refreshes the README's excerpt.
pub(crate) fn run() -> Result<()> {
    command::run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
    ]))?;
    command::run(&mut cargo(["fmt", "--all"]))?;
    readme::refresh()
}
