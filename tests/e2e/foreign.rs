//! Realm exports that other people's servers wrote.
//!
//! `KEYRAFT_REALMS` names a folder of them; without it the test is left out and counted. Each is imported into a
//! fresh server, its people sign in with the passwords that they had, and its export says what the file said.
//! Passwords that a file has as hashes alone come as `user=password`, separated by commas, in
//! `KEYRAFT_REALMS_PASSWORDS`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    leaves::{NOTHING, differences, leaves},
    shop::reply,
    starting::{Folder, RESCUE, Server, binary, client, ended, rescue},
};

const KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";

/// What an export says otherwise than the file, and why. A path is a pattern: `*` stands for any text.
const RENEWED: &[(&str, &str)] = &[
    ("$.keycloakVersion", "the version whose form the export has"),
    ("$.users[*].credentials[*].value", "a password in clear is hashed"),
    // Words of servers before version 12, which Keycloak renews as well.
    ("$.applications*", "applications are clients"),
    ("$.oauthClients*", "oauth clients are clients"),
    ("$.roles.application.*", "roles of applications are roles of clients"),
    ("$.users[*].applicationRoles.*", "roles of applications are roles of clients"),
    ("$.applicationScopeMappings.*", "roles of applications are roles of clients"),
    ("$.clientTemplates*", "client templates are client scopes"),
    ("$.clients[*].clientTemplate", "client templates are client scopes"),
    ("$.scopeMappings[*].clientTemplate", "client templates are client scopes"),
    ("$.scopeMappings[#*].roles*", "client templates are client scopes"),
    ("$.defaultRoles*", "default roles are what the default role includes"),
    ("$.authenticationFlows[*].authenticationExecutions[*].*", "an optional step is a conditional sub-flow"),
    ("$.users[*].clientConsents[*].granted*", "consents are given to client scopes"),
    ("$.users[*].attributes.*", "an attribute is a list of values"),
    ("$.users[*].username", "user names are lower case"),
    ("$.users[*].enabled", "user names are lower case, and so is the path"),
    ("$.users[*].federatedIdentities*", "user names are lower case, and so is the path"),
];

/// A file of the folder that is one realm.
struct Export {
    path: PathBuf,
    realm: Value,
}

impl Export {
    fn name(&self) -> &str {
        self.realm["realm"].as_str().unwrap_or_default()
    }

    /// Whether a server wrote it, and not a person.
    fn is_written_by_a_server(&self) -> bool {
        self.realm.get("keycloakVersion").is_some()
    }
}

fn exports(folder: &Path) -> Result<Vec<Export>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let realm: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        if realm.get("realm").is_some_and(Value::is_string) {
            found.push(Export { path, realm });
        }
    }
    ensure!(!found.is_empty(), "{} has no realms", folder.display());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Imports a file into a folder of its own, which is what a server then starts from.
fn import(file: &Path) -> Result<Folder> {
    let folder = Folder::new()?;
    let (code, said) = run(&folder, &["import", "--file", &file.display().to_string()])?;
    ensure!(code == Some(0), "{}: {said}", file.display());
    Ok(folder)
}

fn export(folder: &Folder, realm: &str) -> Result<(PathBuf, Value)> {
    let file = folder.path().join("export.json");
    let (code, said) = run(folder, &["export", "--realm", realm, "--file", &file.display().to_string()])?;
    ensure!(code == Some(0), "{realm}: {said}");
    let realm = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    Ok((file, realm))
}

fn run(folder: &Folder, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = binary();
    command
        .args(arguments)
        .env("KEYRAFT_DATA_DIR", folder.path().join("data"))
        .env("KEYRAFT_MASTER_KEY", KEY);
    ended(&mut command)
}

/// Whether a path fits a pattern in which `*` stands for any text.
fn fits(path: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        if part.is_empty() {
            return true;
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// A number or a switch that is written as text is one.
fn bare(leaf: &str) -> &str {
    leaf.trim_matches('"')
}

/// What the export of a realm says otherwise than the file it came from, but for [`RENEWED`].
fn changed(given: &Export, exported: &Value, fresh: &Value) -> Vec<String> {
    let fresh = leaves(fresh);
    differences(&given.realm, exported, &|path, left, right| {
        let is_renewed = RENEWED.iter().any(|(pattern, _)| fits(path, pattern));
        // What a file leaves open is what every realm of this release has.
        let is_added = left == NOTHING
            && (!given.is_written_by_a_server() || fresh.get(path).is_some_and(|leaf| leaf == right));
        is_renewed || is_added || bare(left) == bare(right)
    })
}

/// People of a realm whose passwords are known.
fn people(realm: &Value) -> Vec<(String, String, bool)> {
    let told = std::env::var("KEYRAFT_REALMS_PASSWORDS").unwrap_or_default();
    let told: Vec<(&str, &str)> = told.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let users = realm["users"].as_array().into_iter().flatten();
    users
        .filter_map(|user| {
            let name = user["username"].as_str()?;
            let mut credentials = user["credentials"].as_array().into_iter().flatten();
            let written = credentials.find_map(|credential| credential["value"].as_str());
            let password = written
                .or_else(|| told.iter().find(|(told, _)| *told == name).map(|(_, password)| *password))?;
            let is_whole =
                ["firstName", "lastName", "email"].iter().all(|member| user[*member].as_str().is_some());
            Some((name.to_owned(), password.to_owned(), is_whole))
        })
        .collect()
}

async fn sign_in(server: &Server, realm: &str, (name, password): (&str, &str)) -> Result<(u16, Value)> {
    let form =
        [("grant_type", "password"), ("client_id", "admin-cli"), ("username", name), ("password", password)];
    let token = format!("{}/realms/{realm}/protocol/openid-connect/token", server.base);
    let said = reply(client()?.post(token).form(&form)).await?;
    Ok((said.status, said.body))
}

/// The people of an imported realm are let in with their passwords and with no others. Says how many there are.
async fn people_sign_in(folder: &Folder, export: &Export) -> Result<usize> {
    let mut people = people(&export.realm);
    if export.name() == "master" && export.realm.get("users").is_none() {
        // A realm without people gets its administrator by command.
        let (code, said) = rescue(folder, &[("KEYRAFT_MASTER_KEY", KEY)])?;
        ensure!(code == Some(0), "{said}");
        people.push(("rescue".to_owned(), RESCUE.to_owned(), true));
    }
    let server = Server::start(folder, &[("KEYRAFT_MASTER_KEY", KEY)]).await?;
    for (name, password, is_whole) in &people {
        let wrong = sign_in(&server, export.name(), (name, "no one's password")).await?;
        let right = sign_in(&server, export.name(), (name, password)).await?;
        ensure!(wrong.1["error_description"] == "Invalid user credentials", "{name}: {wrong:?}");
        if *is_whole {
            ensure!(right.0 == 200, "{name} of {}: {right:?}", export.name());
        } else {
            // The password was right; what the profile lacks is asked on a page.
            ensure!(right.1["error_description"] == "Account is not fully set up", "{name}: {right:?}");
        }
    }
    Ok(people.len())
}

#[tokio::test]
async fn realms_of_other_servers_move_in_and_out_again() -> Result<()> {
    let Ok(folder) = std::env::var("KEYRAFT_REALMS") else {
        keyraft_harness::skip("KEYRAFT_REALMS names no folder with realm exports");
        return Ok(());
    };
    let made = Folder::new()?;
    let file = made.path().join("fresh.json");
    std::fs::write(&file, json!({"realm": "fresh", "enabled": true}).to_string())?;
    let (_, fresh) = export(&import(&file)?, "fresh")?;
    let mut signed_in = 0;

    for given in exports(Path::new(&folder))? {
        let moved_in = import(&given.path)?;
        let (file, exported) = export(&moved_in, given.name())?;
        let found = changed(&given, &exported, &fresh);
        assert!(found.is_empty(), "{}:\n{}", given.path.display(), found.join("\n"));

        let (_, again) = export(&import(&file)?, given.name())?;
        let found = differences(&exported, &again, &|_, _, _| false);
        assert!(found.is_empty(), "{} a second time:\n{}", given.path.display(), found.join("\n"));

        signed_in += people_sign_in(&moved_in, &given).await?;
    }

    assert!(signed_in > 0, "nobody's password was known");
    Ok(())
}

#[test]
fn patterns_fit_whole_paths() {
    assert!(fits("$.users[\"a\"].username", "$.users[*].username"));
    assert!(!fits("$.users[\"a\"].username.x", "$.users[*].username"));
    assert!(fits("$.applications[1].x", "$.applications*") && !fits("$.application", "$.applications*"));
}
