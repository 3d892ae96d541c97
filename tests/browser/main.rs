//! The browser ring: what people meet in Chromium.
//!
//! Applications listen on 127.0.0.1 and the server is called localhost, so every login here crosses sites: cookies
//! and content security policies that hold only within one site fail. Pages are judged by what a person sees, and
//! only where the words are Keyraft's own by those (`Keyraft::is_own`). With `KEYRAFT_SHOTS=1` the README's pictures
//! are taken anew.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read their files themselves; nothing here serves requests"
)]

mod account;
mod enrolment;
mod every_page;
mod no_dead_ends;
mod page;
mod pictures;
mod recovery;
mod sign_in;
mod single_sign_on;
mod weight;

/// The binary under test.
const KEYRAFT: &str = env!("CARGO_BIN_EXE_keyraft");
