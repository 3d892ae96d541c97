//! OAuth 2: parameters, requests, errors, scopes, prompts, PKCE, redirect URIs.

pub mod authorization_request;
pub mod authorization_response;
pub mod error;
pub mod params;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
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
