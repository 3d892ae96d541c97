//! Realms from nothing and from files, in a real store.

use std::path::PathBuf;

use keyraft_core::{
    bootstrap::{self, FirstAdmin},
    import::{self, IfThere, Outcome},
    seal,
};
use keyraft_crypto::{Secret, password::Hasher, seal::MasterKeys};
use keyraft_model::{RealmId, Rest, UnixMs};
use keyraft_store::{
    Db, RealmParts, RolesOf, Settings, clients, credentials, realm_parts, realms, role_lists, roles, users,
};
use serde_json::{Value, json};

const NOW: UnixMs = UnixMs(1_800_000_000_000);

struct House {
    store: Db,
    hasher: Hasher,
    folder: PathBuf,
}

impl House {
    async fn open() -> Self {
        let folder = std::env::temp_dir().join(format!("keyraft-core-{}", keyraft_crypto::random::uuid()));
        let masters = MasterKeys::parse(["a passphrase of more than 32 characters"]).expect("is long enough");
        let settings = Settings::new(format!("sqlite:{}", folder.join("k.db").display()));
        let (store, _) = seal::open_store(&settings, &masters, "test").await.expect("opens");
        Self { store, hasher: Hasher::with_threads(1).expect("starts"), folder }
    }

    async fn bootstrap(&self) {
        let first = FirstAdmin {
            username: "Admin".into(),
            password: Some(Secret::new("admin")),
            client_id: "temp-admin".into(),
            client_secret: Some(Secret::new("s3cret")),
        };
        assert!(bootstrap::run(&self.store, &self.hasher, &first, NOW).await.expect("makes master"));
        assert!(!bootstrap::run(&self.store, &self.hasher, &first, NOW).await.expect("is there already"));
    }

    async fn create(&self, given: Value) -> RealmId {
        let given = given.as_object().expect("an object").clone();
        import::create_realm(&self.store, &self.hasher, given, NOW).await.expect("is made").0
    }

    async fn parts(&self, name: &str) -> RealmParts {
        realm_parts::load_by_name(&self.store, name).await.expect("reads").expect("is there")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at its callers' `json!`")]
fn object(value: Value) -> Rest {
    value.as_object().expect("an object").clone()
}

#[tokio::test]
async fn a_first_start_makes_master_with_a_temporary_administrator() {
    let house = House::open().await;
    house.bootstrap().await;

    let master = house.parts("master").await;
    let id = &master.realm.id;
    let admin = users::find_by_username(&house.store, id, "admin").await.expect("reads").expect("is there");
    let held = role_lists::list(&house.store, id, RolesOf::User(&admin.value.id)).await.expect("reads");
    let stored = credentials::list(&house.store, id, &admin.value.id).await.expect("reads");
    let client =
        clients::find_by_client_id(&house.store, id, "temp-admin").await.expect("reads").expect("is there");
    let account = users::find_service_account(&house.store, id, &client.value.id).await.expect("reads");

    assert_eq!(admin.value.attribute("is_temporary_admin"), Some("true"));
    assert_eq!((held.len(), stored.len()), (2, 1));
    assert_eq!(client.value.secret.as_deref(), Some("s3cret"));
    assert!(account.is_some());
    assert_eq!(master.realm.access_token_lifespan, 60);
    assert_eq!(
        master.components.iter().filter(|component| component.provider_id.contains("generated")).count(),
        4
    );
}

#[tokio::test]
async fn a_realm_has_a_client_in_master_whose_roles_the_administrators_hold() {
    let house = House::open().await;
    house.bootstrap().await;

    let id = house.create(json!({"realm": "Demo", "enabled": true})).await;

    let (demo, master) = (house.parts("Demo").await, house.parts("master").await);
    let client =
        clients::find_by_client_id(&house.store, &master.realm.id, "Demo-realm").await.expect("reads");
    let client = client.expect("is there").value;
    let admin = master.roles.iter().find(|role| role.name == "admin").expect("is there");
    let of_client: Vec<_> =
        master.roles.iter().filter(|role| role.client.as_ref() == Some(&client.id)).collect();
    assert_eq!(demo.realm.master_admin_client, client.id);
    assert_eq!(of_client.len(), 21);
    assert!(of_client.iter().all(|role| admin.composites.contains(&role.id)));
    assert!(client.default_client_scopes.is_empty() && client.protocol.is_none());
    let default =
        roles::find(&house.store, &id, &demo.realm.default_role).await.expect("reads").expect("is there");
    assert_eq!((default.value.name.as_str(), default.value.composites.len()), ("default-roles-demo", 4));
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_and_changes_nothing() {
    let house = House::open().await;
    house.bootstrap().await;
    house.create(json!({"realm": "demo"})).await;

    let again =
        import::create_realm(&house.store, &house.hasher, object(json!({"realm": "demo"})), NOW).await;

    assert!(matches!(again, Err(keyraft_core::Error::Conflict { what: "realm", .. })));
    assert_eq!(realms::names(&house.store).await.expect("reads").len(), 2);
}

#[tokio::test]
async fn an_import_is_all_or_nothing_and_says_where_it_failed() {
    let house = House::open().await;
    house.bootstrap().await;
    let good = object(json!({"realm": "good"}));
    let bad = object(json!({"realm": "bad", "users": [{"username": "x", "clientRoles": {"nope": ["r"]}}]}));

    let refused = import::import(&house.store, &house.hasher, vec![good, bad], IfThere::Skip, NOW).await;

    let text = refused.expect_err("is refused").to_string();
    assert!(text.contains("$.users[0].clientRoles.nope") && text.contains("nope"), "{text}");
    assert_eq!(realms::names(&house.store).await.expect("reads").len(), 1);
}

#[tokio::test]
async fn a_realm_that_is_there_is_skipped_or_replaced_whole() {
    let house = House::open().await;
    house.bootstrap().await;
    let given = |title: &str| vec![object(json!({"realm": "demo", "id": "d", "displayName": title}))];
    let import = async |title: &str, if_there| {
        import::import(&house.store, &house.hasher, given(title), if_there, NOW)
            .await
            .map(|reports| reports[0].outcome)
    };

    assert_eq!(import("one", IfThere::Skip).await.expect("imports"), Outcome::Created);
    assert_eq!(import("two", IfThere::Skip).await.expect("imports"), Outcome::Skipped);
    assert!(import("two", IfThere::Refuse).await.is_err());
    assert_eq!(import("three", IfThere::Replace).await.expect("imports"), Outcome::Replaced);
    assert_eq!(house.parts("demo").await.realm.display_name.as_deref(), Some("three"));
}

#[tokio::test]
async fn a_role_that_somebody_holds_is_made() {
    let house = House::open().await;
    let given = object(json!({"realm": "r", "users": [{"username": "x", "realmRoles": ["new"]}]}));

    let (id, report) = import::create_realm(&house.store, &house.hasher, given, NOW).await.expect("is made");

    let user = users::find_by_username(&house.store, &id, "x").await.expect("reads").expect("is there");
    let held = role_lists::list(&house.store, &id, RolesOf::User(&user.value.id)).await.expect("reads");
    let role = roles::find(&house.store, &id, &held[0]).await.expect("reads").expect("is there");
    assert_eq!(role.value.name, "new");
    assert_eq!(report.made.len(), 1);
}
