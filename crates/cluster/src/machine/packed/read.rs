//! Reading the packed part of a session; the mirror of `write`.
//!
//! Nothing but `write` makes these bytes, and they never leave memory. Reading is total all the same: what
//! cannot be is read as empty.

use keyraft_model::{DurationMs, UnixMs};

use super::{
    Packed,
    text::uuid_text,
    write::{NUMBER, PLAIN, SHARED, UUID, V4, V6},
};
use crate::{
    handle::Sid,
    machine::names::Names,
    session::{Chain, ClientSession, Kind, Limits, Notes, UserSession},
};

struct Reader<'a> {
    bytes: &'a [u8],
    names: &'a Names,
}

/// Unpacks a session.
pub(super) fn session(packed: &Packed, sid: Sid, kind: Kind, names: &Names) -> UserSession {
    let mut from = Reader { bytes: &packed.body, names };
    let clients: Vec<_> = (0..from.number()).map(|_| from.shared().into()).collect();
    let remember_me = from.byte() != 0;
    let user = from.text().into();
    let mut session = UserSession {
        sid: sid.text(),
        kind,
        realm: names.text(packed.realm).into(),
        user,
        started: packed.started,
        last_use: packed.last_use,
        expires: packed.expires,
        limits: from.limits(),
        remember_me,
        ip_address: from.text(),
        notes: from.notes(),
        clients: crate::SmallMap::new(),
    };
    session.clients = clients.into_iter().map(|client| (client, from.client(packed))).collect();
    session
}

/// The numbers of the clients' ids.
pub(super) fn clients(body: &[u8]) -> Vec<u32> {
    let mut from = Numbers(body);
    (0..from.number()).map(|_| from.four()).collect()
}

/// The length of the bytes, and how many clients there are.
pub(super) fn size(body: &[u8]) -> (usize, usize) {
    let clients = usize::try_from(Numbers(body).number()).unwrap_or(usize::MAX);
    (body.len(), clients)
}

impl Reader<'_> {
    fn client(&mut self, packed: &Packed) -> ClientSession {
        let started = self.distance(packed.started);
        let last_use = self.distance(packed.last_use);
        let expires = self.distance(packed.expires);
        let limits = self.limits();
        let scope = self.shared();
        let redirect_uri = (self.byte() != 0).then(|| self.shared());
        let notes = self.notes();
        let chains = (0..self.number()).map(|_| (self.text(), self.chain(packed))).collect();
        ClientSession { started, last_use, expires, limits, scope, redirect_uri, notes, chains }
    }

    fn chain(&mut self, packed: &Packed) -> Chain {
        let jti = self.text();
        let uses = u32::try_from(self.number()).unwrap_or(u32::MAX);
        let issued = (0..self.number()).map(|_| self.text()).collect();
        Chain { jti, uses, issued, expires: self.distance(packed.started) }
    }

    fn notes(&mut self) -> Notes {
        (0..self.number()).map(|_| (self.shared(), self.text())).collect()
    }

    fn limits(&mut self) -> Limits {
        let mut limit = || self.number().checked_sub(1).map(|number| DurationMs(unzigzag(number)));
        Limits { max: limit(), idle: limit() }
    }

    fn text(&mut self) -> String {
        match self.byte() {
            UUID => uuid_text(self.take()),
            NUMBER => self.number().to_string(),
            V4 => std::net::Ipv4Addr::from(self.take::<4>()).to_string(),
            V6 => std::net::Ipv6Addr::from(self.take::<16>()).to_string(),
            SHARED => self.shared(),
            _ => {
                let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
                let (text, rest) = self.bytes.split_at_checked(length).unwrap_or_default();
                self.bytes = rest;
                String::from_utf8_lossy(text).into_owned()
            }
        }
    }

    fn shared(&mut self) -> String {
        let number = u32::from_le_bytes(self.take());
        self.names.text(number).to_owned()
    }

    fn distance(&mut self, from: UnixMs) -> UnixMs {
        UnixMs(from.0.wrapping_add(unzigzag(self.number())))
    }

    fn byte(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    fn number(&mut self) -> u64 {
        let mut rest = Numbers(self.bytes);
        let number = rest.number();
        self.bytes = rest.0;
        number
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut rest = Numbers(self.bytes);
        let taken = rest.take();
        self.bytes = rest.0;
        taken
    }
}

/// The same bytes, without texts.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0_u64, 0);
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 63 {
                break;
            }
        }
        number
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((taken, rest)) = self.0.split_first_chunk() else {
            self.0 = &[];
            return [0; N];
        };
        self.0 = rest;
        *taken
    }

    fn four(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn skip(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn text(&mut self, each: &mut impl FnMut(u32)) {
        let [tag] = self.take();
        match tag {
            UUID | V6 => self.skip(16),
            V4 => self.skip(4),
            NUMBER => drop(self.number()),
            SHARED => each(self.four()),
            PLAIN => {
                let length = self.number();
                self.skip(usize::try_from(length).unwrap_or(usize::MAX));
            }
            _ => self.0 = &[],
        }
    }

    fn notes(&mut self, each: &mut impl FnMut(u32)) {
        for _ in 0..self.number() {
            each(self.four());
            self.text(each);
        }
    }

    fn client(&mut self, each: &mut impl FnMut(u32)) {
        // Three times and two limits.
        for _ in 0..5 {
            self.number();
        }
        each(self.four());
        if self.take() != [0] {
            each(self.four());
        }
        self.notes(each);
        for _ in 0..self.number() {
            self.text(each);
            self.text(each);
            self.number();
            for _ in 0..self.number() {
                self.text(each);
            }
            self.number();
        }
    }
}

/// Gives every number of a shared text, as often as it stands there.
pub(super) fn numbers(body: &[u8], each: &mut impl FnMut(u32)) {
    let mut from = Numbers(body);
    let clients = from.number();
    for _ in 0..clients {
        each(from.four());
    }
    from.skip(1);
    from.text(each);
    from.number();
    from.number();
    from.text(each);
    from.notes(each);
    for _ in 0..clients {
        from.client(each);
    }
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
