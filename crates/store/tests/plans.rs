//! How PostgreSQL runs the statements about users when there are many of them: by index, whatever the number.
//!
//! Twenty thousand users by default; `KEYRAFT_TEST_USERS` names another number (a million takes some minutes) and
//! has the times of each kind of read printed. On a machine without PostgreSQL these tests are skipped.

#[expect(dead_code, reason = "these tests are of PostgreSQL alone")]
mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keyraft_model::RealmId;
use keyraft_store::{
    Db, Settings, UserQuery, credentials, groups, role_lists, role_lists::RolesOf, roles, statements, users,
};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, Statement as _, TypeInfo as _,
};

/// The tables that grow with the users.
const LARGE: [&str; 6] = ["usr", "usr_attr", "usr_role", "usr_grp", "credential", "consent"];
/// Statements that ask for any text anywhere or for how many match, which may look at every user of the realm, and
/// those whose plan is made for their values: here there are none.
const PLANNED_ANEW: [&str; 5] =
    ["search::SEARCH", "search::PREFIX", "search::ATTRIBUTES", "search::PATTERNS", "realms::SWEEP_USER"];

async fn open(url: &str) -> Db {
    Db::open(&Settings::new(url), Arc::new(support::Marker)).await.expect("the database opens")
}

fn how_many() -> i64 {
    std::env::var("KEYRAFT_TEST_USERS").ok().and_then(|number| number.parse().ok()).unwrap_or(20_000)
}

/// Puts users straight into the tables: `user0000001` and so on, whose last names run the other way; one department
/// in a hundred users, one group and one role in fifty.
async fn fill(connection: &mut PgConnection, number: i64) {
    let each = format!("FROM generate_series(1, {number}) AS n");
    let name = "'user' || lpad(CAST(n AS TEXT), 7, '0')";
    let mail = format!("{name} || '@example.org'");
    let last = format!("'last' || lpad(CAST({number} - n AS TEXT), 7, '0')");
    let user = format!(
        r#"'{{"id":"id-' || n || '","username":"' || {name} || '","enabled":true,"lastName":"' || {last} || '"}}'"#
    );
    // A secret as the tests' sealer leaves it, back to front.
    let secret = r#"'{"secretData":"sealed:credential:r/id-' || n || '/c:doc.secretData:}{"}'"#;
    for statement in [
        // Rows that are made here need no check of what they refer to.
        "SET session_replication_role = replica".to_owned(),
        "INSERT INTO realm VALUES ('r', 'r', '{}', 1)".to_owned(),
        format!(
            "INSERT INTO usr SELECT 'r', 'id-' || n, {name}, {mail}, {mail}, {name}, {mail}, 'first' || n % 500, {last}, '', \
             n, true, n % 2 = 0, {user}, 1 {each}"
        ),
        format!(
            "INSERT INTO usr_attr SELECT 'r', 'id-' || n, 'department', 0, 'dept-' || n % ({number} / 100), \
             'dept-' || n % ({number} / 100) {each}"
        ),
        format!("INSERT INTO usr_role SELECT 'r', 'id-' || n, 'role-' || n % ({number} / 50) {each}"),
        format!("INSERT INTO usr_grp SELECT 'r', 'id-' || n, 'grp-' || n % ({number} / 50) {each}"),
        format!("INSERT INTO credential SELECT 'r', 'id-' || n, 'c', 'password', 10, {secret}, 1 {each}"),
        format!(
            "INSERT INTO consent SELECT 'r', 'id-' || n, 'client-' || n % ({number} / 50), '{{}}', 1 {each}"
        ),
        format!("INSERT INTO usr_count SELECT 'r', n, {number} / 16 FROM generate_series(0, 15) AS n"),
        "ANALYZE".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(statement)).await.expect("fills");
    }
}

/// How often each large table was read from end to end.
async fn whole_reads(connection: &mut PgConnection) -> Vec<(String, i64)> {
    // What a session did is counted when it ends, and its own snapshot of the counters is kept.
    connection.execute("SELECT pg_stat_clear_snapshot()").await.expect("clears");
    let sql = "SELECT relname::text, seq_scan FROM pg_stat_user_tables ORDER BY relname";
    let rows = sqlx::query(sql).fetch_all(connection).await.expect("reads");
    let all = rows.iter().map(|row| (row.get::<String, _>(0), row.get::<i64, _>(1)));
    all.filter(|(table, _)| LARGE.contains(&table.as_str())).collect()
}

/// A large table that a plan reads from end to end.
fn walked(plan: &[String]) -> Option<&String> {
    let is_large = |line: &str| LARGE.iter().any(|table| line.split(' ').any(|word| word == *table));
    plan.iter().find(|line| line.contains("Seq Scan on") && is_large(line))
}

#[tokio::test]
async fn every_statement_about_users_is_planned_by_index() {
    let Some(fresh) = support::postgres().await else { return };
    let mut connection = PgConnection::connect(&fresh.url).await.expect("connects");
    fill(&mut connection, how_many()).await;
    // Kept plans fit all values: the ones that a busy server ends up with.
    connection.execute("SET plan_cache_mode = force_generic_plan").await.expect("sets");

    let of_users = |text: &str| LARGE.iter().any(|table| text.split([' ', '(']).any(|word| word == *table));
    let is_kept = |name: &str| !PLANNED_ANEW.iter().any(|other| name.contains(other));
    let mut count = 0;
    for sql in statements().into_iter().filter(|sql| of_users(sql.text) && is_kept(sql.name)) {
        let prepared =
            (&mut connection).prepare(sqlx::SqlStr::from_static(sql.text)).await.expect("prepares");
        let types =
            prepared.parameters().and_then(|types| types.left().map(<[_]>::to_vec)).unwrap_or_default();
        let values: Vec<_> = types
            .iter()
            .map(|kind| match kind.name() {
                "INT8" | "INT4" => "1",
                "BOOL" => "true",
                _ => "'x'",
            })
            .collect();
        let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        connection.execute(AssertSqlSafe(format!("PREPARE it AS {}", sql.text))).await.expect("prepares");
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE it{values}"));
        let rows = sqlx::query(explain).fetch_all(&mut connection).await.expect("explains");
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(walked(&plan), None, "{}: {plan:#?}", sql.name);
        connection.execute("DEALLOCATE it").await.expect("forgets");
        count += 1;
    }
    assert!(count > 25, "{count} statements were looked at");
}

/// Runs a read often enough for the database to settle on a plan, and says how long the last one took.
async fn timed<T, F: Future<Output = Result<T, keyraft_store::Error>>>(
    what: &str,
    read: impl Fn() -> F,
) -> T {
    for _ in 0..6 {
        read().await.expect("reads");
    }
    let began = Instant::now();
    let found = read().await.expect("reads");
    if std::env::var_os("KEYRAFT_TEST_USERS").is_some() {
        eprintln!("{what:40} {:>9.2} ms", began.elapsed().as_secs_f64() * 1_000.0);
    }
    found
}

fn search_for(text: &str) -> UserQuery {
    UserQuery { search: Some(text.into()), ..UserQuery::default() }
}

async fn read_everything(db: &Db, realm: &RealmId, number: i64) {
    let user = "id-77".into();
    let found = timed("a user by id", || users::load(db, realm, &user)).await.expect("is there");
    assert_eq!(found.value.user.username, "user0000077");
    timed("a user by name", || users::find_by_username(db, realm, "user0000077")).await.expect("is there");
    timed("a user by address", || users::find_by_email(db, realm, "user0000077@example.org"))
        .await
        .expect("is there");
    timed("his roles", || role_lists::list(db, realm, RolesOf::User(&user))).await;
    timed("his groups", || users::groups(db, realm, &user)).await;
    timed("his credentials", || credentials::list(db, realm, &user)).await;
    let (group, role) = ("grp-7".into(), "role-7".into());
    assert_eq!(timed("members of a group", || groups::members(db, realm, &group, 0, 100)).await.len(), 50);
    assert_eq!(timed("how many members", || groups::count_members(db, realm, &group)).await, 50);
    assert_eq!(timed("who holds a role", || roles::users_with(db, realm, &role, 0, 100)).await.len(), 50);

    let all = UserQuery::default();
    let page = timed("the first page of all", || users::search(db, realm, &all, 0, 100)).await;
    assert_eq!((page.len(), page[99].value.username.as_str()), (100, "user0000100"));
    assert_eq!(timed("how many are there", || users::count(db, realm, &all)).await, number);
    assert_eq!(timed("after a name", || users::list_after(db, realm, "user0000500", 100)).await.len(), 100);

    for (what, text, matches) in
        [("a rare start of a name", "user00012", 100_u8), ("a whole last name", "last0000012", 1)]
    {
        let query = search_for(text);
        assert_eq!(
            timed(what, || users::search(db, realm, &query, 0, 100)).await.len(),
            usize::from(matches)
        );
        assert_eq!(timed("and how many", || users::count(db, realm, &query)).await, i64::from(matches));
    }
    let department =
        UserQuery { attributes: vec![("department".into(), "dept-7".into())], ..UserQuery::default() };
    assert_eq!(timed("one department", || users::search(db, realm, &department, 0, 1_000)).await.len(), 100);
    assert_eq!(timed("and how many", || users::count(db, realm, &department)).await, 100);

    // Last names run the other way: whoever cuts the list by them shows the wrong page.
    let common = search_for("last");
    let page = timed("the first page of a common start", || users::search(db, realm, &common, 0, 100)).await;
    assert_eq!((page.len(), page[0].value.username.as_str()), (100, "user0000001"));
}

#[tokio::test]
async fn no_read_of_users_walks_a_table_and_no_page_is_cut() {
    let Some(fresh) = support::postgres().await else { return };
    let number = how_many();
    let mut connection = PgConnection::connect(&fresh.url).await.expect("connects");
    fill(&mut connection, number).await;
    let realm = RealmId::from("r");
    let db = open(&fresh.url).await;
    let before = whole_reads(&mut connection).await;

    read_everything(&db, &realm, number).await;

    db.close().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(whole_reads(&mut connection).await, before);

    // What has to look at everybody says the whole truth.
    let db = open(&fresh.url).await;
    let common = search_for("last");
    assert_eq!(timed("how many have a common start", || users::count(&db, &realm, &common)).await, number);
    let last = timed("its last page", || users::search(&db, &realm, &common, number - 10, 100)).await;
    assert_eq!((last.len(), last[9].value.username.clone()), (10, format!("user{number:07}")));
    let anywhere = search_for("*r00000*7*");
    timed("any text anywhere", || users::search(&db, &realm, &anywhere, 0, 100)).await;
}
