//! How the cluster is, in numbers for programs and in words for people.

use serde::{Deserialize, Serialize};

/// The cluster as its leader sees it, or, where there is none, as this node does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The cluster's name.
    pub cluster: String,
    /// Its epoch; a group that was formed anew has a higher one.
    pub epoch: u64,
    /// One or two sentences: how many nodes are healthy, and how many may be lost.
    pub summary: String,
    /// How many voters may be lost from now on without anything stopping.
    pub can_lose: u32,
    /// The leader's name, if there is one.
    pub leader: Option<String>,
    /// The leader's term.
    pub term: u64,
    /// The last entry in the leader's log.
    pub last_log: u64,
    /// The version that all nodes of the cluster support; commands of later ones are not proposed.
    pub cluster_version: u32,
    /// The members.
    pub nodes: Vec<Node>,
}

/// One member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its Raft id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    pub address: String,
    /// What it does.
    pub role: Role,
    /// Whether it answers and is ready.
    pub healthy: bool,
    /// What is wrong with it, if anything is known.
    pub problem: Option<String>,
    /// Milliseconds since it last answered.
    pub silent_ms: u64,
    /// Entries that it is behind the leader.
    pub lag: Option<u64>,
    /// How far its clock is from the leader's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// The highest cluster version that it supports.
    pub supports: Option<u32>,
}

/// What a member does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Decides the order of everything.
    Leader,
    /// Keeps everything and elects.
    Voter,
    /// Keeps everything, and takes a voter's place when it is needed.
    #[default]
    Learner,
}

impl Status {
    /// Fills in what follows from the nodes.
    pub(crate) fn concluded(mut self) -> Self {
        let voters = self.nodes.iter().filter(|node| node.role != Role::Learner);
        let (total, healthy) = voters
            .fold((0_u32, 0_u32), |(total, healthy), node| (total + 1, healthy + u32::from(node.healthy)));
        let majority = total / 2 + 1;
        self.can_lose = healthy.saturating_sub(majority);
        let all = self.nodes.len();
        let well = self.nodes.iter().filter(|node| node.healthy).count();
        let rest = if total == 0 {
            "The cluster is not formed yet.".to_owned()
        } else if healthy < majority {
            format!(
                "No majority: {healthy} of {total} voters are healthy, {majority} are needed. Nothing can be written."
            )
        } else {
            format!("You can lose {}.", self.can_lose)
        };
        let noun = if all == 1 { "node" } else { "nodes" };
        let silent = self.nodes.iter().filter(|node| !node.healthy && node.role != Role::Learner);
        let missing: Vec<&str> = silent.map(|node| node.name.as_str()).collect();
        let who = match missing.as_slice() {
            [] => String::new(),
            names => format!(" Not healthy: {}.", names.join(", ")),
        };
        self.summary = format!("{well} of {all} {noun} healthy. {rest}{who}");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(nodes: &[(Role, bool)]) -> (String, u32) {
        let node = |(place, (role, healthy)): (usize, &(Role, bool))| Node {
            name: format!("k-{place}"),
            role: *role,
            healthy: *healthy,
            ..Node::default()
        };
        let nodes = nodes.iter().enumerate().map(node).collect();
        let status = Status { nodes, ..Status::default() }.concluded();
        (status.summary, status.can_lose)
    }

    #[test]
    fn the_summary_says_how_many_may_be_lost() {
        use Role::{Leader, Learner, Voter};
        type Row = (&'static [(Role, bool)], &'static str, u32);
        let table: [Row; 7] = [
            (&[(Leader, true), (Voter, true), (Voter, true)], "3 of 3 nodes healthy. You can lose 1.", 1),
            (
                &[(Leader, true), (Voter, true), (Voter, false)],
                "2 of 3 nodes healthy. You can lose 0. Not healthy: k-2.",
                0,
            ),
            (&[(Leader, true)], "1 of 1 node healthy. You can lose 0.", 0),
            (
                &[(Leader, true), (Voter, true), (Voter, true), (Learner, false)],
                "3 of 4 nodes healthy. You can lose 1.",
                1,
            ),
            (
                &[(Leader, true), (Voter, true), (Voter, true), (Voter, true), (Voter, true)],
                "5 of 5 nodes healthy. You can lose 2.",
                2,
            ),
            (
                &[(Voter, true), (Voter, false), (Voter, false)],
                "1 of 3 nodes healthy. No majority: 1 of 3 voters are healthy, 2 are needed. Nothing can be \
                 written. Not healthy: k-1, k-2.",
                0,
            ),
            (&[], "0 of 0 nodes healthy. The cluster is not formed yet.", 0),
        ];
        for (nodes, words, can_lose) in table {
            assert_eq!(summary(nodes), (words.to_owned(), can_lose));
        }
    }
}
