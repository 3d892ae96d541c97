//! Who only looks costs nothing that stays.

use std::path::Path;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use keyraft_harness::{Keyraft, skip};
use serde_json::json;

use crate::{keyraft, shop::Shop};

/// Browsers that walk at the same time.
const BROWSERS: usize = 8;
/// How far memory may rise once it has settled, in KiB.
const MAX_RISE: u64 = 8 * 1024;

/// Opens the login page again and again, each time as a browser that was never here.
async fn walk(keyraft: &Keyraft, url: &str, times: usize) -> Result<()> {
    let walks = (0..BROWSERS).map(async |_| {
        for _ in 0..times / BROWSERS {
            let answer = keyraft.http().get(url).send().await?;
            anyhow::ensure!(answer.status() == 200, "{}", answer.status());
            anyhow::ensure!(answer.text().await?.contains("<form"), "no form");
        }
        Ok::<_, anyhow::Error>(())
    });
    try_join_all(walks).await?;
    Ok(())
}

/// What a process holds in memory, in KiB.
fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
}

/// Names and sizes of all files below a folder.
fn files(folder: &Path) -> Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        if meta.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push((path.display().to_string(), meta.len()));
        }
    }
    found.sort();
    Ok(found)
}

async fn leave_no_trace(times: usize) -> Result<()> {
    let keyraft = keyraft().await?;
    let Some((process, data)) = keyraft.inside() else {
        skip("the memory of a server that was given is not ours to look at");
        return Ok(());
    };
    if !Path::new("/proc/self/status").exists() {
        skip("no /proc here");
        return Ok(());
    }
    let realm = keyraft.realm("walks", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let url = shop.authorize(&[])?;
    walk(&keyraft, &url, 1_000).await?;
    let (memory, disk) = (resident(process)?, files(&data)?);

    walk(&keyraft, &url, times).await?;

    let after = resident(process)?;
    eprintln!("{times} walks: {memory} KiB of memory before them, {after} KiB after");
    let rise = after.saturating_sub(memory);
    assert!(rise < MAX_RISE, "{rise} KiB more after {times} walks");
    assert_eq!(files(&data)?, disk);
    let sessions = keyraft.read(&realm.path("/client-session-stats")).await?;
    assert_eq!(sessions, json!([]));
    Ok(())
}

#[tokio::test]
async fn three_thousand_walks_to_the_login_page_leave_no_trace() -> Result<()> {
    leave_no_trace(3_000).await
}

#[tokio::test]
async fn a_hundred_thousand_walks_to_the_login_page_leave_no_trace() -> Result<()> {
    if std::env::var_os("KEYRAFT_LONG").is_none() {
        skip("KEYRAFT_LONG is not set");
        return Ok(());
    }
    leave_no_trace(100_000).await
}

#[tokio::test]
async fn guesses_at_names_that_nobody_has_leave_nothing_on_disk() -> Result<()> {
    let keyraft = keyraft().await?;
    let Some((_, data)) = keyraft.inside() else { return Ok(()) };
    let realm = keyraft.realm("nobody", json!({ "bruteForceProtected": true, "failureFactor": 3 })).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let guess = async |number: usize| {
        let name = format!("nobody-{number}");
        shop.token(&[("grant_type", "password"), ("username", &name), ("password", "guess")]).await
    };
    guess(0).await?;
    let disk = files(&data)?;

    for number in 1..40 {
        assert_eq!(guess(number).await?.refusal(), (400, "invalid_grant"));
    }

    assert_eq!(files(&data)?, disk);
    Ok(())
}
