//! What a run found, as a table for people and as a file to work through.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::compare::Difference;
use crate::lists::{List, Subject};

/// The verdict on one exchange, token, page or representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Same,
    Different,
    Pending,
    Unreplayable,
    Failed,
}

/// One judged item.
pub(crate) struct Item {
    pub(crate) subject: Subject,
    pub(crate) verdict: Verdict,
    /// Hard differences that no rule covers.
    pub(crate) open: Vec<Difference>,
    pub(crate) soft: Vec<Difference>,
}

/// The three lists.
pub(crate) struct Lists {
    pub(crate) differences: List,
    pub(crate) pending: List,
    pub(crate) unreplayable: List,
}

impl Lists {
    /// Sorts an item's differences under the lists.
    pub(crate) fn verdict(&self, subject: Subject, found: Vec<Difference>) -> Item {
        let (soft, hard): (Vec<_>, Vec<_>) = found.into_iter().partition(|d| d.soft);
        let mut verdict = Verdict::Same;
        let mut open = Vec::new();
        if !hard.is_empty() && self.unreplayable.names(&subject).is_some() {
            return Item { subject, verdict: Verdict::Unreplayable, open, soft };
        }
        for difference in hard {
            if self.differences.find(&subject, &difference).is_some() {
                verdict = verdict.max(Verdict::Different);
            } else if self.pending.find(&subject, &difference).is_some() {
                verdict = verdict.max(Verdict::Pending);
            } else {
                verdict = Verdict::Failed;
                open.push(difference);
            }
        }
        Item { subject, verdict, open, soft }
    }

    pub(crate) fn stale(&self) -> Vec<String> {
        let mut stale = self.differences.stale("differences.toml");
        stale.extend(self.pending.stale("pending.toml"));
        stale
    }
}

/// Everything a run judged.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) items: Vec<Item>,
    pub(crate) stale: Vec<String>,
}

impl Report {
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.items.iter().filter(|i| i.verdict == verdict).count()
    }

    /// Whether nothing differs that is not on a list, and the lists are true.
    pub(crate) fn holds(&self) -> bool {
        self.count(Verdict::Failed) == 0 && self.stale.is_empty()
    }

    /// A line per area: same, different by choice, pending, unreplayable, failed.
    pub(crate) fn table(&self) -> String {
        let mut order: Vec<&str> = Vec::new();
        let mut areas: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
        for item in &self.items {
            if !order.contains(&item.subject.area.as_str()) {
                order.push(&item.subject.area);
            }
            areas.entry(&item.subject.area).or_default()[item.verdict as usize] += 1;
        }
        let mut text = format!(
            "{:<28}{:>6}{:>10}{:>9}{:>14}{:>8}\n",
            "area", "same", "by choice", "pending", "unreplayable", "FAILED"
        );
        let mut total = [0; 5];
        for area in order {
            let counts = areas[area];
            line(&mut text, area, counts);
            total.iter_mut().zip(counts).for_each(|(t, c)| *t += c);
        }
        line(&mut text, "all", total);
        text
    }

    /// The first `limit` failures, and what is stale, in a few lines each.
    pub(crate) fn failures(&self, limit: usize) -> String {
        let mut text = String::new();
        let failed: Vec<&Item> = self.items.iter().filter(|i| i.verdict == Verdict::Failed).collect();
        for item in failed.iter().take(limit) {
            describe(&mut text, item);
        }
        if failed.len() > limit {
            let _ = writeln!(text, "… and {} more", failed.len() - limit);
        }
        for stale in &self.stale {
            let _ = writeln!(text, "STALE {stale}");
        }
        text
    }

    /// The whole report: table, reasons, failures, soft differences.
    pub(crate) fn full(&self, lists: &Lists) -> String {
        let mut text = self.table();
        for (title, list) in [
            ("different by choice", &lists.differences),
            ("pending", &lists.pending),
            ("unreplayable", &lists.unreplayable),
        ] {
            let _ = writeln!(text, "\n== {title}");
            for (reason, count) in list.counts() {
                let _ = writeln!(text, "{count:>6}  {reason}");
            }
        }
        let _ = writeln!(text, "\n== failed");
        text.push_str(&self.failures(usize::MAX));
        let _ = writeln!(
            text,
            "\n== soft: {} items differ in wording",
            self.items.iter().filter(|i| !i.soft.is_empty()).count()
        );
        for item in self.items.iter().filter(|i| !i.soft.is_empty()) {
            for d in &item.soft {
                let _ = writeln!(
                    text,
                    "  {} {} {}: {} | {}",
                    item.subject.area, item.subject.n, d.fact, d.expected, d.got
                );
            }
        }
        text
    }
}

fn line(text: &mut String, area: &str, counts: [usize; 5]) {
    let [same, different, pending, unreplayable, failed] = counts;
    let _ = writeln!(text, "{area:<28}{same:>6}{different:>10}{pending:>9}{unreplayable:>14}{failed:>8}");
}

/// One failure: number, name, request, and each fact as recorded and as answered.
pub(crate) fn describe(text: &mut String, item: &Item) {
    let s = &item.subject;
    let request: String = s.request.chars().take(160).collect();
    let _ = writeln!(text, "{} {} [{}] {request}", s.area, s.n, s.name);
    for d in &item.open {
        let _ = writeln!(text, "    {}\n      recorded {}\n      answered {}", d.fact, d.expected, d.got);
    }
}
