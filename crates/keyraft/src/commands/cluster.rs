//! `keyraft cluster …`: looks at the cluster and governs it, from the machine of one of its nodes.
//!
//! Most verbs ask the running node (see `control`); `recover`, `join` without an address and `skip` work on the
//! data folder of a node that is stopped.

use std::{fmt::Write as _, path::Path};

use anyhow::{Context as _, bail};
use keyraft_cluster::{Role, Status, offline};
use keyraft_core::registry::ClusterRegistry;

use super::offline as settings_of;
use crate::{
    cli::{ClusterVerb, say},
    config::Config,
    control::{self, Answer, Question},
};

/// Carries out `keyraft cluster …`.
pub(super) fn run(verb: ClusterVerb) -> anyhow::Result<()> {
    match verb {
        ClusterVerb::Status { json, settings } => {
            let config = settings_of::load(settings)?;
            super::runtime(&config)?.block_on(status(&config, json))
        }
        ClusterVerb::Join { address, settings } => {
            let config = settings_of::load(settings)?;
            match address {
                Some(address) => asked(&config, &Question::Join(address), "The node looks there as well."),
                None => set_aside(&config),
            }
        }
        ClusterVerb::Leave { settings } => {
            let done = "This node is no member any more; stop it.";
            asked(&settings_of::load(settings)?, &Question::Leave, done)
        }
        ClusterVerb::Remove { name, settings } => {
            let done = format!("{name} is no member any more.");
            asked(&settings_of::load(settings)?, &Question::Remove(name), &done)
        }
        ClusterVerb::Transfer { to, settings } => {
            asked(&settings_of::load(settings)?, &Question::Transfer(to), "The leadership is handed over.")
        }
        ClusterVerb::Reform { settings } => {
            let done = "The nodes that are here form the cluster anew as soon as they see each other.";
            asked(&settings_of::load(settings)?, &Question::Reform, done)
        }
        ClusterVerb::Snapshot { settings } => {
            asked(&settings_of::load(settings)?, &Question::Snapshot, "A snapshot is written.")
        }
        ClusterVerb::Recover { from, settings } => {
            let config = settings_of::load(settings)?;
            super::runtime(&config)?.block_on(recover(&config, &from))
        }
        ClusterVerb::Skip { entry, settings } => {
            let folder = cluster_folder(&settings_of::load(settings)?);
            offline::skip(&folder, &entry).context("the entry was not noted; is the node stopped?")?;
            say(&format!(
                "The entry {entry} will be passed over at the next start. Do the same on every node, then start them."
            ));
            Ok(())
        }
    }
}

fn cluster_folder(config: &Config) -> std::path::PathBuf {
    config.general.data_dir.join("cluster")
}

async fn status(config: &Config, json: bool) -> anyhow::Result<()> {
    match control::ask(&config.general.data_dir, &Question::Status).await? {
        Answer::Status { status, .. } if json => say(&serde_json::to_string_pretty(&status)?),
        Answer::Status { status, unready } => say(&words(&status, unready.as_deref())),
        Answer::Failed(why) => bail!(why),
        Answer::Done => {}
    }
    Ok(())
}

fn asked(config: &Config, question: &Question, done: &str) -> anyhow::Result<()> {
    let answer = super::runtime(config)?.block_on(control::ask(&config.general.data_dir, question))?;
    match answer {
        Answer::Failed(why) => bail!(why),
        _ => say(done),
    }
    Ok(())
}

/// What a person wants to read: the sentence first, then who and where.
fn words(status: &Status, unready: Option<&str>) -> String {
    let mut out = format!("{}\n", status.summary);
    if let Some(why) = unready {
        let _ = writeln!(out, "This node is not ready: {why}.");
    }
    let width = status.nodes.iter().map(|node| node.name.len()).max().unwrap_or_default();
    for node in &status.nodes {
        let role = match node.role {
            Role::Leader => "leader",
            Role::Voter => "voter",
            Role::Learner => "learner",
        };
        let _ = write!(out, "\n  {:width$}  {role:7}  {}", node.name, node.address);
        match (&node.problem, node.lag) {
            (Some(problem), _) => {
                let _ = write!(out, "  {problem}");
            }
            (None, Some(lag)) if lag > 0 && node.role != Role::Leader => {
                let _ = write!(out, "  {lag} entries behind");
            }
            _ => {}
        }
    }
    let _ = write!(out, "\n\n  cluster {}, epoch {}, term {}", status.cluster, status.epoch, status.term);
    out
}

/// Sets the data of an earlier membership aside, so that the next start joins as a new member.
fn set_aside(config: &Config) -> anyhow::Result<()> {
    let folder = cluster_folder(config);
    let aside = offline::set_aside(&folder).context("the data was not set aside; is the node stopped?")?;
    match aside {
        Some(place) => say(&format!(
            "What this node held is in {} now. Its next start joins the cluster as a new member.",
            place.display()
        )),
        None => say("There is nothing to set aside: the next start joins the cluster as a new member."),
    }
    Ok(())
}

/// Makes the survivor's state the cluster's, in a new epoch.
async fn recover(config: &Config, from: &str) -> anyhow::Result<()> {
    let node = config.cluster.node();
    if from != node {
        bail!("this is the data folder of {node}, not of {from}: run this on the survivor's machine");
    }
    if !config.cluster.is_on() {
        bail!("cluster.expect is not set: give the settings that the node has");
    }
    let folder: &Path = &cluster_folder(config);
    let (store, _) = settings_of::open(config).await?;
    let survivor = offline::Survivor {
        cluster: config.cluster.name.clone(),
        name: node,
        addr: config.cluster.advertised(),
    };
    let registry = ClusterRegistry::new(store.clone());
    let recovered = offline::recover(folder, &survivor, &registry).await;
    store.close().await;
    let recovered = recovered.context("nothing was recovered; the data is as it was")?;
    say(&format!(
        "Epoch {} begins with {from} and what it held ({} entries). Start it; every other node must run `keyraft cluster \
         join` before it starts again, and joins as a new member.",
        recovered.epoch, recovered.entries
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::Node;

    use super::*;

    #[test]
    fn the_status_begins_with_the_sentence_that_matters() {
        let node = |name: &str, role, problem: Option<&str>| Node {
            name: name.to_owned(),
            address: format!("{name}:7900"),
            role,
            problem: problem.map(str::to_owned),
            lag: Some(0),
            ..Node::default()
        };
        let status = Status {
            cluster: "lab".to_owned(),
            summary: "2 of 3 nodes healthy. You can lose 0.".to_owned(),
            nodes: vec![
                node("k-0", Role::Leader, None),
                node("k-1", Role::Voter, None),
                node("k-2", Role::Voter, Some("does not answer")),
            ],
            ..Status::default()
        };

        let text = words(&status, None);

        assert!(text.starts_with("2 of 3 nodes healthy. You can lose 0.\n"), "{text}");
        assert!(text.contains("k-2  voter    k-2:7900  does not answer"), "{text}");
    }
}
