//! The kit for endpoints and pages: extractors, cookies, headers, layout, messages, assets.
//!
//! A request passes [`layers()`] from the outside in: it gets an id, its answer gets the realm's security
//! headers, its path is checked, its origin (who asked, by which name) is settled once, and a panic
//! below becomes a 500 with that id. Handlers then read [`extract`]ed values and answer with a [`Page`] or JSON.
//! This room refuses to know realms' rows, sessions or protocols: what it needs of them it is handed.

pub mod accept;
pub mod assets;
pub mod cookies;
pub mod csrf;
pub mod device;
pub mod extract;
pub mod failure;
pub mod guard;
pub mod headers;
pub mod hostname;
pub mod layers;
pub mod layout;
pub mod mail;
pub mod messages;
pub mod page;
pub mod pages;
pub mod request_id;
pub mod time;

pub use cookies::{Cookie, CookieJar};
pub use extract::{ClientIp, Fields, Form, Locales, Query, RequestOrigin};
pub use hostname::{Hostname, ProxyHeaders};
pub use layers::{RealmSource, layers};
pub use layout::{Frame, Html, Language, Link, Notice, Tone};
pub use messages::Messages;
pub use page::Page;
pub use request_id::RequestId;
