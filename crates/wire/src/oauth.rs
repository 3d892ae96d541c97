//! OAuth 2: parameters, requests, errors, scopes, prompts, PKCE, redirect URIs.

pub mod authorization_request;
pub mod authorization_response;
pub mod error;
pub mod params;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod resource;
pub mod response_mode;
pub mod response_type;
pub mod scope;
pub mod token_request;

pub use authorization_request::AuthorizationRequest;
pub use authorization_response::ResponseFields;
pub use error::{ErrorBody, ErrorCode};
pub use params::Params;
pub use prompt::Prompt;
pub use redirect_uri::RedirectUris;
pub use response_mode::ResponseMode;
pub use response_type::ResponseType;

/// Whether every percent sign of a URI begins an escape (RFC 3986 section 2.1).
fn is_well_escaped(uri: &str) -> bool {
    let is_escape = |rest: &[u8]| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit);
    uri.bytes().enumerate().all(|(at, byte)| byte != b'%' || is_escape(&uri.as_bytes()[at + 1..]))
}
