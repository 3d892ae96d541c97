//! What this node writes about itself, and how.

use tracing::level_filters::LevelFilter;

use super::{section::section, setting::Setting};

section! {
    /// What this node writes about itself. Logs go to standard error.
    pub Log in "log" {
        /// Least level that is written: `error`, `warn`, `info`, `debug`, `trace` or `off`; further levels for
        /// single parts, such as `info,keyraft_oidc:debug`.
        ///
        /// Default `info`. Env `KEYRAFT_LOG_LEVEL`, Keycloak's `KC_LOG_LEVEL`. `debug` tells who signs in and costs
        /// time; no level writes a password, a token or a secret.
        level: LogLevels = "LOG_LEVEL" / "KC_LOG_LEVEL", "info";

        /// Form of a line: `text` for people, `json` for machines.
        ///
        /// Default `text`. Env `KEYRAFT_LOG_FORMAT`, Keycloak's `KC_LOG_CONSOLE_OUTPUT` (whose `default` is `text`).
        format: LogFormat = "LOG_FORMAT" / "KC_LOG_CONSOLE_OUTPUT", "text";
    }
}

/// A level for everything, and others for single parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLevels {
    /// The level of all that has none of its own.
    pub root: LevelFilter,
    /// Prefix of a target (`keyraft_oidc`) and its level.
    pub targets: Vec<(String, LevelFilter)>,
}

impl Setting for LogLevels {
    const EXPECTS: &'static str =
        "a level (off, error, warn, info, debug, trace), then part:level, by commas";

    fn parse(text: &str) -> Option<Self> {
        let mut levels = Self { root: LevelFilter::INFO, targets: Vec::new() };
        for part in text.split(',').map(str::trim) {
            match part.rsplit_once([':', '=']) {
                None => levels.root = level(part)?,
                Some((target, text)) if !target.is_empty() => {
                    levels.targets.push((target.replace('-', "_"), level(text)?));
                }
                Some(_) => return None,
            }
        }
        Some(levels)
    }

    fn text(&self) -> String {
        let targets = self.targets.iter().map(|(target, level)| format!(",{target}:{level}"));
        std::iter::once(self.root.to_string()).chain(targets).collect()
    }
}

/// Keycloak's names are upper or lower case, and two of them are ours under another word.
fn level(text: &str) -> Option<LevelFilter> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Some(LevelFilter::OFF),
        "error" | "fatal" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" | "all" => Some(LevelFilter::TRACE),
        _ => None,
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One readable line; control characters are escaped.
    Text,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const EXPECTS: &'static str = "text or json";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "text" | "default" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_read_as_keycloak_writes_them() {
        let levels = LogLevels::parse("WARN,org.keycloak.events:debug").expect("well-formed");

        assert_eq!(levels.root, LevelFilter::WARN);
        assert_eq!(levels.targets, [("org.keycloak.events".to_owned(), LevelFilter::DEBUG)]);
        assert_eq!(LogLevels::parse("loud"), None);
        assert_eq!(LogLevels::parse("info,:debug"), None);
    }
}
