//! What is imported is exported again; what is fresh is what Keycloak exports of a fresh realm.

#[path = "../../../tests/fixtures/leaves.rs"]
mod leaves;

use std::path::PathBuf;

use keyraft_core::{
    bootstrap::{self, FirstAdmin},
    export::{self, Options, Secrets},
    import::{self, IfThere},
    seal,
};
use keyraft_crypto::{Secret, password::Hasher, seal::MasterKeys};
use keyraft_model::{Rest, UnixMs};
use keyraft_store::{Db, Settings};
use leaves::differences;
use serde_json::{Value, json};

const NOW: UnixMs = UnixMs(1_800_000_000_000);

struct House {
    store: Db,
    hasher: Hasher,
    folder: PathBuf,
}

impl House {
    async fn open() -> Self {
        let folder = std::env::temp_dir().join(format!("keyraft-exports-{}", keyraft_crypto::random::uuid()));
        let masters = MasterKeys::parse(["a passphrase of more than 32 characters"]).expect("is long enough");
        let settings = Settings::new(format!("sqlite:{}", folder.join("k.db").display()));
        let (store, _) = seal::open_store(&settings, &masters, "test").await.expect("opens");
        let house = Self { store, hasher: Hasher::with_threads(1).expect("starts"), folder };
        let password = Some(Secret::new("admin"));
        let first = FirstAdmin { username: "admin".into(), password, ..FirstAdmin::default() };
        bootstrap::run(&house.store, &house.hasher, &first, NOW).await.expect("makes master");
        house
    }

    async fn import(&self, given: Value) -> import::Report {
        let given = vec![given.as_object().expect("an object").clone()];
        let reports = import::import(&self.store, &self.hasher, given, IfThere::Refuse, NOW).await;
        reports.expect("imports").pop().expect("one realm")
    }

    async fn export(&self, realm: &str, options: Options) -> Value {
        let image = export::read(&self.store, realm).await.expect("reads").expect("is there");
        Value::Object(export::representation(&image, options).expect("exports"))
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const RICH: &str = include_str!("../../../tests/fixtures/rich-realm.json");
const FRESH_DEMO: &str = include_str!("../../../tests/fixtures/fresh-demo-export.json");
const FRESH_MASTER: &str = include_str!("../../../tests/fixtures/fresh-master-export.json");

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("is JSON")
}

#[tokio::test]
async fn what_was_imported_is_exported_again() {
    let house = House::open().await;
    let given = fixture(RICH);

    let report = house.import(given.clone()).await;

    let found = differences(&given, &house.export("rich", Options::BACKUP).await, &|_, _, _| false);
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(report.unbuilt.iter().any(|line| line.contains("samlsp")), "{report}");
    assert!(report.unbuilt.iter().any(|line| line.contains("corp")), "{report}");
}

#[tokio::test]
async fn a_fresh_realm_is_what_keycloak_exports_of_one() {
    let house = House::open().await;
    house.import(json!({"realm": "demo", "enabled": true})).await;

    for (realm, file) in [("demo", FRESH_DEMO), ("master", FRESH_MASTER)] {
        // Placeholders stand for what differs from server to server: ids, times, keys, the password's hash.
        let random = |path: &str, left: &str, _: &str| {
            let is_key = path.contains("keys.KeyProvider")
                && ["kid", "secret", "privateKey", "certificate"]
                    .iter()
                    .any(|name| path.contains(&format!(".config.{name}[")));
            left.contains("{{") || is_key
        };
        let found = differences(&fixture(file), &house.export(realm, Options::BACKUP).await, &random);
        assert!(found.is_empty(), "{realm}:\n{}", found.join("\n"));
    }
}

#[tokio::test]
async fn an_export_for_administrators_holds_no_secret() {
    let house = House::open().await;
    house.import(fixture(RICH)).await;

    let masked = Options { users: false, secrets: Secrets::Masked, ..Options::BACKUP };
    let text = house.export("rich", masked).await.to_string();

    for secret in ["shop-secret", "mail-pass", "corp-secret", "privateKey", "secretData"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("**********"));
}

#[tokio::test]
async fn an_export_moves_to_another_server() {
    let (house, other) = (House::open().await, House::open().await);
    house.import(fixture(RICH)).await;
    let moved = house.export("rich", Options::BACKUP).await;

    other.import(moved.clone()).await;

    let found = differences(&moved, &other.export("rich", Options::BACKUP).await, &|_, _, _| false);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn an_old_hand_written_export_is_renewed_and_completed() {
    let house = House::open().await;
    let given: Rest = json!({
        "realm": "old", "enabled": true, "defaultRoles": ["user"],
        "roles": {"realm": [{"name": "user"}], "application": {}},
        "clientTemplates": [{"name": "foo scope", "protocol": "openid-connect"}],
        "applications": [{"name": "app", "clientTemplate": "foo scope", "serviceAccountsEnabled": true,
                     "redirectUris": ["https://app.example.com/cb/*", "/relative"]}],
        "users": [
            {"username": "Wburke", "enabled": true, "createdTimestamp": "123655", "attributes": {"old": "one"},
             "credentials": [{"type": "password", "value": "userpassword"}], "applicationRoles": {}},
            {"username": "old", "credentials": [{"type": "password", "hashedSaltedValue": "cGFzcw==",
             "salt": "c2FsdA==", "hashIterations": 20000, "algorithm": "pbkdf2-sha256"}]}
        ]
    })
    .as_object()
    .expect("an object")
    .clone();

    house.import(Value::Object(given)).await;

    let out = house.export("old", Options::BACKUP).await;
    let client = out["clients"].as_array().expect("a list").iter().find(|client| client["clientId"] == "app");
    let client = client.expect("is there");
    assert_eq!(client["webOrigins"], json!(["https://app.example.com"]));
    assert!(client["defaultClientScopes"].as_array().expect("a list").contains(&json!("foo_scope")));
    assert!(client["defaultClientScopes"].as_array().expect("a list").contains(&json!("service_account")));
    assert_eq!(client["attributes"]["post.logout.redirect.uris"], "+");
    let users = out["users"].as_array().expect("a list");
    assert_eq!(
        users.iter().map(|user| user["username"].clone()).collect::<Vec<_>>(),
        [json!("old"), json!("service-account-app"), json!("wburke")]
    );
    assert_eq!(users[2]["createdTimestamp"], 123_655);
    assert!(users[2]["realmRoles"].is_null(), "default roles are for new users, not for imported ones");
    assert!(users[2]["credentials"][0]["credentialData"].as_str().expect("text").contains("argon2"));
    assert_eq!(users[0]["credentials"][0]["secretData"], r#"{"value":"cGFzcw==","salt":"c2FsdA=="}"#);
    let roles = out["roles"]["realm"].as_array().expect("a list");
    let default = roles.iter().find(|role| role["name"] == "default-roles-old").expect("is there");
    assert!(default["composites"]["realm"].as_array().expect("a list").contains(&json!("user")));
}

#[tokio::test]
async fn a_hash_that_is_too_costly_names_its_user() {
    let house = House::open().await;
    let data = json!({"hashIterations": 50_000_000, "algorithm": "pbkdf2-sha256"}).to_string();
    let secret = json!({"value": "cGFzcw==", "salt": "c2FsdA=="}).to_string();

    let report = house
        .import(json!({"realm": "r", "users": [
            {"username": "mallory", "credentials": [{"type": "password", "credentialData": data, "secretData": secret}]}
        ]}))
        .await;

    assert!(report.unbuilt[0].contains("mallory") && report.unbuilt[0].contains("$.users[0].credentials[0]"));
}
