//! The languages that a request asks for.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use super::Fields;
use crate::accept;

/// What is known about the language that a person wants, the strongest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locales {
    /// The language link that was just followed (`kc_locale`).
    pub chosen: Option<String>,
    /// The language chosen earlier in this browser (the cookie `KEYCLOAK_LOCALE`).
    pub cookie: Option<String>,
    /// The language of the user's profile, once a user is known.
    pub user: Option<String>,
    /// The client's wish (`ui_locales`, OpenID Connect Core section 3.1.2.1): tags parted by blanks.
    pub client: Option<String>,
    /// The browser's wish, the most wanted first.
    pub browser: Vec<String>,
}

impl Locales {
    /// Reads the headers and the query of a request.
    pub fn read(headers: &HeaderMap, query: &Fields) -> Self {
        let field = |name: &str| query.filled(name).filter(|value| value.len() <= 255).map(str::to_owned);
        Self {
            chosen: field("kc_locale"),
            cookie: cookie(headers),
            user: None,
            client: field("ui_locales"),
            browser: accept::languages(headers),
        }
    }

    /// The wishes in the order in which they count.
    pub fn wishes(&self) -> impl Iterator<Item = &str> {
        let own = [&self.chosen, &self.cookie, &self.user].into_iter().flatten().map(String::as_str);
        let client = self.client.iter().flat_map(|tags| tags.split_whitespace());
        own.chain(client).chain(self.browser.iter().map(String::as_str))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Locales {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = Fields::read(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
        Ok(Self::read(&parts.headers, &query))
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == crate::cookies::LOCALE.name)?;
    Some(value.trim_matches('"').to_owned())
}
