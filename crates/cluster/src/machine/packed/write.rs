//! Writing the packed part of a session.
//!
//! `flags · user · last use · limits · address · notes · clients`; numbers are variable-length, times are
//! signed distances from the session's beginning or from each other. `read` is its mirror.

use keyraft_model::UnixMs;

use super::text::{Form, form, form_of_id};
use crate::{
    machine::names::Names,
    session::{ClientSession, Limits, Notes, UserSession},
};

/// Tags of a text's form.
pub(super) const PLAIN: u8 = 0;
pub(super) const UUID: u8 = 1;
pub(super) const NUMBER: u8 = 2;
pub(super) const V4: u8 = 3;
pub(super) const V6: u8 = 4;
pub(super) const SHARED: u8 = 5;

/// Numbers of shared texts take four bytes each, so that a session's size does not depend on them.
pub(super) struct Writer<'a> {
    bytes: Vec<u8>,
    names: &'a mut Names,
}

/// The packed part of a session.
pub(super) fn body(session: &UserSession, names: &mut Names) -> Vec<u8> {
    let mut to = Writer { bytes: Vec::with_capacity(128), names };
    to.number(session.clients.len() as u64);
    for client in session.clients.keys() {
        to.shared(client.as_str());
    }
    to.bytes.push(u8::from(session.remember_me));
    to.text(form_of_id(session.user.as_str()));
    to.limits(session.limits);
    to.text(form(&session.ip_address));
    to.notes(&session.notes);
    for held in session.clients.values() {
        to.client(session, held);
    }
    to.bytes
}

impl Writer<'_> {
    fn client(&mut self, session: &UserSession, held: &ClientSession) {
        self.distance(session.started, held.started);
        self.distance(session.last_use, held.last_use);
        self.distance(session.expires, held.expires);
        self.limits(held.limits);
        self.shared(&held.scope);
        self.bytes.push(u8::from(held.redirect_uri.is_some()));
        if let Some(uri) = &held.redirect_uri {
            self.shared(uri);
        }
        self.notes(&held.notes);
        self.number(held.chains.len() as u64);
        for (id, chain) in &held.chains {
            self.text(form_of_id(id));
            self.text(form_of_id(&chain.jti));
            self.number(chain.uses.into());
            self.number(chain.issued.len() as u64);
            for jti in &chain.issued {
                self.text(form_of_id(jti));
            }
            self.distance(session.started, chain.expires);
        }
    }

    fn notes(&mut self, notes: &Notes) {
        self.number(notes.len() as u64);
        for (name, value) in notes {
            self.shared(name);
            self.text(form(value));
        }
    }

    fn limits(&mut self, limits: Limits) {
        for limit in [limits.max, limits.idle] {
            // A limit of no time differs from none.
            self.number(limit.map_or(0, |span| zigzag(span.0).saturating_add(1)));
        }
    }

    fn text(&mut self, form: Form<'_>) {
        match form {
            Form::Uuid(bytes) => self.tagged(UUID, &bytes),
            Form::V4(bytes) => self.tagged(V4, &bytes),
            Form::V6(bytes) => self.tagged(V6, &bytes),
            Form::Number(number) => {
                self.bytes.push(NUMBER);
                self.number(number);
            }
            Form::Shared(text) => {
                self.bytes.push(SHARED);
                self.shared(text);
            }
            Form::Plain(text) => {
                self.bytes.push(PLAIN);
                self.number(text.len() as u64);
                self.bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(bytes);
    }

    fn shared(&mut self, text: &str) {
        let number = self.names.hold(text);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn distance(&mut self, from: UnixMs, to: UnixMs) {
        self.number(zigzag(to.0.wrapping_sub(from.0)));
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                self.bytes.push(low & 0x7f);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }
}

/// Small numbers of either sign as small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}
