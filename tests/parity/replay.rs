//! Sends the recorded requests in their order and reads what comes back.
//!
//! Later exchanges stand on earlier ones: ids and codes are captured, browsers keep their cookies,
//! realms keep their settings. What the recording did between its lines, and what must be made anew
//! (assertions, one-time codes), is told by `steps.toml`.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::{self, Answer, Jar, Origin, Request};
use crate::judge::Read;
use crate::listener::PORT;
use crate::sign::{self, Signer};
use crate::steps::{Browse, Find, Jwt, Step, Steps};
use crate::text::{captured, changed, spaced};

/// A run against one server.
pub(crate) struct Replay {
    pub(crate) origin: Origin,
    pub(crate) vars: HashMap<String, String>,
    pub(crate) jars: HashMap<String, Jar>,
    pub(crate) signer: Signer,
    /// Port of the clients' server, which the recorded clients have on another.
    listener: u16,
    admin: Option<(String, Instant)>,
}

/// What became of one exchange.
pub(crate) enum Outcome {
    Answered(Box<Read>),
    /// It could not be sent, and why.
    Blocked(String),
}

impl Replay {
    pub(crate) fn new(origin: Origin, management: String, listener: u16) -> Result<Self> {
        let signer = Signer::generate()?;
        let mut vars = HashMap::new();
        vars.insert("jwks_string".to_owned(), signer.jwks().to_string());
        vars.insert("base".to_owned(), origin.base.clone());
        vars.insert("management".to_owned(), management);
        Ok(Self { origin, vars, jars: HashMap::new(), signer, listener, admin: None })
    }

    /// Sends exchange `n`, with all that belongs before and after it.
    pub(crate) fn run(&mut self, exchange: &Value, steps: &Steps) -> Outcome {
        let n = exchange["n"].as_u64().unwrap_or_default();
        let steps: Vec<&Step> = steps.of(n).collect();
        let sent =
            steps.iter().try_for_each(|step| self.before(step)).and_then(|()| self.send(exchange, &steps));
        match sent {
            Ok(read) => Outcome::Answered(Box::new(read)),
            Err(error) => {
                // What a blocked exchange would have captured must not linger from an earlier one.
                for name in exchange["capture"].as_object().into_iter().flatten().map(|(name, _)| name) {
                    self.vars.remove(name);
                }
                Outcome::Blocked(format!("{error:#}"))
            }
        }
    }

    fn send(&mut self, exchange: &Value, steps: &[&Step]) -> Result<Read> {
        let stale = steps.iter().any(|s| s.stale);
        let path = steps.iter().find_map(|s| s.path.as_deref());
        let mut request = self.request(&exchange["request"], path, stale)?;
        if let Some(pair) = steps.iter().find_map(|s| s.basic.as_deref()) {
            let value = format!("Basic {}", STANDARD.encode(self.filled(pair)?));
            request
                .headers
                .iter_mut()
                .filter(|(n, _)| n == "Authorization")
                .for_each(|(_, v)| v.clone_from(&value));
        }
        let jar = exchange["jar"].as_str();
        let answer = match jar {
            Some(name) => self.origin.send(&request, Some(self.jars.entry(name.to_owned()).or_default()))?,
            None => self.origin.send(&request, None)?,
        };
        let read = Read::new(&answer);
        let recorded = exchange["capture"].as_object().into_iter().flatten();
        let captures: Vec<(String, String)> = recorded
            .filter_map(|(name, from)| Some((name.clone(), from.as_str()?.to_owned())))
            .chain(steps.iter().flat_map(|s| s.capture.clone()))
            .collect();
        for (name, from) in captures {
            match captured(&from, &read) {
                Some(value) => self.vars.insert(name, value),
                None => self.vars.remove(&name),
            };
        }
        Ok(read)
    }

    fn request(&mut self, recorded: &Value, path: Option<&str>, stale: bool) -> Result<Request> {
        let text = recorded["path"].as_str().unwrap_or_default();
        let path = self
            .filled(&moved(&path.unwrap_or(text).replace("{{recorded|", &format!("{{{{recorded:{text}|"))))?;
        let mut headers = Vec::new();
        for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values.iter().filter_map(Value::as_str) {
                let value = if stale { value.replace("{{admin_token}}", "stale") } else { value.to_owned() };
                let value = if moved(&value) == value { value } else { moved(&value) };
                headers.push((name.clone(), self.filled(&value)?));
            }
        }
        let body = self.body(recorded)?;
        let method = recorded["method"].as_str().unwrap_or("GET").to_owned();
        Ok(Request { method, path, headers, body })
    }

    fn body(&mut self, recorded: &Value) -> Result<Vec<u8>> {
        if let Some(json) = recorded.get("json") {
            return Ok(spaced(&self.filled_json(json)?).into_bytes());
        }
        if let Some(raw) = recorded.get("raw").and_then(Value::as_str) {
            return Ok(self.filled(raw)?.into_bytes());
        }
        let mut pairs = Vec::new();
        match recorded.get("form") {
            Some(Value::Object(form)) => {
                for (name, value) in form {
                    pairs.push((name.clone(), self.filled(value.as_str().unwrap_or(&value.to_string()))?));
                }
            }
            Some(Value::Array(form)) => {
                for pair in form {
                    let text = |at: usize| pair[at].as_str().unwrap_or_default().to_owned();
                    pairs.push((text(0), self.filled(&text(1))?));
                }
            }
            _ => return Ok(Vec::new()),
        }
        Ok(http::form(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))).into_bytes())
    }

    pub(crate) fn filled_json(&mut self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::String(text) if text == "{{epoch}}" => json!(self.filled(text)?.parse::<u64>()?),
            Value::String(text) => {
                let text =
                    text.replace(&format!("localhost:{PORT}"), &format!("localhost:{}", self.listener));
                Value::String(self.filled(&text)?)
            }
            Value::Array(list) => list.iter().map(|v| self.filled_json(v)).collect::<Result<_>>()?,
            Value::Object(map) => {
                let filled: Result<_> =
                    map.iter().map(|(k, v)| Ok((k.clone(), self.filled_json(v)?))).collect();
                Value::Object(filled?)
            }
            other => other.clone(),
        })
    }

    /// Text with every `{{name}}` replaced. `{{name|a=b}}` sets a query parameter or swaps a text.
    pub(crate) fn filled(&mut self, text: &str) -> Result<String> {
        let mut out = text.to_owned();
        let mut from = 0;
        while let Some(end) = out[from..].find("}}").map(|at| from + at) {
            let Some(start) = out[from..end].rfind("{{").map(|at| from + at) else {
                from = end + 2;
                continue;
            };
            let name = out[start + 2..end].to_owned();
            let value = self.named(&name)?;
            out.replace_range(start..end + 2, &value);
            if !out[from..start].contains("{{") {
                from = start + value.len();
            }
        }
        Ok(out)
    }

    fn named(&mut self, name: &str) -> Result<String> {
        if let Some((name, changes)) = name.split_once('|') {
            return Ok(changed(&self.named(name)?, changes));
        }
        if name == "admin_token" {
            return self.admin_token();
        }
        if let Some(text) = name.strip_prefix("recorded:") {
            return Ok(text.to_owned());
        }
        if let Some(text) = crate::pattern::repeated(name) {
            return Ok(text);
        }
        self.vars.get(name).cloned().with_context(|| format!("nothing captured for {{{{{name}}}}}"))
    }

    /// A token of `admin-cli` in `master`, asked for again before it expires.
    pub(crate) fn admin_token(&mut self) -> Result<String> {
        if let Some((token, since)) = &self.admin
            && since.elapsed() < Duration::from_secs(40)
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "admin"),
            ("password", "admin"),
        ];
        let answer = self.post("/realms/master/protocol/openid-connect/token", &form)?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = body["access_token"].as_str().with_context(|| {
            format!("the administrator cannot sign in: {} {}", answer.status, answer.text())
        })?;
        self.admin = Some((token.to_owned(), Instant::now()));
        Ok(token.to_owned())
    }

    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let request = Request {
            method: "POST".into(),
            path: path.into(),
            headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
            body: http::form(form.iter().copied()).into_bytes(),
        };
        self.origin.send(&request, None)
    }

    /// A request of the administrator, `json` as its body if there is one.
    pub(crate) fn admin(&mut self, method: &str, path: &str, json: Option<&Value>) -> Result<Answer> {
        let mut headers = vec![("Authorization".to_owned(), format!("Bearer {}", self.admin_token()?))];
        if json.is_some() {
            headers.push(("Content-Type".into(), "application/json".into()));
        }
        let body = json.map(|j| j.to_string().into_bytes()).unwrap_or_default();
        self.origin.send(&Request { method: method.into(), path: path.into(), headers, body }, None)
    }

    fn before(&mut self, step: &Step) -> Result<()> {
        if let Some(wait) = step.wait {
            std::thread::sleep(Duration::from_millis(wait));
        }
        for call in &step.admin {
            let path = self.filled(&call.path)?;
            self.admin(&call.method, &path, call.json.as_ref())?;
        }
        if let Some(jar) = &step.fresh {
            self.jars.remove(jar);
        }
        if let Some(login) = &step.login {
            self.login(login)?;
        }
        if let Some(sso) = &step.sso {
            let answer = self.authorize(sso, "")?;
            self.keep_code(sso, &answer)?;
        }
        if let Some(find) = &step.find {
            self.find(find)?;
        }
        if let Some(jwt) = &step.jwt {
            let signed = self.sign(jwt)?;
            self.vars.insert(jwt.var.clone(), signed);
        }
        if let Some(tamper) = &step.tamper {
            let spoilt = sign::tampered(&self.named(&tamper.from)?);
            self.vars.insert(tamper.var.clone(), spoilt);
        }
        if let Some(totp) = &step.totp {
            let code = sign::totp(&totp.secret, epoch() + 30 * totp.ahead);
            self.vars.insert(totp.var.clone(), code);
        }
        for (name, from) in &step.alias {
            let value = self.named(from)?;
            self.vars.insert(name.clone(), value);
        }
        if let Some(name) = &step.random {
            self.vars.insert(name.clone(), sign::uuid());
        }
        if let Some(name) = &step.now {
            self.vars.insert(name.clone(), epoch().to_string());
        }
        Ok(())
    }

    /// An authorization request of the recording's usual shape.
    pub(crate) fn authorize(&mut self, browse: &Browse, more: &str) -> Result<Answer> {
        let realm = browse.realm.as_deref().unwrap_or("lab");
        let mut path = format!(
            "/realms/{realm}/protocol/openid-connect/auth?client_id={}&redirect_uri=http%3A%2F%2Fapp.test%2Fcb\
             &response_type=code&scope=openid&state=st&nonce=nn{}{more}",
            browse.client,
            browse.more.as_deref().unwrap_or_default(),
        );
        if let Some(verifier) = &browse.verifier {
            path += "&code_challenge_method=S256&code_challenge=";
            path += &sign::challenge(verifier);
        }
        self.browse("GET", &browse.jar, &path, &[])
    }

    /// A request of a browser.
    pub(crate) fn browse(
        &mut self,
        method: &str,
        jar: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut request = Request { method: method.into(), path: path.into(), ..Request::default() };
        if method == "POST" {
            request.headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
            request.body = http::form(form.iter().copied()).into_bytes();
        }
        self.origin.send(&request, Some(self.jars.entry(jar.to_owned()).or_default()))
    }

    fn login(&mut self, browse: &Browse) -> Result<()> {
        self.jars.remove(&browse.jar);
        let page = Read::new(&self.authorize(browse, "")?);
        let action = captured("form.action", &page).context("no form on the login page")?;
        let form = [
            ("username", browse.user.as_deref().unwrap_or_default()),
            ("password", browse.password.as_deref().unwrap_or_default()),
            ("credentialId", ""),
        ];
        let answer = self.browse("POST", &browse.jar, &action, &form)?;
        self.keep_code(browse, &answer)
    }

    fn keep_code(&mut self, browse: &Browse, answer: &Answer) -> Result<()> {
        let location = answer.header("location").unwrap_or_default();
        let code = http::parameters(&location).into_iter().find(|(n, _)| n == "code");
        let Some((_, code)) = code else {
            self.vars.remove(&browse.var);
            bail!("no code for {} in browser {}: {} {location}", browse.client, browse.jar, answer.status);
        };
        self.vars.insert(browse.var.clone(), code);
        Ok(())
    }

    fn find(&mut self, find: &Find) -> Result<()> {
        let path = self.filled(&find.path)?;
        let found = self.lookup(&path, &find.by, &find.is)?;
        let field = find.field.as_deref().unwrap_or("id");
        let id = found[field].as_str().with_context(|| format!("GET {path}: no {field}"))?;
        self.vars.insert(find.var.clone(), id.to_owned());
        Ok(())
    }

    /// The element of a list of the administrator whose `by` is `is`.
    pub(crate) fn lookup(&mut self, path: &str, by: &str, is: &str) -> Result<Value> {
        let answer = self.admin("GET", path, None)?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let all = body.as_array().cloned().unwrap_or_else(|| vec![body]);
        let found = all.into_iter().find(|e| e[by] == is);
        found.with_context(|| format!("GET {path} ({}) has no {by} {is}", answer.status))
    }

    fn sign(&mut self, jwt: &Jwt) -> Result<String> {
        let alg = jwt.alg.as_deref().unwrap_or("RS256");
        let mut header = json!({"alg": alg, "typ": "JWT", "kid": "k1"});
        let mut claims = json!({});
        if !jwt.plain {
            let issuer = format!("{}/realms/lab", self.origin.base);
            claims = json!({"iss": jwt.client, "sub": jwt.client, "aud": issuer, "jti": sign::uuid(),
                "exp": epoch() + 60, "iat": epoch()});
        }
        for (name, value) in &jwt.set {
            claims[name] = self.claim(value)?;
        }
        for (name, value) in &jwt.header {
            header[name] = json!(value);
        }
        let remove =
            |object: &mut Value, name: &str| object.as_object_mut().and_then(|o| o.shift_remove(name));
        for name in &jwt.drop {
            remove(&mut claims, name);
        }
        if header["kid"] == "" || alg != "RS256" {
            remove(&mut header, "kid");
        }
        self.signer.jwt(&header, &claims, jwt.secret.as_deref().unwrap_or_default())
    }

    fn claim(&mut self, value: &Value) -> Result<Value> {
        let Some(text) = value.as_str() else { return self.filled_json(value) };
        let Some(shift) = text.strip_prefix("now") else { return Ok(Value::String(self.filled(text)?)) };
        Ok(json!(i64::try_from(epoch())? + shift.parse::<i64>()?))
    }
}

/// Seconds since 1970.
pub(crate) fn epoch() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Addresses of the recording's own server, as placeholders.
fn moved(text: &str) -> String {
    text.replace("http://localhost:8081", "{{base}}").replace("http://localhost:9001", "{{management}}")
}
