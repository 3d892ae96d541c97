//! What a member does all the time: tells the others how it is, hears how they are, notices what is wrong.
//!
//! Each loop is on its own, ends with its node, and goes on after every failure.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::{Instant, interval, sleep};

use super::{
    Members, clock, lock,
    question::{Answer, Claim, Question},
    seat::ask,
};
use crate::{net::Target, time};

/// Between two pulses.
const PULSE: Duration = Duration::from_secs(1);
/// Pulses older than this say nothing about a clock.
const FRESH: Duration = Duration::from_secs(5);
/// Between two looks for members that do not answer.
const PLACES: Duration = Duration::from_secs(2);
/// Between two looks at the database's epoch.
const EPOCH: Duration = Duration::from_secs(30);

/// Asks everybody how he is, and judges this node's clock by the answers.
pub(super) async fn pulses(members: Arc<Members>) {
    let mut every = interval(PULSE);
    loop {
        every.tick().await;
        if let Some(metrics) = members.raft_metrics() {
            let own = members.id();
            let peers = metrics.membership_config.membership().nodes().map(|(id, _)| *id);
            let peers: Vec<u64> = peers.filter(|id| Some(*id) != own).collect();
            lock(&members.known).pulses.retain(|id, _| peers.contains(id));
            let targets = peers.into_iter().filter_map(|id| Some((id, members.target_of(id, &metrics)?)));
            join_all(targets.map(|(id, target)| pulse(&members, id, target))).await;
        }
        judge_clock(&members).await;
        members.publish();
    }
}

async fn pulse(members: &Arc<Members>, id: u64, target: Target) {
    let Some(net) = members.net.get() else { return };
    let (sent, began) = (time::wall_us() / 1_000, Instant::now());
    if let Some(Answer::Pulse(pulse)) = ask(net, &target, Question::Pulse).await {
        members.heard(id, pulse, sent, began.elapsed());
    }
}

/// A node whose clock is off must not date what others do: it gives up leadership, and does not stand for it.
async fn judge_clock(members: &Arc<Members>) {
    let theirs: Vec<i64> = lock(&members.known).recent(FRESH).map(|(_, heard)| heard.offset).collect();
    let offset = clock::offset(&theirs);
    let is_off = clock::is_off(offset);
    let was_off = lock(&members.clock_off).is_some();
    *lock(&members.clock_off) = is_off.then_some(offset);
    let Some(raft) = members.raft.get() else { return };
    if is_off && !was_off {
        tracing::error!(
            offset_ms = offset,
            "this node's clock is off the other nodes' clocks: it leads no more"
        );
        metrics::counter!("keyraft_cluster_clock_alarms_total").increment(1);
        raft.runtime_config().elect(false);
    }
    if is_off && members.is_leader() {
        members.give_up_leadership().await;
    }
    if !is_off && was_off {
        tracing::info!("this node's clock agrees with the other nodes' clocks again");
        raft.runtime_config().elect(true);
    }
}

/// Looks for members that do not answer where the membership says they are.
pub(super) async fn places(members: Arc<Members>) {
    let mut every = interval(PLACES);
    loop {
        every.tick().await;
        let (Some(net), Some(metrics)) = (members.net.get(), members.raft_metrics()) else { continue };
        let own = members.id();
        let recorded: BTreeMap<u64, String> = metrics
            .membership_config
            .membership()
            .nodes()
            .map(|(id, node)| (*id, node.addr.clone()))
            .collect();
        let lost = members.timing.lost;
        let silent: Vec<u64> = {
            let known = lock(&members.known);
            let heard: Vec<u64> = known.recent(lost.max(PULSE * 2)).map(|(id, _)| id).collect();
            recorded.keys().filter(|id| Some(**id) != own && !heard.contains(id)).copied().collect()
        };
        if silent.is_empty() {
            continue;
        }
        for met in members.meet(net).await {
            let Ok(hello) = net.dial(&met.at).await else { continue };
            let Some(id) = hello.id.filter(|id| silent.contains(id)) else { continue };
            if recorded.get(&id) != Some(&met.at) {
                let before = lock(&members.known).places.insert(id, met.at.clone());
                if before.as_ref() != Some(&met.at) {
                    tracing::info!(member = met.name, at = met.at, "a member was found elsewhere");
                }
            }
        }
    }
}

/// Has the membership say where this node is, and that it is a member at all.
pub(super) async fn own_place(members: Arc<Members>) {
    let mut said = None;
    loop {
        sleep(PULSE / 2).await;
        if members.leaving.load(std::sync::atomic::Ordering::Relaxed) {
            continue;
        }
        let (Some(metrics), Some(id)) = (members.raft_metrics(), members.id()) else { continue };
        let recorded = metrics.membership_config.membership().get_node(&id).cloned();
        let claim = Claim { id, member: members.me.clone() };
        let question = match recorded {
            Some(member) if member == members.me => {
                if members.is_informed() {
                    continue;
                }
                // A member that was removed while it was away does not know that it was.
                match members.ask_anybody(&Question::IsMember(id)).await {
                    Some(Answer::IsMember(false)) => Question::Join(claim),
                    _ => continue,
                }
            }
            Some(_) => Question::Moved(claim),
            None if members.is_founder()
                && metrics.membership_config.membership().nodes().next().is_none() =>
            {
                continue;
            }
            None => Question::Join(claim),
        };
        let answer = if members.is_leader() {
            Some(members.answer(super::question::Letter { question, hops: 0 }).await)
        } else {
            members.ask_anybody(&question).await
        };
        if let Some(Answer::No(why)) = answer
            && said.as_ref() != Some(&why)
        {
            tracing::warn!("the cluster does not take this node in: {why}");
            said = Some(why);
        }
    }
}

/// Notices a higher epoch in the database, where no peer tells of it.
pub(super) async fn epoch(members: Arc<Members>) {
    let Some(registry) = members.founding.registry.clone() else { return };
    loop {
        sleep(EPOCH).await;
        let own = members.epoch();
        if let Ok(Some(row)) = registry.read().await
            && row.epoch > own
        {
            members
                .fence(format!("the cluster was formed anew: its epoch is {}, this node's {own}", row.epoch));
        }
    }
}

/// Notes on disk that this node takes part, once its log says so: from then on the log must be there.
pub(super) async fn formed(members: Arc<Members>) {
    while !members.was_formed() {
        sleep(PULSE / 20).await;
        let has_log = members.raft_metrics().is_some_and(|metrics| metrics.last_log_index.is_some());
        if has_log && let Err(error) = members.note_formed().await {
            tracing::error!(%error, "the identity was not saved");
        }
    }
}

/// Stops Raft when this node is fenced.
pub(super) async fn stop(members: Arc<Members>) {
    let mut fence = members.fence.subscribe();
    if fence.wait_for(Option::is_some).await.is_ok()
        && let Some(raft) = members.raft.get()
        && let Err(error) = raft.shutdown().await
    {
        tracing::warn!(%error, "raft did not stop in order");
    }
}
