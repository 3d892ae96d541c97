//! Remembers what must survive a node; the only room with openraft.
//!
//! Maps with time limits (sessions, codes, markers, counters) held in memory and changed only by commands
//! that went through the log. A [`Cluster`] takes commands ([`Cluster::write`]) and gives linearizable reads
//! ([`Cluster::view`]). `machine` applies commands and is pure; `maps` says what each command does; `engine`
//! is the log, the snapshots and openraft. This room knows nothing of OAuth, SQL or HTTP, and refuses to
//! answer "no" where the truth is "cannot tell": that is an [`Error`].

pub mod backing;
pub mod command;
pub mod handle;
pub mod offline;
pub mod row;
pub mod session;

mod cluster;
mod discovery;
mod engine;
mod error;
mod machine;
mod maps;
mod members;
mod net;
mod operations;
mod persist;
mod reading;
mod shared;
mod small_map;
mod time;
mod view;

pub use cluster::{Cluster, Group, Metrics, Settings, Timing};
pub use discovery::{Discovery, DnsNames};
pub use engine::entities::CopySource;
pub use engine::types::Member;
pub use error::Error;
pub use members::{ClusterRow, Founder, Founding, Node, Patience, Registry, RegistryError, Role, Status};
pub use net::{CaSeed, Formation, NetworkSettings, Tls};
pub use operations::{Operation, Operators};
pub use small_map::SmallMap;
pub use view::{Found, View};
