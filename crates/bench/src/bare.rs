//! The bare costs of what operations cannot do without, on one core.

use std::hint::black_box;

use anyhow::Result;
use keyraft_crypto::{
    Secret,
    keys::{Algorithm, Curve, KeyMaterial, RsaBits, SigningKey},
    password::{Hash, HashParameters, Memory},
};
use rustix::time::{ClockId, clock_gettime};

/// Batches of which the cheapest counts: whatever else the machine does only ever adds.
const BATCHES: usize = 9;

/// Processor time in µs of one operation each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    pub(crate) rs256: f64,
    pub(crate) es256: f64,
    pub(crate) eddsa: f64,
    /// Argon2id as Keycloak sets it by default: 7 MiB, 5 passes.
    pub(crate) hash: f64,
}

impl Bare {
    /// Measures them.
    pub(crate) fn measure() -> Result<Self> {
        let rsa = KeyMaterial::generate_rsa(RsaBits::B2048, "bench", 0)?.signing_key(Algorithm::RS256)?;
        let ec = KeyMaterial::generate_ec(Curve::P256)?.signing_key(Algorithm::ES256)?;
        let ed = KeyMaterial::generate_ed25519()?.signing_key(Algorithm::EdDSA)?;
        let (password, mut memory) = (Secret::new("swordfish"), Memory::default());
        let hash = Hash::create(HashParameters::default(), &password, &mut memory)?;
        Ok(Self {
            rs256: signature(&rsa, 30),
            es256: signature(&ec, 300),
            eddsa: signature(&ed, 300),
            hash: cheapest(3, || hash.verify(&password, &mut memory).is_ok()),
        })
    }

    /// Names and costs, for tables.
    pub(crate) fn rows(&self) -> [(&'static str, f64); 4] {
        [
            ("RS256 signature, 2048 bits", self.rs256),
            ("ES256 signature", self.es256),
            ("EdDSA signature", self.eddsa),
            ("password hash, Argon2id with 7 MiB and 5 passes", self.hash),
        ]
    }
}

fn signature(key: &SigningKey, batch: u32) -> f64 {
    // About as long as the text of an access token.
    let message = [b'x'; 900];
    cheapest(batch, || key.sign(&message).is_ok())
}

fn cheapest(batch: u32, mut operation: impl FnMut() -> bool) -> f64 {
    let once = |_| {
        let began = thread_micros();
        for _ in 0..batch {
            black_box(operation());
        }
        (thread_micros() - began) / f64::from(batch)
    };
    (0..BATCHES).map(once).fold(f64::INFINITY, f64::min)
}

/// Processor time of this thread: waiting for a core that somebody else uses does not count.
fn thread_micros() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
