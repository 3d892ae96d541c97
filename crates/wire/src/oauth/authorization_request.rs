//! The authorization request (RFC 6749 section 4.1.1, OpenID Connect Core 3.1.2.1), read but not judged.

use super::{Params, Prompt};

/// What a client asks for through a browser. Values are as they came; over-long ones count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the parameters of the specifications by name")]
pub struct AuthorizationRequest {
    pub client_id: String,
    pub redirect_uri: Option<String>,
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub scope: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub prompt: Prompt,
    /// Seconds in 32 bits; may be negative.
    pub max_age: Option<i64>,
    pub login_hint: Option<String>,
    pub id_token_hint: Option<String>,
    pub ui_locales: Option<String>,
    pub acr_values: Option<String>,
    pub claims: Option<String>,
    pub resource: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub kc_action: Option<String>,
    pub kc_idp_hint: Option<String>,
    /// Whether a request object came, by value or by reference.
    pub request: bool,
    pub request_uri: bool,
    /// Whether any parameter came twice; then the first values stand here.
    pub duplicated: bool,
}

/// A request that cannot be read: the client is not known for sure, so nobody may be redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// `client_id` is absent or comes twice.
    #[error("client_id is absent or comes twice")]
    ClientId,
    /// `max_age` is not a whole number of 32 bits.
    #[error("max_age is not a whole number of 32 bits")]
    MaxAge,
}

impl AuthorizationRequest {
    /// Which client asks: exactly one `client_id`, which may be empty.
    ///
    /// # Errors
    ///
    /// It is absent or comes twice.
    pub fn client_id(params: &Params) -> Result<&str, Unreadable> {
        params.get("client_id").filter(|_| !params.is_duplicated("client_id")).ok_or(Unreadable::ClientId)
    }

    /// Reads the parameters.
    ///
    /// # Errors
    ///
    /// See [`Unreadable`].
    pub fn read(params: &Params) -> Result<Self, Unreadable> {
        let text = |name| params.standard(name).map(str::to_owned);
        let max_age = params.standard("max_age").map(str::parse::<i32>);
        let max_age = max_age.transpose().map_err(|_| Unreadable::MaxAge)?;
        Ok(Self {
            client_id: Self::client_id(params)?.to_owned(),
            redirect_uri: text("redirect_uri"),
            response_type: text("response_type"),
            response_mode: text("response_mode"),
            scope: text("scope"),
            state: text("state"),
            nonce: text("nonce"),
            prompt: params.standard("prompt").map(Prompt::parse).unwrap_or_default(),
            max_age: max_age.map(i64::from),
            login_hint: text("login_hint"),
            id_token_hint: text("id_token_hint"),
            ui_locales: text("ui_locales"),
            acr_values: text("acr_values"),
            claims: text("claims"),
            // An empty one is one that is wrong.
            resource: params.get("resource").map(str::to_owned),
            code_challenge: text("code_challenge"),
            code_challenge_method: text("code_challenge_method"),
            kc_action: text("kc_action"),
            kc_idp_hint: text("kc_idp_hint"),
            request: params.get("request").is_some(),
            request_uri: params.get("request_uri").is_some(),
            duplicated: params.has_duplicates(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AuthorizationRequest, Unreadable> {
        let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.replace('+', " ")));
        AuthorizationRequest::read(&Params::new(pairs.collect()))
    }

    #[test]
    fn a_request_is_read_by_its_first_values() {
        let request = read("client_id=web&state=a&state=b&max_age=-1&prompt=none+login").unwrap();

        assert_eq!((request.state.as_deref(), request.max_age), (Some("a"), Some(-1)));
        assert!(request.duplicated && request.prompt.none && request.prompt.login);
    }

    #[test]
    fn without_one_client_there_is_no_request() {
        assert_eq!(read("client_id=web&client_id=pub"), Err(Unreadable::ClientId));
        assert_eq!(read("state=a"), Err(Unreadable::ClientId));
        assert_eq!(read("client_id=web&max_age="), Err(Unreadable::MaxAge));
        assert_eq!(read("client_id=web&max_age=2147483648"), Err(Unreadable::MaxAge));
        assert!(read("client_id=").is_ok());
    }
}
