//! The tables for documents: a row for each scenario, a column for each provider, and how the first compares.

use std::fmt::{self, Write as _};

use crate::{bare::Bare, process, scenario::Scenario, server::StartUp};

/// Everything that one run found out.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) bare: Bare,
    pub(crate) start_up: Option<StartUp>,
    pub(crate) scenarios: Vec<Scenario>,
    /// The first is the one that the others are compared with.
    pub(crate) providers: Vec<Provider>,
    /// Bytes for each session of the first, and how many sessions there were.
    pub(crate) session: Option<(f64, u64)>,
}

/// What was found out about one provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    /// Operations per CPU-second of each scenario.
    pub(crate) rates: Vec<Option<f64>>,
    /// Resident bytes before the scenarios and after them.
    pub(crate) resident: (f64, f64),
}

impl Findings {
    /// As Markdown.
    ///
    /// # Errors
    /// None: text takes every character.
    pub(crate) fn markdown(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let names: Vec<_> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
        let (first, others) = names.split_first().unwrap_or((&"", &[]));
        let heads = others.iter().fold(String::new(), |heads, name| heads + " " + name + " |");
        let rules = "---:|".repeat(others.len());
        writeln!(text, "| operations per CPU-second | {first} | goal |{heads}")?;
        writeln!(text, "|---|---:|---:|{rules}")?;
        for (row, scenario) in self.scenarios.iter().enumerate() {
            let ours = self.providers.first().and_then(|provider| provider.rates[row]);
            let goal = scenario.goal.rate(&self.bare).map_or_else(String::new, count);
            let theirs: String =
                self.providers.iter().skip(1).map(|other| against(ours, other.rates[row])).collect();
            writeln!(
                text,
                "| {} | {} | {goal} |{theirs}",
                scenario.name,
                ours.map_or_else(|| "–".into(), count)
            )?;
        }
        let cells = |bytes: fn(&Provider) -> f64| -> String {
            let mut cells = self.providers.iter().map(bytes).map(mib);
            let first = cells.next().unwrap_or_default();
            format!(
                "{first} | 64 MiB |{}",
                cells.fold(String::new(), |cells, cell| cells + " " + &cell + " |")
            )
        };
        writeln!(text, "| resident memory before all this | {}", cells(|provider| provider.resident.0))?;
        let after = cells(|provider| provider.resident.1).replace("64 MiB", "");
        writeln!(text, "| resident memory after it | {after}")?;
        let rest = " |".repeat(others.len());
        if let Some((bytes, sessions)) = self.session {
            let (name, bytes) = (
                format!("bytes for each of {} sessions with two clients", count(sessions as f64)),
                count(bytes),
            );
            writeln!(text, "| {name} | {bytes} | 600 |{rest}")?;
        }
        if let Some(StartUp { first, again }) = self.start_up {
            writeln!(
                text,
                "| first start to first token, keys and tables made | {} ms | 1,000 ms |{rest}",
                first.as_millis()
            )?;
            writeln!(text, "| later start to first token | {} ms | 300 ms |{rest}", again.as_millis())?;
        }
        let bare = self.bare.rows().map(|(name, micros)| format!("{name}: {}", duration(micros)));
        write!(text, "\n{}. Bare costs there: {}.\n", process::machine(), bare.join("; "))?;
        Ok(text)
    }
}

/// A rate of another provider, and how many times as many the first carries out.
fn against(ours: Option<f64>, theirs: Option<f64>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => format!(" {} ({:.1}×) |", count(theirs), ours / theirs),
        (None, Some(theirs)) => format!(" {} |", count(theirs)),
        (_, None) => " – |".to_owned(),
    }
}

/// Whole, with commas; small ones with what three digits tell.
pub(crate) fn count(number: f64) -> String {
    let whole = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn mib(bytes: f64) -> String {
    format!("{} MiB", count(bytes / 1_048_576.0))
}

fn duration(micros: f64) -> String {
    if micros < 1_000.0 { format!("{micros:.0} µs") } else { format!("{:.1} ms", micros / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([count(7.4), count(999.6), count(1_234_567.0)], ["7", "1,000", "1,234,567"]);
        assert_eq!([duration(641.2), duration(12_345.0)], ["641 µs", "12.3 ms"]);
        assert_eq!(against(Some(100.0), Some(40.0)), " 40 (2.5×) |");
        assert_eq!(against(Some(100.0), None), " – |");
    }
}
