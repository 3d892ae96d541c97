//! The pages for administrators and for account holders.
//!
//! Pages come from the server and work without script; every one of them does what it does through the same
//! functions of `core` as the admin API. This room keeps no token of anybody: who is signed in is what the
//! identity cookie says and the session maps confirm, at every request.

pub mod account;
pub mod welcome;
