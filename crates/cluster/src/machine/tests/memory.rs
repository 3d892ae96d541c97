//! What sessions cost in memory, and whether the state's own accounts are true.
//!
//! Measured as the resident set of a process of its own, which this test starts: others run beside it here.

#![expect(clippy::print_stdout, reason = "the numbers are what is wanted")]

use keyraft_model::{ClientUuid, DurationMs, RealmId, UserId};

use super::kit::*;
use crate::{
    command::{AttachClient, Command, NewClientSession, Outcome, StartSession},
    handle::new_sid,
    machine::{Body, usage::Map},
    session::{Limits, Notes},
};

const SESSIONS: u64 = 100_000;
const CHILD: &str = "KEYRAFT_MEMORY_CHILD";
/// The project's promise for a live session with two clients, in bytes resident.
const PROMISED: u64 = 600;

#[test]
fn a_session_with_two_clients_takes_600_bytes_and_is_accounted_for() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let name = "machine::tests::memory::measured_alone";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    let number = |name: &str| -> u64 {
        let rest = said.split_once(name).unwrap_or_else(|| panic!("{said}")).1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    let (resident, accounted) = (number("resident="), number("accounted="));
    println!("a session with two clients: {resident} bytes resident, {accounted} accounted");
    assert!(resident <= PROMISED, "{resident} bytes a session");
    assert!(accounted.abs_diff(resident) * 4 <= resident, "{accounted} accounted, {resident} resident");
}

/// Says nothing unless the test above asks, in a process where nothing else allocates.
#[test]
fn measured_alone() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let house = House::new();
    let mut play = Play::default();
    // What is there once is not what sessions cost.
    for number in 0..1_000 {
        house.sign_in(&mut play, number);
    }
    let (before, accounted) = (resident(), play.state.bytes());

    for number in 1_000..1_000 + SESSIONS {
        house.sign_in(&mut play, number);
    }

    assert_eq!(play.state.tally(Map::Sessions).entries, 1_000 + SESSIONS);
    let per_session = |bytes: u64| bytes / SESSIONS;
    println!(
        "resident={} accounted={} ",
        per_session(resident().saturating_sub(before)),
        per_session(play.state.bytes() - accounted)
    );
}

/// A realm as administrators make them: twenty clients, each with its redirect URI.
struct House {
    realm: RealmId,
    clients: Vec<ClientUuid>,
}

impl House {
    fn new() -> Self {
        Self { realm: RealmId::random(), clients: (0..20).map(|_| ClientUuid::random()).collect() }
    }

    /// A person signs in at two clients, with the notes and ids that the login and OIDC rooms give.
    fn sign_in(&self, play: &mut Play, number: u64) {
        let user = UserId::random();
        let sid = new_sid(&self.realm, &user);
        let after = i64::try_from(number).unwrap();
        let devices = ["Firefox/Linux", "Chrome/Windows", "Safari/iPhone", "Samsung Internet/Android"];
        let place = usize::try_from(number).unwrap();
        let secs = (NOON.0 + after) / 1_000;
        let start = StartSession {
            sid: sid.clone(),
            realm: self.realm.clone(),
            user: user.clone(),
            limits: Limits { max: Some(DurationMs(10 * HOUR)), idle: Some(DurationMs(HOUR / 2)) },
            remember_me: number.is_multiple_of(5),
            ip_address: format!("198.51.{}.{}", number / 256 % 256, number % 256),
            notes: Notes::from([
                ("AUTH_TIME".into(), secs.to_string()),
                ("device".into(), devices[place % devices.len()].into()),
            ]),
            client: Some(self.part(place)),
            code: None,
            login: None,
        };
        let attach = AttachClient {
            sid,
            realm: self.realm.clone(),
            user,
            client: self.part(place + 1),
            code: None,
            login: None,
            notes: Notes::new(),
        };
        for command in [Command::StartSession(start), Command::AttachClient(attach)] {
            let outcome = play.apply(after, Body::Command(Box::new(command)));
            assert!(matches!(outcome, Outcome::Started { .. }));
        }
    }

    fn part(&self, place: usize) -> NewClientSession {
        let client = place % self.clients.len();
        NewClientSession {
            client: self.clients[client].clone(),
            limits: Limits::default(),
            scope: "openid profile email".into(),
            redirect_uri: Some(format!("https://app-{client}.example.test/oauth2/callback")),
            notes: Notes::from([("acr".into(), "1".into())]),
        }
    }
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
}
