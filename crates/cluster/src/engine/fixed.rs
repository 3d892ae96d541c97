//! The gate of a group whose members are given: whoever has the cluster's certificate is let in.

use futures::{FutureExt, future, future::BoxFuture};

use crate::{
    NetworkSettings,
    engine::{identity::Identity, serve::Gate},
    net::Formation,
    net::wire::{Hello, PROTOCOL, PROTOCOL_MIN, Refusal},
    time::wall_us,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct FixedGate(Hello);

impl FixedGate {
    /// The gate of that node.
    pub(crate) fn new(network: &NetworkSettings, identity: &Identity) -> Self {
        let id = match network.formation {
            Formation::Fixed { id, .. } => Some(id),
            Formation::Founded(_) => None,
        };
        Self(Hello {
            protocol: (PROTOCOL_MIN, PROTOCOL),
            cluster: network.cluster.clone(),
            epoch: 1,
            id,
            incarnation: identity.incarnation,
            name: network.name.clone(),
            addr: network.advertise.clone(),
            boot: identity.boot,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock: 0,
        })
    }
}

impl Gate for FixedGate {
    fn hello(&self) -> Hello {
        Hello { clock: wall_us() / 1_000, ..self.0.clone() }
    }

    fn admit(&self, _: &Hello) -> Result<(), Refusal> {
        Ok(())
    }

    fn place(&self, _: u64) -> Option<String> {
        None
    }

    fn members(&self, _: Hello, _: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        future::ready(Vec::new()).boxed()
    }
}
