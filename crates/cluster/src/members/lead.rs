//! What the leader does: one change of the membership at a time, as `plan` decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use openraft::{ChangeMembers, Instant as _, RaftMetrics, ServerState, raft::Precondition};
use tokio::time::{Instant, interval};

use super::{
    Members, lock,
    plan::{self, Change, Outlook, Seen},
    question::{Answer, Claim},
};
use crate::{Member, command::Command, engine::types::Types, machine::Body};

/// Between two looks at the membership.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks at the replicas file.
const REPLICAS: Duration = Duration::from_secs(10);
/// How long a change may take; a majority that goes away meanwhile must not hold the loop.
const CHANGE: Duration = Duration::from_secs(10);

/// Keeps the membership while this node leads.
pub(super) async fn lead(members: Arc<Members>) {
    let mut every = interval(LOOK);
    let mut replicas = Replicas::default();
    let mut leads_since = None;
    let mut written = 0;
    loop {
        every.tick().await;
        replicas.look(members.founding.replicas_file.as_deref()).await;
        let Some(metrics) = members.raft_metrics() else { continue };
        if metrics.state != ServerState::Leader {
            leads_since = None;
            let mut known = lock(&members.known);
            known.moved.clear();
            known.unwanted.clear();
            continue;
        }
        let since = *leads_since.get_or_insert_with(Instant::now);
        members.follow_row(&metrics, &mut written).await;
        members.begin_epoch().await;
        if let Some(change) = members.next_change(&metrics, since, replicas.wanted) {
            members.change(&metrics, change).await;
        }
    }
}

/// What the replicas file says.
#[derive(Debug, Default)]
struct Replicas {
    wanted: Option<u64>,
    looked: Option<Instant>,
}

impl Replicas {
    async fn look(&mut self, file: Option<&Path>) {
        let Some(file) = file else { return };
        if self.looked.is_some_and(|looked| looked.elapsed() < REPLICAS) {
            return;
        }
        self.looked = Some(Instant::now());
        let wanted = match tokio::fs::read_to_string(file).await {
            Ok(text) => text.trim().parse().ok().filter(|wanted| *wanted > 0),
            Err(_) => None,
        };
        if wanted.is_none() && self.wanted.is_some() {
            tracing::warn!(file = %file.display(), "the replicas file holds no number; silence alone decides");
        }
        if wanted.is_some() && wanted != self.wanted {
            tracing::info!(replicas = wanted, "the replicas file says how many nodes there should be");
        }
        self.wanted = wanted;
    }
}

impl Members {
    fn next_change(
        &self,
        metrics: &RaftMetrics<Types>,
        since: Instant,
        replicas: Option<u64>,
    ) -> Option<Change> {
        let seen = Self::seen(metrics, since);
        let config = metrics.membership_config.membership();
        let known = lock(&self.known);
        let differs = |(id, member): &(&u64, &Member)| config.get_node(id).is_some_and(|now| now != *member);
        let moved: BTreeMap<u64, Member> =
            known.moved.iter().filter(differs).map(|(id, member)| (*id, member.clone())).collect();
        plan::next(&Outlook {
            me: metrics.id,
            is_joint: config.get_joint_config().len() > 1,
            members: &seen,
            moved: &moved,
            unwanted: &known.unwanted,
            replicas,
            patience: self.founding.patience,
            lost: self.timing.lost,
        })
    }

    /// The members as this leader sees them; who never answered it has been silent since it began to lead.
    pub(super) fn seen(metrics: &RaftMetrics<Types>, since: Instant) -> Vec<Seen> {
        let config = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = config.voter_ids().collect();
        let last = metrics.last_log_index.unwrap_or(0);
        let silent = |id: &u64| {
            let acked = metrics.heartbeat.as_ref().and_then(|heartbeat| heartbeat.get(id)).copied().flatten();
            acked.map_or_else(|| since.elapsed(), |acked| acked.elapsed())
        };
        let lag = |id: &u64| {
            let matched = metrics.replication.as_ref()?.get(id)?.as_ref()?.index;
            Some(last.saturating_sub(matched))
        };
        let seen = |(id, member): (&u64, &Member)| Seen {
            id: *id,
            name: member.name.clone(),
            is_voter: voters.contains(id),
            silent: if *id == metrics.id { Duration::ZERO } else { silent(id) },
            lag: if *id == metrics.id { Some(0) } else { lag(id) },
        };
        config.nodes().map(seen).collect()
    }

    /// Makes a change, unless the membership is another by now.
    async fn change(&self, metrics: &RaftMetrics<Types>, change: Change) {
        let Some(raft) = self.raft.get() else { return };
        let guard = [Precondition::LastMembershipLogId {
            last_membership_log_id: *metrics.membership_config.log_id(),
        }];
        let config = metrics.membership_config.membership();
        let names = |ids: &BTreeSet<u64>| {
            let name = |id| config.get_node(id).map_or("?", |member| member.name.as_str());
            ids.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        let (change, words) = match change {
            Change::Finish => (
                ChangeMembers::AddVoterIds(BTreeSet::new()),
                "a change is finished that stopped half-way".to_owned(),
            ),
            Change::Move(moved) => {
                let words = moved.values().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                (ChangeMembers::SetNodes(moved), words)
            }
            Change::Voters(voters) => {
                let words = format!("{} vote from now on", names(&voters));
                (ChangeMembers::ReplaceAllVoters(voters), words)
            }
            Change::Forget(gone) => {
                let words = format!("{} are members no longer", names(&gone));
                (ChangeMembers::RemoveNodes(gone), words)
            }
        };
        tracing::info!("the membership changes: {words}");
        let changed = raft.change_membership_if(change, true, guard);
        match tokio::time::timeout(CHANGE, changed).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the membership was not changed"),
            Err(_) => tracing::warn!("a change of the membership takes long"),
        }
    }

    /// Takes a node in as a learner.
    pub(super) async fn admit_learner(&self, claim: Claim) -> Answer {
        if let Err(why) = self.verify(&claim).await {
            return Answer::No(why);
        }
        let (Some(raft), Some(metrics)) = (self.raft.get(), self.raft_metrics()) else {
            return Answer::NoLeader;
        };
        let config = metrics.membership_config.membership();
        match config.get_node(&claim.id) {
            Some(member) if *member == claim.member => return Answer::Done,
            Some(_) => return self.note_known_move(claim),
            None => {}
        }
        let twin = config.nodes().find(|(id, member)| member.name == claim.member.name && **id != claim.id);
        if let Some((id, member)) = twin
            && self.verify(&Claim { id: *id, member: member.clone() }).await.is_ok()
        {
            return Answer::No(format!(
                "a node named {} is a member, and answers at {}",
                member.name, member.addr
            ));
        }
        let guard = [Precondition::LastMembershipLogId {
            last_membership_log_id: *metrics.membership_config.log_id(),
        }];
        tracing::info!(node = %claim.member, id = claim.id, "a node joins as a learner");
        let nodes = BTreeMap::from([(claim.id, claim.member)]);
        let added = raft.change_membership_if(ChangeMembers::AddNodes(nodes), true, guard);
        match tokio::time::timeout(CHANGE, added).await {
            Ok(Ok(_)) => Answer::Done,
            Ok(Err(error)) => Answer::No(format!("the membership is changing: {error}")),
            Err(_) => Answer::NoLeader,
        }
    }

    fn note_known_move(&self, claim: Claim) -> Answer {
        lock(&self.known).moved.insert(claim.id, claim.member);
        Answer::Done
    }

    /// Has the state know that a new epoch began: what was issued before and may be used once is refused from here on.
    async fn begin_epoch(&self) {
        let Some(proposer) = self.proposer.get().and_then(Weak::upgrade) else { return };
        let epoch = self.epoch();
        if proposer.shared.read().epoch.number >= epoch {
            return;
        }
        let command = Command::NewEpoch { epoch, over_rows: self.founding.registry.is_some() };
        match proposer.propose(Body::Command(Box::new(command))).await {
            Ok(_) => tracing::warn!(
                epoch,
                "a new epoch begins: what was issued before and may be used once is refused"
            ),
            Err(error) => tracing::warn!(%error, "the new epoch has not begun yet"),
        }
    }

    /// Writes the members' names into the database's row when they changed.
    async fn follow_row(&self, metrics: &RaftMetrics<Types>, written: &mut u64) {
        let Some(registry) = &self.founding.registry else { return };
        let committed = &metrics.committed_membership_config;
        let Some(at) = committed.log_id().as_ref().map(|id| id.index.max(1)) else { return };
        if at <= *written {
            return;
        }
        let names = committed.membership().nodes().map(|(_, member)| member.name.clone()).collect();
        match registry.set_members(self.epoch(), at, names).await {
            Ok(()) => *written = at,
            Err(error) => tracing::debug!(%error, "the cluster's row was not brought up to date"),
        }
    }
}
