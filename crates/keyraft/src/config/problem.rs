//! What is wrong with a configuration, and what to do about it.

use std::fmt;

/// One thing that must change before the server may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting's key, such as `hostname.url`, or the name as it was written.
    pub setting: String,
    /// What is wrong, and where the value came from.
    pub what: String,
    /// What to do, as a sentence.
    pub remedy: String,
}

impl Problem {
    /// A problem from its three parts.
    pub(crate) fn new(
        setting: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { setting: setting.into(), what: what.into(), remedy: remedy.into() }
    }
}

/// All that is wrong at once, so that it is mended in one go.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} problem{}:", if count == 1 { "" } else { "s" })?;
        for Problem { setting, what, remedy } in &self.0 {
            // Values are shown as given: a control character must not reach the terminal.
            let line = format!("\n\n  {setting}: {what}\n    {remedy}");
            for c in line.chars() {
                match c {
                    '\n' => f.write_str("\n")?,
                    c if c.is_control() => write!(f, "{}", c.escape_unicode())?,
                    c => write!(f, "{c}")?,
                }
            }
        }
        Ok(())
    }
}
