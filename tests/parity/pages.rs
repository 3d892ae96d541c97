//! Pages and the redirects that lead to them: `data/pages.json`, walked again.
//!
//! `pages.toml` tells the realm and what each browser does. Every answer of a chain is judged by its
//! status, headers and cookies, the last one also by what the page says.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::compare::Difference;
use crate::http::{self, Request};
use crate::judge::{self, Manner, Read};
use crate::lists::Subject;
use crate::pattern::Place;
use crate::replay::Replay;
use crate::report::{Lists, Report};
use crate::steps::Call;
use crate::text::changed;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    setup: Vec<Call>,
    request: Vec<Walk>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    page: Option<String>,
    jar: String,
    client: Option<String>,
    auth: Option<String>,
    endpoint: Option<String>,
    scope: Option<String>,
    path: Option<String>,
    accept: Option<String>,
    submit: Option<BTreeMap<String, String>>,
    change: Option<String>,
    /// The form to submit, if not the last one of the jar.
    form: Option<String>,
    /// A name for the form of this page.
    keep: Option<String>,
    #[serde(default)]
    bare: bool,
}

/// Forms that browsers have before them, by jar or by the name they were kept under.
type Forms = HashMap<String, Value>;

/// Walks every page and judges it, as area `pages.json`.
pub(crate) fn run(
    replay: &mut Replay,
    script: &str,
    pages: &str,
    lists: &Lists,
    report: &mut Report,
) -> Result<()> {
    let script: Script = toml::from_str(script).context("pages.toml")?;
    let pages: Value = serde_json::from_str(pages)?;
    let place = Place { base: replay.origin.base.clone(), host: replay.origin.host.clone() };
    let ready = script.setup.iter().try_for_each(|call| {
        let answer = replay.admin(&call.method, &call.path, call.json.as_ref())?;
        ensure!(answer.status < 300, "{} {}: {} {}", call.method, call.path, answer.status, answer.text());
        Ok(())
    });
    let mut forms = Forms::new();
    for walk in &script.request {
        let recorded = walk.page.as_ref().map(|name| &pages[name]);
        let answers = match &ready {
            Ok(()) => go(replay, walk, &mut forms, recorded),
            Err(error) => Err(anyhow::anyhow!("the realm is not ready: {error:#}")),
        };
        let (Some(name), Some(recorded)) = (&walk.page, recorded) else { continue };
        let number = pages.as_object().and_then(|p| p.keys().position(|k| k == name)).unwrap_or_default();
        let first = &recorded["chain"][0];
        let request = format!(
            "{} {}",
            first["method"].as_str().unwrap_or_default(),
            first["path"].as_str().unwrap_or_default()
        );
        let subject =
            Subject { n: number as u64 + 1, area: "pages.json".into(), name: name.clone(), request };
        let found = match answers {
            Ok(answers) => judged(&place, recorded, &answers),
            Err(error) => vec![Difference {
                fact: "blocked".into(),
                expected: "a page".into(),
                got: format!("{error:#}"),
                soft: false,
            }],
        };
        report.items.push(lists.verdict(subject, found));
    }
    Ok(())
}

/// Sends what an entry says and follows redirects as far as the recording went.
fn go(replay: &mut Replay, walk: &Walk, forms: &mut Forms, recorded: Option<&Value>) -> Result<Vec<Read>> {
    let mut request = first(walk, forms)?;
    if let Some(accept) = &walk.accept {
        request.headers.push(("Accept".into(), accept.clone()));
    }
    let length = recorded.and_then(|r| r["chain"].as_array()).map_or(1, Vec::len);
    let mut answers = Vec::new();
    for _ in 0..length {
        let jar = (!walk.bare).then(|| replay.jars.entry(walk.jar.clone()).or_default());
        let answer = replay.origin.send(&request, jar)?;
        let read = Read::new(&answer);
        if let Some(form) = read.body["page"]["forms"].as_array().and_then(|f| f.first()) {
            forms.insert(walk.jar.clone(), form.clone());
            if let Some(name) = &walk.keep {
                forms.insert(name.clone(), form.clone());
            }
        }
        let next = answer.header("location");
        answers.push(read);
        let Some(next) = next else { break };
        let headers = request.headers.into_iter().filter(|(n, _)| n == "Accept").collect();
        request = Request { method: "GET".into(), path: next, headers, body: Vec::new() };
    }
    Ok(answers)
}

fn first(walk: &Walk, forms: &Forms) -> Result<Request> {
    if let Some(path) = &walk.path {
        return Ok(Request { method: "GET".into(), path: path.clone(), ..Request::default() });
    }
    if let Some(more) = &walk.auth {
        let path = format!(
            "/realms/pg/protocol/openid-connect/{}?client_id={}&redirect_uri=http%3A%2F%2Fapp.test%2Fcb\
             &response_type=code&scope={}&state=st&nonce=nn{more}",
            walk.endpoint.as_deref().unwrap_or("auth"),
            walk.client.as_deref().unwrap_or_default(),
            walk.scope.as_deref().unwrap_or("openid"),
        );
        return Ok(Request { method: "GET".into(), path, ..Request::default() });
    }
    let form = forms.get(walk.form.as_ref().unwrap_or(&walk.jar)).context("no form to submit")?;
    let mut path = form["action"].as_str().unwrap_or_default().to_owned();
    if let Some(change) = &walk.change {
        path = changed(&path, change);
    }
    let empty = BTreeMap::new();
    let typed = walk.submit.as_ref().unwrap_or(&empty);
    let hidden = form["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|f| f["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("hidden")));
    let hidden = hidden.filter_map(|f| Some((f["name"].as_str()?, f["value"].as_str().unwrap_or_default())));
    let pairs: Vec<(&str, &str)> = hidden
        .filter(|(name, _)| !typed.contains_key(*name))
        .chain(typed.iter().map(|(n, v)| (n.as_str(), v.as_str())))
        .collect();
    let headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    Ok(Request { method: "POST".into(), path, headers, body: http::form(pairs).into_bytes() })
}

fn judged(place: &Place, recorded: &Value, answers: &[Read]) -> Vec<Difference> {
    let none = Vec::new();
    let chain = recorded["chain"].as_array().unwrap_or(&none);
    let mut found = Vec::new();
    for (at, expected) in chain.iter().enumerate() {
        let Some(got) = answers.get(at) else {
            found.push(Difference {
                fact: format!("chain[{at}]"),
                expected: expected["path"].to_string(),
                got: "(the chain ended)".into(),
                soft: false,
            });
            break;
        };
        let mut headers = expected["headers"].clone();
        if let Some(cookies) = expected.get("cookies") {
            headers["set-cookie"] = cookies.clone();
        }
        let last = at + 1 == chain.len();
        let body = if last && recorded.get("page").is_some() {
            json!({"page": recorded["page"]})
        } else {
            json!("...")
        };
        let response = json!({"status": expected["status"], "headers": headers, "body": body});
        let mut step = judge::judge(place, &response, got, Manner::default());
        if chain.len() > 1 {
            for difference in &mut step {
                difference.fact = format!("chain[{at}].{}", difference.fact);
            }
        }
        found.extend(step);
    }
    found
}
