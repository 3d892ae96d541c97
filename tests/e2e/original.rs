//! The way back: a realm that this server exports moves into the original, and its people sign in there.
//!
//! `KEYRAFT_ORIGINAL` is the address of a running one; its administrator is `KEYRAFT_ORIGINAL_ADMIN` with
//! `KEYRAFT_ORIGINAL_PASSWORD` (`admin`, `admin`). Without it the test is left out and counted.

use anyhow::{Context as _, Result, ensure};
use http::Method;
use keyraft_harness::{Agent, Keyraft, Person, base32, code_now};
use serde_json::{Value, json};
use url::Url;

use crate::{
    shop::{Reply, parameter, reply},
    starting::{Folder, Server, binary, client, ended},
};

const REALM: &str = "moving";
const SECRET: &str = "a secret that the till keeps";
const CALLBACK: &str = "http://127.0.0.1:9/callback";
/// A shared secret of one-time codes, as both servers keep it.
const CODES: &str = "it is twenty chars..";

/// `bob likes long walks`, hashed as older servers do: algorithm, iterations, hash.
const OLD_HASHES: [(&str, u32, &str); 3] = [
    ("pbkdf2-sha256", 27_500, "Aeuzy2xqUTYCrJo12a4+pn/5VD4uUQk0u7O2V4cWsPw="),
    (
        "pbkdf2-sha512",
        21_000,
        "W9p9oPF3FTmJKwyZlc/ZWMREUbFdNUoTVOK9xne4H3rA9hZlc/w6k8HetKlEQ9eeYh65s0CQe9E4GYtvimArYQ==",
    ),
    (
        "pbkdf2",
        20_000,
        "8OrP/acxiVApAW7XN3aqOXos0uEvL8lWZ3op81XZZ+t5grIRAEAb7VAJCg5liI6o7LvULCvTqjRkZHDQuZW+oQ==",
    ),
];

#[expect(clippy::needless_pass_by_value, reason = "written where it is given")]
fn person(name: &str, credentials: Value) -> Value {
    json!({
        "username": name, "enabled": true, "emailVerified": true, "email": format!("{name}@example.com"),
        "firstName": "Some", "lastName": "Body", "groups": ["/staff/night"], "credentials": credentials,
        "attributes": {"floor": ["3"]},
    })
}

/// A realm with a client, groups and people whose passwords are kept in every way that there is.
fn realm() -> Value {
    let mut users = vec![
        person("alice", json!([{"type": "password", "value": "alice likes long walks"}])),
        person(
            "otto",
            json!([
                {"type": "password", "value": "otto likes long walks"},
                {"type": "otp", "userLabel": "phone", "secretData": json!({"value": CODES}).to_string(),
                 "credentialData": json!({"subType": "totp", "digits": 6, "counter": 0, "period": 30,
                    "algorithm": "HmacSHA1"}).to_string()},
            ]),
        ),
    ];
    // `bob…` keep their old hashes; `bobby…` sign in before the move, which hashes theirs anew.
    for (algorithm, iterations, hash) in OLD_HASHES {
        let data = json!({"algorithm": algorithm, "hashIterations": iterations, "additionalParameters": {}});
        let secret = json!({"value": hash, "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}});
        let old = json!([{"type": "password", "credentialData": data.to_string(),
            "secretData": secret.to_string()}]);
        users.extend([
            person(&format!("bob-{algorithm}"), old.clone()),
            person(&format!("bobby-{algorithm}"), old),
        ]);
    }
    json!({
        "realm": REALM, "enabled": true, "sslRequired": "none",
        "roles": {"realm": [{"name": "keeper"}], "client": {"till": [{"name": "open"}]}},
        "groups": [{"name": "staff", "realmRoles": ["keeper"],
            "subGroups": [{"name": "night", "clientRoles": {"till": ["open"]}, "attributes": {"shift": ["3"]}}]}],
        "clients": [{"clientId": "till", "secret": SECRET, "directAccessGrantsEnabled": true,
            "serviceAccountsEnabled": true, "redirectUris": [CALLBACK],
            "protocolMappers": [{"name": "floor", "protocol": "openid-connect",
                "protocolMapper": "oidc-usermodel-attribute-mapper",
                "config": {"user.attribute": "floor", "claim.name": "floor", "access.token.claim": "true"}}]}],
        "users": users,
    })
}

/// Asks a server's token endpoint as the till.
async fn token(base: &str, form: &[(&str, &str)]) -> Result<Reply> {
    let endpoint = format!("{base}/realms/{REALM}/protocol/openid-connect/token");
    reply(client()?.post(endpoint).basic_auth("till", Some(SECRET)).form(form)).await
}

async fn sign_in(base: &str, name: &str, password: &str, code: &str) -> Result<Reply> {
    let form = [
        ("grant_type", "password"),
        ("username", name),
        ("password", password),
        ("totp", code),
        ("scope", "openid"),
    ];
    token(base, &form).await
}

/// The realm as this server exports it, after some of its people have signed in here.
async fn exported(folder: &Folder) -> Result<Value> {
    let import = folder.path().join("data/import");
    std::fs::create_dir_all(&import)?;
    std::fs::write(import.join(format!("{REALM}-realm.json")), realm().to_string())?;
    let server = Server::start_with(folder, &["--import-realm"], &[]).await?;
    for (algorithm, ..) in OLD_HASHES {
        let name = format!("bobby-{algorithm}");
        let said = sign_in(&server.base, &name, "bob likes long walks", "").await?;
        ensure!(said.status == 200, "{name}: {said:?}");
    }
    drop(server);
    let file = folder.path().join("export.json");
    let mut command = binary();
    command.args(["export", "--realm", REALM, "--file"]).arg(&file);
    let (code, said) = ended(command.env("KEYRAFT_DATA_DIR", folder.path().join("data")))?;
    ensure!(code == Some(0), "{said}");
    Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
}

/// The claims of a token that the test has no reason to doubt.
fn claims(token: &str) -> Result<Value> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).context("no token")?;
    Ok(serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?)?)
}

#[tokio::test]
async fn a_realm_moves_to_the_original_and_its_people_sign_in_there() -> Result<()> {
    let Ok(url) = std::env::var("KEYRAFT_ORIGINAL") else {
        keyraft_harness::skip("KEYRAFT_ORIGINAL names no running original");
        return Ok(());
    };
    let told = |name: &str| std::env::var(name).unwrap_or_else(|_| "admin".to_owned());
    let original = Keyraft::at(&url, &told("KEYRAFT_ORIGINAL_ADMIN"), &told("KEYRAFT_ORIGINAL_PASSWORD"))?;
    let folder = Folder::new()?;
    let realm = exported(&folder).await?;

    original.admin(Method::POST, "/admin/realms", Some(realm.clone())).await?;
    let done = everybody_is_there(&original, &realm).await;
    original.admin(Method::DELETE, &format!("/admin/realms/{REALM}"), None).await?;

    done
}

async fn everybody_is_there(original: &Keyraft, realm: &Value) -> Result<()> {
    let base = original.url();
    // By direct grant: whatever way the password is kept, it is the same.
    let bobs = OLD_HASHES.iter().flat_map(|(name, ..)| [format!("bob-{name}"), format!("bobby-{name}")]);
    let mut people: Vec<(String, &str)> = bobs.map(|name| (name, "bob likes long walks")).collect();
    people.push(("alice".to_owned(), "alice likes long walks"));
    for (name, password) in &people {
        let said = sign_in(base, name, password, "").await?;
        ensure!(said.status == 200, "{name}: {said:?}");
        let wrong = sign_in(base, name, "another walk", "").await?;
        ensure!(wrong.refusal() == (400, "invalid_grant"), "{name}: {wrong:?}");
    }
    // With a one-time code, and not without.
    let codes = base32(CODES.as_bytes());
    let without = sign_in(base, "otto", "otto likes long walks", "").await?;
    ensure!(without.refusal() == (400, "invalid_grant"), "{without:?}");
    let said = sign_in(base, "otto", "otto likes long walks", &code_now(&codes)).await?;
    ensure!(said.status == 200, "{said:?}");

    // On the page, as a browser does.
    let auth = format!("{base}/realms/{REALM}/protocol/openid-connect/auth");
    let asked =
        [("client_id", "till"), ("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "openid")];
    let person = Person {
        id: String::new(),
        name: "alice".to_owned(),
        password: "alice likes long walks".to_owned(),
        otp_secret: String::new(),
    };
    let back = Agent::new(original).sign_in(Url::parse_with_params(&auth, asked)?.as_str(), &person).await?;
    let code = parameter(&back, "code")?;
    let form = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK)];
    let said = token(base, &form).await?;
    ensure!(said.status == 200, "{said:?}");

    // Groups, roles, attributes and mappers came along, and the keys that sign.
    let claims = claims(said.text("access_token")?)?;
    ensure!(claims["floor"] == "3", "{claims}");
    ensure!(claims["realm_access"]["roles"].to_string().contains("keeper"), "{claims}");
    ensure!(claims["resource_access"]["till"]["roles"] == json!(["open"]), "{claims}");
    let keys = reply(client()?.get(format!("{base}/realms/{REALM}/protocol/openid-connect/certs"))).await?;
    let certificates = keys.body["keys"].to_string();
    let ours = realm["components"]["org.keycloak.keys.KeyProvider"].as_array().context("keys")?;
    let ours: Vec<&str> = ours.iter().filter_map(|key| key["config"]["certificate"][0].as_str()).collect();
    ensure!(ours.len() == 2 && ours.iter().all(|key| certificates.contains(key)), "{certificates}");
    Ok(())
}
