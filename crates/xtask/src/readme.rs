//! The README's table of settings: rows between two marks, each one quoted from `keyraft config reference`.

use anyhow::{Context as _, Result};

use crate::command::{cargo, output, root};

const BEGIN: &str = "<!-- settings: cargo xtask fix -->";
const END: &str = "<!-- /settings -->";

/// Replaces every row between the marks by what the binary says about that setting today.
pub(crate) fn refresh() -> Result<()> {
    let path = root().join("README.md");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let arguments = ["run", "--quiet", "--package", "keyraft", "--", "config", "reference", "--markdown"];
    let table = output(&mut cargo(arguments))?;
    let fresh = refreshed(&text, &table)?;
    if fresh != text {
        std::fs::write(&path, fresh).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn refreshed(text: &str, table: &str) -> Result<String> {
    let Some((before, rest)) = text.split_once(BEGIN) else { return Ok(text.to_owned()) };
    let (rows, after) = rest.split_once(END).context("the README's table of settings has no end mark")?;
    let name = |row: &str| row.split('|').nth(1).map(|cell| cell.trim().to_owned());
    let row = |old: &str| {
        let same = |row: &&str| name(row) == name(old) && old.starts_with("| `");
        table.lines().find(same).unwrap_or(old).to_owned()
    };
    let rows: Vec<String> = rows.lines().map(row).collect();
    Ok(format!("{before}{BEGIN}{}\n{END}{after}", rows.join("\n").trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_replaced_by_the_one_of_the_same_setting() {
        let text = format!("a\n{BEGIN}\n| s | d |\n|---|---|\n| `x` | old |\n{END}\nb\n");
        let fresh = refreshed(&text, "| `w` | other |\n| `x` | new |\n").expect("both marks");

        assert_eq!(fresh, format!("a\n{BEGIN}\n| s | d |\n|---|---|\n| `x` | new |\n{END}\nb\n"));
        assert_eq!(refreshed(&fresh, "| `x` | new |").expect("both marks"), fresh);
    }
}
