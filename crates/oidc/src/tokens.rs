//! Tokens: what goes into them, who signs them, who may read them.
//!
//! [`verify`] is the only door for a token that somebody presents; [`issue`] the only place where one is
//! made. Between them [`Subject`] gathers what both need to know of a user at a client.

mod build;
mod context;
pub mod issue;
mod plan;
mod scopes;
mod signing;
mod subject;
pub mod verify;

pub use build::{AccessTokenType, RefreshClaims, TokenBuilder};
pub use context::{TokenContext, web_origins};
pub use plan::{Plan, Plans};
pub use scopes::{GrantedScopes, InvalidScope};
pub use signing::{Use, sign};
pub use subject::{Moment, Subject};
