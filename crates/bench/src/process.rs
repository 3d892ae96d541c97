//! What the operating system says of a process.

#![expect(clippy::disallowed_methods, reason = "the load generator may wait for files")]

use anyhow::Context as _;

/// Clock ticks of `/proc/PID/stat` in a second: 100 on every Linux that runs this.
const TICKS: f64 = 100.0;

/// CPU time of a process and of its children that have ended, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("no such process")?;
    // The name stands in parentheses and may hold anything.
    let rest = stat.rsplit_once(") ").context("unreadable stat")?.1;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / TICKS)
}

/// Resident memory in bytes.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("no such process")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: f64 =
        line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).context("unreadable VmRSS")?;
    Ok(kib * 1024.0)
}

/// The machine in a few words: its cores and their model.
pub(crate) fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} cores, {}", model.map_or("of an unnamed model", |(_, name)| name))
}
