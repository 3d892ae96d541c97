//! Every statement, on every database: its words, its parse, one run.

mod support;

use keyraft_store::{migrate, statements};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection, Statement, TypeInfo};

/// Words outside the common subset of CockroachDB, PostgreSQL and SQLite.
const DENIED: [&str; 36] = [
    "FOR UPDATE",
    "FOR SHARE",
    "LISTEN",
    "NOTIFY",
    "ADVISORY",
    "TRUNCATE",
    "USING",
    "ILIKE",
    "LATERAL",
    "NOW()",
    "GEN_RANDOM_UUID",
    "SERIAL ",
    "SEQUENCE",
    "NEXTVAL",
    "COLLATE",
    "DEFERRABLE",
    "INCLUDE",
    "STORING",
    "UPSERT",
    "ALTER TYPE",
    "ARRAY",
    "JSON",
    "::",
    "->",
    "RETURNING *",
    "SELECT *",
    "CONCURRENTLY",
    "CURRENT_TIMESTAMP",
    "DISTINCT ON",
    "REGEXP",
    "SIMILAR",
    "LOWER(",
    "UPPER(",
    "AUTOINCREMENT",
    "PRAGMA",
    "NULLS",
];

#[test]
fn no_statement_leaves_the_common_subset() {
    let texts = statements().into_iter().map(|sql| (sql.name.to_owned(), sql.text));
    let steps = migrate::steps().into_iter().map(|step| (step.id, step.text));
    for (name, text) in texts.chain(steps) {
        let code: String =
            text.lines().map(|line| line.split("--").next().unwrap_or("").to_owned() + "\n").collect();
        let upper = code.to_uppercase();
        for word in DENIED {
            assert!(!upper.contains(word), "{name} says {word}: {text}");
        }
        assert!(!code.trim_end().contains(';'), "{name} is more than one statement");
        assert!(!upper.contains(" / "), "{name} divides, which differs between databases");
    }
}

#[test]
fn statement_names_are_unique() {
    let mut names: Vec<_> = statements().into_iter().map(|sql| sql.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();

    assert_eq!(names.len(), count);
}

#[tokio::test]
async fn every_statement_prepares_on_sqlite() {
    let fresh = support::sqlite().await;
    let mut connection = SqliteConnection::connect(&fresh.url).await.expect("connects");
    for sql in statements().into_iter().filter(|sql| !is_of_postgres(sql.name)) {
        let prepared = (&mut connection).prepare(sqlx::SqlStr::from_static(sql.text)).await;
        assert!(prepared.is_ok(), "{}: {:?}", sql.name, prepared.err());
    }
}

#[tokio::test]
async fn every_statement_prepares_and_runs_on_postgres() {
    let Some(fresh) = support::postgres().await else { return };
    let mut connection = PgConnection::connect(&fresh.url).await.expect("connects");
    for sql in statements().into_iter().filter(|sql| !sql.name.contains("BEGIN")) {
        let prepared = (&mut connection).prepare(sqlx::SqlStr::from_static(sql.text)).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", sql.name));
        let types = prepared.parameters().map(|types| types.left().map(<[_]>::to_vec).unwrap_or_default());
        let mut query = sqlx::query(sql.text);
        // A statement of many rows may not name one key twice.
        let text =
            |place: usize| if sql.name.ends_with("PUT_SESSIONS") { format!("x{place}") } else { "x".into() };
        for (place, kind) in types.unwrap_or_default().iter().enumerate() {
            query = match kind.name() {
                "TEXT" | "VARCHAR" => query.bind(text(place)),
                "INT8" => query.bind(1_i64),
                "INT4" => query.bind(1_i32),
                "BOOL" => query.bind(true),
                other => panic!("{}: a parameter of type {other}", sql.name),
            };
        }
        let mut transaction = connection.begin().await.expect("begins");
        let parent = "INSERT INTO usr VALUES ('x', 'x', 'p', '', '', '', '', '', '', '', 1, true, true, '', 1) \
                      ON CONFLICT DO NOTHING";
        if !sql.name.contains("users::INSERT") || sql.name.contains("INSERT_ATTRIBUTE") {
            (&mut *transaction).execute(parent).await.expect("the parent row is inserted");
        }
        let result = query.execute(&mut *transaction).await;
        assert!(result.is_ok(), "{}: {:?}", sql.name, result.err());
        transaction.rollback().await.expect("rolls back");
    }
}

#[tokio::test]
async fn migrations_run_once_and_a_plan_is_empty_after() {
    for fresh in support::each().await {
        assert_eq!(migrate::plan(&fresh.db).await.expect("plans").len(), 0);
        assert_eq!(migrate::run(&fresh.db, "again").await.expect("runs"), 0);
    }
}

fn is_of_postgres(name: &str) -> bool {
    name.contains("BEGIN_PG") || name.contains("VERSION_STATEMENT")
}

#[tokio::test]
async fn what_a_login_or_search_reads_is_found_by_an_index() {
    let fresh = support::sqlite().await;
    let mut connection = SqliteConnection::connect(&fresh.url).await.expect("connects");
    let is_hot = |name: &str| {
        [
            "::FIND",
            "users::ROLES",
            "users::GROUPS",
            "credentials::LIST",
            "search::PREFIX",
            "search::ATTRIBUTES",
        ]
        .iter()
        .any(|hot| name.contains(hot))
    };
    let hot: Vec<_> = statements().into_iter().filter(|sql| is_hot(sql.name)).collect();
    assert!(hot.len() > 20);
    for sql in hot {
        let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.text));
        let rows = sqlx::query(text).fetch_all(&mut connection).await.expect("explains");
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, 3)).collect();
        assert!(!plan.iter().any(|line| line.starts_with("SCAN usr")), "{}: {plan:?}", sql.name);
        assert!(plan.iter().any(|line| line.starts_with("SEARCH")), "{}: {plan:?}", sql.name);
    }
}
