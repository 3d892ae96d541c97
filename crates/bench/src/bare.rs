//! The bare costs of what operations cannot do without, on one core.

use std::time::Instant;

use keyraft_crypto::{
    Secret,
    keys::{Algorithm, Curve, KeyMaterial, RsaBits},
    password::{Hash, HashParameters, Memory},
};

/// Names and microseconds, each the median of several batches.
pub(crate) fn costs() -> Vec<(&'static str, f64)> {
    let mut costs = Vec::new();
    let materials = [
        ("RS256-2048 signature", KeyMaterial::generate_rsa(RsaBits::B2048, "bench", 0), Algorithm::RS256),
        ("ES256 signature", KeyMaterial::generate_ec(Curve::P256), Algorithm::ES256),
        ("EdDSA signature", KeyMaterial::generate_ed25519(), Algorithm::EdDSA),
    ];
    for (name, material, algorithm) in materials {
        if let Ok(key) = material.and_then(|material| material.signing_key(algorithm)) {
            costs.push((
                name,
                median(50, || key.sign(b"what a token says, about this long or longer").is_ok()),
            ));
        }
    }
    let mut memory = Memory::default();
    if let Ok(hash) = Hash::create(HashParameters::default(), &Secret::new("swordfish"), &mut memory) {
        let password = Secret::new("swordfish");
        costs.push(("Argon2id, 7 MiB, 5 passes", median(3, || hash.verify(&password, &mut memory).is_ok())));
    }
    costs
}

fn median(batch: u32, mut operation: impl FnMut() -> bool) -> f64 {
    let mut samples: Vec<f64> = (0..9)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..batch {
                std::hint::black_box(operation());
            }
            began.elapsed().as_secs_f64() * 1e6 / f64::from(batch)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
