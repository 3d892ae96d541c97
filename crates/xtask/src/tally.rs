//! Counts tests while their output passes by.

use std::{
    io::{BufRead as _, BufReader, Read},
    ops::AddAssign,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result};

use crate::{
    command::{say, shown},
    limit::Watch,
};

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
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    let watch = Watch::over(child.id());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both at once: a program that waits for one of them to be read would never end.
    let skipped = thread::spawn(move || follow(stderr, |line| u32::from(line.starts_with("SKIPPED: "))));
    let mut tally = Tally::default();
    follow(stdout, |line| {
        tally += Tally::of_line(line).unwrap_or_default();
        0
    });
    // A test that left itself out has counted as passed.
    let skipped = skipped.join().unwrap_or_default();
    tally.skipped += skipped;
    tally.passed = tally.passed.saturating_sub(skipped);
    let good = child.wait()?.success();
    let late = watch.done();
    if let Some(why) = &late {
        say(&format!("{name}: {why}"));
    }
    Ok((tally, good && late.is_none()))
}

/// Shows every line of `output` and adds up what `count` says of each.
fn follow(output: Option<impl Read>, mut count: impl FnMut(&str) -> u32) -> u32 {
    let mut total = 0;
    for line in
        output.into_iter().flat_map(|output| BufReader::new(output).split(b'\n')).map_while(Result::ok)
    {
        let line = String::from_utf8_lossy(&line);
        total += count(&line);
        say(&line);
    }
    total
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
