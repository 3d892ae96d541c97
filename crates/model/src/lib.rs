//! Says what realms, clients, users and sessions *are*: data and their own rules, no I/O.
//!
//! Field names are Keycloak's, because administrators, exports and migration scripts speak them: each
//! entity is read and written as the member of a Keycloak representation that it stands for. What this
//! room does not know by name it keeps in `rest`, so that an export gives back what an import brought.
//! It refuses to touch the clock, randomness, a database or the network.

pub mod client;
pub mod client_scope;
pub mod clock;
pub mod component;
pub mod consent;
pub mod credential;
pub mod event;
pub mod flow;
pub mod group;
pub mod id;
pub mod realm;
pub mod required_action;
pub mod role;
pub mod secrets;
pub mod text;
pub mod user;

pub use client::{Client, ProtocolMapper};
pub use client_scope::ClientScope;
pub use clock::{DurationMs, UnixMs};
pub use component::Component;
pub use consent::Consent;
pub use credential::Credential;
pub use event::Event;
pub use flow::{AuthenticatorConfig, Execution, Flow, Requirement};
pub use group::Group;
pub use id::{ClientUuid, ComponentId, CredentialId, FlowId, GroupId, RealmId, RoleId, ScopeId, UserId};
pub use realm::Realm;
pub use required_action::RequiredAction;
pub use role::Role;
pub use secrets::Secrets;
pub use user::User;

/// Members of a representation that no field names: kept as they came.
pub type Rest = serde_json::Map<String, serde_json::Value>;

/// A Keycloak `attributes` or `config` map with one text per key.
pub type Attributes = indexmap::IndexMap<String, String>;

/// A Keycloak `attributes` or component `config` map with several texts per key.
pub type MultiAttributes = indexmap::IndexMap<String, Vec<String>>;
