//! Signs, verifies, hashes, seals; JOSE, password hashes, OTP, random.
//!
//! One library underneath, AWS-LC, but for Argon2, PBKDF2 and the HMACs of one-time passwords. Keys are parsed
//! once; secrets wipe themselves and print as `…`; whatever comes from outside has a size or cost limit.
//!
//! It refuses to know realms, clients or users, to read the clock, and to let a token choose how it is
//! verified.

pub mod digest;
pub mod encoding;
pub mod jose;
pub mod keys;
pub mod otp;
pub mod password;
pub mod random;
pub mod seal;
pub mod secret;

mod der;
mod error;

pub use error::Error;
pub use secret::Secret;
