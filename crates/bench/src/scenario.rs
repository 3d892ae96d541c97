//! What is measured, and how good Keyraft means to be at it.

use crate::{
    bare::Bare,
    setup::{BENCH, Client, EDDSA, ES256, RS256},
};

/// One row of the table: an operation, over and over, by several workers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    pub(crate) client: Client,
    pub(crate) goal: Goal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    ClientCredentials,
    Refresh,
    Introspection,
    Userinfo,
    LoginPage,
    BrowserLogin,
    Jwks,
    Discovery,
}

/// What Keyraft is to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Operations per CPU-second.
    Rate(f64),
    /// This share of the processor time is so many bare RS256 signatures.
    Signatures { count: f64, share: f64 },
    /// This share of it is the bare password hash.
    Hash { share: f64 },
    /// Nothing in particular.
    None,
}

impl Scenario {
    const fn new(name: &'static str, operation: Operation, client: Client, goal: Goal) -> Self {
        Self { name, operation, client, goal }
    }

    /// All, in the order of the table.
    pub(crate) const ALL: [Self; 11] = {
        use Operation as Op;
        [
            Self::new(
                "client_credentials, RS256",
                Op::ClientCredentials,
                RS256,
                Goal::Signatures { count: 1.0, share: 0.8 },
            ),
            Self::new("client_credentials, ES256", Op::ClientCredentials, ES256, Goal::Rate(20_000.0)),
            Self::new("client_credentials, EdDSA", Op::ClientCredentials, EDDSA, Goal::Rate(20_000.0)),
            Self::new(
                "refresh with `openid`, RS256",
                Op::Refresh,
                RS256,
                Goal::Signatures { count: 2.0, share: 0.8 },
            ),
            Self::new("refresh with `openid`, ES256", Op::Refresh, ES256, Goal::Rate(10_000.0)),
            Self::new("introspection", Op::Introspection, BENCH, Goal::Rate(18_000.0)),
            Self::new("userinfo", Op::Userinfo, BENCH, Goal::Rate(15_000.0)),
            Self::new("login page", Op::LoginPage, BENCH, Goal::Rate(20_000.0)),
            Self::new("browser login", Op::BrowserLogin, BENCH, Goal::Hash { share: 0.85 }),
            Self::new("JWKS", Op::Jwks, BENCH, Goal::Rate(40_000.0)),
            Self::new("discovery", Op::Discovery, BENCH, Goal::None),
        ]
    };
}

impl Operation {
    /// At most so many at once: a password hash keeps a core busy by itself, and servers turn away those who would
    /// have to wait long for one.
    pub(crate) fn at_once(self, connections: usize) -> usize {
        if self == Self::BrowserLogin { connections.min(4) } else { connections }
    }
}

impl Goal {
    /// The rate per CPU-second that it comes to on this machine.
    pub(crate) fn rate(self, bare: &Bare) -> Option<f64> {
        match self {
            Self::Rate(rate) => Some(rate),
            Self::Signatures { count, share } => Some(share * 1e6 / (count * bare.rs256)),
            Self::Hash { share } => Some(share * 1e6 / bare.hash),
            Self::None => None,
        }
    }
}
