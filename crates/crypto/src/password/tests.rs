use super::*;
use crate::{Error, Secret};

/// Hashes that Keycloak 26.7.3 made of [`PASSWORD`]: `credentialData`, `secretData`.
const OF_KEYCLOAK: [(&str, &str); 5] = [
    (
        r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#,
        r#"{"value":"3tWizVTrr+3eGQqsCB42Qoo/XgYh2lql15GAEEeZSfQ=","salt":"ao4PIfHkEdxF07mMqbiuzA==","additionalParameters":{}}"#,
    ),
    (
        r#"{"hashIterations":1000,"algorithm":"pbkdf2","additionalParameters":{}}"#,
        r#"{"value":"P8Cn4+XwjNSJ1ywkS7DBMESM3BHFx2wQEbfeur6moWgKOYWkSEeEFw9M2uO5TuwikL58rzLJaQobxmqHNAKbGg==","salt":"X9yOFX+3i9CiZ4JqlzWdlw==","additionalParameters":{}}"#,
    ),
    (
        r#"{"hashIterations":1000,"algorithm":"pbkdf2-sha256","additionalParameters":{}}"#,
        r#"{"value":"VVjk+aQTrbZdhl13BIYDvbqQfRpzGcNKMVeIyLI3vtw=","salt":"n0u3PMBPeGzVyEDnEYN+pA==","additionalParameters":{}}"#,
    ),
    (
        r#"{"hashIterations":1000,"algorithm":"pbkdf2-sha512","additionalParameters":{}}"#,
        r#"{"value":"A46R8B95GrS7qWPzhX+6BCHn+D+rhii7orqjvSlwJd0AQdCOvKUZfD3a+eMLDQXpscqWZQqfMey2BdENdIF6fQ==","salt":"UoxcS3QjeLR6OaBcqku6nQ==","additionalParameters":{}}"#,
    ),
    (
        r#"{"hashIterations":2,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#,
        r#"{"value":"APPXz7C/ABM9pnx6X8DQZmLqIXwoi50h2997ioJB/3g=","salt":"J+U1jLh7sy7rxFDQvTvwGg==","additionalParameters":{}}"#,
    ),
];
const PASSWORD: &str = "pässwörd-漢字-😀";

/// As little work as the algorithm allows.
const QUICK: HashParameters = HashParameters::Argon2 {
    variant: Argon2Variant::Id,
    version: Argon2Version::V13,
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
    hash_length: 32,
};

fn argon2(variant: &str, version: &str, memory: &str, iterations: i64, lanes: &str) -> String {
    format!(
        r#"{{"hashIterations":{iterations},"algorithm":"argon2","additionalParameters":{{"hashLength":["32"],"memory":["{memory}"],"type":["{variant}"],"version":["{version}"],"parallelism":["{lanes}"]}}}}"#
    )
}

#[test]
fn hashes_of_keycloak_are_verified_and_written_to_the_letter() {
    let mut memory = Memory::default();
    for (credential, secret) in OF_KEYCLOAK {
        let hash = Hash::from_keycloak(credential, secret).unwrap();

        assert!(hash.verify(&PASSWORD.into(), &mut memory).unwrap(), "{credential}");
        assert!(!hash.verify(&"password".into(), &mut memory).unwrap(), "{credential}");
        assert_eq!((hash.credential_data().as_str(), hash.secret_data().as_str()), (credential, secret));
    }
}

#[test]
fn every_kind_of_argon2_matches_the_reference_implementation() {
    // "password" with salt "somesalt", m=256 KiB, t=2: the reference implementation's test.c.
    for (variant, version, lanes, value) in [
        ("i", "1.0", "1", "fd4dd83d762c49bdeaf57c47bdcd0c2f1babf863fdeb490df63ede9975fccf06"),
        ("i", "1.0", "2", "b6c11560a6a9d61eac706b79a2f97d68b4463aa3ad87e00c07e2b01e90c564fb"),
        ("i", "1.3", "1", "89e9029f4637b295beb027056a7336c414fadd43f6b208645281cb214a56452f"),
        ("i", "1.3", "2", "4ff5ce2769a1d7f4c8a491df09d41a9fbe90e5eb02155a13e4c01e20cd4eab61"),
        ("id", "1.3", "1", "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
        ("id", "1.3", "2", "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
    ] {
        let secret = format!(
            r#"{{"value":"{}","salt":"{}"}}"#,
            crate::encoding::base64(&crate::encoding::from_hex(value).unwrap()),
            crate::encoding::base64(b"somesalt")
        );
        let hash = Hash::from_keycloak(&argon2(variant, version, "256", 2, lanes), &secret).unwrap();

        assert!(
            hash.verify(&"password".into(), &mut Memory::default()).unwrap(),
            "{variant} {version} {lanes}"
        );
    }
}

#[test]
fn reused_memory_gives_the_same_hash() {
    let mut memory = Memory::default();
    let hash = Hash::create(QUICK, &"swordfish".into(), &mut memory).unwrap();
    let larger = HashParameters::from_policy(Some("argon2"), None).unwrap();
    Hash::create(larger, &"other".into(), &mut memory).unwrap();

    assert!(hash.verify(&"swordfish".into(), &mut memory).unwrap());
    memory.wipe();
    assert!(hash.verify(&"swordfish".into(), &mut memory).unwrap());
    assert!(!hash.verify(&"Swordfish".into(), &mut memory).unwrap());
}

#[test]
fn a_hash_that_costs_too_much_names_the_limit() {
    let secret = OF_KEYCLOAK[0].1;
    for (credential, parameter, limit) in [
        (argon2("id", "1.3", "262145", 1, "1"), "Argon2 memory KiB", 262_144),
        (argon2("id", "1.3", "7168", 21, "1"), "Argon2 iterations", 20),
        (argon2("id", "1.3", "7168", 1, "5"), "Argon2 parallelism", 4),
        (
            r#"{"hashIterations":5000001,"algorithm":"pbkdf2-sha256"}"#.to_owned(),
            "PBKDF2 iterations",
            5_000_000,
        ),
        (r#"{"hashIterations":99999999999,"algorithm":"pbkdf2"}"#.to_owned(), "PBKDF2 iterations", 5_000_000),
    ] {
        let refused = Hash::from_keycloak(&credential, secret).unwrap_err();

        let named = matches!(refused, Error::HashTooCostly { parameter: p, limit: l, .. } if (p, l) == (parameter, limit));
        assert!(named, "{refused}");
    }
}

#[test]
fn malformed_hashes_are_errors_that_name_the_member() {
    let good = OF_KEYCLOAK[0];
    for (credential, secret, member) in [
        ("{}", good.1, "credentialData"),
        (good.0, "{}", "secretData"),
        (good.0, r#"{"value":"","salt":"ao4PIfHkEdxF07mMqbiuzA=="}"#, "value"),
        (good.0, r#"{"value":"3tWizVTrr+0=","salt":"ao4PIfHkEdxF07mMqbiuzA=="}"#, "value"),
        (good.0, r#"{"value":"3tWizVTrr+3eGQqsCB42Qoo/XgYh2lql15GAEEeZSfQ=","salt":""}"#, "salt"),
        (r#"{"hashIterations":1000,"algorithm":"pbkdf2"}"#, r#"{"value":"","salt":"ao4P"}"#, "value"),
        (r#"{"hashIterations":0,"algorithm":"pbkdf2"}"#, good.1, "hashIterations"),
        (r#"{"hashIterations":-1,"algorithm":"pbkdf2"}"#, good.1, "hashIterations"),
    ] {
        let refused = Hash::from_keycloak(credential, secret).unwrap_err();
        assert!(matches!(refused, Error::HashMalformed(named) if named == member), "{member}: {refused}");
    }
    let unknown = Hash::from_keycloak(r#"{"hashIterations":10,"algorithm":"bcrypt"}"#, good.1);
    assert!(matches!(unknown, Err(Error::HashAlgorithmUnknown(name)) if name == "bcrypt"));
}

#[test]
fn a_policy_names_its_parameters_and_old_hashes_want_rehashing() {
    let default = HashParameters::from_policy(None, None).unwrap();
    let stored = Hash::from_keycloak(OF_KEYCLOAK[0].0, OF_KEYCLOAK[0].1).unwrap();

    assert_eq!(stored.parameters(), &default);
    assert!(!stored.needs_rehash(&default));
    assert!(stored.needs_rehash(&HashParameters::from_policy(Some("argon2"), Some(6)).unwrap()));
    let sha512 = HashParameters::from_policy(Some("pbkdf2-sha512"), Some(-1)).unwrap();
    assert_eq!((sha512.iterations(), sha512.hash_length()), (210_000, 64));
    let sha256 = HashParameters::from_policy(Some("pbkdf2-sha256"), Some(1_000)).unwrap();
    assert!(!Hash::from_keycloak(OF_KEYCLOAK[2].0, OF_KEYCLOAK[2].1).unwrap().needs_rehash(&sha256));
    assert!(HashParameters::from_policy(Some("pbkdf2"), Some(5_000_001)).is_err());
}

#[test]
fn a_decoy_is_the_same_for_one_name_and_of_every_kind_over_many() {
    let kinds = [QUICK, HashParameters::pbkdf2(Pbkdf2Digest::Sha1), HashParameters::default()];
    let drawn = |key: &[u8], name: &str| *decoy(key, name, &kinds).parameters();

    let names: Vec<String> = (0..64).map(|i| format!("nobody{i}")).collect();

    assert!(names.iter().all(|name| drawn(b"key", name) == drawn(b"key", name)));
    assert!(names.iter().any(|name| drawn(b"key", name) != drawn(b"another", name)));
    for kind in kinds {
        assert!(names.iter().any(|name| drawn(b"key", name) == kind));
    }
    let hash = decoy(b"key", "nobody", &[QUICK]);
    assert!(!hash.verify(&"".into(), &mut Memory::default()).unwrap());
    assert_eq!(decoy(b"key", "nobody", &[]).parameters(), &HashParameters::default());
    assert!(Hash::from_keycloak(&hash.credential_data(), &hash.secret_data()).is_ok());
}

#[tokio::test]
async fn the_hasher_hashes_and_verifies() {
    let hasher = Hasher::with_threads(2).unwrap();

    let hash = hasher.hash("192.0.2.1", QUICK, Secret::new("swordfish")).await.unwrap();

    assert!(hasher.verify("192.0.2.1", &hash, Secret::new("swordfish")).await.unwrap());
    assert!(!hasher.verify("192.0.2.2", &hash, Secret::new("sawfish")).await.unwrap());
    assert!(hash.secret_data().contains("salt") && !format!("{hash:?}").contains("salt"));
}

#[tokio::test]
async fn the_hasher_turns_away_what_would_wait_too_long() {
    let hasher = Hasher::with_threads(1).unwrap();
    let costly = HashParameters::Argon2 {
        variant: Argon2Variant::Id,
        version: Argon2Version::V13,
        memory_kib: 16_384,
        iterations: 20,
        parallelism: 1,
        hash_length: 32,
    };
    let ask = |client: &'static str, parameters| {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.hash(client, parameters, Secret::new("x")).await })
    };

    let crowd: Vec<_> = (0..200).map(|_| ask("192.0.2.1", costly)).collect();
    tokio::task::yield_now().await;
    let lone = ask("192.0.2.2", QUICK).await.unwrap();
    let busy = {
        let mut busy = 0;
        for asked in crowd {
            // Most are turned away at once; the few that wait need not be waited for.
            if asked.is_finished() {
                busy += usize::from(matches!(asked.await.unwrap(), Err(Error::Busy)));
            } else {
                asked.abort();
            }
        }
        busy
    };

    assert!(lone.is_ok());
    assert!(busy > 100, "{busy} of 200 were turned away");
}
