//! How a group comes about: what a node without a seat does next. Pure.
//!
//! The database's row is written once, by whoever comes first, and names exactly those who initialise. So
//! three nodes that start at once form one group whatever the order of their steps: each acts only on the row
//! that won. A node whose name alone is in the row is another disk: it joins, it never initialises.

use std::{collections::BTreeSet, time::Duration};

use super::registry::{ClusterRow, Founder, founder_id, hex};

/// How long exactly the named nodes, all of them fresh, must see each other before they form anew: a member
/// that is only slow to come back must not be cut off.
pub(crate) const REFORM_AFTER: Duration = Duration::from_mins(1);

/// A node as it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) name: String,
    /// Where it says that its peers reach it.
    pub(crate) addr: String,
    /// Where it answered.
    pub(crate) at: String,
    pub(crate) incarnation: [u8; 16],
    /// Its seat's epoch; `None`: it is fresh.
    pub(crate) epoch: Option<u64>,
    /// Whom it sees that is fresh, itself included; empty where it was not asked.
    pub(crate) sees: BTreeSet<[u8; 16]>,
}

/// What a node without a seat knows.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) me: &'a Met,
    /// The others that answer.
    pub(crate) others: &'a [Met],
    pub(crate) row: Option<&'a ClusterRow>,
    /// How many nodes form a group.
    pub(crate) expect: usize,
    /// For how long all this has been so.
    pub(crate) unchanged: Duration,
    /// Whether an operator wants a new epoch now, with whoever is here.
    pub(crate) reform: bool,
}

/// What it does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet, and why, for people.
    Wait(String),
    /// Try to write this row.
    Form(ClusterRow),
    /// The row names this disk: initialise with exactly its founders, under this id.
    Found(u64),
    /// Ask the node at this address for a seat.
    Join(String),
    /// Never: the database is another cluster's.
    Refuse(String),
}

/// Decides.
pub(crate) fn next(scene: &Scene<'_>) -> Step {
    if let Some(row) = scene.row {
        if row.cluster != scene.cluster {
            let (theirs, ours) = (&row.cluster, scene.cluster);
            return Step::Refuse(format!(
                "this database is of the cluster {theirs:?}, and this node of {ours:?}"
            ));
        }
        let mine = hex(&scene.me.incarnation);
        if let Some(founder) = row.founders.iter().find(|founder| founder.incarnation == mine) {
            return Step::Found(founder.id);
        }
    }
    let newest = scene.row.map_or(0, |row| row.epoch);
    let member = scene.others.iter().filter(|met| met.epoch >= Some(newest.max(1)));
    if let Some(member) = member.max_by_key(|met| met.epoch) {
        return Step::Join(member.at.clone());
    }
    match scene.row {
        None => first(scene),
        Some(row) => anew(scene, row),
    }
}

/// Nobody has formed a group over this database.
fn first(scene: &Scene<'_>) -> Step {
    let fresh = fresh(scene);
    if fresh.len() < scene.expect {
        return Step::Wait(format!("{} of {} nodes are here", fresh.len(), scene.expect));
    }
    let chosen = &fresh[..scene.expect];
    if !see_each_other(chosen) {
        return Step::Wait("not all nodes see each other yet".to_owned());
    }
    if !has_each_name_once(chosen) {
        return Step::Wait("two nodes have the same name".to_owned());
    }
    Step::Form(row(scene.cluster, 1, chosen))
}

/// A group was formed, and no member of it answers.
fn anew(scene: &Scene<'_>, row: &ClusterRow) -> Step {
    let fresh = fresh(scene);
    let here: BTreeSet<&str> = fresh.iter().map(|met| met.name.as_str()).collect();
    let named: BTreeSet<&str> = row.members.iter().map(String::as_str).collect();
    let are_whole = see_each_other(&fresh) && has_each_name_once(&fresh);
    let epoch = row.epoch + 1;
    if scene.reform && are_whole && matches!(fresh.len(), 1 | 3 | 5) {
        return Step::Form(self::row(scene.cluster, epoch, &fresh));
    }
    let names = row.members.join(", ");
    if here == named && are_whole && matches!(fresh.len(), 1 | 3 | 5) {
        if scene.unchanged >= REFORM_AFTER {
            return Step::Form(self::row(scene.cluster, epoch, &fresh));
        }
        let left = REFORM_AFTER.saturating_sub(scene.unchanged).as_secs();
        return Step::Wait(format!(
            "the members {names} are all here with empty disks; they form anew in {left} s"
        ));
    }
    Step::Wait(format!(
        "the cluster was formed before and none of its members ({names}) answers; if their disks are lost, run \
         `keyraft cluster reform` on one of the nodes that wait"
    ))
}

/// The fresh nodes, this one included, in an order that is the same everywhere.
fn fresh<'a>(scene: &Scene<'a>) -> Vec<&'a Met> {
    let others = scene.others.iter().filter(|met| met.epoch.is_none());
    let mut fresh: Vec<&Met> = others.chain([scene.me]).collect();
    fresh.sort_by(|a, b| (natural(&a.name), a.incarnation).cmp(&(natural(&b.name), b.incarnation)));
    fresh.dedup_by_key(|met| met.incarnation);
    fresh
}

fn see_each_other(nodes: &[&Met]) -> bool {
    nodes.iter().all(|one| nodes.iter().all(|other| one.sees.contains(&other.incarnation)))
}

fn has_each_name_once(nodes: &[&Met]) -> bool {
    nodes.iter().map(|met| &met.name).collect::<BTreeSet<_>>().len() == nodes.len()
}

fn row(cluster: &str, epoch: u64, nodes: &[&Met]) -> ClusterRow {
    let founder = |(place, met): (usize, &&Met)| Founder {
        id: founder_id(epoch, place),
        name: met.name.clone(),
        addr: met.addr.clone(),
        incarnation: hex(&met.incarnation),
    };
    ClusterRow {
        epoch,
        cluster: cluster.to_owned(),
        founders: nodes.iter().enumerate().map(founder).collect(),
        members: nodes.iter().map(|met| met.name.clone()).collect(),
    }
}

/// Names with their trailing number as a number, so that `node-10` comes after `node-9`.
pub(crate) fn natural(name: &str) -> (&str, Option<u64>, &str) {
    match ordinal(name) {
        Some(number) => (name.trim_end_matches(|c: char| c.is_ascii_digit()), Some(number), name),
        None => (name, None, name),
    }
}

/// The number at the end of a name, as a `StatefulSet` gives it: `keyraft-2` has 2.
pub(crate) fn ordinal(name: &str) -> Option<u64> {
    let digits = name.rsplit('-').next().filter(|digits| digits.len() < name.len())?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fresh node that sees all of `sees`, named by one letter.
    fn node(name: &str, sees: &str) -> Met {
        let incarnation = |name: char| [name as u8; 16];
        Met {
            name: name.to_owned(),
            addr: format!("{name}.lab:1"),
            at: format!("{name}:1"),
            incarnation: incarnation(name.chars().next().unwrap_or('?')),
            epoch: None,
            sees: sees.chars().map(incarnation).collect(),
        }
    }

    fn seated(name: &str, epoch: u64) -> Met {
        Met { epoch: Some(epoch), ..node(name, "") }
    }

    fn decide(me: &Met, others: &[Met], row: Option<&ClusterRow>, unchanged: Duration, reform: bool) -> Step {
        next(&Scene { cluster: "lab", me, others, row, expect: 3, unchanged, reform })
    }

    fn formed(step: &Step) -> Option<(u64, Vec<&str>)> {
        let Step::Form(row) = step else { return None };
        Some((row.epoch, row.founders.iter().map(|founder| founder.name.as_str()).collect()))
    }

    fn row_of(names: &[&str]) -> ClusterRow {
        let nodes: Vec<Met> = names.iter().map(|name| node(name, "")).collect();
        row("lab", 1, &nodes.iter().collect::<Vec<_>>())
    }

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn three_that_see_each_other_form_and_all_of_them_would_write_the_same_row() {
        let [a, b, c] = ["a", "b", "c"].map(|name| node(name, "abc"));

        let rows = [
            decide(&a, &[c.clone(), b.clone()], None, NOW, false),
            decide(&b, &[a.clone(), c.clone()], None, NOW, false),
            decide(&c, &[a, b], None, NOW, false),
        ];

        assert_eq!(formed(&rows[0]), Some((1, vec!["a", "b", "c"])));
        assert!(rows.iter().all(|step| *step == rows[0]));
    }

    #[test]
    fn one_that_is_missing_or_unseen_is_waited_for() {
        let (a, b) = (node("a", "abc"), node("b", "abc"));

        assert!(matches!(decide(&a, std::slice::from_ref(&b), None, NOW, false), Step::Wait(_)));
        assert!(matches!(decide(&a, &[b.clone(), node("c", "c")], None, NOW, false), Step::Wait(_)));
        let twin = Met { incarnation: [9; 16], sees: a.sees.clone(), ..b.clone() };
        assert!(matches!(decide(&a, &[b, twin], None, NOW, false), Step::Wait(_)), "two of one name");
    }

    #[test]
    fn more_than_expected_form_with_the_first_and_the_others_join() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| node(name, "abcd"));

        let form = decide(&d, &[a.clone(), b.clone(), c.clone()], None, NOW, false);
        assert_eq!(formed(&form), Some((1, vec!["a", "b", "c"])));

        let row = row_of(&["a", "b", "c"]);
        let step = decide(&d, &[a, b, c], Some(&row), NOW, false);
        assert!(
            matches!(step, Step::Wait(_)),
            "founders that have not initialised yet are waited for: {step:?}"
        );
        let step = decide(&d, &[seated("a", 1)], Some(&row), NOW, false);
        assert_eq!(step, Step::Join("a:1".to_owned()));
    }

    #[test]
    fn the_row_decides_who_founds_and_a_name_alone_is_not_enough() {
        let row = row_of(&["a", "b", "c"]);
        let wiped = Met { incarnation: [9; 16], ..node("b", "") };

        assert_eq!(decide(&node("b", ""), &[], Some(&row), NOW, false), Step::Found(2));
        assert_eq!(decide(&wiped, &[seated("a", 1)], Some(&row), NOW, false), Step::Join("a:1".to_owned()));
        assert!(matches!(decide(&wiped, &[], Some(&row), NOW, false), Step::Wait(_)));
    }

    #[test]
    fn a_database_of_another_cluster_is_refused() {
        let row = ClusterRow { cluster: "other".to_owned(), ..row_of(&["a", "b", "c"]) };

        assert!(matches!(decide(&node("a", ""), &[], Some(&row), NOW, false), Step::Refuse(_)));
    }

    #[test]
    fn a_member_of_a_lower_epoch_is_not_joined() {
        let row = ClusterRow { epoch: 2, ..row_of(&["a", "b", "c"]) };
        let new = Met { incarnation: [9; 16], ..node("d", "") };

        assert!(matches!(decide(&new, &[seated("a", 1)], Some(&row), NOW, false), Step::Wait(_)));
        let step = decide(&new, &[seated("a", 1), seated("b", 2)], Some(&row), NOW, false);
        assert_eq!(step, Step::Join("b:1".to_owned()));
    }

    #[test]
    fn all_disks_lost_means_a_new_epoch_after_a_minute_for_exactly_those_names() {
        let row = row_of(&["a", "b", "c"]);
        let wiped = |name: &str, letter: u8| Met {
            incarnation: [letter; 16],
            sees: [[1; 16], [2; 16], [3; 16]].into(),
            ..node(name, "")
        };
        let [a, b, c, d] = [wiped("a", 1), wiped("b", 2), wiped("c", 3), wiped("d", 3)];

        assert!(matches!(decide(&a, &[b.clone(), c.clone()], Some(&row), NOW, false), Step::Wait(_)));
        let step = decide(&a, &[b.clone(), c.clone()], Some(&row), REFORM_AFTER, false);
        assert_eq!(formed(&step), Some((2, vec!["a", "b", "c"])));
        let Step::Form(anew) = step else { panic!("they form anew: {step:?}") };
        assert!(anew.founders.iter().all(|founder| founder.id > 1 << 40), "ids are never used again");
        let step = decide(&a, &[b.clone(), d.clone()], Some(&row), REFORM_AFTER, false);
        assert!(matches!(step, Step::Wait(_)), "another name needs an operator: {step:?}");
        assert_eq!(formed(&decide(&a, &[b, d], Some(&row), NOW, true)), Some((2, vec!["a", "b", "d"])));
        let step = decide(&a, &[seated("b", 1), c], Some(&row), REFORM_AFTER, true);
        assert_eq!(step, Step::Join("b:1".to_owned()), "a member that answers is joined");
    }

    #[test]
    fn ordinals_are_read_from_names() {
        let read = ["keyraft-2", "keyraft-10", "keyraft", "7", "a-b-0", "a-", "a-1b"].map(ordinal);

        assert_eq!(read, [Some(2), Some(10), None, None, Some(0), None, None]);
        assert!(natural("node-9") < natural("node-10"));
    }
}
