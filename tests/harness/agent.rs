//! A browser without a window: keeps cookies, follows redirects, fills in forms. It runs no script.
//!
//! For tests that need a signed-in person but not a picture of it. What a real browser decides (same-site
//! cookies, content security) is not decided here; `tests/browser` is for that.

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::Client;
use url::{Origin, Url};

use crate::keyraft::Keyraft;
use crate::otp::code_now;
use crate::realm::Person;

/// Redirects that are followed in a row.
const MOST_REDIRECTS: usize = 10;

/// Somebody's browser.
#[derive(Clone, Debug)]
pub struct Agent {
    http: Client,
    cookies: Vec<Cookie>,
    /// Origins besides the server's that are opened; a redirect to any other is where the test takes over.
    homes: Vec<Origin>,
    /// What the server is called and where it is, where those differ.
    behind: Option<(String, String)>,
}

#[derive(Clone, Debug)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
}

/// What came back, after redirects.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The address that answered, or the first one outside the server.
    pub url: Url,
    /// The HTTP status; 0 for an address outside the server, which is not asked.
    pub status: u16,
    /// The page.
    pub body: String,
}

/// A form as it stands in a page.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: Url,
    /// Names and values of its fields.
    pub fields: Vec<(String, String)>,
}

impl Agent {
    /// A browser without cookies.
    pub fn new(keyraft: &Keyraft) -> Self {
        let behind = keyraft.public().map(|name| (name.to_owned(), keyraft.url().to_owned()));
        Self { http: keyraft.http().clone(), cookies: Vec::new(), homes: Vec::new(), behind }
    }

    /// The same, following redirects to `site` as well.
    ///
    /// # Panics
    /// `site` is not an address.
    #[must_use]
    pub fn at_home_on(mut self, keyraft: &Keyraft, site: &str) -> Self {
        for home in [keyraft.url(), site] {
            self.homes.push(Url::parse(home).expect("a site has an address").origin());
        }
        self
    }

    /// Opens an address and follows redirects until a page comes or until they leave the server.
    ///
    /// # Errors
    /// No answer, or too many redirects.
    pub async fn open(&mut self, url: &str) -> Result<Answer> {
        self.go(Method::GET, Url::parse(url)?, &[]).await
    }

    /// Sends a form.
    ///
    /// # Errors
    /// No answer, or too many redirects.
    pub async fn send(&mut self, form: &Form) -> Result<Answer> {
        self.go(Method::POST, form.action.clone(), &form.fields).await
    }

    /// Opens an authorization request and signs in; returns the address that the client gets.
    ///
    /// # Errors
    /// The server does not send the browser back to the client.
    pub async fn sign_in(&mut self, authorization_url: &str, person: &Person) -> Result<Url> {
        let answer = self.sign_in_to(authorization_url, person).await?;
        ensure!(answer.status == 0, "not sent to the client: {} {}", answer.status, answer.body);
        Ok(answer.url)
    }

    /// Opens an address that asks for a login, and signs in; returns the page behind it.
    ///
    /// # Errors
    /// The server goes on asking.
    pub async fn sign_in_to(&mut self, url: &str, person: &Person) -> Result<Answer> {
        let mut answer = self.open(url).await?;
        for _ in 0..4 {
            if answer.status == 0 || !answer.body.contains("<form") {
                return Ok(answer);
            }
            let mut form = answer.form()?;
            form.fill("username", &person.name);
            form.fill("password", &person.password);
            if form.has("otp") {
                form.fill("otp", &code_now(&person.otp_secret));
            }
            answer = self.send(&form).await?;
        }
        bail!("not signed in: {} {}", answer.status, answer.body)
    }

    /// Where an address is asked for: a server that has a public name listens elsewhere, as behind a proxy.
    fn inside(&self, url: &Url) -> Result<Url> {
        let Some((name, place)) = &self.behind else { return Ok(url.clone()) };
        let rest = url.as_str().strip_prefix(name.as_str());
        Ok(rest.map_or_else(|| Ok(url.clone()), |rest| Url::parse(&format!("{place}{rest}")))?)
    }

    /// The names and values of the cookies that are kept.
    pub fn cookies(&self) -> Vec<(String, String)> {
        self.cookies.iter().map(|cookie| (cookie.name.clone(), cookie.value.clone())).collect()
    }

    /// Adds a cookie for a host and everything on it, as if its server had set it.
    pub fn plant(&mut self, host: &str, name: &str, value: &str) {
        let (host, path) = (host.to_owned(), "/".to_owned());
        self.cookies.push(Cookie { host, path, name: name.to_owned(), value: value.to_owned() });
    }

    async fn go(&mut self, mut method: Method, url: Url, fields: &[(String, String)]) -> Result<Answer> {
        let mut url = self.inside(&url)?;
        let server = url.origin();
        for _ in 0..MOST_REDIRECTS {
            if url.origin() != server && !self.homes.contains(&url.origin()) {
                return Ok(Answer { url, status: 0, body: String::new() });
            }
            let mut request =
                self.http.request(method.clone(), url.clone()).header(COOKIE, self.cookies_for(&url));
            if method == Method::POST {
                request = request.form(fields);
            }
            let answer = request.send().await?;
            self.keep(&url, answer.headers().get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok()));
            let Some(location) = answer.headers().get(LOCATION) else {
                let status = answer.status().as_u16();
                return Ok(Answer { url, status, body: answer.text().await? });
            };
            url = self.inside(&url.join(location.to_str()?)?)?;
            method = Method::GET;
        }
        bail!("more than {MOST_REDIRECTS} redirects, the last to {url}")
    }

    fn cookies_for(&self, url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        let sent = self.cookies.iter().filter(|c| c.host == host && url.path().starts_with(&c.path));
        sent.map(|c| format!("{}={}", c.name, c.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep<'a>(&mut self, url: &Url, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let attributes: Vec<_> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
            let read =
                |name: &str| attributes.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
            let host = url.host_str().unwrap_or_default().to_owned();
            let path = read("path").unwrap_or("/").to_owned();
            self.cookies.retain(|c| !(c.host == host && c.path == path && c.name == name));
            if read("max-age").is_none_or(|age| age.parse().is_ok_and(|age: i64| age > 0)) {
                self.cookies.push(Cookie { host, path, name: name.to_owned(), value: value.to_owned() });
            }
        }
    }
}

impl Answer {
    /// The first link of the page whose address holds `part`.
    ///
    /// # Errors
    /// There is none.
    pub fn link(&self, part: &str) -> Result<String> {
        let tags = self.body.split("<a ").skip(1).filter_map(|tag| attribute(&format!("a {tag}"), "href"));
        let href = tags.into_iter().find(|href| href.contains(part));
        let href = href.with_context(|| format!("no link with {part}: {} {}", self.status, self.body))?;
        Ok(self.url.join(&href)?.to_string())
    }

    /// The first form of the page.
    ///
    /// # Errors
    /// There is none.
    pub fn form(&self) -> Result<Form> {
        let page = &self.body;
        let start = page.find("<form").with_context(|| format!("no form: {} {page}", self.status))?;
        let end = page[start..].find("</form").map_or(page.len(), |length| start + length);
        let form = &page[start..end];
        let action = attribute(form, "action").context("a form without an action")?;
        let tags = form.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("button"));
        let tags = tags.filter(|tag| {
            let checkable = matches!(attribute(tag, "type").as_deref(), Some("checkbox" | "radio"));
            !checkable || tag.contains(" checked")
        });
        let fields = tags
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
        Ok(Form { action: self.url.join(&action)?, fields: fields.collect() })
    }
}

impl Form {
    /// Whether the form has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(n, _)| n == name)
    }

    /// Fills in a field, if the form has it.
    pub fn fill(&mut self, name: &str, value: &str) {
        for field in self.fields.iter_mut().filter(|field| field.0 == name) {
            value.clone_into(&mut field.1);
        }
    }
}

/// The value of an attribute in the first tag of `text`.
fn attribute(text: &str, name: &str) -> Option<String> {
    let tag = &text[..text.find('>')?];
    let start =
        tag.find(&format!(" {name}=\"")).or_else(|| tag.find(&format!("\n{name}=\"")))? + name.len() + 3;
    let value = &tag[start..start + tag[start..].find('"')?];
    Some(value.replace("&amp;", "&").replace("&#38;", "&").replace("&quot;", "\"").replace("&lt;", "<"))
}
