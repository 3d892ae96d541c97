//! Prints every statement and migration step as JSON lines `{"name": …, "text": …}`, for tests that parse them
//! with a database's own grammar.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for statement in keyraft_store::statements() {
        writeln!(out, "{}", serde_json::json!({"name": statement.name, "text": statement.text}))?;
    }
    for step in keyraft_store::migrate::steps() {
        writeln!(out, "{}", serde_json::json!({"name": step.id, "text": step.text}))?;
    }
    Ok(())
}
