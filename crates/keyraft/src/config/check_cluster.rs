//! What is wrong with the settings of a cluster.

use std::time::Duration;

use super::{Config, Target, problem::Problem};

/// Notes what cannot work.
pub(crate) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let mut note = |setting: &str, what: &str, remedy: &str| {
        problems.push(Problem::new(format!("cluster.{setting}"), what, remedy));
    };
    let cluster = &config.cluster;
    let Some(expect) = cluster.expect else {
        let remedy = "Set KEYRAFT_CLUSTER_EXPECT to the number of nodes that form the cluster (3, usually), or leave this away.";
        if !cluster.nodes.is_empty() {
            note("nodes", "is set, but cluster.expect is not: this node would be alone", remedy);
        }
        if !cluster.dns_names.is_empty() {
            note("dns_names", "is set, but cluster.expect is not: this node would be alone", remedy);
        }
        return;
    };
    if !matches!(expect, 1 | 3 | 5) {
        let what = format!("is {expect}: a cluster is formed by 1, 3 or 5 nodes");
        note("expect", &what, "Set KEYRAFT_CLUSTER_EXPECT=3 for a cluster that may lose one node.");
    }
    if !matches!(config.database_target(), Ok(Target::Postgres(_)) | Err(_)) {
        let remedy = "Set KEYRAFT_DB_URL to a PostgreSQL or CockroachDB that all nodes share, or leave cluster.expect away.";
        note(
            "expect",
            "needs a database that all nodes share, and db is this node's own SQLite file",
            remedy,
        );
    }
    if config.general.master_key.is_empty() && cluster.ca_file.is_none() {
        let remedy = "Set KEYRAFT_MASTER_KEY to the one key that all nodes share: their certificates are made from it.";
        note("expect", "needs master_key, from which the nodes' certificates are made", remedy);
    }
    match (cluster.nodes.is_empty(), cluster.dns_names.is_empty()) {
        (true, true) if expect > 1 => {
            let remedy = "Set KEYRAFT_CLUSTER_NODES=host:port,host:port,… or KEYRAFT_CLUSTER_DNS_NAMES to a headless service.";
            note("nodes", "is not set, and neither is cluster.dns_names: no other node can be found", remedy);
        }
        (false, false) => {
            note(
                "nodes",
                "and cluster.dns_names both say where the nodes are",
                "Keep one of the two: the list, or the names.",
            );
        }
        _ => {}
    }
    for (setting, addresses) in
        [("nodes", &cluster.nodes), ("advertise", &cluster.advertise.iter().cloned().collect())]
    {
        if let Some(bad) = addresses.iter().find(|address| !is_host_and_port(address)) {
            let what = format!("holds {bad:?}, which is not host:port");
            note(setting, &what, "Write keyraft-0.example.com:7900, 10.0.0.1:7900 or [2001:db8::1]:7900.");
        }
    }
    for (setting, name) in [("name", &cluster.name), ("node_name", &cluster.node())] {
        if !is_name(name) {
            let what = format!("is {name:?}: a name has 1 to 63 small letters, digits, dots and dashes");
            note(setting, &what, "Choose another; it becomes part of the nodes' certificates.");
        }
    }
    if cluster.port == 0 {
        note("port", "is 0: the other nodes must know it", "Leave it away for 7900, or name a free port.");
    }
    let files = [&cluster.ca_file, &cluster.certificate_file, &cluster.key_file];
    if files.iter().any(|file| file.is_some()) && files.iter().any(|file| file.is_none()) {
        let remedy = "Give cluster.ca_file, cluster.certificate_file and cluster.key_file, or none of them.";
        note("ca_file", "certificates come from files only when all three are named", remedy);
    }
    check_timings(config, &mut note);
}

fn check_timings(config: &Config, note: &mut impl FnMut(&str, &str, &str)) {
    let cluster = &config.cluster;
    let text = |span: Duration| format!("{} ms", span.as_millis());
    if cluster.heartbeat < Duration::from_millis(10) {
        note("heartbeat", "is under 10 ms: the nodes would do little else", "Leave it away for 100ms.");
    }
    if cluster.election_min < cluster.heartbeat * 2 {
        let what = format!("is under two heartbeats ({})", text(cluster.heartbeat * 2));
        note("election_min", &what, "Set it to three heartbeats, or leave both away.");
    }
    if cluster.election_max <= cluster.election_min {
        let what = format!("is not more than cluster.election_min ({})", text(cluster.election_min));
        note("election_max", &what, "Set it to twice the least, so that nodes do not all ask at once.");
    }
    if cluster.lost < cluster.election_max {
        let what = format!("is less than cluster.election_max ({})", text(cluster.election_max));
        note("lost", &what, "Set it to three times that, or leave it away for 2s.");
    }
    if cluster.connect.is_zero() {
        note("connect", "is 0: no connection could be made", "Leave it away for 500ms.");
    }
    if cluster.remove_after < cluster.replace_after {
        note("remove_after", "is less than cluster.replace_after", "Leave both away for 30s and 10m.");
    }
}

fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_host =
        !host.is_empty() && (is_bracketed || !host.contains(':')) && !host.contains(char::is_whitespace);
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_name(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    (1..=63).contains(&name.len()) && name.chars().all(is_fine)
}
