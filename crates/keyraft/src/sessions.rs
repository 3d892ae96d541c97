//! From the settings to the cluster of sessions: who this node is, where it looks for others, how they prove who
//! they are.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use keyraft_cluster::{
    CaSeed, Discovery, DnsNames, Formation, Founding, Group, NetworkSettings, Operators, Patience, Settings,
    Timing, Tls,
};
use keyraft_core::registry::ClusterRegistry;
use keyraft_crypto::{Secret, seal::MasterKeys};
use keyraft_store::Db;

use crate::config::{Cluster, Config};

/// The settings of the replicated log.
///
/// # Errors
/// A master key that cannot be used.
pub(crate) fn settings(config: &Config, store: &Db, operators: Operators) -> anyhow::Result<Settings> {
    let cluster = &config.cluster;
    let mut settings = Settings::new(config.general.data_dir.join("cluster"));
    settings.max_state_bytes = u64::from(cluster.max_state_mib) << 20;
    settings.snapshot_after_bytes = u64::from(cluster.snapshot_mib) << 20;
    let Some(expect) = cluster.expect else { return Ok(settings) };
    settings.timing = Timing {
        heartbeat: cluster.heartbeat,
        election_min: cluster.election_min,
        election_max: cluster.election_max,
        lost: cluster.lost,
        connect: cluster.connect,
    };
    settings.group = Group::Network(Box::new(NetworkSettings {
        cluster: cluster.name.clone(),
        name: cluster.node(),
        listen: SocketAddr::new(cluster.listen, cluster.port),
        advertise: cluster.advertised(),
        tls: tls(config)?,
        formation: Formation::Founded(Founding {
            expect: usize::from(expect),
            discovery: discovery(cluster),
            registry: Some(Arc::new(ClusterRegistry::new(store.clone()))),
            replicas_file: cluster.replicas_file.clone(),
            patience: Patience { replace: cluster.replace_after, remove: cluster.remove_after },
            operators,
        }),
    }));
    tracing::info!(
        cluster = cluster.name,
        node = cluster.node(),
        at = cluster.advertised(),
        heartbeat_ms = cluster.heartbeat.as_millis(),
        election_ms = format!("{}-{}", cluster.election_min.as_millis(), cluster.election_max.as_millis()),
        lost_ms = cluster.lost.as_millis(),
        connect_ms = cluster.connect.as_millis(),
        "a node of a cluster"
    );
    Ok(settings)
}

fn discovery(cluster: &Cluster) -> Discovery {
    if cluster.dns_names.is_empty() {
        return Discovery::Static(cluster.nodes.clone());
    }
    Discovery::Dns(DnsNames {
        names: cluster.dns_names.clone(),
        port: cluster.port,
        resolver: cluster.dns_server,
    })
}

/// Certificates from files, or made by each node from what all of them share: the master key.
fn tls(config: &Config) -> anyhow::Result<Tls> {
    let cluster = &config.cluster;
    if let (Some(ca), Some(cert), Some(key)) =
        (&cluster.ca_file, &cluster.certificate_file, &cluster.key_file)
    {
        return Ok(Tls::Files { ca: ca.clone(), cert: cert.clone(), key: key.clone() });
    }
    let master =
        MasterKeys::parse(config.general.master_key.iter().map(Secret::expose)).context("master_key")?;
    let seeds = master.derive(&format!("keyraft cluster CA of {}", cluster.name));
    Ok(Tls::Derived(seeds.into_iter().map(CaSeed::new).collect()))
}
