//! Sessions by the ten thousand, and what they cost in resident memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::{
    browser::Browser,
    http::Http,
    peer::Peer,
    process,
    setup::{self, EDDSA, ES256, Target},
};

/// How many people share the sessions.
const PEOPLE: u64 = 200;
/// Sessions before anything counts: they fill caches and buffers that every later one finds full.
const BEFORE: u64 = 2_000;
/// Time for buffers on their way to disk.
const SETTLE: Duration = Duration::from_secs(3);

/// Starts `count` sessions, each by a browser that signs in for one client and then visits another, and gives back
/// by how many bytes resident memory grew for each.
pub(crate) async fn bytes_per_session(
    peer: &Peer,
    admin: (&str, &str),
    count: u64,
    connections: usize,
) -> Result<f64> {
    let target = setup::crowd(peer, admin, PEOPLE).await?;
    start(&target, BEFORE, connections).await?;
    tokio::time::sleep(SETTLE).await;
    let before = process::resident_bytes(peer.pid)?;
    start(&target, count, connections).await?;
    tokio::time::sleep(SETTLE).await;
    Ok((process::resident_bytes(peer.pid)? - before) / count as f64)
}

async fn start(target: &Target, count: u64, connections: usize) -> Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (next, target) = (Arc::clone(&next), target.clone());
        tasks.spawn(async move {
            let mut http = Http::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<(), anyhow::Error>(());
                }
                let mut browser = Browser::default();
                let name = setup::crowd_name(number % PEOPLE);
                browser.sign_in(&mut http, &target, ES256, &name).await?;
                browser.visit(&mut http, &target, EDDSA).await?;
            }
        });
    }
    while let Some(finished) = tasks.join_next().await {
        finished??;
    }
    Ok(())
}
