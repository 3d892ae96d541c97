//! `keyraft bootstrap-admin user|service`: another administrator, for who has lost every one.
//!
//! Whoever can run this holds the master key and the database already, so it asks for no other proof. Secrets
//! come from a variable or from the terminal, never from the command line, which every process can read.

use anyhow::{Context as _, bail};
use keyraft_core::bootstrap::{self, FirstAdmin};
use keyraft_crypto::Secret;

use super::offline;
use crate::{
    cli::{BootstrapVerb, NewService, NewUser, say},
    config::weakness,
};

/// Keycloak's default for both.
const NAME: &str = "temp-admin";

/// Carries out `keyraft bootstrap-admin …`.
pub(super) fn run(verb: BootstrapVerb) -> anyhow::Result<()> {
    let (settings, first, done) = match verb {
        BootstrapVerb::User(NewUser { username, username_env, password_env, no_prompt, settings }) => {
            let name = name(username, username_env)?;
            let password = secret("password", &name, password_env, no_prompt)?;
            let done = format!("The administrator {name} can sign in at the realm master.");
            (settings, FirstAdmin { username: name, password: Some(password), ..FirstAdmin::default() }, done)
        }
        BootstrapVerb::Service(NewService { client_id, client_id_env, secret_env, no_prompt, settings }) => {
            let id = name(client_id, client_id_env)?;
            let secret = secret("client secret", &id, secret_env, no_prompt)?;
            let done = format!("The client {id} can get tokens at the realm master.");
            (
                settings,
                FirstAdmin { client_id: id, client_secret: Some(secret), ..FirstAdmin::default() },
                done,
            )
        }
    };
    let config = offline::load(settings)?;
    super::runtime(&config)?.block_on(async {
        let (store, hasher) = offline::open(&config).await?;
        offline::make_master(&store, &hasher).await?;
        let added = bootstrap::add_admin(&store, &hasher, &first, offline::now()).await;
        store.close().await;
        added.context("no administrator was made")
    })?;
    say(&done);
    Ok(())
}

fn name(given: Option<String>, variable: Option<String>) -> anyhow::Result<String> {
    match (given, variable) {
        (Some(_), Some(_)) => bail!("the name is given twice"),
        (Some(name), None) => Ok(name),
        (None, Some(variable)) => read(&variable),
        (None, None) => Ok(NAME.to_owned()),
    }
}

fn secret(what: &str, name: &str, variable: Option<String>, no_prompt: bool) -> anyhow::Result<Secret> {
    let secret = match variable {
        Some(variable) => Secret::new(read(&variable)?),
        None if no_prompt || !std::io::IsTerminal::is_terminal(&std::io::stdin()) => {
            bail!("no {what}: name the variable that holds it, as in --password:env VARIABLE")
        }
        None => {
            let first = Secret::new(rpassword::prompt_password(format!("New {what} of {name}: "))?);
            let again = Secret::new(rpassword::prompt_password("Once more: ")?);
            if !first.matches(again.expose()) {
                bail!("the two differ");
            }
            first
        }
    };
    match weakness(&secret, name) {
        Some(why) => bail!("the {what} {why}"),
        None => Ok(secret),
    }
}

fn read(variable: &str) -> anyhow::Result<String> {
    let text = std::env::var(variable).with_context(|| format!("the variable {variable} holds no text"))?;
    if text.is_empty() {
        bail!("the variable {variable} is empty");
    }
    Ok(text)
}
