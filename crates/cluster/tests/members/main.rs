//! How a cluster comes about, and how its members come and go.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "these are tests")]

#[path = "../common/mod.rs"]
mod common;
mod lab;

use std::{collections::BTreeSet, time::Duration};

use common::sign_in;
use keyraft_cluster::{Error, Operation, Role, offline, session::Kind};
use lab::{Lab, copy, eventually, voters};

/// Three nodes that serve.
async fn three() -> Lab {
    let mut lab = Lab::new(3);
    lab.start_all(&[0, 1, 2]).await;
    lab
}

/// How often three nodes are started at once; the long form is for releases.
fn formations() -> usize {
    std::env::var("KEYRAFT_TEST_FORMATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_started_at_once_form_one_cluster_each_time() {
    for _ in 0..formations() {
        let lab = three().await;

        let mut leaders = BTreeSet::new();
        for place in 0..3 {
            let status = lab.until(place, "all are healthy", |status| status.can_lose == 1).await;
            assert_eq!(status.summary, "3 of 3 nodes healthy. You can lose 1.");
            assert_eq!((voters(&status), status.epoch), (vec!["k-0".into(), "k-1".into(), "k-2".into()], 1));
            leaders.insert(status.leader);
        }
        assert_eq!(leaders.len(), 1);
        assert_eq!(lab.database.row().unwrap().founders.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_node_serves_and_one_that_was_stopped_is_back() {
    let mut lab = three().await;
    let mut sids = Vec::new();
    for place in 0..3 {
        sids.push(sign_in(lab.cluster(place), &format!("user-{place}").as_str().into(), None).await.sid);
    }

    for place in 0..3 {
        lab.stop(place).await;
        let other = (place + 1) % 3;
        sids.push(sign_in(lab.cluster(other), &format!("meanwhile-{place}").as_str().into(), None).await.sid);
        lab.start(place).await.unwrap();
        lab.ready(place).await;
    }

    for place in 0..3 {
        let view = lab.cluster(place).view().await.unwrap();
        assert!(sids.iter().all(|sid| view.session(sid, Kind::Online).is_some()), "node {place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_come_back_from_a_full_stop_without_the_database() {
    let mut lab = three().await;
    let sid = sign_in(lab.cluster(0), &"alice".into(), None).await.sid;
    for place in 0..3 {
        lab.stop(place).await;
    }
    lab.database.go_away(true);

    lab.start_all(&[2, 0, 1]).await;

    for place in 0..3 {
        let view = lab.cluster(place).view().await.unwrap();
        assert!(view.session(&sid, Kind::Online).is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_new_disk_takes_its_earlier_place_under_a_new_id() {
    let mut lab = three().await;
    let sid = sign_in(lab.cluster(0), &"alice".into(), None).await.sid;
    let before = lab.status(0).await.nodes;
    lab.stop(2).await;
    lab.wipe(2);

    lab.start(2).await.unwrap();

    let id =
        |nodes: &[keyraft_cluster::Node]| nodes.iter().find(|node| node.name == "k-2").map(|node| node.id);
    let votes = |status: &keyraft_cluster::Status| {
        // An id is never used for two disks. The old one counts until its silence is noticed.
        status.can_lose == 1 && status.nodes.len() == 3 && id(&status.nodes) > id(&before)
    };
    let status = lab.until(0, "the new disk votes", votes).await;
    assert_eq!(voters(&status), ["k-0", "k-1", "k-2"]);
    lab.ready(2).await;
    assert!(lab.cluster(2).view().await.unwrap().session(&sid, Kind::Online).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_rolled_back_is_fenced_by_the_database_and_by_its_peers() {
    let mut lab = three().await;
    lab.stop(2).await;
    let copy_of = lab.nodes[2].dir.with_extension("copy");
    copy(&lab.nodes[2].dir, &copy_of);
    lab.start(2).await.unwrap();
    lab.ready(2).await;
    sign_in(lab.cluster(2), &"alice".into(), None).await;
    lab.stop(2).await;

    for database_is_away in [false, true] {
        lab.wipe(2);
        copy(&copy_of, &lab.nodes[2].dir);
        lab.database.go_away(database_is_away);
        if database_is_away {
            // Its peers will not talk to it, so it never hears from a leader.
            lab.start(2).await.unwrap();
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert!(lab.cluster(2).unready().is_some());
            assert!(lab.cluster(2).view().await.is_err());
            lab.stop(2).await;
        } else {
            let refused = lab.start(2).await;
            assert!(
                matches!(&refused, Err(Error::Fenced(why)) if why.contains("rolled back")),
                "{refused:?}"
            );
        }
    }

    lab.database.go_away(false);
    offline::set_aside(&lab.nodes[2].dir).unwrap().unwrap();
    lab.start(2).await.unwrap();
    lab.until(0, "it is a member again", |status| status.can_lose == 1 && status.nodes.len() == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_grows_to_five_voters_and_shrinks_to_three_by_the_replicas_file() {
    let mut lab = Lab::new(5);
    lab.start_all(&[0, 1, 2]).await;
    lab.start(3).await.unwrap();
    let status = lab.until(0, "the fourth is here", |status| status.nodes.len() == 4).await;
    assert_eq!(voters(&status).len(), 3, "four voters may lose no more than three");

    lab.start(4).await.unwrap();
    let status = lab.until(0, "five vote", |status| voters(status).len() == 5 && status.can_lose == 2).await;
    assert_eq!(status.summary, "5 of 5 nodes healthy. You can lose 2.");

    lab.want_replicas(3);
    lab.stop(4).await;
    lab.stop(3).await;
    let status =
        lab.until(0, "three are left", |status| status.nodes.len() == 3 && status.can_lose == 1).await;
    assert_eq!(voters(&status), ["k-0", "k-1", "k-2"]);
    eventually("the row names who is left", async || match lab.database.row().unwrap().members {
        members if members == ["k-0", "k-1", "k-2"] => Ok(()),
        members => Err(format!("{members:?}")),
    })
    .await;

    lab.want_replicas(5);
    lab.start(3).await.unwrap();
    lab.start(4).await.unwrap();
    lab.until(0, "who comes back with its disk is taken in", |status| voters(status).len() == 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_followed_to_a_new_address_and_all_of_them_at_once_too() {
    let mut lab = three().await;
    lab.stop(1).await;
    lab.nodes[1].addr = format!("127.0.0.1:{}", lab.spare_port(0));
    lab.start(1).await.unwrap();
    let moved = lab.nodes[1].addr.clone();
    let is_there = |status: &keyraft_cluster::Status| {
        status.can_lose == 1 && status.nodes.iter().any(|node| node.address == moved)
    };
    lab.until(0, "the new address is known", is_there).await;

    for place in 0..3 {
        lab.stop(place).await;
    }
    let first = lab.nodes[0].addr.clone();
    lab.nodes[0].addr = lab.nodes[2].addr.clone();
    lab.nodes[2].addr = first;
    lab.start_all(&[0, 1, 2]).await;
    let status = lab.until(1, "two have swapped their addresses", |status| status.can_lose == 1).await;
    eventually("the membership says so", async || {
        let status = lab.status(1).await;
        let says = |place: usize| {
            status
                .nodes
                .iter()
                .any(|node| node.name == lab.nodes[place].name && node.address == lab.nodes[place].addr)
        };
        if (0..3).all(says) { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    assert_eq!(voters(&status), ["k-0", "k-1", "k-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leadership_is_handed_to_whom_an_operator_names() {
    let lab = three().await;
    let status = lab.until(0, "all are healthy", |status| status.can_lose == 1).await;
    let follower = status.nodes.iter().find(|node| node.role == Role::Voter).unwrap().name.clone();

    lab.nodes[0].operators.operate(Operation::Transfer(Some(follower.clone()))).await.unwrap();

    lab.until(1, "it leads", |status| status.leader.as_ref() == Some(&follower)).await;
    let refused = lab.nodes[1].operators.operate(Operation::Transfer(Some("nobody".to_owned()))).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    let refused = lab.nodes[1].operators.operate(Operation::Remove("k-1".to_owned())).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_disks_lost_is_a_new_epoch_when_an_operator_says_so() {
    let mut lab = three().await;
    for place in 0..3 {
        lab.stop(place).await;
        lab.wipe(place);
    }
    let settings: Vec<_> = (0..3).map(|place| lab.settings(place)).collect();
    let opening: Vec<_> =
        settings.into_iter().map(|settings| tokio::spawn(keyraft_cluster::Cluster::open(settings))).collect();
    let operators: Vec<_> = lab.nodes.iter().map(|node| node.operators.clone()).collect();
    eventually("they wait", async || match operators[0].unready() {
        Some(why) if why.contains("empty disks") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;

    for operator in &operators {
        operator.operate(Operation::Reform).await.unwrap();
    }

    for (place, opening) in opening.into_iter().enumerate() {
        lab.nodes[place].cluster = Some(opening.await.unwrap().unwrap());
    }
    let status = lab.until(0, "they form anew", |status| status.can_lose == 1).await;
    assert_eq!(status.epoch, 2);
    assert!(status.nodes.iter().all(|node| node.id > 1 << 40), "ids of the lost disks are not used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_survivor_begins_a_new_epoch_that_fences_the_others() {
    let mut lab = three().await;
    let sid = sign_in(lab.cluster(0), &"alice".into(), None).await.sid;
    for place in 0..3 {
        lab.stop(place).await;
    }
    let survivor = offline::Survivor {
        cluster: "lab".to_owned(),
        name: lab.nodes[0].name.clone(),
        addr: lab.nodes[0].addr.clone(),
    };

    let recovered = offline::recover(&lab.nodes[0].dir, &survivor, &*lab.database).await.unwrap();

    assert_eq!(recovered.epoch, 2);
    lab.start(0).await.unwrap();
    lab.ready(0).await;
    assert!(lab.cluster(0).view().await.unwrap().session(&sid, Kind::Online).is_some());
    sign_in(lab.cluster(0), &"bob".into(), None).await;
    let fenced = lab.start(1).await;
    assert!(matches!(&fenced, Err(Error::Fenced(_))), "{fenced:?}");
    // Without the database its peer tells it.
    lab.database.go_away(true);
    lab.start(1).await.unwrap();
    eventually("a peer of a higher epoch fences it", async || match lab.cluster(1).unready() {
        Some(why) if why.contains("formed anew") => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(lab.cluster(1).view().await.is_err());
    lab.stop(1).await;
    lab.database.go_away(false);
    for place in [1, 2] {
        offline::set_aside(&lab.nodes[place].dir).unwrap().unwrap();
    }
    lab.start(1).await.unwrap();
    lab.start(2).await.unwrap();
    let status = lab.until(0, "all are members of the new epoch", |status| status.can_lose == 1).await;
    assert_eq!((voters(&status).len(), status.epoch), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_leaves_when_another_takes_its_place_and_not_before() {
    let mut lab = Lab::new(4);
    lab.start_all(&[0, 1, 2]).await;
    lab.until(0, "all are healthy", |status| status.can_lose == 1).await;
    let refused = lab.nodes[2].operators.operate(Operation::Leave).await;
    assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("2 voters")), "{refused:?}");

    lab.start(3).await.unwrap();
    lab.until(0, "the fourth is here", |status| {
        status.nodes.len() == 4 && status.nodes.iter().all(|node| node.healthy)
    })
    .await;
    lab.nodes[2].operators.operate(Operation::Leave).await.unwrap();

    let status =
        lab.until(0, "the fourth votes", |status| status.nodes.len() == 3 && status.can_lose == 1).await;
    assert_eq!(voters(&status), ["k-0", "k-1", "k-3"]);
    assert!(lab.cluster(2).unready().is_some());
}
