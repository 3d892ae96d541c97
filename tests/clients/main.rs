//! The clients ring: other people's libraries against the real binary, with their own ideas of the protocol.
//!
//! What they check by themselves (signatures, nonces, issuers, state) is the point: a server that only its own
//! tests understand has failed here. One file per library.

mod openidconnect;

/// The binary under test.
const KEYRAFT: &str = env!("CARGO_BIN_EXE_keyraft");
