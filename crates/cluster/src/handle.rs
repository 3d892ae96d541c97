//! Handles say where their object lives, so that any node can address it without a lookup.
//!
//! A `sid` is 24 characters of base64url over 18 bytes: ten bits of slot, then 134 random bits. The slot is
//! that of its user, so that a person's sessions, codes, markers and failures lie together.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keyraft_model::{RealmId, UserId};
use rand::RngExt;
use sha2::{Digest, Sha256};

use crate::command::Hash;

/// How many slots the maps are divided into; a property of the data, never to be changed.
pub const SLOTS: u16 = 1024;

/// The length of a session handle in characters.
pub const SID_LENGTH: usize = 24;

/// A session handle as bytes: what maps are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sid([u8; 18]);

impl Sid {
    /// Reads a handle; `None` for anything [`new_sid`] cannot have made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 18];
        let is_handle = text.len() == SID_LENGTH
            && URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).is_ok_and(|length| length == bytes.len());
        is_handle.then_some(Self(bytes))
    }

    /// The slot in its first ten bits.
    pub(crate) fn slot(self) -> u16 {
        first_ten_bits(&self.0)
    }

    /// The handle as text.
    pub(crate) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The lowest and the highest handle, for ranges.
    pub(crate) const MIN: Self = Self([0; 18]);
    pub(crate) const MAX: Self = Self([0xff; 18]);
}

/// A fresh random handle for a session of that user.
pub fn new_sid(realm: &RealmId, user: &UserId) -> String {
    in_slot(slot_of_user(realm, user))
}

/// A fresh random device code for the request that has that user code; carries its slot.
pub fn new_device_code(realm: &RealmId, user_code: &Hash) -> String {
    in_slot(slot_of_user_code(realm, user_code))
}

/// The slot that a device code names; `None` for a text that is none.
pub fn slot_of_device_code(code: &str) -> Option<u16> {
    slot_of_sid(code)
}

/// A fresh random handle for a pushed authorization request.
pub fn new_request_handle() -> String {
    in_slot(rand::rng().random_range(0..SLOTS))
}

/// A random handle of that slot.
fn in_slot(slot: u16) -> String {
    let mut bytes: [u8; 18] = rand::rng().random();
    let [high, low] = (slot << 6).to_be_bytes();
    bytes[0] = high;
    bytes[1] = low | (bytes[1] & 0x3f);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The slot in which a session handle lives; `None` for a text that is no handle.
pub fn slot_of_sid(sid: &str) -> Option<u16> {
    Sid::parse(sid).map(Sid::slot)
}

/// The slot of everything that belongs to a user.
pub fn slot_of_user(realm: &RealmId, user: &UserId) -> u16 {
    slot_of_owner(realm, user.as_str())
}

/// A user's slot, and what he is found by within it.
pub(crate) fn place_of_user(realm: &RealmId, user: &UserId) -> (u16, [u8; 4]) {
    let hash = digest([realm.as_str().as_bytes(), user.as_str().as_bytes()]);
    (first_ten_bits(&hash), [hash[2], hash[3], hash[4], hash[5]])
}

/// The slot of a device's request.
pub(crate) fn slot_of_user_code(realm: &RealmId, user_code: &Hash) -> u16 {
    first_ten_bits(&digest([realm.as_str().as_bytes(), user_code]))
}

/// The slot of what belongs to a user or a client, by its id.
pub(crate) fn slot_of_owner(realm: &RealmId, owner: &str) -> u16 {
    first_ten_bits(&digest([realm.as_str().as_bytes(), owner.as_bytes()]))
}

/// The slot in the first ten bits of a hash.
pub(crate) fn first_ten_bits(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]]) >> 6
}

/// SHA-256 over parts, each behind its length, so that no two lists of parts read alike.
pub(crate) fn digest<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_carries_the_slot_of_its_user() {
        let (realm, user) = (RealmId::from("lab"), UserId::from("alice"));

        let sid = new_sid(&realm, &user);

        assert_eq!(sid.len(), SID_LENGTH);
        assert_eq!(slot_of_sid(&sid), Some(slot_of_user(&realm, &user)));
        assert_ne!(sid, new_sid(&realm, &user));
    }

    #[test]
    fn what_is_no_handle_has_no_slot() {
        for text in
            ["", "short", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAA", "ÄAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(slot_of_sid(text), None, "{text}");
        }
    }

    #[test]
    fn the_slot_of_a_user_never_changes() {
        assert_eq!(slot_of_user(&"master".into(), &"0a1b".into()), SLOT_OF_MASTER_0A1B);
        assert!(
            (0..5_000).map(|n| slot_of_user(&"r".into(), &n.to_string().into())).all(|slot| slot < SLOTS)
        );
    }

    /// Worked out once; another value would lose every session at an upgrade.
    const SLOT_OF_MASTER_0A1B: u16 = 786;
}
