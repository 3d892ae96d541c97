//! Required actions: what a login asks of a person, and what an application may ask for.

use anyhow::{Context as _, Result};
use keyraft_harness::{Agent, Answer, Person, base32, code_now};
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, parameter},
};

/// Gives name and password; returns what comes then.
async fn enter(agent: &mut Agent, shop: &Shop<'_>, person: &Person, more: &[(&str, &str)]) -> Result<Answer> {
    let mut form = agent.open(&shop.authorize(more)?).await?.form()?;
    form.fill("username", &person.name);
    form.fill("password", &person.password);
    agent.send(&form).await
}

/// Presses one of a form's buttons.
async fn press(agent: &mut Agent, page: &Answer, button: &str) -> Result<Answer> {
    let mut form = page.form()?;
    let buttons = ["accept", "cancel", "cancel-aia"];
    form.fields.retain(|(name, _)| name == button || !buttons.contains(&name.as_str()));
    agent.send(&form).await
}

/// Sets codes up with the secret that the page shows; returns it and what comes then.
async fn set_up(agent: &mut Agent, page: &Answer) -> Result<(String, Answer)> {
    let mut form = page.form()?;
    let secret = form.fields.iter().find(|(name, _)| name == "totpSecret").context("no secret")?.1.clone();
    let secret = base32(secret.as_bytes());
    form.fill("totp", &code_now(&secret));
    form.fill("userLabel", "phone");
    form.fields.retain(|(name, _)| name != "cancel-aia");
    Ok((secret, agent.send(&form).await?))
}

#[tokio::test]
async fn codes_are_set_up_at_sign_in_and_asked_for_from_then_on() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("codes", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person_with("alice", json!({ "requiredActions": ["CONFIGURE_TOTP"] })).await?;
    let mut agent = Agent::new(&keyraft);

    let page = enter(&mut agent, &shop, &alice, &[]).await?;
    let again = agent.open(page.url.as_str()).await?;
    let mut chosen = again.form()?;
    for field in &mut chosen.fields {
        if field.0 == "totpSecret" {
            "a secret of a stranger".clone_into(&mut field.1);
        }
    }
    chosen.fill("totp", &code_now(&base32(b"a secret of a stranger")));
    let refused = agent.send(&chosen).await?;
    let (secret, done) = set_up(&mut agent, &refused).await?;
    let mut later = Agent::new(&keyraft);
    let asked = enter(&mut later, &shop, &alice, &[]).await?;

    let shown = |page: &Answer| page.form().map(|form| form.fields);
    assert_eq!(shown(&page)?, shown(&again)?, "a reload shows the same secret");
    assert!(page.body.contains("<svg"), "{}", page.body);
    assert!(refused.body.contains("Invalid authenticator code."), "no form chooses the secret");
    assert!(parameter(&done.url, "code").is_ok(), "the first code is a proof: {} {}", done.url, done.body);
    assert!(asked.form()?.has("otp"), "{}", asked.body);
    let credentials = keyraft.read(&realm.path(&format!("/users/{}/credentials", alice.id))).await?;
    let labels: Vec<_> = credentials.as_array().context("a list")?.iter().map(|c| &c["userLabel"]).collect();
    assert!(labels.contains(&&json!("phone")), "{credentials}");
    assert!(!secret.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_application_is_told_how_what_it_asked_for_ended() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("asked", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person("alice").await?;
    let asked = |action| [("kc_action", action)];
    let told = |answer: &Answer| parameter(&answer.url, "kc_action_status");

    let mut agent = Agent::new(&keyraft);
    let page = enter(&mut agent, &shop, &alice, &asked("UPDATE_PASSWORD")).await?;
    assert_eq!(told(&press(&mut agent, &page, "cancel-aia").await?)?, "cancelled");

    let page = agent.open(&shop.authorize(&asked("CONFIGURE_TOTP"))?).await?;
    assert_eq!(told(&set_up(&mut agent, &page).await?.1)?, "success");

    // Her address is confirmed: there is nothing to do.
    assert_eq!(told(&agent.open(&shop.authorize(&asked("VERIFY_EMAIL"))?).await?)?, "success");
    // Not an application's to ask for, and not known at all.
    for action in ["TERMS_AND_CONDITIONS", "VERIFY_PROFILE", "NOPE"] {
        assert_eq!(told(&agent.open(&shop.authorize(&asked(action))?).await?)?, "error", "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn terms_are_accepted_once_or_the_application_is_told() -> Result<()> {
    let keyraft = keyraft().await?;
    let terms = json!({
        "alias": "TERMS_AND_CONDITIONS", "name": "Terms and Conditions", "providerId": "TERMS_AND_CONDITIONS",
        "enabled": true, "defaultAction": false, "priority": 20, "config": {},
    });
    let realm = keyraft.realm("terms", json!({ "requiredActions": [terms] })).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person_with("alice", json!({ "requiredActions": ["TERMS_AND_CONDITIONS"] })).await?;
    let (mut first, mut second) = (Agent::new(&keyraft), Agent::new(&keyraft));

    let page = enter(&mut first, &shop, &alice, &[]).await?;
    let declined = press(&mut first, &page, "cancel").await?;
    let page = enter(&mut second, &shop, &alice, &[]).await?;
    let accepted = press(&mut second, &page, "accept").await?;
    let again = enter(&mut Agent::new(&keyraft), &shop, &alice, &[]).await?;

    assert_eq!(parameter(&declined.url, "error")?, "access_denied");
    assert_eq!(parameter(&declined.url, "error_description")?, "termsAndConditionsDeclined");
    assert!(parameter(&accepted.url, "code").is_ok() && parameter(&again.url, "code").is_ok());
    let stored = keyraft.read(&realm.path(&format!("/users/{}", alice.id))).await?;
    assert_eq!(stored["requiredActions"], json!([]));
    Ok(())
}
