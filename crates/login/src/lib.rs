//! Takes a browser from anonymous to authenticated, whoever asked.
//!
//! A protocol calls [`Login::begin`] with what a client wants; the answer is a page or the way back to the
//! client. Every later request finds its login in progress in sealed parts that the browser carries
//! ([`auth_session`]), changes what is proven, and asks [`flow::next`] what follows. This room knows no OAuth:
//! [`protocol`] is the seam.

mod action_link;
mod actions;
mod arrival;
pub mod auth_session;
mod authenticate;
pub mod authenticator;
mod consent;
pub mod flow;
pub mod identity;
mod journey;
mod login;
mod mailing;
pub mod pages;
pub mod protocol;
mod registration;
mod required_action;
mod reset_credentials;
mod router;
mod view;

pub use auth_session::Door;
pub use login::Login;
pub use router::router;
