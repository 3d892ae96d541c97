//! One door per token: every kind is tried at every door, of its own realm and of another one.
//!
//! The realms of these tests have keys that the test made, so that it can sign what the server never would, and
//! both realms have the same ones, as imports make them: then only what a token says tells them apart.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use aws_lc_rs::hmac;
use keyraft_harness::{Agent, Keyraft, Person, Realm};
use serde_json::{Value, json};

use crate::{
    forge::{Forge, mac, opened, shown_kid, unsigned},
    keyraft,
    shop::{Reply, SECRET, Shop, parameter, reply},
};

/// Everything that a person's sign-in leaves in somebody's hands.
const KINDS: [&str; 8] =
    ["access", "lightweight", "id", "refresh", "offline", "identity cookie", "code", "client assertion"];

/// Where a kind is let in, of its own realm.
const OPEN: [(&str, &[&str]); 8] = [
    ("userinfo", &["access"]),
    ("introspection", &["access", "lightweight", "id", "refresh", "offline"]),
    ("refresh grant", &["refresh", "offline"]),
    ("code grant", &["code"]),
    ("client authentication", &["client assertion"]),
    ("logout hint", &["id"]),
    ("account cookie", &["identity cookie"]),
    ("admin API", &["access", "lightweight"]),
];

/// A realm with a person who may administer it and applications that she has signed in to.
struct House<'a> {
    realm: &'a Realm<'a>,
    shop: Shop<'a>,
    light: Shop<'a>,
    alice: Person,
}

impl<'a> House<'a> {
    async fn build(realm: &'a Realm<'a>) -> Result<Self> {
        let seen = json!({ "attributes": { "allow.token.introspection.without.audience.check": "true" } });
        let mut light = seen.clone();
        light["attributes"]["client.use.lightweight.access.token.enabled"] = json!("true");
        let signer = json!({ "clientAuthenticatorType": "client-secret-jwt", "secret": SECRET });
        Shop::open_with(realm, "signer", signer).await?;
        let alice = realm.person("alice").await?;
        let house = Self {
            realm,
            shop: Shop::open_with(realm, "shop", seen).await?,
            light: Shop::open_with(realm, "light", light).await?,
            alice,
        };
        crate::authority::give_admin_roles(realm, &house.alice.id, &["realm-admin"]).await?;
        Ok(house)
    }

    /// One thing of each kind, all fresh and good.
    async fn things(&self) -> Result<Vec<(&'static str, String)>> {
        let mut agent = Agent::new(self.realm.keyraft());
        let tokens = self.shop.redeem(&self.shop.code(&mut agent, &self.alice).await?).await?;
        let light = self.light.redeem(&self.light.code(&mut agent, &self.alice).await?).await?;
        let offline = self.shop.authorize(&[("scope", "openid offline_access")])?;
        let offline = parameter(&agent.sign_in(&offline, &self.alice).await?, "code")?;
        let offline = self.shop.redeem(&offline).await?;
        let code = self.shop.code(&mut agent, &self.alice).await?;
        let identity = agent.cookies().into_iter().find(|(name, _)| name.contains("identity"));
        Ok(vec![
            ("access", tokens.text("access_token")?.to_owned()),
            ("lightweight", light.text("access_token")?.to_owned()),
            ("id", tokens.text("id_token")?.to_owned()),
            ("refresh", tokens.text("refresh_token")?.to_owned()),
            ("offline", offline.text("refresh_token")?.to_owned()),
            ("identity cookie", identity.context("no identity cookie")?.1),
            ("code", code),
            ("client assertion", self.assertion("signer")),
        ])
    }

    fn assertion(&self, client: &str) -> String {
        let claims = json!({
            "iss": client, "sub": client, "aud": self.realm.issuer(), "jti": fresh_id(),
            "exp": now() + 60, "iat": now(),
        });
        mac(hmac::HMAC_SHA256, SECRET.as_bytes(), r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
    }

    /// Whether a door lets something in.
    async fn lets_in(&self, door: &str, thing: &str) -> Result<bool> {
        let keyraft = self.realm.keyraft();
        Ok(match door {
            "userinfo" => self.shop.userinfo(thing).await?.status == 200,
            "introspection" => self.is_active(thing).await?,
            "refresh grant" => self.shop.refresh(thing).await?.status == 200,
            "code grant" => self.shop.redeem(thing).await?.status == 200,
            "client authentication" => self.authenticates(thing).await?.status == 200,
            "logout hint" => self.is_hint(thing).await?,
            "account cookie" => {
                let mut agent = Agent::new(keyraft);
                agent.plant("localhost", &format!("keyraft-identity.{}", self.realm.name()), thing);
                let page = agent.open(&format!("{}/account/", self.realm.issuer())).await?;
                page.url.path().ends_with("/account/") && page.status == 200
            }
            "admin API" => {
                let users = format!("{}{}", keyraft.url(), self.realm.path("/users"));
                reply(keyraft.http().get(users).bearer_auth(thing)).await?.status == 200
            }
            other => anyhow::bail!("no door {other}"),
        })
    }

    async fn is_active(&self, thing: &str) -> Result<bool> {
        let plain = self.shop.post("token/introspect", &[("token", thing)]).await?;
        let hint = [("token", thing), ("token_type_hint", "refresh_token")];
        let hinted = self.shop.post("token/introspect", &hint).await?;
        anyhow::ensure!(plain.status == 200 && hinted.status == 200, "{plain:?} {hinted:?}");
        Ok(plain.body["active"] == true || hinted.body["active"] == true)
    }

    async fn authenticates(&self, thing: &str) -> Result<Reply> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", thing),
        ];
        reply(self.realm.keyraft().http().post(self.realm.endpoint("token")).form(&form)).await
    }

    /// A good hint is seen before the address that may not be gone to: nobody is signed out.
    async fn is_hint(&self, thing: &str) -> Result<bool> {
        let parameters = [("id_token_hint", thing), ("post_logout_redirect_uri", "https://evil.example/")];
        let out = url::Url::parse_with_params(&self.realm.endpoint("logout"), parameters)?;
        let page = Agent::new(self.realm.keyraft()).open(out.as_str()).await?;
        anyhow::ensure!(page.status == 400, "{} {}", page.status, page.body);
        Ok(page.body.contains("Invalid redirect uri"))
    }
}

/// A text that no other call gives.
fn fresh_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("assertion-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map(|since| since.as_secs()).unwrap_or_default()
}

async fn two_realms<'a>(forge: &Forge, keyraft: &'a Keyraft) -> Result<(Realm<'a>, Realm<'a>)> {
    Ok((forge.realm(keyraft, "home").await?, forge.realm(keyraft, "abroad").await?))
}

#[tokio::test]
async fn every_kind_is_let_in_at_its_own_doors_alone() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let things = house.things().await?;

    let mut wrong = Vec::new();
    for (door, open) in OPEN {
        // What a door uses up comes last.
        for wanted in [false, true] {
            for (kind, thing) in things.iter().filter(|(kind, _)| open.contains(kind) == wanted) {
                if house.lets_in(door, thing).await? != wanted {
                    wrong.push(format!("{kind} at {door}: {}", !wanted));
                }
            }
        }
    }

    assert_eq!(things.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), KINDS);
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_let_in_at_another_realm_even_with_the_same_keys() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let (home, abroad) = two_realms(&forge, &keyraft).await?;
    let (here, there) = (House::build(&home).await?, House::build(&abroad).await?);
    let things = here.things().await?;

    let mut wrong = Vec::new();
    for (door, _) in OPEN {
        for (kind, thing) in &things {
            if there.lets_in(door, thing).await? {
                wrong.push(format!("{kind} at {door}"));
            }
        }
    }

    assert_eq!(shown_kid(&home).await?, shown_kid(&abroad).await?, "the realms have the same keys");
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[tokio::test]
async fn the_wrong_kind_revokes_nothing() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let things = house.things().await?;
    let refresh = things.iter().find(|(kind, _)| *kind == "refresh").context("no refresh token")?;

    for (kind, thing) in things.iter().filter(|(kind, _)| !["refresh", "offline"].contains(kind)) {
        for hint in ["refresh_token", "access_token"] {
            house.shop.post("revoke", &[("token", thing), ("token_type_hint", hint)]).await?;
        }
        assert_eq!(house.shop.refresh(&refresh.1).await?.status, 200, "after {kind}");
    }
    Ok(())
}

/// Tokens that lie about how they were signed, made from a good one; the first is good and proves the forge.
async fn forged(forge: &Forge, realm: &Realm<'_>, good: &str) -> Result<Vec<(String, String)>> {
    let (_, claims) = opened(good)?;
    let (kid, claims) = (shown_kid(realm).await?, claims.to_string());
    let header = |alg: &str| json!({ "alg": alg, "typ": "JWT", "kid": kid }).to_string();
    let mut made = vec![("good".to_owned(), forge.rs256(&header("RS256"), &claims)?)];
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        made.push((format!("alg {alg:?}, unsigned"), unsigned(&header(alg), &claims)));
        made.push((format!("alg {alg:?}, signed"), forge.rs256(&header(alg), &claims)?));
    }
    made.push(("RS256, unsigned".to_owned(), unsigned(&header("RS256"), &claims)));
    for (at, key) in forge.public_keys()?.into_iter().enumerate() {
        let hashes =
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
        for (alg, algorithm) in hashes {
            made.push((
                format!("{alg} over the public key, form {at}"),
                mac(algorithm, &key, &header(alg), &claims),
            ));
        }
    }
    made.extend(brought_along(forge, &kid, &claims)?);
    for (what, doubled) in doubles(&claims) {
        made.push((format!("{what} twice"), forge.rs256(&header("RS256"), &doubled)?));
    }
    let twice = format!(r#"{{"alg":"RS256","alg":"RS256","typ":"JWT","kid":"{kid}"}}"#);
    made.push(("alg twice".to_owned(), forge.rs256(&twice, &claims)?));
    let critical = json!({ "alg": "RS256", "typ": "JWT", "kid": kid, "crit": ["b64"], "b64": false });
    made.push(("crit".to_owned(), forge.rs256(&critical.to_string(), &claims)?));
    Ok(made)
}

/// Tokens signed by a stranger who sends his own key along.
fn brought_along(forge: &Forge, kid: &str, claims: &str) -> Result<Vec<(String, String)>> {
    let stranger = Forge::new()?;
    let mut made = Vec::new();
    for kid in [kid, "mine"] {
        let ways = [
            ("jwk", stranger.jwk(kid)),
            ("jku", json!("http://127.0.0.1:9/keys")),
            ("x5u", json!("http://127.0.0.1:9/certificate")),
            ("x5c", json!(["MIIB"])),
        ];
        for (name, value) in ways {
            let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid, name: value }).to_string();
            made.push((format!("a stranger's {name} as {kid}"), stranger.rs256(&header, claims)?));
        }
    }
    let header = json!({ "alg": "RS256", "typ": "JWT", "jwk": forge.jwk(kid) }).to_string();
    made.push(("a stranger's signature".to_owned(), stranger.rs256(&header, claims)?));
    Ok(made)
}

/// The claims with one of them twice: once as it was, once as the forger likes it, in both orders.
fn doubles(claims: &str) -> Vec<(&'static str, String)> {
    let inner = claims.trim_start_matches('{').trim_end_matches('}');
    let lies = [
        ("sub", json!("somebody-else")),
        ("exp", json!(now() + 999_999)),
        ("typ", json!("Bearer")),
        ("iss", json!("http://evil.example")),
        ("azp", json!("shop")),
        ("sid", json!("x")),
    ];
    let both = lies.into_iter().flat_map(|(name, value)| {
        let lie = format!("{}:{value}", json!(name));
        [(name, format!("{{{lie},{inner}}}")), (name, format!("{{{inner},{lie}}}"))]
    });
    both.collect()
}

#[tokio::test]
async fn an_access_token_that_lies_about_its_signature_is_let_in_nowhere() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let good = house.shop.sign_in(&house.alice).await?;
    let forged = forged(&forge, &realm, good.text("access_token")?).await?;

    for door in ["userinfo", "introspection", "admin API"] {
        let mut let_in = Vec::new();
        for (what, token) in &forged {
            if house.lets_in(door, token).await? {
                let_in.push(what.as_str());
            }
        }
        assert_eq!(let_in, ["good"], "{door}");
    }
    Ok(())
}

#[tokio::test]
async fn a_hint_that_lies_about_its_signature_is_no_hint() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let good = house.shop.sign_in(&house.alice).await?;

    let mut let_in = Vec::new();
    for (what, token) in forged(&forge, &realm, good.text("id_token")?).await? {
        if house.lets_in("logout hint", &token).await? {
            let_in.push(what);
        }
    }

    assert_eq!(let_in, ["good"]);
    Ok(())
}

/// A token with other claims, signed with the realm's own keys as its kind is.
fn changed(forge: &Forge, token: &str, changes: &Value) -> Result<String> {
    let (header, mut claims) = opened(token)?;
    for (name, value) in changes.as_object().into_iter().flatten() {
        match value {
            Value::Null => claims.as_object_mut().and_then(|claims| claims.remove(name)),
            value => claims.as_object_mut().and_then(|claims| claims.insert(name.clone(), value.clone())),
        };
    }
    Ok(match header["alg"].as_str() {
        Some("HS512") => forge.hs512(&header.to_string(), &claims.to_string()),
        _ => forge.rs256(&header.to_string(), &claims.to_string())?,
    })
}

#[tokio::test]
async fn what_a_token_says_counts_even_under_a_good_signature() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let (home, abroad) = two_realms(&forge, &keyraft).await?;
    let house = House::build(&home).await?;
    let things = house.things().await?;
    let changes = [
        json!({ "iss": abroad.issuer() }),
        json!({ "iss": null }),
        json!({ "typ": "Nonsense" }),
        json!({ "typ": null }),
        json!({ "exp": now() - 10 }),
        json!({ "exp": "never" }),
        json!({ "sid": "another-session-altogether" }),
    ];
    let tried = [
        ("access", "userinfo"),
        ("access", "introspection"),
        ("access", "admin API"),
        ("refresh", "refresh grant"),
        ("identity cookie", "account cookie"),
    ];

    let mut wrong = Vec::new();
    for (kind, door) in tried {
        let thing = &things.iter().find(|(other, _)| *other == kind).context("no such kind")?.1;
        assert!(house.lets_in(door, &changed(&forge, thing, &json!({}))?).await?, "{kind} at {door}");
        for change in &changes {
            if house.lets_in(door, &changed(&forge, thing, change)?).await? {
                wrong.push(format!("{kind} at {door} with {change}"));
            }
        }
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[tokio::test]
async fn a_kind_that_renames_itself_is_found_out_by_its_key_or_header() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let tokens = house.shop.sign_in(&house.alice).await?;
    let (_, claims) = opened(tokens.text("refresh_token")?)?;
    let as_type = |typ: &str| {
        let mut claims = claims.clone();
        claims["typ"] = json!(typ);
        claims.to_string()
    };
    let kid = shown_kid(&realm).await?;
    let rs256 = json!({ "alg": "RS256", "typ": "JWT", "kid": kid }).to_string();
    let hs512 = json!({ "alg": "HS512", "typ": "JWT", "kid": "the-forgers-secret" }).to_string();

    // A refresh token is signed with the secret alone: the public key's owner cannot make one.
    let refresh = forge.rs256(&rs256, &as_type("Refresh"))?;
    assert!(!house.lets_in("refresh grant", &refresh).await?);
    // A logout token that calls itself an access token keeps its header.
    let logout = json!({ "alg": "RS256", "typ": "logout+jwt", "kid": kid }).to_string();
    assert!(!house.lets_in("userinfo", &forge.rs256(&logout, &as_type("Bearer"))?).await?);
    // The identity cookie's type is no one else's.
    for typ in ["Refresh", "Bearer", "ID"] {
        assert!(!house.lets_in("account cookie", &forge.hs512(&hs512, &as_type(typ))).await?, "{typ}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_for_another_session_speaks_of_that_sessions_person_alone() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let bob = realm.person("bob").await?;
    let tokens = house.shop.sign_in(&bob).await?;

    let lie = changed(&forge, tokens.text("access_token")?, &json!({ "sub": house.alice.id }))?;
    let who = house.shop.userinfo(&lie).await?;

    assert_ne!(who.body["sub"], json!(house.alice.id), "{who:?}");
    assert!(!house.lets_in("admin API", &lie).await?);
    Ok(())
}

#[tokio::test]
async fn an_assertion_counts_once_for_its_own_client_and_realm() -> Result<()> {
    let (keyraft, forge) = (keyraft().await?, Forge::new()?);
    let realm = forge.realm(&keyraft, "home").await?;
    let house = House::build(&realm).await?;
    let assertion = house.assertion("signer");

    assert_eq!(house.authenticates(&assertion).await?.status, 200);
    assert_eq!(house.authenticates(&assertion).await?.refusal(), (400, "invalid_client"));
    // Somebody else's name under the same secret; a client that does not sign.
    assert_ne!(house.authenticates(&house.assertion("shop")).await?.status, 200);
    let wrong = [("grant_type", "client_credentials"), ("client_id", "signer"), ("client_secret", SECRET)];
    let plain = reply(keyraft.http().post(realm.endpoint("token")).form(&wrong)).await?;
    assert_ne!(plain.status, 200, "{plain:?}");
    Ok(())
}
