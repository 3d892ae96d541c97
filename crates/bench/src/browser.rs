//! A browser and the application that sent it: authorization request, login page, password, code, tokens.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::header;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::{
    http::{Answer, Ask, Http},
    setup::{CALLBACK, Client, PERSON, Target},
};

/// The application's secret of one authorization request (RFC 7636); long enough, and the same each time.
const VERIFIER: &str = "a-code-verifier-of-at-least-43-characters-0123456789";
/// A browser that is sent on more often than this goes in circles.
const MAX_REDIRECTS: usize = 6;

/// A browser with its cookies, fresh.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    cookies: Vec<String>,
}

/// Where a browser ended up.
enum Arrival {
    Page(Url, Answer),
    Code(String),
}

impl Browser {
    /// Opens the login page and gives back its address and text.
    pub(crate) async fn open_page(
        &mut self,
        http: &mut Http,
        target: &Target,
        client: Client,
    ) -> Result<(Url, String)> {
        let answer = http.get(&request(target, client), Ask::plain()).await?;
        match self.follow(http, request(target, client), answer).await? {
            Arrival::Page(url, answer) => Ok((url, answer.ok()?.text()?.to_owned())),
            Arrival::Code(_) => anyhow::bail!("a fresh browser got a code"),
        }
    }

    /// Signs a person in at the login page and redeems the code.
    pub(crate) async fn sign_in(
        &mut self,
        http: &mut Http,
        target: &Target,
        client: Client,
        name: &str,
    ) -> Result<Value> {
        let (url, page) = self.open_page(http, target, client).await?;
        let url = url.join(&form_action(&page).context("no form")?)?;
        // Providers name the field of the user name differently, and leave alone what they do not know.
        let form = [("username", name), ("login", name), ("password", PERSON.1), ("credentialId", "")];
        let answer = http.post(&url, Ask::form(&form).with_cookies(&self.cookies)).await?;
        match self.follow(http, url, answer).await? {
            Arrival::Code(code) => redeem(http, target, client, &code).await,
            Arrival::Page(_, answer) => anyhow::bail!("signing in answered {}", answer.status),
        }
    }

    /// Goes to another application; who is signed in already gets a code without being asked.
    pub(crate) async fn visit(&mut self, http: &mut Http, target: &Target, client: Client) -> Result<Value> {
        let url = request(target, client);
        let answer = http.get(&url, Ask::plain().with_cookies(&self.cookies)).await?;
        match self.follow(http, url, answer).await? {
            Arrival::Code(code) => redeem(http, target, client, &code).await,
            Arrival::Page(_, answer) => anyhow::bail!("no single sign-on: {}", answer.status),
        }
    }

    async fn follow(&mut self, http: &mut Http, mut url: Url, mut answer: Answer) -> Result<Arrival> {
        for _ in 0..MAX_REDIRECTS {
            self.take_cookies(&answer);
            if !answer.status.is_redirection() {
                return Ok(Arrival::Page(url, answer));
            }
            url = url.join(answer.headers.get(header::LOCATION).context("no location")?.to_str()?)?;
            if url.as_str().starts_with(CALLBACK) {
                let code = url.query_pairs().find(|(name, _)| name == "code");
                let code = code.with_context(|| format!("the application got {url}"))?;
                return Ok(Arrival::Code(code.1.into_owned()));
            }
            answer = http.get(&url, Ask::plain().with_cookies(&self.cookies)).await?;
        }
        anyhow::bail!("redirected for ever")
    }

    fn take_cookies(&mut self, answer: &Answer) {
        let lines = answer.headers.get_all(header::SET_COOKIE).iter();
        for line in lines.filter_map(|line| line.to_str().ok()) {
            let pair = line.split(';').next().unwrap_or_default().trim();
            let name = pair.split('=').next().unwrap_or_default();
            self.cookies.retain(|cookie| cookie.split('=').next() != Some(name));
            if !pair.ends_with('=') {
                self.cookies.push(pair.to_owned());
            }
        }
    }
}

/// The authorization request of a client (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
fn request(target: &Target, client: Client) -> Url {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url = target.authorization.clone();
    url.query_pairs_mut().extend_pairs([
        ("client_id", client.id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "st"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    url
}

async fn redeem(http: &mut Http, target: &Target, client: Client, code: &str) -> Result<Value> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let tokens =
        http.post(&target.token, Ask::form(&form).authorized(&client.basic())).await?.ok()?.json()?;
    ensure!(tokens["id_token"].is_string(), "no ID token");
    Ok(tokens)
}

/// The address of the first form of a page.
fn form_action(page: &str) -> Option<String> {
    let form = &page[page.find("<form")?..];
    let start = form.find("action=\"")? + "action=\"".len();
    let rest = &form[start..];
    Some(rest[..rest.find('"')?].replace("&amp;", "&").replace("&#38;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_says_where_it_goes() {
        let page =
            r#"<p>x</p><form id="a" action="/x?a=1&amp;b=2&#38;c=3" method="post"></form><form action="/y">"#;
        assert_eq!(form_action(page).as_deref(), Some("/x?a=1&b=2&c=3"));
        assert_eq!(form_action("<form>"), None);
    }
}
