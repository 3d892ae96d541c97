//! What the families promise, on every database.

mod support;

use keyraft_model::{
    Client, ClientScope, Component, Consent, Credential, Group, Realm, RealmId, Role, UnixMs, User, UserId,
};
use keyraft_store::{
    Db, Error, RolesOf, Tx, UserQuery, changes, client_scopes, clients, cluster, components, consents,
    credentials, groups, leases, realm_parts, realms, role_lists, roles, server_state, users,
};
use support::Fresh;

fn realm(id: &str) -> Realm {
    let mut realm = Realm { id: id.into(), realm: id.to_uppercase(), ..Realm::default() };
    realm.smtp_server.insert("password".into(), "letmein".into());
    realm
}

fn user(id: &str, username: &str) -> User {
    User { id: id.into(), username: username.into(), enabled: true, ..User::default() }
}

async fn with_realm(fresh: &Fresh) -> RealmId {
    let realm = realm("r");
    fresh.db.write(async |tx| realms::insert(&tx, &realm).await).await.expect("the realm is inserted");
    realm.id
}

async fn add(db: &Db, realm: &RealmId, user: &User) {
    db.write(async |tx| users::insert(&tx, realm, user, true).await).await.expect("the user is inserted");
}

async fn names(db: &Db, realm: &RealmId, query: &UserQuery) -> Vec<String> {
    let found = users::search(db, realm, query, 0, 100).await.expect("the search runs");
    assert_eq!(
        users::count(db, realm, query).await.expect("counts"),
        i64::try_from(found.len()).expect("fits")
    );
    found.into_iter().map(|found| found.value.username).collect()
}

fn is_taken<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict { stale: false, .. }))
}

#[tokio::test]
async fn a_realm_is_found_by_name_and_updated_only_at_its_version() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let found = realms::find_by_name(&fresh.db, "R").await.expect("reads").expect("is there");
        assert_eq!(found.value, realm("r"));

        let changed = Realm { realm: "new".into(), ..found.value };
        let ver =
            fresh.db.write(async |tx| realms::update(&tx, &changed, found.ver).await).await.expect("updates");
        let stale = fresh.db.write(async |tx| realms::update(&tx, &changed, found.ver).await).await;

        assert!(ver > found.ver);
        assert!(matches!(stale, Err(Error::Conflict { stale: true, .. })));
        assert_eq!(realms::names(&fresh.db).await.expect("reads"), [(id, "new".to_owned())]);
    }
}

#[tokio::test]
async fn unique_keys_are_refused_as_taken() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let alice = User { email: Some("A@x.org".into()), ..user("1", "Alice") };
        add(db, id, &alice).await;

        let same_name = db.write(async |tx| users::insert(&tx, id, &user("2", "ALICE"), true).await).await;
        let other = User { email: Some("a@X.org".into()), ..user("3", "bob") };
        let same_email = db.write(async |tx| users::insert(&tx, id, &other, true).await).await;
        let double = db.write(async |tx| users::insert(&tx, id, &other, false).await).await;
        let same_realm = db.write(async |tx| realms::insert(&tx, &realm("r")).await).await;

        assert!(is_taken(&same_name) && is_taken(&same_email) && is_taken(&same_realm));
        assert!(double.is_ok());
        assert!(users::find_by_email(db, id, "A@X.ORG").await.expect("reads").is_none(), "two have it");
    }
}

#[tokio::test]
async fn secrets_are_sealed_in_the_rows_and_open_outside() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let client = Client {
            id: "c".into(),
            client_id: "shop".into(),
            secret: Some("s3cret".into()),
            ..Client::default()
        };
        let mut key = Component { id: "k".into(), provider_type: "keys".into(), ..Component::default() };
        key.config.insert("privateKey".into(), vec!["s3cret".into()]);
        let otp = Credential {
            id: "o".into(),
            kind: "otp".into(),
            secret_data: "s3cret".into(),
            ..Credential::default()
        };
        add(db, id, &user("1", "alice")).await;
        db.write(async |tx| {
            clients::insert(&tx, id, &client).await?;
            components::insert(&tx, id, &key).await?;
            credentials::insert(&tx, id, &"1".into(), &otp).await
        })
        .await
        .expect("inserts");

        let found = clients::find_by_client_id(db, id, "shop").await.expect("reads").expect("is there");
        assert_eq!(found.value.secret.as_deref(), Some("s3cret"));
        assert_eq!(components::find(db, id, &"k".into()).await.expect("reads").expect("is there").value, key);
        assert_eq!(
            credentials::list(db, id, &"1".into()).await.expect("reads")[0].value.secret_data,
            "s3cret"
        );
        for table in ["client", "component", "credential", "realm"] {
            for doc in docs(&fresh, table).await {
                assert!(
                    doc.contains("sealed:") && !doc.contains("s3cret") && !doc.contains("letmein"),
                    "{doc}"
                );
            }
        }
    }
}

async fn docs(fresh: &Fresh, table: &str) -> Vec<String> {
    use sqlx::{Connection, Row};
    let text = sqlx::AssertSqlSafe(format!("SELECT doc FROM {table}"));
    if fresh.url.starts_with("sqlite") {
        let mut connection = sqlx::SqliteConnection::connect(&fresh.url).await.expect("connects");
        let rows = sqlx::query(text).fetch_all(&mut connection).await.expect("reads");
        rows.iter().map(|row| row.get(0)).collect()
    } else {
        let mut connection = sqlx::PgConnection::connect(&fresh.url).await.expect("connects");
        let rows = sqlx::query(text).fetch_all(&mut connection).await.expect("reads");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn users_are_searched_as_keycloak_does() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let person = |id: &str, name: &str, first: &str, last: &str| User {
            email: Some(format!("{name}@example.com")),
            first_name: Some(first.into()),
            last_name: Some(last.into()),
            created_timestamp: 5,
            ..user(id, name)
        };
        let mut alice = person("1", "alice", "Alice", "Adams");
        alice.attributes.insert("dept".into(), vec!["Night Shift".into(), "b".into()]);
        add(db, id, &alice).await;
        add(db, id, &User { enabled: false, ..person("2", "bob", "Bob", "Alister") }).await;
        add(db, id, &User { service_account_client: Some("c".into()), ..user("3", "service-account-web") })
            .await;
        let search = |text: &str| UserQuery { search: Some(text.into()), ..UserQuery::default() };
        let by = |name: &str, exact| UserQuery {
            username: Some(name.into()),
            exact,
            service_accounts: true,
            ..UserQuery::default()
        };

        assert_eq!(names(db, id, &UserQuery::default()).await, ["alice", "bob"]);
        assert_eq!(names(db, id, &search("ALI")).await, ["alice", "bob"]);
        assert_eq!(names(db, id, &search("lic")).await, [""; 0]);
        assert_eq!(names(db, id, &search("*lic")).await, ["alice"]);
        assert_eq!(names(db, id, &search("\"alice\"")).await, ["alice"]);
        assert_eq!(names(db, id, &search("alice adams")).await, ["alice"]);
        assert_eq!(names(db, id, &search("bob adams")).await, [""; 0]);
        assert_eq!(names(db, id, &search("*example*")).await, ["alice", "bob"]);
        assert_eq!(names(db, id, &search("%")).await, [""; 0]);
        assert_eq!(names(db, id, &search("_")).await, [""; 0]);
        assert_eq!(names(db, id, &search("service")).await, [""; 0]);
        let disabled = UserQuery { enabled: Some(false), ..search("ali") };
        assert_eq!(names(db, id, &disabled).await, ["bob"]);
        assert_eq!(names(db, id, &by("li", None)).await, ["alice"]);
        assert_eq!(names(db, id, &by("%", None)).await.len(), 3);
        assert_eq!(names(db, id, &by("a_ice", None)).await, ["alice"]);
        assert_eq!(names(db, id, &by("a_ice", Some(true))).await, [""; 0]);
        assert_eq!(names(db, id, &by("ALICE", Some(true))).await, ["alice"]);
        assert_eq!(names(db, id, &by("service-account-web", None)).await, ["service-account-web"]);
        let attribute = |name: &str, value: &str, exact| UserQuery {
            attributes: vec![(name.into(), value.into())],
            exact,
            ..UserQuery::default()
        };
        assert_eq!(names(db, id, &attribute("dept", "Night Shift", None)).await, ["alice"]);
        assert_eq!(names(db, id, &attribute("dept", "night", None)).await, [""; 0]);
        assert_eq!(names(db, id, &attribute("dept", "night", Some(false))).await, ["alice"]);
        assert_eq!(names(db, id, &attribute("dept", "", Some(false))).await, ["alice"]);
        let late = UserQuery { created_after: Some(6), ..UserQuery::default() };
        assert_eq!(names(db, id, &late).await, [""; 0]);
    }
}

#[tokio::test]
async fn pages_of_users_join_without_gap_or_double() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        for number in 0..25 {
            add(&fresh.db, &id, &user(&format!("id{number}"), &format!("u{number:02}"))).await;
        }
        let query = UserQuery { search: Some("u".into()), ..UserQuery::default() };

        let mut seen = Vec::new();
        for first in [0, 10, 20] {
            let page = users::search(&fresh.db, &id, &query, first, 10).await.expect("reads");
            seen.extend(page.into_iter().map(|user| user.value.username));
        }

        assert_eq!(seen, (0..25).map(|number| format!("u{number:02}")).collect::<Vec<_>>());
        assert_eq!(users::list_after(&fresh.db, &id, "u23", 10).await.expect("reads").len(), 1);
    }
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let alice: UserId = "1".into();
        let mut full = user("1", "alice");
        full.attributes.insert("a".into(), vec!["b".into()]);
        add(db, id, &full).await;
        db.write(async |tx| fill(&tx, id, &alice).await).await.expect("fills");
        let found = users::load(db, id, &alice).await.expect("reads").expect("is there");
        assert_eq!((found.value.roles.len(), found.value.groups.len()), (2, 1));

        assert!(db.write(async |tx| users::delete(&tx, id, &alice).await).await.expect("deletes"));

        assert!(users::load(db, id, &alice).await.expect("reads").is_none());
        assert_eq!(credentials::list(db, id, &alice).await.expect("reads").len(), 0);
        assert_eq!(consents::list(db, id, &alice).await.expect("reads").len(), 0);
        assert_eq!(role_lists::list(db, id, RolesOf::User(&alice)).await.expect("reads").len(), 0);
        assert_eq!(users::count(db, id, &UserQuery::default()).await.expect("reads"), 0);
    }
}

async fn fill(tx: &Tx, realm: &RealmId, user: &UserId) -> Result<(), Error> {
    role_lists::add(tx, realm, RolesOf::User(user), &["x".into(), "y".into(), "x".into()]).await?;
    users::join_group(tx, realm, user, &"g".into()).await?;
    let credential = Credential { id: "c".into(), kind: "password".into(), ..Credential::default() };
    credentials::insert(tx, realm, user, &credential).await?;
    let consent =
        Consent { client: "c".into(), scopes: vec!["s".into()], created: UnixMs(1), updated: UnixMs(1) };
    consents::put(tx, realm, user, &consent).await?;
    consents::put(tx, realm, user, &Consent { updated: UnixMs(2), ..consent }).await
}

#[tokio::test]
async fn credentials_keep_the_order_that_was_asked_for() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id, alice) = (&fresh.db, &id, &UserId::from("1"));
        add(db, id, &user("1", "alice")).await;
        for name in ["a", "b", "c"] {
            let credential = Credential { id: name.into(), kind: "otp".into(), ..Credential::default() };
            db.write(async |tx| credentials::insert(&tx, id, alice, &credential).await)
                .await
                .expect("inserts");
        }
        let order = async || {
            let list = credentials::list(db, id, alice).await.expect("reads");
            list.iter().map(|held| held.value.id.to_string()).collect::<String>()
        };
        assert_eq!(order().await, "abc");

        db.write(async |tx| credentials::reorder(&tx, id, alice, &"c".into(), None).await)
            .await
            .expect("moves");
        assert_eq!(order().await, "cab");
        let behind = "b".into();
        db.write(async |tx| credentials::reorder(&tx, id, alice, &"c".into(), Some(&behind)).await)
            .await
            .expect("moves");
        assert_eq!(order().await, "abc");
    }
}

#[tokio::test]
async fn parts_of_a_realm_come_together_and_raise_its_version() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let before = realms::find(db, id).await.expect("reads").expect("is there").ver;
        let role =
            Role { id: "r1".into(), name: "one".into(), composites: vec!["r2".into()], ..Role::default() };
        let of_client =
            Role { id: "r2".into(), name: "one".into(), client: Some("c".into()), ..Role::default() };
        let group =
            Group { id: "g".into(), name: "staff".into(), roles: vec!["r1".into()], ..Group::default() };
        let scope = ClientScope {
            id: "s".into(),
            name: "email".into(),
            scope_mappings: vec!["r2".into()],
            ..ClientScope::default()
        };
        db.write(async |tx| {
            roles::insert(&tx, id, &role).await?;
            roles::insert(&tx, id, &of_client).await?;
            groups::insert(&tx, id, &group).await?;
            client_scopes::insert(&tx, id, &scope).await?;
            client_scopes::add_to_realm(&tx, id, &scope.id, true).await
        })
        .await
        .expect("inserts");

        let parts = realm_parts::load_by_name(db, "R").await.expect("reads").expect("is there");

        assert!(parts.ver > before);
        assert_eq!((parts.roles.len(), &parts.groups, &parts.client_scopes), (2, &vec![group], &vec![scope]));
        assert_eq!(parts.default_scopes, ["s".into()]);
        db.write(async |tx| roles::delete(&tx, id, &"r2".into()).await).await.expect("deletes");
        let parts = realm_parts::load(db, id).await.expect("reads").expect("is there");
        assert!(parts.roles[0].composites.is_empty() && parts.client_scopes[0].scope_mappings.is_empty());
    }
}

#[tokio::test]
async fn a_client_is_deleted_with_its_roles_and_service_account() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let client = Client {
            id: "c".into(),
            client_id: "Shop".into(),
            default_client_scopes: vec!["s".into()],
            ..Client::default()
        };
        let role = Role { id: "r".into(), name: "buy".into(), client: Some("c".into()), ..Role::default() };
        add(db, id, &User { service_account_client: Some("c".into()), ..user("1", "service-account-shop") })
            .await;
        db.write(async |tx| {
            clients::insert(&tx, id, &client).await?;
            roles::insert(&tx, id, &role).await?;
            role_lists::add(&tx, id, RolesOf::Client(&client.id), &["r".into()]).await
        })
        .await
        .expect("inserts");
        assert_eq!(clients::list(db, id, Some("sHO"), 0, None).await.expect("reads").len(), 1);
        assert_eq!(client_scopes::used_by(db, id, &"s".into()).await.expect("reads"), ["c".into()]);

        assert!(db.write(async |tx| clients::delete(&tx, id, &client.id).await).await.expect("deletes"));

        assert!(roles::find(db, id, &role.id).await.expect("reads").is_none());
        assert!(users::find(db, id, &"1".into()).await.expect("reads").is_none());
        assert_eq!(role_lists::list(db, id, RolesOf::Client(&client.id)).await.expect("reads").len(), 0);
        assert_eq!(client_scopes::used_by(db, id, &"s".into()).await.expect("reads").len(), 0);
    }
}

#[tokio::test]
async fn a_deleted_group_takes_its_subtree_and_memberships() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let top = Group { id: "1".into(), name: "staff".into(), ..Group::default() };
        let child =
            Group { id: "2".into(), name: "night".into(), parent: Some("1".into()), ..Group::default() };
        add(db, id, &user("u", "alice")).await;
        db.write(async |tx| {
            groups::insert(&tx, id, &top).await?;
            groups::insert(&tx, id, &child).await?;
            users::join_group(&tx, id, &"u".into(), &child.id).await
        })
        .await
        .expect("inserts");
        let twin = Group { id: "3".into(), ..child.clone() };
        assert!(is_taken(&db.write(async |tx| groups::insert(&tx, id, &twin).await).await));
        assert_eq!(groups::members(db, id, &child.id, 0, 10).await.expect("reads").len(), 1);

        assert!(db.write(async |tx| groups::delete(&tx, id, &top.id).await).await.expect("deletes"));

        assert_eq!(groups::list(db, id).await.expect("reads").len(), 0);
        assert_eq!(users::groups(db, id, &"u".into()).await.expect("reads").len(), 0);
    }
}

#[tokio::test]
async fn a_deleted_realm_is_gone_at_once_and_its_id_is_free_after_the_sweep() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        add(db, id, &user("1", "alice")).await;

        assert!(db.write(async |tx| realms::delete(&tx, id).await).await.expect("deletes"));

        assert!(realms::find(db, id).await.expect("reads").is_none());
        assert!(is_taken(&db.write(async |tx| realms::insert(&tx, &realm("r")).await).await));
        realms::sweep(db, id).await.expect("sweeps");
        assert!(users::find(db, id, &"1".into()).await.expect("reads").is_none());
        assert!(realms::list_doomed(db).await.expect("reads").is_empty());
        assert!(db.write(async |tx| realms::insert(&tx, &realm("r")).await).await.is_ok());
    }
}

/// All changes whose rows stand, read two at a time.
async fn standing(db: &Db) -> Vec<changes::Change> {
    let (mut found, mut place) = (Vec::new(), Some(changes::Place::default()));
    while let Some(after) = place {
        let (page, end) = changes::list(db, &after, 2).await.expect("reads");
        found.extend(page.into_iter().map(|row| row.change));
        place = end;
    }
    found
}

#[tokio::test]
async fn every_commit_tells_what_changed_and_a_rollback_tells_nothing() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let (db, id) = (&fresh.db, &id);
        let all = standing(db).await;
        changes::delete(db, &all).await.expect("deletes");
        add(db, id, &user("1", "alice")).await;
        let refused: Result<(), Error> = db
            .write(async |tx| {
                users::delete(&tx, id, &"1".into()).await?;
                Err(Error::Refused("no".into()))
            })
            .await;

        let told = standing(db).await;

        assert!(refused.is_err());
        assert_eq!(told.iter().map(|change| change.entity.as_str()).collect::<Vec<_>>(), ["1"]);
        let ver = users::find(db, id, &"1".into()).await.expect("reads").expect("is there").ver;
        assert_eq!(told[0].ver, ver);
        changes::delete(db, &told).await.expect("deletes");
        assert!(standing(db).await.is_empty());
    }
}

#[tokio::test]
async fn two_transactions_that_collide_both_happen() {
    for fresh in support::each().await {
        let db = &fresh.db;
        assert!(server_state::put(db, "n", "0", None).await.expect("writes"));
        let id = with_realm(&fresh).await;
        // Each reads what the other writes: under SERIALIZABLE one of them is sent back.
        let bump = async |name: &str| {
            let runs = std::sync::atomic::AtomicU32::new(0);
            db.write(async |tx| {
                runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let count = users::count(&tx, &id, &UserQuery::default()).await?;
                tokio::task::yield_now().await;
                let user = User { first_name: Some(count.to_string()), ..user(name, name) };
                users::insert(&tx, &id, &user, true).await
            })
            .await
            .expect("is written in the end");
            runs.into_inner()
        };

        let (a, b, c, d) = tokio::join!(bump("a"), bump("b"), bump("c"), bump("d"));

        assert!(a + b + c + d >= 4);
        let mut seen = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let user = users::find_by_username(db, &id, name).await.expect("reads").expect("is there");
            seen.push(user.value.first_name.unwrap_or_default());
        }
        seen.sort();
        assert_eq!(seen, ["0", "1", "2", "3"], "as if one after the other");
    }
}

#[tokio::test]
async fn thirty_writers_at_once_all_succeed() {
    for fresh in support::each().await {
        let id = with_realm(&fresh).await;
        let writers = (0..30).map(|number| {
            let (db, id) = (fresh.db.clone(), id.clone());
            tokio::spawn(
                async move { add(&db, &id, &user(&number.to_string(), &format!("u{number}"))).await },
            )
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("is written");
        }

        assert_eq!(users::count(&fresh.db, &id, &UserQuery::default()).await.expect("counts"), 30);
    }
}

#[tokio::test]
async fn a_lease_is_held_by_one_and_its_fence_rises_with_the_holder() {
    for fresh in support::each().await {
        let db = &fresh.db;
        let first = leases::take(db, "job", "a", 60_000).await.expect("runs").expect("is free");

        assert_eq!(leases::take(db, "job", "a", 60_000).await.expect("runs"), Some(first));
        assert_eq!(leases::take(db, "job", "b", 60_000).await.expect("runs"), None);
        leases::give_back(db, "job", "a").await.expect("runs");
        assert_eq!(leases::take(db, "job", "b", 60_000).await.expect("runs"), Some(first + 1));
    }
}

#[tokio::test]
async fn an_epoch_is_formed_once_and_whoever_comes_second_reads_who_came_first() {
    for fresh in support::each().await {
        let db = &fresh.db;
        assert_eq!(cluster::newest(db).await.expect("reads"), None);

        let mine = cluster::form(db, 1, "lab", "[a]", "[a]").await.expect("runs");
        let theirs = cluster::form(db, 1, "other", "[b]", "[b]").await.expect("runs");

        assert_eq!((mine.name.as_str(), mine.founders.as_str()), ("lab", "[a]"));
        assert_eq!(theirs, mine);
        let next = cluster::form(db, 2, "lab", "[c]", "[c]").await.expect("runs");
        assert_eq!((next.epoch, next.founders.as_str()), (2, "[c]"));
    }
}

#[tokio::test]
async fn older_news_of_members_and_lower_boots_change_nothing() {
    for fresh in support::each().await {
        let db = &fresh.db;
        cluster::form(db, 1, "lab", "[a]", "[a]").await.expect("runs");

        cluster::set_members(db, 1, 7, "[a, b]").await.expect("runs");
        cluster::set_members(db, 1, 6, "[]").await.expect("runs");
        let mut noted = Vec::new();
        for boot in [1, 2, 2, 1, 3] {
            noted.push(cluster::note_boot(db, 1, 65, boot).await.expect("runs"));
        }

        let row = cluster::newest(db).await.expect("reads").expect("is there");
        assert_eq!((row.members.as_str(), row.members_at), ("[a, b]", 7));
        assert_eq!(noted, [true, true, false, false, true]);
        assert!(cluster::note_boot(db, 2, 65, 1).await.expect("runs"), "another epoch counts anew");
    }
}

#[tokio::test]
async fn a_document_of_the_server_is_written_by_compare_and_swap() {
    for fresh in support::each().await {
        let db = &fresh.db;
        assert!(server_state::put(db, "formed", "a", None).await.expect("writes"));
        assert!(!server_state::put(db, "formed", "b", None).await.expect("writes"));
        let found = server_state::find(db, "formed").await.expect("reads").expect("is there");

        assert!(server_state::put(db, "formed", "c", Some(found.ver)).await.expect("writes"));
        assert!(!server_state::put(db, "formed", "d", Some(found.ver)).await.expect("writes"));
    }
}

#[tokio::test]
async fn a_nul_character_is_refused_everywhere_alike() {
    for fresh in support::each().await {
        let found = realms::find_by_name(&fresh.db, "a\0b").await;

        assert!(matches!(found, Err(Error::Invalid(_))));
    }
}
