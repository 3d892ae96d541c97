//! A machine to play with: commands at times, answers, and actors.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};

use crate::{
    command::{
        AttachClient, AttemptPolicy, Challenge, Command, Hash, NewClientSession, NewCode, Outcome,
        RedeemCode, Redemption, RotateRefresh, Rotation, StartSession, Touch,
    },
    handle::Sid,
    machine::{Body, Entry, State},
    maps::user_sessions,
    session::{Kind, Limits, Notes, UserSession},
};

pub(super) const NOON: UnixMs = UnixMs(1_764_000_000_000);
pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const CODE: Hash = [7; 32];
pub(super) const VERIFIER: Hash = [8; 32];

/// A state and a log of one origin.
#[derive(Debug, Default)]
pub(super) struct Play {
    pub(super) state: State,
    sequence: u64,
}

impl Play {
    /// Applies a command at `NOON + after` milliseconds.
    pub(super) fn at(&mut self, after: i64, command: Command) -> Outcome {
        self.apply(after, Body::Command(Box::new(command)))
    }

    /// Lets time come to `NOON + after`.
    pub(super) fn tick(&mut self, after: i64) {
        self.apply(after, Body::Tick);
    }

    pub(super) fn apply(&mut self, after: i64, body: Body) -> Outcome {
        self.sequence += 1;
        let entry = Self::entry(after, self.sequence, body);
        Outcome::clone(&self.state.apply(self.sequence, &entry).unwrap())
    }

    /// Goes on from a state, with numbers that are new to it.
    pub(super) fn from(state: State, sequence: u64) -> Self {
        Self { state, sequence }
    }

    pub(super) fn entry(after: i64, sequence: u64, body: Body) -> Entry {
        Entry { time: UnixMs(NOON.0 + after), origin: 1, boot: 1, sequence, oldest: sequence, body }
    }

    /// Alice's session as it is alive at `NOON + after`.
    pub(super) fn alive(&self, after: i64, sid: &str, kind: Kind) -> Option<UserSession> {
        let now = UnixMs(NOON.0 + after).max(self.state.clock);
        user_sessions::live(&self.state, Sid::parse(sid)?, kind, now)
    }

    /// Alice signs in at the shop at noon; her session's handle.
    pub(super) fn sign_in(&mut self, after: i64) -> String {
        let start = start(&alice());
        let sid = start.sid.clone();
        assert!(matches!(self.at(after, Command::StartSession(start)), Outcome::Started { .. }));
        sid
    }

    /// How many online sessions a client of the lab has, by the counters.
    pub(super) fn count_of_client(&self, client: &ClientUuid) -> u64 {
        let find = |text| self.state.names.find(text);
        let numbers = find(lab().as_str()).zip(find(client.as_str()));
        numbers.map_or(0, |(realm, client)| self.state.counters.of_client(realm, client, Kind::Online))
    }

    pub(super) fn redeem(&mut self, after: i64, redeem: RedeemCode) -> Redemption {
        match self.at(after, Command::RedeemCode(redeem)) {
            Outcome::Redeemed(redemption) => *redemption,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn rotate(&mut self, after: i64, rotate: RotateRefresh) -> Rotation {
        match self.at(after, Command::RotateRefresh(rotate)) {
            Outcome::Rotated(rotation) => rotation,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn lab() -> RealmId {
    "lab".into()
}

pub(super) fn alice() -> UserId {
    "alice".into()
}

pub(super) fn shop() -> ClientUuid {
    "shop".into()
}

pub(super) fn blog() -> ClientUuid {
    "blog".into()
}

/// Ten hours at most, one without use.
pub(super) fn limits() -> Limits {
    Limits { max: Some(DurationMs(10 * HOUR)), idle: Some(DurationMs(HOUR)) }
}

pub(super) fn start(user: &UserId) -> StartSession {
    StartSession {
        sid: crate::handle::new_sid(&lab(), user),
        realm: lab(),
        user: user.clone(),
        limits: limits(),
        remember_me: false,
        ip_address: "192.0.2.1".into(),
        notes: Notes::from([("AUTH_TIME".into(), "1".into())]),
        client: Some(part(shop())),
        code: Some(code()),
        login: None,
    }
}

pub(super) fn part(client: ClientUuid) -> NewClientSession {
    NewClientSession {
        client,
        limits: Limits::default(),
        scope: "openid".into(),
        redirect_uri: Some("https://shop.test/cb".into()),
        notes: Notes::new(),
    }
}

pub(super) fn attach(sid: &str, client: ClientUuid) -> AttachClient {
    AttachClient {
        sid: sid.into(),
        realm: lab(),
        user: alice(),
        client: part(client),
        code: None,
        login: None,
        notes: Notes::new(),
    }
}

pub(super) fn code() -> NewCode {
    NewCode {
        hash: CODE,
        lifespan: DurationMs(MINUTE),
        client: shop(),
        redirect_uri: Some("https://shop.test/cb".into()),
        challenge: Some(Challenge(Some(VERIFIER))),
        notes: Notes::from([("nonce".into(), "n".into())]),
    }
}

pub(super) fn redeem(sid: &str) -> RedeemCode {
    RedeemCode {
        hash: CODE,
        sid: sid.into(),
        client: shop(),
        redirect_uri: Some("https://shop.test/cb".into()),
        verifier: Some(VERIFIER),
    }
}

pub(super) fn touch(sid: &str) -> Command {
    Command::Touch(Touch {
        sid: sid.into(),
        kind: Kind::Online,
        client: Some(shop()),
        limits: limits(),
        client_limits: Limits::default(),
    })
}

/// A use of the token `presented` in the chain "c", answered with `next`.
pub(super) fn rotate(sid: &str, presented: &str, next: &str) -> RotateRefresh {
    RotateRefresh {
        sid: sid.into(),
        kind: Kind::Online,
        client: shop(),
        reuse_id: Some("c".into()),
        presented: presented.into(),
        next: next.into(),
        new_reuse_id: "fresh".into(),
        max_reuse: 0,
        lifespan: DurationMs(30 * MINUTE),
    }
}

/// A limit of three, without the check for quick failures.
pub(super) fn three_attempts() -> AttemptPolicy {
    AttemptPolicy {
        failure_factor: 3,
        wait_increment: DurationMs(MINUTE),
        max_failure_wait: DurationMs(15 * MINUTE),
        quick_login_check: DurationMs(0),
        minimum_quick_login_wait: DurationMs(MINUTE),
        max_delta: DurationMs(12 * HOUR),
        ..AttemptPolicy::default()
    }
}

/// A handle that says the same in every run.
pub(super) fn fixed_sid(user: &UserId, number: u8) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut bytes = [number; 18];
    let [high, low] = (crate::handle::slot_of_user(&lab(), user) << 6).to_be_bytes();
    (bytes[0], bytes[1]) = (high, low | (bytes[1] & 0x3f));
    URL_SAFE_NO_PAD.encode(bytes)
}
