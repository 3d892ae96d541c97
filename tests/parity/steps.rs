//! `steps.toml`: what happens around the recorded exchanges.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::lists::Numbers;

/// All steps of the file.
#[derive(Debug, Deserialize)]
pub(crate) struct Steps {
    step: Vec<Step>,
}

/// One entry; the file's head explains the fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    n: Numbers,
    pub(crate) wait: Option<u64>,
    #[serde(default)]
    pub(crate) admin: Vec<Call>,
    pub(crate) fresh: Option<String>,
    pub(crate) login: Option<Browse>,
    pub(crate) sso: Option<Browse>,
    pub(crate) find: Option<Find>,
    pub(crate) jwt: Option<Jwt>,
    pub(crate) tamper: Option<Tamper>,
    pub(crate) totp: Option<Totp>,
    #[serde(default)]
    pub(crate) alias: BTreeMap<String, String>,
    pub(crate) random: Option<String>,
    pub(crate) now: Option<String>,
    #[serde(default)]
    pub(crate) stale: bool,
    pub(crate) path: Option<String>,
    pub(crate) basic: Option<String>,
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
    pub(crate) reduce: Option<String>,
    #[serde(default)]
    pub(crate) set: bool,
}

/// A request of the administrator whose answer nobody reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) json: Option<Value>,
}

/// A browser that asks for a code.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Browse {
    pub(crate) jar: String,
    pub(crate) realm: Option<String>,
    pub(crate) client: String,
    pub(crate) var: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) verifier: Option<String>,
    pub(crate) more: Option<String>,
}

/// An id that the administrator looks up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    pub(crate) var: String,
    pub(crate) path: String,
    pub(crate) by: String,
    pub(crate) is: String,
    pub(crate) field: Option<String>,
}

/// A JWT to sign.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Jwt {
    pub(crate) var: String,
    pub(crate) client: String,
    pub(crate) alg: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) plain: bool,
    pub(crate) set: BTreeMap<String, Value>,
    pub(crate) header: BTreeMap<String, String>,
    pub(crate) drop: Vec<String>,
}

/// A JWT to spoil.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tamper {
    pub(crate) var: String,
    pub(crate) from: String,
}

/// A one-time code to compute.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Totp {
    pub(crate) var: String,
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) ahead: u64,
}

impl Steps {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("steps.toml")
    }

    /// The steps around exchange `n`.
    pub(crate) fn of(&self, n: u64) -> impl Iterator<Item = &Step> {
        self.step.iter().filter(move |step| step.n.contains(n))
    }
}
