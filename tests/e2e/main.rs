//! The e2e ring: the binary over HTTP, one file a journey.
//!
//! Every test has a server and a realm of its own and knows nothing of the inside. With `KEYRAFT_TEST_URL` the
//! journeys run against another server, the original for instance: what they expect is what it does. Tests of
//! the binary itself (`starting`, `transfer`) are left out then.

#![expect(clippy::disallowed_methods, reason = "tests may block their threads")]

mod account;
mod actions;
mod admin;
mod authority;
mod code;
mod crash;
mod discovery;
mod doors;
mod escalation;
mod events;
mod foreign;
mod forge;
mod grants;
#[path = "../fixtures/leaves.rs"]
mod leaves;
mod limits;
mod login;
mod mail;
mod matrix;
mod names;
mod original;
mod outage;
mod policy;
mod races;
mod redirects;
mod refresh;
mod refusals;
mod registration;
mod sameness;
mod shop;
mod sign_out;
mod starting;
mod sweeps;
mod transfer;
mod verifier;
mod walks;

use anyhow::Result;
use keyraft_harness::Keyraft;

/// A server of the test's own.
async fn keyraft() -> Result<Keyraft> {
    Keyraft::start(env!("CARGO_BIN_EXE_keyraft")).await
}
