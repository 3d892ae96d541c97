//! Password hashes: Argon2 and PBKDF2 in Keycloak's credential form, and the threads that compute them.
//!
//! [`Hash`](struct@Hash) is one stored hash, [`HashParameters`] its kind and cost. Servers check passwords through
//! [`Hasher`], which keeps the work off the async threads, bounded and fair. [`decoy`] gives the hash against
//! which an unknown user's password is checked, so that the time does not tell who exists.
//!
//! Passwords are hashed as their raw UTF-8 bytes, unnormalised, as Keycloak does. Hashes that cost more than
//! the caps in [`limits`] are refused: a stored hash is data that an administrator may have imported.

mod decoy;
mod hash;
mod hasher;
mod parameters;
mod queue;
#[cfg(test)]
mod tests;

pub use decoy::decoy;
pub use hash::{Hash, Memory};
pub use hasher::Hasher;
pub use parameters::{Argon2Variant, Argon2Version, HashParameters, Pbkdf2Digest, limits};
