//! What tests of the binary share: a server of their own, realms, people, applications and tools.
//!
//! Nothing here knows the inside of Keyraft: a server is set up by the admin REST API and judged by what it
//! answers. `KEYRAFT_TEST_URL` names a running server (administrator `admin`, password `admin`) instead of the
//! binary; its realms get names that are used once and are removed afterwards.

#![expect(
    clippy::disallowed_methods,
    reason = "nothing here serves requests: tests read files, clocks and addresses themselves"
)]

mod agent;
mod app;
mod browser;
mod child;
mod database;
mod fault_proxy;
mod keyraft;
mod mail;
mod nodes;
mod otp;
mod realm;
mod skip;
mod tools;

pub use agent::{Agent, Answer, Form};
pub use app::{App, Begun, Library, Metadata, More, Rp, Tokens, Unreachable, fetch};
pub use browser::{Browser, Window};
pub use child::{Child, free_port};
pub use database::Database;
pub use fault_proxy::{Fault, FaultProxy, Point, Upstream, Weather};
pub use keyraft::Keyraft;
pub use mail::{Mail, Mailbox};
pub use nodes::{Nodes, Visitor};
pub use otp::{base32, code_at, code_now};
pub use realm::{Person, Realm};
pub use skip::skip;
pub use tools::{find_program, folder, node_modules, python_with};
