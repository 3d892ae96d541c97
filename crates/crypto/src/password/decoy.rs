//! Hashes for user names that do not exist.

use super::hash::Hash;
use super::parameters::HashParameters;
use crate::digest;

/// The hash to check a password against when `name` has none: its kind and cost are drawn from `kinds` by a
/// keyed hash of the name, its value matches no password.
///
/// Give the kinds that the realm's stored hashes have, each as often as it occurs. One name always draws the
/// same kind, as a real user would: a fixed decoy would stand out in a realm of mixed hashes, and a random
/// one would by changing. Without `kinds` the default kind is taken.
pub fn decoy(seed_key: &[u8], name: &str, kinds: &[HashParameters]) -> Hash {
    let drawn = digest::hmac_sha256(seed_key, name.as_bytes());
    let mut number = [0; 8];
    number.copy_from_slice(&drawn[..8]);
    let index = u64::from_be_bytes(number) % (kinds.len().max(1) as u64);
    let parameters =
        usize::try_from(index).ok().and_then(|index| kinds.get(index)).copied().unwrap_or_default();
    let value = [digest::hmac_sha256(&drawn, b"value 1"), digest::hmac_sha256(&drawn, b"value 2")].concat();
    let length = parameters.hash_length().min(value.len());
    Hash::from_parts(parameters, drawn[16..].to_vec(), value[..length].to_vec())
}
