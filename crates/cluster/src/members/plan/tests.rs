//! A table of memberships and what follows.

use super::*;

const LOST: Duration = Duration::from_secs(2);
const PATIENCE: Patience = Patience { replace: Duration::from_secs(30), remove: Duration::from_mins(10) };

type Group = &'static [(char, u64)];

/// `v` votes, `l` learns; a number is for how many seconds it has been silent.
fn seen(id: u64, name: &str, kind: char, silent: u64) -> Seen {
    Seen {
        id,
        name: name.to_owned(),
        is_voter: kind == 'v',
        silent: Duration::from_secs(silent),
        lag: Some(0),
    }
}

fn group(members: &[(char, u64)]) -> Vec<Seen> {
    members
        .iter()
        .enumerate()
        .map(|(place, (kind, silent))| seen(place as u64 + 1, &format!("k-{place}"), *kind, *silent))
        .collect()
}

fn decide(members: &[Seen], replicas: Option<u64>) -> Option<Change> {
    let (moved, unwanted) = (BTreeMap::new(), BTreeSet::new());
    next(&Outlook {
        me: 1,
        is_joint: false,
        members,
        moved: &moved,
        unwanted: &unwanted,
        replicas,
        patience: PATIENCE,
        lost: LOST,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "as `next` gives it")]
fn voters(ids: &[u64]) -> Option<Change> {
    Some(Change::Voters(ids.iter().copied().collect()))
}

#[expect(clippy::unnecessary_wraps, reason = "as `next` gives it")]
fn forget(ids: &[u64]) -> Option<Change> {
    Some(Change::Forget(ids.iter().copied().collect()))
}

#[test]
fn voters_are_one_three_or_five() {
    let table: [(Group, Option<Change>); 8] = [
        (&[('v', 0)], None),
        (&[('v', 0), ('l', 0)], None),
        (&[('v', 0), ('l', 0), ('l', 0)], voters(&[1, 2, 3])),
        (&[('v', 0), ('v', 0), ('v', 0)], None),
        (&[('v', 0), ('v', 0), ('v', 0), ('l', 0)], None),
        (&[('v', 0), ('v', 0), ('v', 0), ('l', 0), ('l', 0)], voters(&[1, 2, 3, 4, 5])),
        (&[('v', 0), ('v', 0), ('v', 0), ('v', 0), ('v', 0), ('l', 0)], None),
        // A learner that does not answer does not count.
        (&[('v', 0), ('l', 0), ('l', 5)], None),
    ];
    for (members, expected) in table {
        assert_eq!(decide(&group(members), None), expected, "{members:?}");
    }
}

#[test]
fn a_dead_voter_gives_its_place_to_a_healthy_learner_only() {
    let table: [(Group, Option<Change>); 5] = [
        (&[('v', 0), ('v', 0), ('v', 45)], None),
        (&[('v', 0), ('v', 0), ('v', 20), ('l', 0)], None),
        (&[('v', 0), ('v', 0), ('v', 45), ('l', 0)], voters(&[1, 2, 4])),
        (&[('v', 0), ('v', 0), ('v', 45), ('l', 5)], None),
        // Without a majority nothing can be decided.
        (&[('v', 0), ('v', 45), ('v', 45), ('l', 0), ('l', 0)], None),
    ];
    for (members, expected) in table {
        assert_eq!(decide(&group(members), None), expected, "{members:?}");
    }
    let mut behind = group(&[('v', 0), ('v', 0), ('v', 45), ('l', 0)]);
    behind[3].lag = Some(CAUGHT_UP + 1);
    assert_eq!(decide(&behind, None), None, "a learner that is behind");
    behind[3].lag = None;
    assert_eq!(decide(&behind, None), None, "a learner of which nothing is known");
}

#[test]
fn a_new_disk_takes_the_place_of_the_old_one_in_one_change() {
    let mut members = group(&[('v', 0), ('v', 0), ('v', 5)]);
    members.push(seen(70, "k-2", 'l', 0));

    assert_eq!(decide(&members, None), voters(&[1, 2, 70]));

    members[2].is_voter = false;
    members[3].is_voter = true;
    assert_eq!(decide(&members, None), forget(&[3]));
}

#[test]
fn a_second_node_of_a_name_that_answers_takes_nothing() {
    let mut members = group(&[('v', 0), ('v', 0), ('v', 0)]);
    members.push(seen(70, "k-2", 'l', 0));

    assert_eq!(decide(&members, None), None);
}

#[test]
fn the_replicas_file_takes_away_who_is_beyond_it_and_silent() {
    let five = |four: u64, five: u64| group(&[('v', 0), ('v', 0), ('v', 0), ('v', four), ('v', five)]);

    assert_eq!(decide(&five(0, 10), Some(3)), None, "not yet");
    assert_eq!(decide(&five(0, 31), Some(3)), voters(&[1, 2, 3]), "to an odd number, in one change");
    assert_eq!(decide(&five(31, 31), Some(3)), voters(&[1, 2, 3]));
    assert_eq!(decide(&five(0, 700), Some(5)), None, "who is wanted is waited for");
    let members = group(&[('v', 0), ('v', 0), ('v', 0), ('l', 0), ('l', 31)]);
    assert_eq!(decide(&members, Some(3)), forget(&[5]));
}

#[test]
fn without_a_file_ten_minutes_of_silence_decide_while_three_answer() {
    let five = |four: u64, five: u64| group(&[('v', 0), ('v', 0), ('v', 0), ('v', four), ('v', five)]);

    assert_eq!(decide(&five(300, 300), None), None);
    assert_eq!(decide(&five(700, 700), None), voters(&[1, 2, 3]));
    assert_eq!(decide(&five(0, 700), None), voters(&[1, 2, 3]), "the fourth stays as a learner");
    assert_eq!(decide(&group(&[('v', 0), ('v', 0), ('v', 700)]), None), None, "two are not three");
    let learners = group(&[('v', 0), ('l', 700)]);
    assert_eq!(decide(&learners, None), forget(&[2]));
}

#[test]
fn the_leader_never_removes_itself_for_silence_and_finishes_what_stopped_half_way() {
    let (mut moved, unwanted) = (BTreeMap::new(), BTreeSet::new());
    let members = group(&[('v', 900), ('v', 0), ('v', 0)]);
    let outlook = |is_joint, moved: &BTreeMap<u64, Member>| {
        next(&Outlook {
            me: 1,
            is_joint,
            members: &members,
            moved,
            unwanted: &unwanted,
            replicas: None,
            patience: PATIENCE,
            lost: LOST,
        })
    };

    assert_eq!(outlook(false, &moved), None);
    assert_eq!(outlook(true, &moved), Some(Change::Finish));
    moved.insert(2, Member::new("k-1", "10.0.0.9:7"));
    assert_eq!(outlook(false, &moved), Some(Change::Move(moved.clone())));
}

#[test]
fn whoever_an_operator_removes_goes_to_an_odd_number() {
    let (moved, unwanted) = (BTreeMap::new(), BTreeSet::from([5]));
    let members = group(&[('v', 0), ('v', 0), ('v', 0), ('v', 0), ('v', 0)]);
    let change = next(&Outlook {
        me: 1,
        is_joint: false,
        members: &members,
        moved: &moved,
        unwanted: &unwanted,
        replicas: None,
        patience: PATIENCE,
        lost: LOST,
    });

    assert_eq!(change, voters(&[1, 2, 3]));
}
