//! Counts tests while their output passes by.

use std::{
    io::{BufRead as _, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::command::{say, shown};

/// How many tests ended how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Tally {
    /// Reads a closing line: cargo's (`test result: ok. 3 passed; 0 failed; 1 ignored; …`), or a plain
    /// `3 passed, 0 failed, 1 skipped`, with a word and a colon before it or none.
    fn of_line(line: &str) -> Option<Self> {
        let counts = match line.strip_prefix("test result: ") {
            Some(rest) => rest.split_once(". ")?.1,
            None => line.split_once(": ").map_or(line, |(_, rest)| rest),
        };
        let mut tally = Self::default();
        let mut seen = 0;
        for part in counts.split([';', ',']) {
            let (number, word) = part.trim().split_once(' ')?;
            let Ok(number) = number.parse::<u32>() else { break };
            match word {
                "passed" => tally.passed = number,
                "failed" => tally.failed = number,
                "ignored" | "skipped" => tally.skipped = number,
                _ => continue,
            }
            seen += 1;
        }
        (seen >= 2).then_some(tally)
    }
}

/// Runs `command`, shows what it writes, and counts. Second: whether it ended well.
pub(crate) fn counted(command: &mut Command) -> Result<(Tally, bool)> {
    let name = shown(command);
    say(&format!("$ {name}"));
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {name}"))?;
    let output = child.stdout.take().context("its output was not caught")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some(counted) = Tally::of_line(&line) {
            tally += counted;
        }
        say(&line);
    }
    Ok((tally, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted_and_nothing_else() {
        let cargo =
            "test result: ok. 46 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.07s";
        assert_eq!(Tally::of_line(cargo), Some(Tally { passed: 46, failed: 0, skipped: 2 }));
        let plain = Some(Tally { passed: 3, failed: 1, skipped: 2 });
        assert_eq!(Tally::of_line("3 passed, 1 failed, 2 skipped"), plain);
        assert_eq!(Tally::of_line("parity: 3 passed, 1 failed, 2 skipped"), plain);
        assert_eq!(Tally::of_line("test a_code_is_redeemed_once ... ok"), None);
        assert_eq!(Tally::of_line("alice passed, 3 failed"), None);
    }
}
