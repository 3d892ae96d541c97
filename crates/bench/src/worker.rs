//! One of the workers that carry a scenario out, each with a connection of its own.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    browser::Browser,
    http::{Ask, Http},
    scenario::{Operation, Scenario},
    setup::{PERSON, Target},
};

/// Its tokens are of a session of its own.
pub(crate) struct Worker {
    scenario: Scenario,
    target: Target,
    http: Http,
    basic: String,
    access_token: String,
    bearer: String,
    refresh_token: String,
}

impl Worker {
    /// Signs in, where the scenario needs somebody who is.
    pub(crate) async fn start(scenario: Scenario, target: Target) -> Result<Self> {
        let mut worker = Self {
            scenario,
            target,
            http: Http::default(),
            basic: scenario.client.basic(),
            access_token: String::new(),
            bearer: String::new(),
            refresh_token: String::new(),
        };
        if matches!(scenario.operation, Operation::Refresh | Operation::Introspection | Operation::Userinfo) {
            worker.sign_in().await.context("cannot sign in")?;
        }
        Ok(worker)
    }

    async fn sign_in(&mut self) -> Result<()> {
        let tokens = if self.target.has_password_grant {
            let (username, password) = PERSON;
            let form = [
                ("grant_type", "password"),
                ("scope", "openid"),
                ("username", username),
                ("password", password),
            ];
            self.token(&form).await?
        } else {
            let Self { http, target, scenario, .. } = self;
            Browser::default().sign_in(http, target, scenario.client, PERSON.0).await?
        };
        self.access_token = text(&tokens, "access_token")?;
        self.bearer = format!("Bearer {}", self.access_token);
        tokens["refresh_token"].as_str().unwrap_or_default().clone_into(&mut self.refresh_token);
        Ok(())
    }

    /// Carries the operation out once.
    pub(crate) async fn once(&mut self) -> Result<()> {
        match self.scenario.operation {
            Operation::ClientCredentials => {
                let tokens = self.token(&[("grant_type", "client_credentials")]).await?;
                self.ensure_algorithm(&text(&tokens, "access_token")?)
            }
            Operation::Refresh => {
                let presented = std::mem::take(&mut self.refresh_token);
                let form = [("grant_type", "refresh_token"), ("refresh_token", presented.as_str())];
                let tokens = self.token(&form).await?;
                self.refresh_token = text(&tokens, "refresh_token")?;
                self.ensure_algorithm(&text(&tokens, "access_token")?)?;
                self.ensure_algorithm(&text(&tokens, "id_token")?)
            }
            Operation::Introspection => {
                let url = self.target.introspection.as_ref().context("no introspection endpoint")?;
                let ask = Ask::form(&[("token", &self.access_token)]).authorized(&self.basic);
                let answer = self.http.post(url, ask).await?.ok()?.json()?;
                ensure!(answer["active"] == true, "not active");
                Ok(())
            }
            Operation::Userinfo => {
                let url = self.target.userinfo.as_ref().context("no userinfo endpoint")?;
                let answer = self.http.get(url, Ask::plain().authorized(&self.bearer)).await?.ok()?;
                ensure!(answer.text()?.contains("\"sub\""), "nobody");
                Ok(())
            }
            Operation::LoginPage => {
                let Self { http, target, scenario, .. } = self;
                let (_, page) = Browser::default().open_page(http, target, scenario.client).await?;
                ensure!(page.contains("<form"), "no form");
                Ok(())
            }
            Operation::BrowserLogin => {
                let Self { http, target, scenario, .. } = self;
                Browser::default().sign_in(http, target, scenario.client, PERSON.0).await?;
                Ok(())
            }
            Operation::Jwks => self.http.get(&self.target.jwks, Ask::plain()).await?.ok().map(|_| ()),
            Operation::Discovery => {
                self.http.get(&self.target.discovery, Ask::plain()).await?.ok().map(|_| ())
            }
        }
    }

    async fn token(&mut self, form: &[(&str, &str)]) -> Result<Value> {
        let ask = Ask::form(form).authorized(&self.basic);
        self.http.post(&self.target.token, ask).await?.ok()?.json()
    }

    /// A row that says ES256 is about tokens that are signed so.
    fn ensure_algorithm(&self, token: &str) -> Result<()> {
        let header = token.split('.').next().filter(|_| token.matches('.').count() == 2).context("no JWT")?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
        ensure!(header["alg"] == self.scenario.client.alg, "signed with {}", header["alg"]);
        Ok(())
    }
}

fn text(tokens: &Value, name: &str) -> Result<String> {
    Ok(tokens[name].as_str().with_context(|| format!("no {name}"))?.to_owned())
}
