//! Commands of a version to come: carried, never applied, passed over only by name.

use super::kit::*;
use crate::{
    command::{Command, Outcome},
    machine::{Body, Entry, State, entry::UnknownCommand, skips::Skips},
    shared::Shared,
};

/// An entry as a later version would write it: a command beyond the last one of this build.
fn of_later() -> (Entry, Vec<u8>) {
    let known = Play::entry(0, 1, Body::Tick);
    let mut bytes = postcard::to_stdvec(&known).unwrap();
    // The body is the last field: its length, then the bytes.
    bytes.truncate(bytes.len() - 2);
    bytes.extend([3, 0, 120, 7]);
    (postcard::from_bytes(&bytes).unwrap(), bytes)
}

#[test]
fn an_unknown_command_passes_through_unharmed() {
    let (entry, bytes) = of_later();

    assert_eq!(entry.body, Body::Unknown([0, 120, 7].into()));
    assert_eq!(postcard::to_stdvec(&entry).unwrap(), bytes);
}

#[test]
fn more_than_a_known_command_is_unknown() {
    let known = Play::entry(0, 1, Body::Bound(5));
    let mut bytes = postcard::to_stdvec(&known).unwrap();
    let end = bytes.len();
    assert_eq!(bytes[end - 3..], [2, 2, 5]);
    bytes.truncate(end - 3);
    bytes.extend([3, 2, 5, 9]);

    let entry: Entry = postcard::from_bytes(&bytes).unwrap();

    assert_eq!(entry.body, Body::Unknown([2, 5, 9].into()));
}

#[test]
fn an_unknown_command_stops_the_node_and_changes_nothing() {
    let mut state = State::default();

    let refused = state.apply(7, &of_later().0).unwrap_err();

    assert!(refused.name.starts_with("7-") && refused.name.len() == 10, "{}", refused.name);
    assert!(refused.to_string().contains(&format!("keyraft cluster skip {}", refused.name)));
    assert_eq!((state.applied, state.clock.0), (0, 0));
    let shared = Shared::new(state, Skips::default());
    assert!(shared.apply(7, &of_later().0).is_err());
}

#[test]
fn a_named_entry_is_passed_over_and_others_are_not() {
    let dir = std::env::temp_dir().join(format!("keyraft-skip-{:032x}", rand::random::<u128>()));
    std::fs::create_dir_all(&dir).unwrap();
    let entry = of_later().0;
    let name = UnknownCommand::new(7, &[0, 120, 7]).name;
    assert_eq!(Skips::load(&dir).unwrap(), Skips::default());
    for no_name in ["7", "x-00000000", "7-0000000", "7-0000000z", ""] {
        assert!(Skips::add(&dir, no_name).is_err(), "{no_name}");
    }
    Skips::add(&dir, &name).unwrap();

    let shared = Shared::new(State::default(), Skips::load(&dir).unwrap());

    assert_eq!(*shared.apply(7, &entry).unwrap(), Outcome::Failed);
    assert_eq!(shared.read().applied, 7);
    assert!(shared.apply(8, &entry).is_err(), "another index");
    let next =
        Play::entry(1, 9, Body::Command(Box::new(Command::ClearFailures { realm: lab(), user: None })));
    assert!(matches!(*shared.apply(9, &next).unwrap(), Outcome::Done { .. }));
    std::fs::remove_dir_all(&dir).unwrap();
}
