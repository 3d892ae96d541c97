//! Ends what hangs: a test that waits for ever fails its ring, and does not take the whole run with it.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long one command may take, a build from nothing included.
const LIMIT: Duration = Duration::from_mins(40);

/// Watches a command until it is told that the command has ended.
pub(crate) struct Watch {
    ended: Sender<()>,
    watcher: JoinHandle<bool>,
}

impl Watch {
    /// Over the process of that id and all that descend from it.
    pub(crate) fn over(process: u32) -> Self {
        let (ended, end) = mpsc::channel();
        let watcher = thread::spawn(move || {
            let late = end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
            if late {
                kill(&family(process, &parents()));
            }
            late
        });
        Self { ended, watcher }
    }

    /// The command has ended; why, if it was made to.
    pub(crate) fn done(self) -> Option<String> {
        drop(self.ended);
        let late = self.watcher.join().unwrap_or_default();
        late.then(|| format!("FAILED: ended after {} minutes; see which test ran last", LIMIT.as_secs() / 60))
    }
}

/// Every process and its parent, where the system tells.
fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter_map(|process: u32| Some((process, parent(process)?))).collect()
}

/// `/proc/PID/stat`: the parent follows the state, which follows the name in brackets.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// A process and all that descend from it, eldest first.
fn family(eldest: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut family = vec![eldest];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(child, _)| *child));
        next += 1;
    }
    family
}

fn kill(processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    // Whoever is gone already needs no killing.
    let _ = Command::new("kill").arg("-KILL").args(ids).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_everyone_below_and_nobody_else() {
        let parents = BTreeMap::from([(2, 1), (3, 1), (4, 2), (5, 4), (6, 3)]);

        assert_eq!(family(2, &parents), [2, 4, 5]);
    }

    #[test]
    fn a_command_that_ends_is_left_alone() {
        let mut child = Command::new("true").spawn().unwrap();
        let watch = Watch::over(child.id());

        child.wait().unwrap();

        assert_eq!(watch.done(), None);
    }
}
