//! The cluster ring: three real processes over one PostgreSQL, and what becomes of them.
//!
//! Each test is a row of the table of what must be survived, and says so when it has run. Where no PostgreSQL is
//! named the rows are left out, and say that.

mod data;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use keyraft_harness::{Nodes, skip};

/// Three nodes that are ready; `None`, and said so, without PostgreSQL.
async fn three() -> Result<Option<Nodes>> {
    let nodes = Nodes::start(env!("CARGO_BIN_EXE_keyraft"), 3).await?;
    if nodes.is_none() {
        skipped();
    }
    Ok(nodes)
}

/// Says that a row was left out, and why.
fn skipped() {
    skip("a cluster needs PostgreSQL: KEYRAFT_TEST_DB=pg and KEYRAFT_TEST_PG_URL");
}

/// Says which row has run.
fn ran(row: &str, began: Instant) {
    #[expect(clippy::print_stdout, reason = "the ring reports its rows")]
    {
        println!("ROW: {row}: {} s", began.elapsed().as_secs());
    }
}

/// A refresh token from each node.
async fn sign_in_everywhere(nodes: &Nodes) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for place in 0..nodes.count() {
        tokens.push(signed_in(nodes, place).await?);
    }
    Ok(tokens)
}

/// Signs in at a node, once there is a majority again.
async fn signed_in(nodes: &Nodes, place: usize) -> Result<String> {
    let began = Instant::now();
    loop {
        match nodes.sign_in(place).await {
            Ok(Ok(token)) => return Ok(token),
            Ok(Err(503)) | Err(_) if began.elapsed() < Duration::from_mins(2) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => anyhow::bail!("signing in at node {place}: {other:?}"),
        }
    }
}

/// All tokens are good at that node.
async fn all_stay_signed_in(nodes: &Nodes, place: usize, tokens: &[String]) -> Result<()> {
    for token in tokens {
        let answer = nodes.refresh(place, token).await?;
        ensure!(answer.is_ok(), "node {place}: {answer:?}\n{}", nodes.log(place));
    }
    Ok(())
}

fn is_whole(status: &serde_json::Value) -> bool {
    status["canLose"] == 1 && status["nodes"].as_array().is_some_and(|nodes| nodes.len() == 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_form_one_cluster_and_each_serves() -> Result<()> {
    let began = Instant::now();
    let Some(nodes) = three().await? else { return Ok(()) };

    let mut leaders = BTreeSet::new();
    for place in 0..3 {
        let status = nodes.until(place, "all are healthy", is_whole).await?;
        ensure!(status["summary"] == "3 of 3 nodes healthy. You can lose 1.", "{status:#}");
        leaders.insert(status["leader"].to_string());
    }

    ensure!(leaders.len() == 1, "{leaders:?}");
    let tokens = sign_in_everywhere(&nodes).await?;
    for place in 0..3 {
        all_stay_signed_in(&nodes, place, &tokens).await?;
    }
    ensure!(nodes.command(0, &["status"])?.starts_with("3 of 3 nodes healthy. You can lose 1."));
    ran("three nodes started at once", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_takes_no_session_with_it_and_comes_back() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = three().await? else { return Ok(()) };
    let tokens = sign_in_everywhere(&nodes).await?;
    let leader = nodes.leader().await?;

    nodes.kill(leader)?;

    let other = (leader + 1) % 3;
    signed_in(&nodes, other).await?;
    all_stay_signed_in(&nodes, other, &tokens).await?;
    nodes.start_again(leader)?;
    nodes.ready(leader).await?;
    all_stay_signed_in(&nodes, leader, &tokens).await?;
    nodes.until(other, "it is back", is_whole).await?;
    ran("kill -9 the leader", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_killed_is_503_and_mends_itself() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = three().await? else { return Ok(()) };
    let tokens = sign_in_everywhere(&nodes).await?;
    let survivor = nodes.leader().await?;
    let lost = [(survivor + 1) % 3, (survivor + 2) % 3];

    for place in lost {
        nodes.kill(place)?;
    }

    tokio::time::sleep(Duration::from_secs(4)).await;
    ensure!(nodes.sign_in(survivor).await? == Err(503), "nobody may sign in without a majority");
    ensure!(nodes.refresh(survivor, &tokens[0]).await? == Err(503), "what cannot be known is 503, never no");
    for place in lost {
        nodes.start_again(place)?;
    }
    for place in 0..3 {
        nodes.ready(place).await?;
        all_stay_signed_in(&nodes, place, &tokens).await?;
    }
    ran("kill -9 two of three", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_told_to_stop_fails_no_request_of_the_others() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = three().await? else { return Ok(()) };
    let leader = nodes.leader().await?;
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    let token = signed_in(&nodes, others[0]).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let load = {
        let (client, stop) = (nodes.client(), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut served, mut failed) = (0_u32, Vec::new());
            while !stop.load(Ordering::Relaxed) {
                for place in others {
                    match client.refresh(place, &token).await {
                        Ok(Ok(_)) => served += 1,
                        other => failed.push(format!("{other:?}")),
                    }
                }
            }
            (served, failed)
        })
    };

    nodes.terminate(leader).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.store(true, Ordering::Relaxed);

    let (served, failed) = load.await?;
    ensure!(failed.is_empty() && served > 0, "{served} served, failed: {failed:?}");
    nodes.start_again(leader)?;
    nodes.ready(leader).await?;
    ran("SIGTERM of the leader under load", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_killed_and_started_in_any_order_keep_their_sessions() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = three().await? else { return Ok(()) };
    let tokens = sign_in_everywhere(&nodes).await?;

    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for place in 0..3 {
            nodes.kill(place)?;
        }
        for place in order {
            nodes.start_again(place)?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        for place in 0..3 {
            nodes.ready(place).await?;
            all_stay_signed_in(&nodes, place, &tokens).await?;
        }
    }
    ran("kill -9 all, started in every order", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_disk_comes_back_as_a_new_one() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = three().await? else { return Ok(()) };
    let tokens = sign_in_everywhere(&nodes).await?;
    let leader = nodes.leader().await?;
    let wiped = (leader + 1) % 3;
    let id = |status: &serde_json::Value| {
        let name = format!("keyraft-{wiped}");
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        nodes.into_iter().find(|node| node["name"] == name.as_str()).and_then(|node| node["id"].as_u64())
    };
    let before = id(&nodes.status(leader)?);

    nodes.kill(wiped)?;
    nodes.wipe(wiped)?;
    nodes.start_again(wiped)?;
    nodes.ready(wiped).await?;

    let status = nodes.until(leader, "the new disk votes", is_whole).await?;
    ensure!(id(&status) > before, "{status:#}");
    all_stay_signed_in(&nodes, wiped, &tokens).await?;
    ran("one disk wiped", began);
    Ok(())
}
