//! Figures of the process itself, read from `/proc` when somebody asks. Elsewhere than on Linux they are absent.

#![expect(clippy::disallowed_methods, reason = "the kernel answers for /proc from memory")]

use std::fs;

use metrics::{describe_gauge, gauge};

/// The kernel counts processor time in hundredths of a second on every architecture we build for.
const TICKS_PER_SEC: f64 = 100.0;

pub(super) fn describe() {
    describe_gauge!("process_resident_memory_bytes", "Memory of this process that is in RAM.");
    describe_gauge!("process_cpu_seconds_total", "Processor time that this process has used.");
    describe_gauge!("process_open_fds", "Files and sockets that this process has open.");
    describe_gauge!("keyraft_build_info", "Always 1; its label tells the version.");
}

pub(super) fn observe() {
    gauge!("keyraft_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(kib) = fs::read_to_string("/proc/self/status").ok().and_then(|text| resident_kib(&text)) {
        gauge!("process_resident_memory_bytes").set(f64::from(kib) * 1_024.0);
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| cpu_ticks(&text)) {
        gauge!("process_cpu_seconds_total").set(ticks / TICKS_PER_SEC);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(f64::from(u32::try_from(entries.count()).unwrap_or(u32::MAX)));
    }
}

fn resident_kib(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time; the name before them may hold blanks, so counting starts behind its bracket.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_kernels_text() {
        assert_eq!(resident_kib("Name:\tkeyraft\nVmRSS:\t   51200 kB\n"), Some(51_200));
        let stat = "7 (key raft) x) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 1 1 1";
        assert_eq!(cpu_ticks(stat), Some(300.0));
        assert_eq!(cpu_ticks("nonsense"), None);
    }
}
