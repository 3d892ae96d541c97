//! A person makes his own account.

use anyhow::{Context as _, Result};
use keyraft_harness::{Agent, Answer, Mailbox};
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, parameter},
};

async fn fill(agent: &mut Agent, page: &Answer, fields: &[(&str, &str)]) -> Result<Answer> {
    let mut form = page.form()?;
    for (name, value) in fields {
        form.fill(name, value);
    }
    agent.send(&form).await
}

const NEW: [(&str, &str); 5] = [
    ("username", "Newbie"),
    ("password", "newbie likes long walks"),
    ("email", "newbie@example.com"),
    ("firstName", "New"),
    ("lastName", "Bie"),
];

#[tokio::test]
async fn a_new_account_is_made_once_and_signed_in() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm =
        keyraft.realm("join", json!({ "registrationAllowed": true, "passwordPolicy": "length(8)" })).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let mut agent = Agent::new(&keyraft);
    let page = agent.open(&shop.authorize(&[])?).await?;
    let page = agent.open(&page.link("registration")?).await?;

    let empty = fill(&mut agent, &page, &[]).await?;
    let short = fill(&mut agent, &empty, &[&NEW[..], &[("password", "short")]].concat()).await?;
    let done = fill(&mut agent, &short, &NEW).await?;
    let form = short.form()?;
    let mut twice = Agent::new(&keyraft);
    let taken = twice.open(&shop.authorize(&[("prompt", "create")])?).await?;
    let taken = fill(&mut twice, &taken, &NEW).await?;

    for said in ["Please specify username.", "Please specify password.", "Please specify email."] {
        assert!(empty.body.contains(said), "{said}: {}", empty.body);
    }
    assert!(short.body.contains("Invalid password: minimum length 8."), "{}", short.body);
    assert!(form.fields.iter().any(|(name, value)| name == "email" && value == "newbie@example.com"));
    assert!(form.fields.iter().all(|(name, value)| name != "password" || value.is_empty()));
    assert!(parameter(&done.url, "code").is_ok(), "{} {}", done.url, done.body);
    assert!(taken.body.contains("already exists."), "{}", taken.body);
    let found = keyraft.read(&realm.path("/users?username=newbie&exact=true")).await?;
    assert_eq!((&found[0]["emailVerified"], &found[0]["enabled"]), (&json!(false), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn an_account_without_names_is_called_by_its_address_and_confirms_it() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let settings = json!({
        "registrationAllowed": true, "registrationEmailAsUsername": true, "verifyEmail": true,
        "smtpServer": mailbox.settings(),
    });
    let realm = keyraft.realm("byaddress", settings).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let mut agent = Agent::new(&keyraft);

    let page = agent.open(&shop.authorize(&[("prompt", "create")])?).await?;
    assert!(!page.form()?.has("username"), "{}", page.body);
    let waits = fill(&mut agent, &page, &NEW).await?;
    let done = agent.open(&mailbox.get(0).await?.link()?).await?;

    assert!(waits.body.contains("newbie@example.com"), "{}", waits.body);
    assert!(parameter(&done.url, "code").is_ok(), "{} {}", done.url, done.body);
    let found = keyraft.read(&realm.path("/users?username=newbie@example.com&exact=true")).await?;
    assert_eq!(found[0]["emailVerified"], json!(true));
    Ok(())
}

#[tokio::test]
async fn where_nobody_may_register_no_form_makes_an_account() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("closed", json!({ "registrationAllowed": true })).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let mut agent = Agent::new(&keyraft);
    let page = agent.open(&shop.authorize(&[("prompt", "create")])?).await?;

    realm.change(json!({ "registrationAllowed": false })).await?;
    let refused = fill(&mut agent, &page, &NEW).await?;
    let asked = agent.open(&shop.authorize(&[("prompt", "create")])?).await?;
    let login = agent.open(&shop.authorize(&[])?).await?;

    for page in [&refused, &asked] {
        assert_eq!(page.status, 400);
        assert!(page.body.contains("Registration not allowed"), "{}", page.body);
    }
    assert!(login.link("registration").is_err(), "no link leads to a door that is shut");
    let found = keyraft.read(&realm.path("/users?username=newbie")).await?;
    assert!(found.as_array().context("no list")?.is_empty());
    Ok(())
}
