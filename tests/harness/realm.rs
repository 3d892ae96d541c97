//! A realm of a test's own, and the people in it.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};

use crate::keyraft::{Keyraft, merge};
use crate::otp::base32;

/// A realm that a test has made.
#[derive(Debug)]
pub struct Realm<'a> {
    keyraft: &'a Keyraft,
    name: String,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// The name to sign in with.
    pub name: String,
    /// The password.
    pub password: String,
    /// The shared secret of the one-time codes, as authenticator apps take it (base32); empty without codes.
    pub otp_secret: String,
}

impl<'a> Realm<'a> {
    pub(crate) fn new(keyraft: &'a Keyraft, name: String) -> Self {
        Self { keyraft, name }
    }

    /// The server.
    pub fn keyraft(&self) -> &'a Keyraft {
        self.keyraft
    }

    /// The realm's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The issuer of the realm's tokens.
    pub fn issuer(&self) -> String {
        format!("{}/realms/{}", self.keyraft.url(), self.name)
    }

    /// The address of an `OpenID` Connect endpoint: `token`, `auth`, `userinfo`, …
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/protocol/openid-connect/{name}", self.issuer())
    }

    /// The path of a resource of this realm in the admin REST API.
    pub fn path(&self, rest: &str) -> String {
        format!("/admin/realms/{}{rest}", self.name)
    }

    /// Makes a user called `name` who can sign in at once.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn person(&self, name: &str) -> Result<Person> {
        self.person_with(name, json!({})).await
    }

    /// Makes a user with further members of the representation.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn person_with(&self, name: &str, more: Value) -> Result<Person> {
        let password = format!("{name} likes long walks");
        self.make(name, password, String::new(), vec![], more).await
    }

    /// Makes a user who is asked for a one-time code after the password.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn person_with_codes(&self, name: &str) -> Result<Person> {
        let secret = "it is twenty chars.."; // kept as text: the original takes a secret without encoding so
        let otp = json!({
            "type": "otp", "userLabel": "phone",
            "secretData": json!({ "value": secret }).to_string(),
            "credentialData": json!({ "subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1" })
                .to_string(),
        });
        let password = format!("{name} likes long walks");
        self.make(name, password, base32(secret.as_bytes()), vec![otp], json!({})).await
    }

    async fn make(
        &self,
        name: &str,
        password: String,
        otp: String,
        more: Vec<Value>,
        rest: Value,
    ) -> Result<Person> {
        let mut credentials = vec![json!({ "type": "password", "value": password, "temporary": false })];
        credentials.extend(more);
        let mut user = json!({
            "username": name, "enabled": true, "emailVerified": true,
            "email": format!("{name}@example.com"), "firstName": capital(name), "lastName": "Example",
            "credentials": credentials,
        });
        merge(&mut user, rest);
        let id = self.create("/users", user).await?;
        Ok(Person { id, name: name.to_owned(), password, otp_secret: otp })
    }

    /// Makes a client; returns the id that the admin REST API knows it by.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn client(&self, client_id: &str, settings: Value) -> Result<String> {
        let mut client = json!({ "clientId": client_id, "name": capital(client_id), "enabled": true });
        merge(&mut client, settings);
        self.create("/clients", client).await
    }

    /// Makes a resource and returns its id, the last part of `Location`.
    ///
    /// # Errors
    /// The server refuses, or does not say where the new resource is.
    pub async fn create(&self, collection: &str, body: Value) -> Result<String> {
        let answer = self.keyraft.admin(Method::POST, &self.path(collection), Some(body)).await?;
        let location = answer.headers().get("location").context("no Location")?.to_str()?;
        Ok(location.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// Changes the realm's settings.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn change(&self, settings: Value) -> Result<()> {
        let mut realm = json!({ "realm": self.name });
        merge(&mut realm, settings);
        self.keyraft.admin(Method::PUT, &self.path(""), Some(realm)).await?;
        Ok(())
    }
}

impl Drop for Realm<'_> {
    /// Leaves nothing behind on a server that is not the test's own.
    fn drop(&mut self) {
        if !self.keyraft.is_shared() {
            return;
        }
        let (keyraft, path) = (self.keyraft, self.path(""));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                    return;
                };
                if let Err(error) = runtime.block_on(remove(keyraft, &path)) {
                    crate::skip::say(&format!("{path} stays behind: {error:#}"));
                }
            });
        });
    }
}

/// Deletes a realm over connections of its own: those of the test's runtime end with it.
async fn remove(keyraft: &Keyraft, path: &str) -> Result<()> {
    let other = Keyraft::start(keyraft.url()).await?;
    other.admin(Method::DELETE, path, None).await?;
    Ok(())
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
