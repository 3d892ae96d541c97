//! Who sends a request: client authentication (RFC 6749 section 2.3, RFC 7523, OpenID Connect Core section 9).
//!
//! A client is found by what it presents and then held to the one way that its settings name. A client
//! that is unknown, disabled or badly named hears the same as any other stranger.

mod assertion;
mod secret;

use std::sync::Arc;

use http::{StatusCode, header};
use keyraft_core::ClientView;
use keyraft_wire::oauth::{ErrorCode, Params};

use crate::Oidc;
use crate::asked::Asked;
use crate::refusal::Refusal;
pub use assertion::AssertionError;

const GENERIC: &str = "Invalid client or Invalid client credentials";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why nobody was recognised.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthError {
    /// No client, an unknown or disabled one, or credentials that cannot be read.
    #[error("client is absent, unknown, disabled, or its credentials cannot be read")]
    NoClient,
    /// The client is known and the proof is wrong, missing, or of another client.
    #[error("client's proof is wrong or missing")]
    WrongProof,
    /// The client proved who it is, and speaks another protocol.
    #[error("client is not one of OpenID Connect")]
    WrongProtocol,
    /// The secret came another way than the client's settings allow.
    #[error("client must use {0}")]
    WrongMethod(&'static str),
    /// The client proves itself by an assertion and sent none.
    #[error("client must send an assertion")]
    AssertionMissing,
    /// The assertion is not good.
    #[error("client assertion: {0}")]
    Assertion(#[from] AssertionError),
    /// A store or the cluster cannot be reached.
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl ClientAuthError {
    /// What the caller hears at the token endpoint, and everywhere but introspection.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NoClient => Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidClient, GENERIC),
            Self::WrongProof => {
                Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::UnauthorizedClient, GENERIC)
            }
            Self::WrongProtocol => Refusal::bad_request(ErrorCode::InvalidClient, "Wrong client protocol."),
            Self::WrongMethod(method) => Refusal::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::UnauthorizedClient,
                format!(
                    "Invalid method used to get client secret. Client requires method '{method}' to obtain \
                     client secret from the request"
                ),
            ),
            Self::AssertionMissing => {
                Refusal::bad_request(ErrorCode::InvalidClient, "Parameter client_assertion_type is missing")
            }
            Self::Assertion(error) => Refusal::bad_request(error.code(), error.to_string()),
            Self::Failure(error) => Refusal::failure(error),
        }
    }
}

/// What a request says about who sent it.
struct Presented<'a> {
    client_id: &'a str,
    secret: Option<&'a str>,
    method: &'static str,
}

/// Finds the client that sent the request and has it prove who it is.
///
/// # Errors
///
/// See [`ClientAuthError`].
pub async fn authenticate(
    oidc: &Oidc,
    asked: &Asked,
    params: &Params,
) -> Result<Arc<ClientView>, ClientAuthError> {
    if let Some(assertion) = params.get("client_assertion")
        && params.get("client_assertion_type") == Some(JWT_BEARER)
    {
        return assertion::authenticate(oidc, asked, params, assertion).await;
    }
    let basic = match asked.header(header::AUTHORIZATION) {
        Ok(value) => value.and_then(secret::Basic::parse),
        Err(_) => return Err(ClientAuthError::NoClient),
    };
    // What the body says wins over the header, part by part, as in Keycloak.
    let in_header = basic.as_ref().map(|basic| (basic.client_id.as_str(), basic.secret.expose()));
    let (in_body, secret) = (params.standard("client_id"), params.get("client_secret"));
    let presented = Presented {
        client_id: in_body.or(in_header.map(|(id, _)| id)).ok_or(ClientAuthError::NoClient)?,
        secret: secret.or(in_header.map(|(_, secret)| secret)),
        method: match (in_header, secret) {
            (Some(_), None) => "client_secret_basic",
            _ => "client_secret_post",
        },
    };
    let client = find(oidc, asked, presented.client_id).await?;
    prove(&client, &presented)?;
    Ok(client)
}

/// The enabled client of that name.
async fn find(oidc: &Oidc, asked: &Asked, client_id: &str) -> Result<Arc<ClientView>, ClientAuthError> {
    let client = oidc.core.client(&asked.realm, client_id).await?;
    client.filter(|client| client.client.enabled).ok_or(ClientAuthError::NoClient)
}

/// Holds a client to the way in which its settings say that it proves itself.
fn prove(client: &ClientView, presented: &Presented<'_>) -> Result<(), ClientAuthError> {
    let client = &client.client;
    if !client.public_client {
        match client.client_authenticator_type.as_str() {
            "client-secret" | "" => secret::prove(client, presented)?,
            "client-jwt" | "client-secret-jwt" => return Err(ClientAuthError::AssertionMissing),
            // Certificates and foreign identity providers are not served.
            _ => return Err(ClientAuthError::NoClient),
        }
    }
    if client.is_openid_connect() { Ok(()) } else { Err(ClientAuthError::WrongProtocol) }
}
