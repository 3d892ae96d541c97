//! Log lines for people.
//!
//! Whatever a caller sends may end up in a log line, so every control character of it is escaped: otherwise a
//! line break in a user name forges a line, and an escape sequence rewrites the reader's terminal.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// One event, one line: time, level, part, spans with their fields, message and fields.
pub(super) struct Text {
    /// Whether the level is coloured.
    pub(super) colours: bool,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut out)?;
        let metadata = event.metadata();
        let level = *metadata.level();
        if self.colours {
            write!(out, " \u{1b}[{}m{level:>5}\u{1b}[0m ", colour(level))?;
        } else {
            write!(out, " {level:>5} ")?;
        }
        let mut line = String::new();
        for span in ctx.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            line.push_str(span.name());
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<N>>().filter(|fields| !fields.is_empty()) {
                line.push('{');
                line.push_str(fields);
                line.push('}');
            }
            line.push_str(": ");
        }
        ctx.format_fields(Writer::new(&mut line), event)?;
        write!(out, "{}: ", metadata.target())?;
        write_escaped(&mut out, &line)?;
        writeln!(out)
    }
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// Writes `text` with control characters, and those that turn the reading direction, spelled out.
fn write_escaped(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| c.is_control() || turns(*c)) {
        out.write_str(&rest[..at])?;
        write!(out, "{}", c.escape_default())?;
        rest = &rest[at + c.len_utf8()..];
    }
    out.write_str(rest)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn control_characters_of_a_caller_forge_no_line() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Text { colours: false })
            .with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        let name = "alice\n2026-01-01 INFO forged\u{1b}[2J\u{202e}";

        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", realm = name).entered();
            tracing::info!(user = name, "signed in as {name}");
        });

        let text = String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("text");
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        assert!(text.contains(r"alice\n2026") && text.contains("request{") && text.contains("signed in as"));
    }
}
