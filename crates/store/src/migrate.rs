//! Migrations: forward only, one statement a step, each step re-runnable.
//!
//! The steps are the statements of `migrations/*.sql`, embedded. On PostgreSQL and CockroachDB each runs by itself
//! (CockroachDB has no transactional DDL) under a lease row, so that of many starting nodes one migrates and the
//! others wait; a step whose outcome was lost runs again, which `IF NOT EXISTS` makes harmless. SQLite runs all in
//! one transaction.

use std::{collections::HashSet, time::Duration};

use crate::{
    Db, Error, Flavor, Source, clock,
    db::Pools,
    leases,
    source::{self, args},
    sql::{Sql, statements},
};

statements! {
    PING_STATEMENT = "SELECT 1";
    VERSION_STATEMENT = "SELECT version(), CAST('B' AS TEXT) < CAST('a' AS TEXT)";
    CREATE_STEPS = "CREATE TABLE IF NOT EXISTS migration_step (id TEXT NOT NULL, applied_ms BIGINT NOT NULL, \
                    CONSTRAINT migration_step_pk PRIMARY KEY (id))";
    CREATE_LEASES = "CREATE TABLE IF NOT EXISTS lease (name TEXT NOT NULL, holder TEXT NOT NULL, \
                     fence BIGINT NOT NULL, until_ms BIGINT NOT NULL, CONSTRAINT lease_pk PRIMARY KEY (name))";
    APPLIED = "SELECT id FROM migration_step ORDER BY id";
    NOTE = "INSERT INTO migration_step (id, applied_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
}

pub(crate) const PING: Sql = PING_STATEMENT;
pub(crate) const VERSION: Sql = VERSION_STATEMENT;

const FILES: &[(&str, &str)] = &[
    ("0001", include_str!("../../../migrations/0001_base.sql")),
    ("0002", include_str!("../../../migrations/0002_cluster.sql")),
    ("0003", include_str!("../../../migrations/0003_sessions.sql")),
];
const LEASE: &str = "migrate";
const LEASE_MS: i64 = 30_000;
/// How often a step is tried again that met its twin.
const TWINS: usize = 5;

/// One statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Number of the file and place in it, such as `0001/03`.
    pub id: String,
    /// The statement.
    pub text: &'static str,
}

/// All steps, in order.
pub fn steps() -> Vec<Step> {
    FILES.iter().flat_map(|(file, text)| steps_of(file, text)).collect()
}

/// The steps that [`run`] would run, in order; it changes nothing.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn plan(db: &Db) -> Result<Vec<Step>, Error> {
    let applied = match db.rows(APPLIED, args![]).await {
        Ok(rows) => rows.iter().map(|row| row.text(APPLIED, 0)).collect::<Result<HashSet<_>, _>>()?,
        // No table yet: nothing was applied.
        Err(Error::Corrupt { .. }) => HashSet::new(),
        Err(error) => return Err(error),
    };
    Ok(steps().into_iter().filter(|step| !applied.contains(&step.id)).collect())
}

/// Runs the steps that are missing and returns how many there were. `holder` names this node.
///
/// # Errors
/// [`Error::Unavailable`]; [`Error::Corrupt`] when a step does not run.
pub async fn run(db: &Db, holder: &str) -> Result<usize, Error> {
    let flavor = db.learn_flavor().await?;
    if plan(db).await?.is_empty() {
        return Ok(0);
    }
    match flavor {
        Flavor::Sqlite => run_at_once(db).await,
        Flavor::Postgres | Flavor::Cockroach => run_leased(db, holder).await,
    }
}

async fn run_at_once(db: &Db) -> Result<usize, Error> {
    let Pools::Lite { writer, .. } = db.pools() else {
        return Err(Error::Refused("only SQLite migrates in one transaction".into()));
    };
    let failed = |error| Error::from_driver("migrate", error);
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for sql in [CREATE_STEPS, CREATE_LEASES] {
        source::lite_exec(&mut *tx, sql, args![]).await.map_err(failed)?;
    }
    let rows = source::lite_rows(&mut *tx, APPLIED, args![]).await.map_err(failed)?;
    let applied = rows.iter().map(|row| row.text(APPLIED, 0)).collect::<Result<HashSet<_>, _>>()?;
    let mut count = 0;
    for step in steps().iter().filter(|step| !applied.contains(&step.id)) {
        let sql = Sql::new("migrate", step.text);
        source::lite_exec(&mut *tx, sql, args![]).await.map_err(failed)?;
        source::lite_exec(&mut *tx, NOTE, args![&step.id, clock::now_ms()]).await.map_err(failed)?;
        count += 1;
    }
    tx.commit().await.map_err(failed)?;
    Ok(count)
}

async fn run_leased(db: &Db, who: &str) -> Result<usize, Error> {
    // Nodes that start together call themselves alike; a lease that each of them holds keeps nobody out.
    let holder = &format!("{who} {:016x}", rand::random_range(0..u64::MAX));
    for sql in [CREATE_STEPS, CREATE_LEASES] {
        create(db, sql).await?;
    }
    while leases::take(db, LEASE, holder, LEASE_MS).await?.is_none() {
        if plan(db).await?.is_empty() {
            return Ok(0);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let missing = plan(db).await?;
    for step in &missing {
        if leases::take(db, LEASE, holder, LEASE_MS).await?.is_none() {
            return Err(Error::Refused("another node took over the migration".into()));
        }
        create(db, Sql::new("migrate", step.text)).await?;
        db.exec_alone(NOTE, args![&step.id, clock::now_ms()]).await?;
    }
    leases::give_back(db, LEASE, holder).await?;
    Ok(missing.len())
}

/// Runs a step that may meet its twin: two `CREATE TABLE IF NOT EXISTS` at once can collide in the catalogue.
async fn create(db: &Db, sql: Sql) -> Result<(), Error> {
    for _ in 0..TWINS {
        match db.exec_at_length(sql).await {
            // What one of two finds in its way there has more than one code: a key, a table, a type.
            Err(Error::Conflict { .. } | Error::Unavailable { .. } | Error::Corrupt { .. }) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            result => return result,
        }
    }
    db.exec_at_length(sql).await
}

/// Statements end with `;` at the end of a line.
fn steps_of(file: &str, text: &'static str) -> Vec<Step> {
    text.split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .enumerate()
        .map(|(place, text)| Step { id: format!("{file}/{:02}", place + 1), text })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_can_run_twice() {
        let steps = steps();

        assert!(steps.len() > 20);
        for step in steps {
            assert!(step.text.contains("IF NOT EXISTS"), "{}: {}", step.id, step.text);
        }
    }
}
