//! Reads and writes protocol messages: OAuth and OpenID Connect parameters and codes, problem bodies.
//!
//! Everything here is a pure function of text: no clock, no randomness, no row of a database. What a message
//! says is read strictly, once, and handed on as a type; whether it may be said is decided upstairs.

pub mod oauth;
pub mod oidc;
