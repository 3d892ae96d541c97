//! Whoever is not let in hears the same, whatever the reason: what differs would tell who has an account.

use anyhow::Result;
use keyraft_harness::{Agent, Person, Realm};
use serde_json::json;

use crate::{keyraft, shop::Shop};

/// A realm whose people are all there could be: one who may come in, one who is disabled, one who is locked
/// out, one without a password.
async fn people(realm: &Realm<'_>, shop: &Shop<'_>) -> Result<Vec<Person>> {
    let locked = realm.person("locked").await?;
    for _ in 0..3 {
        direct(shop, "locked", "guess").await?;
    }
    let bare = realm.create("/users", json!({ "username": "barely", "enabled": true })).await?;
    let bare =
        Person { id: bare, name: "barely".to_owned(), password: String::new(), otp_secret: String::new() };
    Ok(vec![
        realm.person("alice").await?,
        realm.person_with("disabled", json!({ "enabled": false })).await?,
        locked,
        bare,
        realm.person_with_codes("second").await?,
    ])
}

async fn direct(shop: &Shop<'_>, name: &str, password: &str) -> Result<(u16, String)> {
    let form = [("grant_type", "password"), ("username", name), ("password", password)];
    let reply = shop.token(&form).await?;
    Ok((reply.status, reply.body.to_string()))
}

/// The page after a wrong password, without what differs each time: the typed name, codes, ids, nonces.
async fn page(shop: &Shop<'_>, name: &str, password: &str) -> Result<(u16, String)> {
    let mut agent = Agent::new(shop.realm.keyraft());
    let mut form = agent.open(&shop.authorize(&[])?).await?.form()?;
    form.fill("username", name);
    form.fill("password", password);
    let answer = agent.send(&form).await?;
    Ok((answer.status, without_noise(&answer.body.replace(name, "NAME"))))
}

/// Every run of letters and digits that is too long for a word becomes one sign.
fn without_noise(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '%' | '.');
    let mut clean = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(word) {
        let end = rest[start..].find(|c| !word(c)).map_or(rest.len(), |length| start + length);
        clean.push_str(&rest[..start]);
        let run = &rest[start..end];
        let is_noise = run.len() >= 10 && (run.chars().any(|c| c.is_ascii_digit()) || run.len() >= 40);
        clean.push_str(if is_noise || run.len() == 11 { "#" } else { run });
        rest = &rest[end..];
    }
    clean + rest
}

const PROTECTED: &str = r#"{"bruteForceProtected":true,"failureFactor":3,"waitIncrementSeconds":600,"quickLoginCheckMilliSeconds":0}"#;

#[tokio::test]
async fn the_login_page_says_the_same_of_everybody() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("same", serde_json::from_str(PROTECTED)?).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let people = people(&realm, &shop).await?;

    let unknown = page(&shop, "nobody-at-all", "guess").await?;
    assert!(unknown.0 == 200 && unknown.1.contains("Invalid username or password."), "{unknown:?}");
    for person in &people {
        assert_eq!(page(&shop, &person.name, "guess").await?, unknown, "{}", person.name);
    }
    // Who is locked out does not learn it by the right password either.
    assert_eq!(page(&shop, "locked", &people[2].password).await?, unknown);
    Ok(())
}

#[tokio::test]
async fn the_direct_grant_says_the_same_of_everybody() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("same", serde_json::from_str(PROTECTED)?).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let people = people(&realm, &shop).await?;

    let unknown = direct(&shop, "nobody-at-all", "guess").await?;
    for person in &people {
        assert_eq!(direct(&shop, &person.name, "guess").await?, unknown, "{}", person.name);
    }
    assert_eq!(direct(&shop, "locked", &people[2].password).await?, unknown);
    Ok(())
}

#[tokio::test]
async fn two_logins_differ_in_nothing_but_noise() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("noise", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    realm.person("alice").await?;

    // What the other tests of this file compare is not empty.
    let page = page(&shop, "alice", "guess").await?.1;

    assert!(page.contains("NAME") && page.contains("password") && page.len() > 500, "{page}");
    Ok(())
}
