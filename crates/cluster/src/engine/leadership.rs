//! What happens when the leader changes: the new one's time begins, and everybody learns whom to ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use openraft::{
    ServerState, alias::WatchReceiverOf, async_runtime::WatchReceiver, metrics::RaftServerMetrics,
};
use tokio::sync::watch;

use crate::{
    Member,
    engine::{
        proposer::{Lead, Who},
        types::{Raft, Types},
        word::Word,
    },
    net::{Net, Target},
    shared::Shared,
};

/// Follows openraft's word on who leads and who is in the group, until it stops.
pub(crate) fn follow(
    raft: &Raft,
    shared: Arc<Shared>,
    word: Arc<Word>,
    net: Net,
    publish: watch::Sender<Lead>,
) -> impl Future<Output = ()> + Send + 'static + use<> {
    // Only the channel: a handle in the task would keep a stopped engine alive.
    let metrics = raft.server_metrics();
    async move { run(metrics, &shared, &word, &net, &publish).await }
}

async fn run(mut metrics: Metrics, shared: &Shared, word: &Word, net: &Net, publish: &watch::Sender<Lead>) {
    let (mut begun, mut heard) = (None, false);
    let mut kept = BTreeMap::new();
    loop {
        let seen = Seen::of(&metrics.borrow_watched());
        if seen.peers != kept {
            net.keep(&seen.peers);
            kept.clone_from(&seen.peers);
        }
        if seen.is_leader {
            word.lead(seen.lead.term, &seen.voters);
            if begun != Some(seen.lead.term) {
                // Before anything is proposed in this term: its time may not begin at an old base.
                shared.begin_leadership(!heard);
                begun = Some(seen.lead.term);
                tracing::info!(term = seen.lead.term, "this node leads");
            }
        } else {
            word.follow();
        }
        heard |= seen.is_leader || matches!(seen.lead.who, Who::At(_));
        publish.send_if_modified(|lead| {
            let is_new = *lead != seen.lead;
            *lead = seen.lead.clone();
            is_new
        });
        if metrics.changed().await.is_err() {
            publish.send_modify(|lead| lead.who = Who::Stopped);
            return;
        }
    }
}

type Metrics = WatchReceiverOf<Types, RaftServerMetrics<Types>>;

/// What of the metrics matters here.
struct Seen {
    lead: Lead,
    is_leader: bool,
    voters: Vec<BTreeSet<u64>>,
    peers: BTreeMap<u64, Member>,
}

impl Seen {
    fn of(metrics: &RaftServerMetrics<Types>) -> Self {
        let membership = metrics.membership_config.membership();
        let is_leader = metrics.state == ServerState::Leader;
        let who = match metrics.current_leader {
            _ if is_leader => Who::Here,
            Some(id) if id != metrics.id => match membership.get_node(&id) {
                Some(member) => Who::At(Target::member(id, member)),
                None => Who::Nobody,
            },
            _ => Who::Nobody,
        };
        let peers = membership.nodes().filter(|(id, _)| **id != metrics.id);
        Self {
            lead: Lead { term: metrics.vote.leader_id.term, who },
            is_leader,
            voters: membership.get_joint_config().clone(),
            peers: peers.map(|(id, member)| (*id, member.clone())).collect(),
        }
    }
}
