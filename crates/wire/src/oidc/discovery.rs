//! The discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
//!
//! It lists what is served and nothing else; the order is Keycloak's.

use serde::Serialize;

use crate::oauth::token_request::GrantType;

/// Ways in which a client may prove itself.
pub const CLIENT_AUTHENTICATION: [&str; 4] =
    ["private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt"];

/// What a realm's document says beyond what is the same everywhere.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// The realm's issuer.
    pub issuer: &'a str,
    /// Base of the addresses that browsers visit, `{url}/realms/{realm}`.
    pub frontend: &'a str,
    /// Base of the addresses that servers call.
    pub backend: &'a str,
    /// Signature algorithms that the server knows.
    pub signing: &'a [&'a str],
    /// `acr` values that the realm knows.
    pub acr_values: &'a [&'a str],
    /// Client scopes, without `openid`.
    pub scopes: &'a [&'a str],
    /// Whether a person may ask for a new account by `prompt=create`.
    pub registration: bool,
}

/// The document.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are the members of the specifications by name")]
#[expect(clippy::struct_excessive_bools, reason = "the specifications have so many switches")]
pub struct Discovery<'a> {
    pub issuer: &'a str,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub introspection_endpoint: String,
    pub userinfo_endpoint: String,
    pub end_session_endpoint: String,
    pub frontchannel_logout_session_supported: bool,
    pub frontchannel_logout_supported: bool,
    pub jwks_uri: String,
    pub check_session_iframe: String,
    pub grant_types_supported: [&'static str; 4],
    pub acr_values_supported: &'a [&'a str],
    pub response_types_supported: [&'static str; 2],
    pub subject_types_supported: [&'static str; 1],
    pub prompt_values_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: &'a [&'a str],
    pub userinfo_signing_alg_values_supported: Vec<&'a str>,
    pub response_modes_supported: [&'static str; 3],
    pub token_endpoint_auth_methods_supported: [&'static str; 4],
    pub token_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    pub introspection_endpoint_auth_methods_supported: [&'static str; 4],
    pub introspection_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    pub claims_supported: [&'static str; 14],
    pub claim_types_supported: [&'static str; 1],
    pub claims_parameter_supported: bool,
    pub scopes_supported: Vec<&'a str>,
    pub request_parameter_supported: bool,
    pub request_uri_parameter_supported: bool,
    pub code_challenge_methods_supported: [&'static str; 2],
    pub revocation_endpoint: String,
    pub revocation_endpoint_auth_methods_supported: [&'static str; 4],
    pub revocation_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
    pub authorization_response_iss_parameter_supported: bool,
}

const CLAIMS: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "email",
    "acr",
    "azp",
    "nonce",
];

impl<'a> Discovery<'a> {
    /// The document of a realm.
    pub fn new(offer: &Offer<'a>) -> Self {
        let browser = |path: &str| format!("{}/protocol/openid-connect/{path}", offer.frontend);
        let server = |path: &str| format!("{}/protocol/openid-connect/{path}", offer.backend);
        let mut prompts = vec!["none", "login", "consent"];
        prompts.extend(offer.registration.then_some("create"));
        Self {
            issuer: offer.issuer,
            authorization_endpoint: browser("auth"),
            token_endpoint: server("token"),
            introspection_endpoint: server("token/introspect"),
            userinfo_endpoint: server("userinfo"),
            end_session_endpoint: browser("logout"),
            frontchannel_logout_session_supported: true,
            frontchannel_logout_supported: true,
            jwks_uri: server("certs"),
            check_session_iframe: browser("login-status-iframe.html"),
            grant_types_supported: GrantType::ALL.map(GrantType::as_str),
            acr_values_supported: offer.acr_values,
            response_types_supported: ["code", "none"],
            subject_types_supported: ["public"],
            prompt_values_supported: prompts,
            id_token_signing_alg_values_supported: offer.signing,
            userinfo_signing_alg_values_supported: offer.signing.iter().copied().chain(["none"]).collect(),
            response_modes_supported: ["query", "fragment", "form_post"],
            token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
            token_endpoint_auth_signing_alg_values_supported: offer.signing,
            introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
            introspection_endpoint_auth_signing_alg_values_supported: offer.signing,
            claims_supported: CLAIMS,
            claim_types_supported: ["normal"],
            claims_parameter_supported: false,
            scopes_supported: ["openid"].into_iter().chain(offer.scopes.iter().copied()).collect(),
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            code_challenge_methods_supported: ["plain", "S256"],
            revocation_endpoint: server("revoke"),
            revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
            revocation_endpoint_auth_signing_alg_values_supported: offer.signing,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            authorization_response_iss_parameter_supported: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_what_is_served_and_says_what_is_not() {
        let offer = Offer {
            issuer: "https://id.test/realms/r",
            frontend: "https://id.test/realms/r",
            backend: "http://internal/realms/r",
            signing: &["RS256"],
            acr_values: &["0", "1"],
            scopes: &["profile"],
            registration: true,
        };

        let document = serde_json::to_value(Discovery::new(&offer)).unwrap();

        assert_eq!(
            document["authorization_endpoint"],
            "https://id.test/realms/r/protocol/openid-connect/auth"
        );
        assert_eq!(document["token_endpoint"], "http://internal/realms/r/protocol/openid-connect/token");
        assert_eq!(document["scopes_supported"], serde_json::json!(["openid", "profile"]));
        assert_eq!(document["prompt_values_supported"][3], "create");
        assert_eq!(document["request_uri_parameter_supported"], false, "absent would mean supported");
        assert!(document.get("registration_endpoint").is_none());
    }
}
