//! Answers to what other members ask.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use openraft::ReadPolicy;
use tokio::time::Instant;

use super::{
    CLUSTER_VERSION, Members,
    known::Heard,
    lock,
    question::{Answer, Claim, Letter, Pulse, Question, decode, encode},
    registry::joiner_id,
    seat::{ask, pass_on},
};
use crate::{Member, engine::types::Types, net::Target, time};

/// How many nodes may pass a letter on: the first to its leader, and once more where that has just changed.
const HOPS: u8 = 2;

impl Members {
    /// Answers a peer that was admitted.
    pub(crate) fn serve(self: &Arc<Self>, bytes: &[u8]) -> BoxFuture<'static, Vec<u8>> {
        let (members, letter) = (Arc::clone(self), decode::<Letter>(bytes));
        async move {
            let answer = match letter {
                Some(letter) => members.answer(letter).await,
                None => Answer::Unknown,
            };
            encode(&answer)
        }
        .boxed()
    }

    /// Answers, or has the leader answer.
    pub(super) async fn answer(self: &Arc<Self>, letter: Letter) -> Answer {
        if letter.question.is_for_the_leader() && !self.is_leader() {
            return self.to_the_leader(letter).await;
        }
        match letter.question {
            Question::Pulse => Answer::Pulse(self.pulse()),
            Question::Fresh => Answer::Fresh(lock(&self.known).fresh.iter().copied().collect()),
            Question::Seat => self.new_seat().await,
            Question::Join(claim) => self.admit_learner(claim).await,
            Question::Moved(claim) => self.note_move(claim).await,
            Question::Remove(name) => self.remove(&name).await,
            Question::Transfer(name) => self.transfer(name.as_deref()).await,
            Question::Status => Answer::Status(Box::new(self.status())),
            Question::IsMember(id) => self.is_member(id).await,
        }
    }

    async fn to_the_leader(&self, letter: Letter) -> Answer {
        let (Some(net), Some(metrics)) = (self.net.get(), self.raft_metrics()) else {
            return Answer::NoLeader;
        };
        let leader = metrics.current_leader.filter(|leader| Some(*leader) != self.id());
        let Some(leader) = leader.filter(|_| letter.hops < HOPS) else { return Answer::NoLeader };
        let Some(target) = self.target_of(leader, &metrics) else { return Answer::NoLeader };
        let letter = Letter { hops: letter.hops + 1, ..letter };
        pass_on(net, &target, &letter).await.unwrap_or(Answer::NoLeader)
    }

    /// How to reach a member: where discovery found it, if it was looked for.
    pub(super) fn target_of(&self, id: u64, metrics: &openraft::RaftMetrics<Types>) -> Option<Target> {
        let member = metrics.membership_config.membership().get_node(&id)?;
        let addr = self.address(id).unwrap_or_else(|| member.addr.clone());
        Some(Target::member(id, &Member::new(member.name.clone(), addr)))
    }

    /// How this node is.
    pub(super) fn pulse(&self) -> Pulse {
        let metrics = self.raft_metrics();
        let of = |read: fn(&openraft::RaftMetrics<Types>) -> u64| metrics.as_ref().map_or(0, read);
        Pulse {
            id: self.id(),
            epoch: self.epoch(),
            clock: time::wall_us() / 1_000,
            supports: CLUSTER_VERSION,
            term: of(|metrics| metrics.current_term),
            leader: metrics.as_ref().and_then(|metrics| metrics.current_leader),
            applied: of(|metrics| metrics.last_applied.as_ref().map_or(0, |id| id.index)),
            last: of(|metrics| metrics.last_log_index.unwrap_or(0)),
            unready: self.unready(),
        }
    }

    /// Notes a pulse.
    pub(super) fn heard(&self, id: u64, pulse: Pulse, sent_ms: i64, took: Duration) {
        let half = i64::try_from(took.as_millis() / 2).unwrap_or(i64::MAX);
        let offset = pulse.clock.saturating_sub(sent_ms.saturating_add(half));
        lock(&self.known).pulses.insert(id, Heard { pulse, at: Instant::now(), offset });
    }

    /// An id that no disk ever had: the index of an entry that is committed now.
    async fn new_seat(&self) -> Answer {
        let Some(raft) = self.raft.get() else { return Answer::NoLeader };
        match raft.write_blank().await {
            Ok(written) => {
                let epoch = self.epoch();
                Answer::Seat { epoch, id: joiner_id(epoch, written.log_id.index) }
            }
            Err(_) => Answer::NoLeader,
        }
    }

    /// Whether an id is a member, as of now.
    async fn is_member(&self, id: u64) -> Answer {
        let Some(raft) = self.raft.get() else { return Answer::NoLeader };
        if raft.ensure_linearizable(ReadPolicy::ReadIndex).await.is_err() {
            return Answer::NoLeader;
        }
        let metrics = self.raft_metrics();
        let is_member =
            metrics.is_some_and(|metrics| metrics.membership_config.membership().get_node(&id).is_some());
        Answer::IsMember(is_member)
    }

    /// Checks that whoever claims an id is to be reached where it says, under the name that it says.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) async fn verify(&self, claim: &Claim) -> Result<(), String> {
        let Some(net) = self.net.get() else { return Err("starting".to_owned()) };
        let member = &claim.member;
        if Some(claim.id) == self.id() {
            return Ok(());
        }
        let hello = net
            .dial(&member.addr)
            .await
            .map_err(|error| format!("{} is not to be reached at {}: {error}", member.name, member.addr))?;
        if hello.id != Some(claim.id) || hello.name != member.name {
            return Err(format!("{} answers at {}, not {}", hello.name, member.addr, member.name));
        }
        Ok(())
    }

    async fn note_move(&self, claim: Claim) -> Answer {
        match self.verify(&claim).await {
            Ok(()) => {
                tracing::info!(member = %claim.member, "a member is to be reached elsewhere");
                lock(&self.known).moved.insert(claim.id, claim.member);
                Answer::Done
            }
            Err(why) => Answer::No(why),
        }
    }

    /// Asks whoever can be found, one after the other, until somebody knows.
    pub(super) async fn ask_anybody(&self, question: &Question) -> Option<Answer> {
        let (Some(net), Some(metrics)) = (self.net.get(), self.raft_metrics()) else { return None };
        let own = self.id();
        let members = metrics.membership_config.membership().nodes().map(|(id, _)| *id);
        let members = members.filter(|id| Some(*id) != own).filter_map(|id| self.target_of(id, &metrics));
        let found = self.finder.find().await.into_iter().filter(|addr| *addr != self.me.addr);
        for target in members.chain(found.map(Target::at)) {
            match ask(net, &target, question.clone()).await {
                None | Some(Answer::NoLeader | Answer::Unknown) => {}
                answer => return answer,
            }
        }
        None
    }
}
