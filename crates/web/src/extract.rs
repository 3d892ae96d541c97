//! What handlers read from a request.
//!
//! Fields keep their order and their duplicates, because a parameter that arrives twice is refused in most
//! protocols and a map would hide it. Everything has a limit before it is read.

mod fields;
mod locales;
mod origin;

pub use fields::{Fields, Form, MAX_BODY, Query};
pub use locales::Locales;
pub use origin::{ClientIp, RequestOrigin, query_value, segment};
