//! Asking DNS. Whatever goes wrong is an empty answer and one log line.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, RecordType},
};

use super::DnsNames;

/// How long one question may take; who is late is asked again soon.
const TIMEOUT: Duration = Duration::from_secs(2);

/// All addresses behind all names.
pub(super) async fn look_up(names: &DnsNames) -> BTreeSet<String> {
    let resolver = match resolver(names.resolver) {
        Ok(resolver) => resolver,
        Err(error) => {
            tracing::warn!(%error, "discovery: there is no resolver to ask");
            return BTreeSet::new();
        }
    };
    let mut found = BTreeSet::new();
    for name in &names.names {
        if name.starts_with('_') {
            found.extend(services(&resolver, name).await);
        } else {
            let addresses = addresses(&resolver, name).await;
            found.extend(addresses.map(|ip| SocketAddr::new(ip, names.port).to_string()));
        }
    }
    found
}

/// Nothing is kept between questions: the point of asking again is to hear what changed.
fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        None => Resolver::builder_tokio()?,
        Some(server) => {
            let [mut udp, mut tcp] = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            (udp.port, tcp.port) = (server.port(), server.port());
            let server = NameServerConfig::new(server.ip(), true, vec![udp, tcp]);
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.timeout = TIMEOUT / 2;
    options.attempts = 1;
    options.cache_size = 0;
    builder.build()
}

/// A and AAAA records, each asked for by itself: one that fails must not hide the other.
async fn addresses(resolver: &TokioResolver, name: &str) -> impl Iterator<Item = IpAddr> + use<> {
    let (four, six) =
        tokio::join!(records(resolver, name, RecordType::A), records(resolver, name, RecordType::AAAA));
    four.into_iter().chain(six).filter_map(|data| match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    })
}

/// The targets of SRV records; their names are resolved when they are dialled.
async fn services(resolver: &TokioResolver, name: &str) -> Vec<String> {
    let records = records(resolver, name, RecordType::SRV).await;
    let target = |data: RData| match data {
        RData::SRV(service) => {
            let host = service.target.to_utf8();
            Some(format!("{}:{}", host.trim_end_matches('.'), service.port))
        }
        _ => None,
    };
    records.into_iter().filter_map(target).collect()
}

async fn records(resolver: &TokioResolver, name: &str, kind: RecordType) -> Vec<RData> {
    let answer = tokio::time::timeout(TIMEOUT, resolver.lookup(name, kind)).await;
    match answer {
        Ok(Ok(lookup)) => lookup.answers().iter().map(|record| record.data.clone()).collect(),
        Ok(Err(error)) if error.is_no_records_found() => Vec::new(),
        Ok(Err(error)) => {
            tracing::warn!(name, %kind, %error, "discovery: DNS gave no answer");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(name, %kind, "discovery: DNS gave no answer in time");
            Vec::new()
        }
    }
}
