//! Realms that come in files.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    shop::reply,
    starting::{Folder, RESCUE, Server, binary, client, ended, rescue},
};

/// A realm as an export file has it: a client, and a person whose password is hashed as Keycloak hashes.
fn file() -> Value {
    json!({
        "realm": "shop", "enabled": true, "sslRequired": "none",
        "clients": [{ "clientId": "till", "enabled": true, "secret": "till-secret", "directAccessGrantsEnabled": true }],
        "users": [{
            "username": "alice", "enabled": true, "email": "alice@example.com", "firstName": "Alice",
            "lastName": "Example", "credentials": [{ "type": "password", "value": "alice likes long walks" }],
        }],
    })
}

/// Whether Alice can sign in at the till.
async fn alice_signs_in(server: &Server) -> Result<u16> {
    let form = [("grant_type", "password"), ("username", "alice"), ("password", "alice likes long walks")];
    let token = format!("{}/realms/shop/protocol/openid-connect/token", server.base);
    Ok(reply(client()?.post(token).basic_auth("till", Some("till-secret")).form(&form)).await?.status)
}

#[tokio::test]
async fn a_realm_in_the_import_folder_is_there_after_the_first_start() -> Result<()> {
    let folder = Folder::new()?;
    let import = folder.path().join("data/import");
    std::fs::create_dir_all(&import)?;
    std::fs::write(import.join("shop-realm.json"), file().to_string())?;

    let server = Server::start_with(&folder, &["--import-realm"], &[]).await?;

    assert_eq!(alice_signs_in(&server).await?, 200, "{}", server.child.log());
    Ok(())
}

#[tokio::test]
async fn an_import_reports_what_it_did_and_a_broken_file_changes_nothing() -> Result<()> {
    let folder = Folder::new()?;
    let (good, bad) = (folder.path().join("good.json"), folder.path().join("bad.json"));
    std::fs::write(&good, file().to_string())?;
    std::fs::write(&bad, r#"{"realm": "other", "users": [{"username": 7}]}"#)?;
    let data = folder.path().join("data");
    Server::start(&folder, &[]).await?;

    let import = |file| {
        let mut command = binary();
        ended(command.arg("import").arg("--file").arg(file).env("KEYRAFT_DATA_DIR", &data))
    };
    let (code, said) = import(&good)?;
    let (refused, why) = import(&bad)?;

    assert_eq!((code, refused), (Some(0), Some(1)), "{said} {why}");
    assert!(said.contains("shop") && why.contains("users"), "{said} {why}");
    let server = Server::start(&folder, &[]).await?;
    assert_eq!(alice_signs_in(&server).await?, 200);
    assert_eq!(reply(client()?.get(format!("{}/realms/other", server.base))).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn an_administrator_made_by_command_can_sign_in() -> Result<()> {
    let folder = Folder::new()?;
    Server::start(&folder, &[]).await?;

    let (code, said) = rescue(&folder, &[])?;

    assert_eq!(code, Some(0), "{said}");
    let server = Server::start(&folder, &[]).await?;
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", "rescue"),
        ("password", RESCUE),
    ];
    let token = format!("{}/realms/master/protocol/openid-connect/token", server.base);
    assert_eq!(reply(client()?.post(token).form(&form)).await?.status, 200);
    Ok(())
}

#[test]
fn a_plan_names_every_step_and_a_migration_leaves_none() -> Result<()> {
    let folder = Folder::new()?;
    let run = |verb: &str| {
        let mut command = binary();
        ended(command.args(["db", verb]).env("KEYRAFT_DATA_DIR", folder.path()))
    };

    let (before, plan) = run("plan")?;
    let (migrated, _) = run("migrate")?;
    let (after, rest) = run("plan")?;

    assert_eq!((before, migrated, after), (Some(0), Some(0), Some(0)), "{plan} {rest}");
    assert!(plan.contains("CREATE TABLE") && rest.contains("0 steps would be run"), "{plan} {rest}");
    Ok(())
}

#[tokio::test]
async fn an_export_holds_what_an_import_needs() -> Result<()> {
    let (folder, other) = (Folder::new()?, Folder::new()?);
    let import = folder.path().join("data/import");
    std::fs::create_dir_all(&import)?;
    std::fs::write(import.join("shop-realm.json"), file().to_string())?;
    Server::start_with(&folder, &["--import-realm"], &[]).await?;

    let mut command = binary();
    command.args(["export", "--realm", "shop", "--dir"]).arg(other.path().join("data/import"));
    let (code, said) = ended(command.env("KEYRAFT_DATA_DIR", folder.path().join("data")))?;
    let moved = Server::start_with(&other, &["--import-realm"], &[]).await?;

    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("shop-realm.json") && said.contains("shop-users-0.json"), "{said}");
    assert_eq!(alice_signs_in(&moved).await?, 200, "{}", moved.child.log());
    Ok(())
}
