//! Remembers what must survive everything; the only room with SQL.
//!
//! One set of statements runs on CockroachDB, PostgreSQL and SQLite: each is registered under a name, so that
//! tests can walk them all. Reads take a [`Source`] (a [`Db`], or a [`Tx`] to read within a transaction);
//! writes take a [`Tx`], which [`Db::write`] gives to a closure and re-runs when the database asks for it.
//!
//! Entities are a few columns and one `doc`, the entity's own JSON. Their secrets are sealed and opened here,
//! at the border, so that no caller can forget. What a transaction changed is written into `change` at its end.

mod breaker;
mod clock;
mod db;
mod doc;
mod error;
mod lender;
mod notes;
mod source;
mod sql;
mod tx;

pub mod changes;
pub mod client_scopes;
pub mod clients;
pub mod cluster;
pub mod components;
pub mod consents;
pub mod credentials;
pub mod data_keys;
pub mod flows;
pub mod groups;
pub mod leases;
pub mod migrate;
pub mod realm_parts;
pub mod realms;
pub mod required_actions;
pub mod role_lists;
pub mod roles;
pub mod server_state;
pub mod sessions;
pub mod users;

pub use changes::Change;
pub use db::{AfterCommit, Db, Flavor, Settings};
pub use doc::{SealError, Sealer, Versioned};
pub use error::Error;
pub use realm_parts::RealmParts;
pub use role_lists::RolesOf;
pub use source::Source;
pub use sql::Sql;
pub use tx::Tx;
pub use users::{UserQuery, UserRecord};

/// Every statement of this room, in no particular order, for tests that lint, prepare and explain them.
pub fn statements() -> Vec<Sql> {
    let families: &[&[Sql]] = &[
        tx::ALL,
        changes::ALL,
        client_scopes::ALL,
        clients::ALL,
        cluster::ALL,
        components::ALL,
        consents::ALL,
        credentials::ALL,
        data_keys::ALL,
        flows::ALL,
        groups::ALL,
        leases::ALL,
        migrate::ALL,
        notes::ALL,
        realms::ALL,
        required_actions::ALL,
        role_lists::ALL,
        roles::ALL,
        server_state::ALL,
        users::ALL,
        users::search::ALL,
        sessions::ALL[0],
        sessions::ALL[1],
        sessions::ALL[2],
        sessions::ALL[3],
    ];
    let mut all = families.concat();
    all.extend(sessions::composed());
    all
}
