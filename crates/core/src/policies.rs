//! Policies that a realm sets for its people.

pub mod password;
