//! The gates that an authorization request passes, in an order that matters.
//!
//! First who asks and where the answer may go: until both are proven nobody is redirected, whatever else is wrong.
//! Then what is asked for. `GATES` is the table of the second part; each gate sees a request whose client and
//! redirect URI are good.

use std::borrow::Cow;

use http::StatusCode;
use keyraft_core::{ClientView, Error};
use keyraft_model::Client;
use keyraft_wire::oauth::authorization_request::Unreadable;
use keyraft_wire::oauth::pkce::{self, Method};
use keyraft_wire::oauth::resource::is_resource;
use keyraft_wire::oauth::{
    AuthorizationRequest, ErrorCode, RedirectUris, ResponseMode, ResponseType, redirect_uri, scope,
};

use crate::asked::Asked;
use crate::pages::Sentence;
use crate::tokens::GrantedScopes;

pub(super) const STANDARD_FLOW_OFF: &str = "Client is not allowed to initiate browser login with given \
     response_type. Standard flow is disabled for the client.";
const IMPLICIT_FLOW_OFF: &str = "Client is not allowed to initiate browser login with given response_type. \
     Implicit flow is disabled for the client.";

/// The way back to the client, once it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// Where the client may be answered.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// The client's own reminder.
    pub state: Option<String>,
}

/// What the gates found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The way back.
    pub back: Back,
    /// What is asked for.
    pub kind: ResponseType,
    /// How the PKCE challenge, if there is one, was made.
    pub method: Method,
}

/// Why a request goes no further.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The request came over plain http from outside.
    #[error("https is required")]
    Plain,
    /// The realm is disabled.
    #[error("realm is disabled")]
    RealmDisabled,
    /// Nobody can say which client asks, or for what.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// No such client.
    #[error("client is unknown")]
    ClientUnknown,
    /// The client is disabled.
    #[error("client is disabled")]
    ClientDisabled,
    /// The client speaks another protocol.
    #[error("client speaks another protocol")]
    Protocol,
    /// The client only reads tokens.
    #[error("client is bearer-only")]
    BearerOnly,
    /// The client must send a request object, and those are not read.
    #[error("client must send a request object")]
    RequestObjectRequired,
    /// Not one of the client's redirect URIs.
    #[error("redirect_uri is none of the client's")]
    RedirectUri,
    /// An essential `acr` that nobody can reach.
    #[error("claims ask for an unknown acr")]
    Claims,
    /// Nobody may register.
    #[error("registration is off")]
    RegistrationOff,
    /// Nobody may reset his password.
    #[error("resetting passwords is off")]
    ResetOff,
    /// Something that the client is told.
    #[error("{1:?} {2:?}")]
    Told(Back, ErrorCode, Option<Cow<'static, str>>),
    /// Something behind us failed.
    #[error("something behind us failed")]
    Failure(#[from] Error),
}

/// The public face of an error.
#[derive(Debug)]
pub enum Face<'a> {
    /// A page: nobody may be redirected.
    Page(Sentence),
    /// A page that says that we are at fault.
    Failure(&'a Error),
    /// The way back to the client.
    Redirect(&'a Back, ErrorCode, &'a Option<Cow<'static, str>>),
}

impl AuthorizeError {
    /// What the world sees.
    pub fn face(&self) -> Face<'_> {
        Face::Page(match self {
            Self::Plain => {
                Sentence { status: StatusCode::FORBIDDEN, key: "httpsRequiredMessage", argument: "" }
            }
            Self::RealmDisabled => Sentence::bad_request("realmNotEnabledMessage"),
            Self::Unreadable(_) | Self::RequestObjectRequired => {
                Sentence::bad_request("invalidRequestMessage")
            }
            Self::ClientUnknown => Sentence::bad_request("clientNotFoundMessage"),
            Self::ClientDisabled => Sentence::bad_request("clientDisabledMessage"),
            Self::Protocol => Sentence::bad_request("wrongClientProtocolMessage"),
            Self::BearerOnly => {
                Sentence { status: StatusCode::FORBIDDEN, key: "bearerOnlyMessage", argument: "" }
            }
            Self::RedirectUri => Sentence::about("invalidParameterMessage", "redirect_uri"),
            Self::Claims => Sentence::about("invalidParameterMessage", "claims"),
            Self::RegistrationOff => Sentence::bad_request("registrationNotAllowedMessage"),
            Self::ResetOff => Sentence::bad_request("resetCredentialNotAllowedMessage"),
            Self::Told(back, code, description) => return Face::Redirect(back, *code, description),
            Self::Failure(error) => return Face::Failure(error),
        })
    }
}

/// Whether the realm answers at all.
///
/// # Errors
///
/// It is disabled, or must be asked over https.
pub fn check_realm(asked: &Asked) -> Result<(), AuthorizeError> {
    if !asked.is_secure_enough() {
        return Err(AuthorizeError::Plain);
    }
    if asked.realm.realm.enabled { Ok(()) } else { Err(AuthorizeError::RealmDisabled) }
}

/// Whether the client may send browsers here.
///
/// # Errors
///
/// It may not.
pub fn check_client(client: &Client) -> Result<(), AuthorizeError> {
    if !client.enabled {
        return Err(AuthorizeError::ClientDisabled);
    }
    if !client.is_openid_connect() {
        return Err(AuthorizeError::Protocol);
    }
    if client.bearer_only { Err(AuthorizeError::BearerOnly) } else { Ok(()) }
}

/// What a gate sees.
struct View<'a> {
    asked: &'a Asked,
    client: &'a ClientView,
    request: &'a AuthorizationRequest,
    kind: ResponseType,
}

/// Why a gate is shut: what the client is told.
type Shut = (ErrorCode, Option<Cow<'static, str>>);

fn invalid(description: &'static str) -> Shut {
    (ErrorCode::InvalidRequest, Some(Cow::Borrowed(description)))
}

/// One row of the table.
type Gate = fn(&View<'_>) -> Result<(), Shut>;

/// The gates behind the redirect URI, in their order.
const GATES: [Gate; 7] =
    [pushed_only, duplicates, request_objects, granted_scopes, nonce, served_type, resource];

/// Leads a request of a good client through the gates.
///
/// # Errors
///
/// The first gate that is shut.
pub fn pass(
    asked: &Asked,
    client: &ClientView,
    request: &AuthorizationRequest,
) -> Result<Passed, AuthorizeError> {
    check_request_object(&client.client, request)?;
    let mut back = Back {
        redirect_uri: check_redirect_uri(asked, &client.client, request)?,
        mode: ResponseMode::Query,
        state: request.state.clone(),
    };
    let kind = match response_type(&client.client, request, &mut back.mode) {
        Ok(kind) => kind,
        Err((code, description)) => return Err(AuthorizeError::Told(back, code, description)),
    };
    let view = View { asked, client, request, kind };
    let passed =
        GATES.iter().try_for_each(|gate| gate(&view)).and_then(|()| pkce_method(&client.client, request));
    match passed {
        Ok(method) => Ok(Passed { back, kind, method }),
        Err((code, description)) => Err(AuthorizeError::Told(back, code, description)),
    }
}

/// A client that must sign its requests is not served unsigned: request objects are not read here.
fn check_request_object(client: &Client, request: &AuthorizationRequest) -> Result<(), AuthorizeError> {
    let is_required = client.attribute("request.object.required").is_some_and(|text| text != "not required");
    if is_required || (request.request && request.request_uri) {
        return Err(AuthorizeError::RequestObjectRequired);
    }
    Ok(())
}

fn check_redirect_uri(
    asked: &Asked,
    client: &Client,
    request: &AuthorizationRequest,
) -> Result<String, AuthorizeError> {
    match &request.redirect_uri {
        Some(uri) if is_redirect_uri(client, asked.base_url(), uri) => Ok(uri.clone()),
        // OpenID Connect demands the parameter; OAuth does not where there is only one URI.
        None if !scope::is_openid(request.scope.as_deref()) => {
            let root_url = redirect_uri::resolve_root_url(client.root_url.as_deref(), asked.base_url());
            let uris = RedirectUris { patterns: &client.redirect_uris, root_url: &root_url };
            uris.only().ok_or(AuthorizeError::RedirectUri)
        }
        Some(_) | None => Err(AuthorizeError::RedirectUri),
    }
}

/// Whether somebody may be sent to that address for a client; `base` is the server's own for this realm.
pub fn is_redirect_uri(client: &Client, base: &str, uri: &str) -> bool {
    let root_url = redirect_uri::resolve_root_url(client.root_url.as_deref(), base);
    let uris = RedirectUris { patterns: &client.redirect_uris, root_url: &root_url };
    uris.allow(uri) && !redirect_uri::holds_an_answer(uri)
}

/// Reads `response_type` and `response_mode`. `mode` is how to say what is wrong: the query until it is known.
fn response_type(
    client: &Client,
    request: &AuthorizationRequest,
    mode: &mut ResponseMode,
) -> Result<ResponseType, Shut> {
    let text = request.response_type.as_deref().ok_or_else(|| invalid("Missing parameter: response_type"))?;
    let kind = ResponseType::parse(text).ok_or((ErrorCode::UnsupportedResponseType, None))?;
    let named = ResponseMode::parse(request.response_mode.as_deref(), kind);
    *mode = named.ok_or_else(|| invalid("Invalid parameter: response_mode"))?;
    if kind.is_front_channel() && *mode == ResponseMode::Query {
        return Err(invalid("Response_mode 'query' not allowed for implicit or hybrid flow"));
    }
    let off = |text| Err((ErrorCode::UnauthorizedClient, Some(Cow::Borrowed(text))));
    if (kind.code || kind.none) && !client.standard_flow_enabled {
        return off(STANDARD_FLOW_OFF);
    }
    if kind.is_front_channel() && !client.implicit_flow_enabled {
        return off(IMPLICIT_FLOW_OFF);
    }
    Ok(kind)
}

fn pushed_only(view: &View<'_>) -> Result<(), Shut> {
    if view.client.client.is_attribute("require.pushed.authorization.requests") {
        return Err(invalid("Pushed Authorization Request is only allowed."));
    }
    Ok(())
}

/// Which of two values was meant nobody can say; another program behind the client may have read the other.
fn duplicates(view: &View<'_>) -> Result<(), Shut> {
    if view.request.duplicated { Err(invalid("duplicated parameter")) } else { Ok(()) }
}

/// Not served (OpenID Connect Core section 6.1 and 6.2 name the codes); ignoring one would serve a request
/// that the client did not send.
fn request_objects(view: &View<'_>) -> Result<(), Shut> {
    match (view.request.request, view.request.request_uri) {
        (true, _) => Err((ErrorCode::RequestNotSupported, None)),
        (_, true) => Err((ErrorCode::RequestUriNotSupported, None)),
        (false, false) => Ok(()),
    }
}

fn granted_scopes(view: &View<'_>) -> Result<(), Shut> {
    match GrantedScopes::request(&view.asked.realm, view.client, view.request.scope.as_deref()) {
        Ok(_) => Ok(()),
        Err(error) => Err((ErrorCode::InvalidScope, Some(Cow::Owned(error.to_string())))),
    }
}

/// An ID token from the front channel must be bound to its request (OpenID Connect Core 3.2.2.1).
fn nonce(view: &View<'_>) -> Result<(), Shut> {
    if view.kind.id_token && view.request.nonce.is_none() {
        return Err(invalid("Missing parameter: nonce"));
    }
    Ok(())
}

/// Tokens never travel through the browser here (RFC 9700 section 2.1.2).
fn served_type(view: &View<'_>) -> Result<(), Shut> {
    if view.kind.is_front_channel() { Err((ErrorCode::UnsupportedResponseType, None)) } else { Ok(()) }
}

/// A resource that is none is refused (RFC 8707 section 2); tokens say nothing of one that could be.
fn resource(view: &View<'_>) -> Result<(), Shut> {
    match view.request.resource.as_deref() {
        Some(uri) if !is_resource(uri) => Err((
            ErrorCode::InvalidTarget,
            Some(Cow::Borrowed("The requested resource is invalid, missing, unknown, or malformed.")),
        )),
        Some(_) | None => Ok(()),
    }
}

/// PKCE (RFC 7636): what the client must send, and whether it did.
fn pkce_method(client: &Client, request: &AuthorizationRequest) -> Result<Method, Shut> {
    let challenge = request.code_challenge.as_deref();
    let sent = request.code_challenge_method.as_deref();
    let required = client.attribute("pkce.code.challenge.method");
    if let Some(required) = required {
        let sent = sent.ok_or_else(|| invalid("Missing parameter: code_challenge_method"))?;
        if sent != required {
            return Err(invalid(
                "Invalid parameter: code challenge method is not matching the configured one",
            ));
        }
    }
    if challenge.is_none() && (sent.is_some() || required.is_some()) {
        return Err(invalid("Missing parameter: code_challenge"));
    }
    let method = match sent {
        None => Method::Plain,
        Some(text) => {
            Method::parse(text).ok_or_else(|| invalid("Invalid parameter: code_challenge_method"))?
        }
    };
    if challenge.is_some_and(|challenge| !pkce::is_well_formed(challenge)) {
        return Err(invalid("Invalid parameter: code_challenge"));
    }
    Ok(method)
}
