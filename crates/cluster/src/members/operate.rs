//! What operators ask for, and what they are told.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use openraft::RaftMetrics;
use tokio::time::{Instant, sleep};

use super::{
    CLUSTER_VERSION, Members, lock,
    question::{Answer, Letter, Question},
    status::{Node, Role, Status},
};
use crate::{Error, engine::types::Types};

/// How long an operator waits for a change of the membership.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an operator waits for a snapshot.
const SNAPSHOT: Duration = Duration::from_mins(5);

impl Members {
    /// How the cluster is: as its leader sees it, or as this node does.
    pub(crate) async fn overall(self: &Arc<Self>) -> Status {
        match self.answer(Letter { question: Question::Status, hops: 0 }).await {
            Answer::Status(status) => *status,
            _ => self.status(),
        }
    }

    /// Proposes an address to look at.
    pub(crate) fn propose_address(&self, address: String) {
        self.finder.add(address);
    }

    /// Forms a new epoch with the nodes that are here, as soon as they see each other.
    ///
    /// # Errors
    /// When this node has a seat: then there is a group, and this is not how to mend it.
    pub(crate) fn reform(&self) -> Result<(), Error> {
        if self.id().is_some() {
            return Err(Error::Refused(
                "this node is a member; only nodes that wait without data form a cluster anew. Where a majority is lost \
                 for good, stop the survivor and run `keyraft cluster recover --from <its name>`"
                    .to_owned(),
            ));
        }
        self.reform.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes this node out of the cluster for good: it gives up leadership and its vote.
    ///
    /// # Errors
    /// Why it cannot leave.
    pub(crate) async fn leave(self: &Arc<Self>) -> Result<(), Error> {
        let Some(id) = self.id() else { return Err(Error::Refused("this node is no member".to_owned())) };
        if self.is_leader() {
            self.give_up_leadership().await;
            let until = Instant::now() + PATIENCE;
            while self.is_leader() {
                if Instant::now() > until {
                    return Err(Error::Refused("no other node takes over the leadership".to_owned()));
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        self.leaving.store(true, Ordering::Relaxed);
        let asked = self.ask_for(Question::Remove(format!("#{id}"))).await;
        if asked.is_err() {
            self.leaving.store(false, Ordering::Relaxed);
        }
        asked
    }

    /// Writes the state down now.
    ///
    /// # Errors
    /// [`Error::Stopped`] before there is a state, and after this node has stopped.
    pub(crate) async fn snapshot(&self) -> Result<(), Error> {
        let (Some(raft), Some(metrics)) = (self.raft.get(), self.raft_metrics()) else {
            return Err(Error::Stopped);
        };
        raft.trigger().snapshot().await.map_err(|_| Error::Stopped)?;
        let is_written = |now: &RaftMetrics<Types>| now.snapshot >= metrics.last_applied;
        let written = raft.wait(Some(SNAPSHOT)).metrics(is_written, "a snapshot is written").await;
        written.map(drop).map_err(|_| Error::Timeout)
    }

    /// Takes a member out that does not answer.
    ///
    /// # Errors
    /// Why it stays.
    pub(crate) async fn remove_member(self: &Arc<Self>, name: String) -> Result<(), Error> {
        if name.starts_with('#') {
            return Err(Error::Refused(format!("no member is named {name}")));
        }
        self.ask_for(Question::Remove(name)).await
    }

    /// Has that member lead, or whoever is best.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn transfer_leadership(self: &Arc<Self>, to: Option<String>) -> Result<(), Error> {
        self.ask_for(Question::Transfer(to)).await
    }

    /// Has the leader do something, and says what became of it.
    ///
    /// # Errors
    /// The leader's refusal, or that there is none.
    async fn ask_for(self: &Arc<Self>, question: Question) -> Result<(), Error> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.answer(Letter { question: question.clone(), hops: 0 }).await {
                Answer::Done => return Ok(()),
                Answer::No(why) => return Err(Error::Refused(why)),
                Answer::NoLeader if Instant::now() < until => sleep(Duration::from_millis(200)).await,
                _ => return Err(Error::NoQuorum),
            }
        }
    }

    /// As leader: removes a member by its name, or by its id behind a `#`.
    pub(super) async fn remove(self: &Arc<Self>, name: &str) -> Answer {
        let Some(metrics) = self.raft_metrics() else { return Answer::NoLeader };
        let config = metrics.membership_config.membership();
        let is_meant = |(id, member): &(&u64, &crate::Member)| {
            member.name == name || name.strip_prefix('#').is_some_and(|text| text == id.to_string())
        };
        let meant: BTreeSet<u64> = config.nodes().filter(is_meant).map(|(id, _)| *id).collect();
        if meant.is_empty() {
            return Answer::No(format!("no member is named {name}"));
        }
        if meant.contains(&metrics.id) {
            return Answer::No(format!("{name} leads; run `keyraft cluster leave` there"));
        }
        let seen = Self::seen(&metrics, Instant::now());
        let leaves = name.starts_with('#');
        let answers =
            |id: &u64| lock(&self.known).recent(self.timing.lost * 2).any(|(known, _)| known == *id);
        if !leaves && meant.iter().any(answers) {
            return Answer::No(format!(
                "{name} answers; run `keyraft cluster leave` there, or stop it first"
            ));
        }
        let rest = seen.iter().filter(|seen| seen.is_voter && !meant.contains(&seen.id)).count();
        let spare = seen.iter().filter(|seen| !seen.is_voter && !meant.contains(&seen.id)).count();
        let was_voter = seen.iter().any(|seen| seen.is_voter && meant.contains(&seen.id));
        if was_voter && rest + spare < 3 {
            return Answer::No(format!(
                "{} voters would be left, and of two none may be lost: start a node that takes the place of {name} first",
                rest + spare
            ));
        }
        lock(&self.known).unwanted.extend(&meant);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let Some(metrics) = self.raft_metrics() else { break };
            if !self.is_leader() {
                return Answer::NoLeader;
            }
            let config = metrics.committed_membership_config.membership().clone();
            if meant.iter().all(|id| config.get_node(id).is_none()) {
                lock(&self.known).unwanted.retain(|id| !meant.contains(id));
                return Answer::Done;
            }
            sleep(Duration::from_millis(100)).await;
        }
        lock(&self.known).unwanted.retain(|id| !meant.contains(id));
        Answer::No(format!("{name} could not be removed in time; is a majority of the voters there?"))
    }

    /// As leader: hands the leadership to a member, or to whoever is best.
    pub(super) async fn transfer(&self, name: Option<&str>) -> Answer {
        let (Some(raft), Some(metrics)) = (self.raft.get(), self.raft_metrics()) else {
            return Answer::NoLeader;
        };
        let seen = Self::seen(&metrics, Instant::now());
        let mut voters: Vec<_> = seen
            .iter()
            .filter(|seen| seen.is_voter && seen.id != metrics.id)
            .filter(|seen| name.is_none_or(|name| seen.name == name))
            .filter(|seen| seen.silent < self.timing.lost)
            .collect();
        voters.sort_by_key(|seen| (seen.lag.unwrap_or(u64::MAX), seen.silent));
        let Some(best) = voters.first() else {
            return Answer::No(match name {
                Some(name)
                    if metrics
                        .membership_config
                        .membership()
                        .get_node(&metrics.id)
                        .is_some_and(|me| me.name == name) =>
                {
                    return Answer::Done;
                }
                Some(name) => format!("{name} is no voter that answers"),
                None => "no other voter answers".to_owned(),
            });
        };
        match raft.trigger().transfer_leader(best.id).await {
            Ok(()) => Answer::Done,
            Err(_) => Answer::NoLeader,
        }
    }

    /// Hands the leadership to whoever is best; who else leads is for the others to find out.
    pub(super) async fn give_up_leadership(&self) {
        if let Answer::No(why) = self.transfer(None).await {
            tracing::warn!("this node should not lead, and nobody takes over: {why}");
        }
    }

    /// Whether this disk initialises the group.
    pub(super) fn is_founder(&self) -> bool {
        lock(&self.identity).seat.as_ref().is_some_and(|seat| !seat.founders.is_empty())
    }

    /// How the cluster is, as this node sees it.
    pub(super) fn status(&self) -> Status {
        let Some(metrics) = self.raft_metrics() else {
            return Status { cluster: self.cluster.clone(), epoch: self.epoch(), ..Status::default() }
                .concluded();
        };
        let config = metrics.membership_config.membership();
        let leader =
            metrics.current_leader.and_then(|id| config.get_node(&id)).map(|member| member.name.clone());
        let now = Instant::now();
        let nodes = Self::seen(&metrics, now - self.timing.lost).into_iter().map(|seen| {
            let known = lock(&self.known);
            let heard = known.pulses.get(&seen.id);
            let silence = heard.map_or(Duration::MAX, |heard| heard.at.elapsed());
            let is_me = seen.id == metrics.id;
            let silent = match (is_me, metrics.heartbeat.is_some()) {
                (true, _) => Duration::ZERO,
                (false, true) => seen.silent.min(silence),
                (false, false) => silence,
            };
            let unready = match (is_me, heard) {
                (true, _) => self.unready_but_for_quorum(),
                (false, Some(heard)) => heard.pulse.unready.clone(),
                (false, None) => None,
            };
            // A pulse comes every second: one may be late.
            let answers = silent < self.timing.lost.max(Duration::from_secs(3));
            let problem = if answers { unready } else { Some("does not answer".to_owned()) };
            let role = match (seen.is_voter, metrics.current_leader == Some(seen.id)) {
                (_, true) => Role::Leader,
                (true, false) => Role::Voter,
                (false, false) => Role::Learner,
            };
            let address = config.get_node(&seen.id).map(|member| member.addr.clone()).unwrap_or_default();
            let pulse = heard.map(|heard| &heard.pulse);
            Node {
                id: seen.id,
                name: seen.name,
                address,
                role,
                healthy: problem.is_none(),
                problem,
                silent_ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX),
                lag: seen.lag,
                clock_offset_ms: if is_me { Some(0) } else { heard.map(|heard| heard.offset) },
                supports: if is_me { Some(CLUSTER_VERSION) } else { pulse.map(|pulse| pulse.supports) },
            }
        });
        Status {
            cluster: self.cluster.clone(),
            epoch: self.epoch(),
            leader,
            term: metrics.current_term,
            last_log: metrics.last_log_index.unwrap_or(0),
            cluster_version: CLUSTER_VERSION,
            nodes: nodes.collect(),
            ..Status::default()
        }
        .concluded()
    }

    /// In the status a node is well when it could serve if there were a majority: that there is none is said apart.
    fn unready_but_for_quorum(&self) -> Option<String> {
        self.unready().filter(|_| self.raft_metrics().is_some_and(|metrics| metrics.current_leader.is_some()))
    }

    /// Publishes numbers.
    pub(super) fn publish(&self) {
        let Some(metrics) = self.raft_metrics() else { return };
        let gauge = |name: &'static str, value: u64| metrics::gauge!(name).set(crate::shared::as_f64(value));
        let config = metrics.membership_config.membership();
        gauge("keyraft_cluster_term", metrics.current_term);
        gauge("keyraft_cluster_epoch", self.epoch());
        gauge("keyraft_cluster_is_leader", u64::from(self.is_leader()));
        gauge("keyraft_cluster_has_leader", u64::from(metrics.current_leader.is_some()));
        gauge("keyraft_cluster_voters", config.voter_ids().count() as u64);
        gauge("keyraft_cluster_members", config.nodes().count() as u64);
        gauge("keyraft_cluster_ready", u64::from(self.unready().is_none()));
        let applied = metrics.last_applied.as_ref().map_or(0, |id| id.index);
        let committed = metrics.cluster_committed.as_ref().map_or(0, |id| id.index);
        gauge("keyraft_cluster_apply_lag", committed.saturating_sub(applied));
        let theirs: Vec<i64> =
            lock(&self.known).recent(Duration::from_secs(5)).map(|(_, heard)| heard.offset).collect();
        let offset = super::clock::offset(&theirs);
        #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point")]
        metrics::gauge!("keyraft_cluster_clock_offset_seconds").set(offset as f64 / 1_000.0);
    }
}
