//! Mail: a forgotten password, an address to be confirmed, what an administrator asks for.

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use http::Method;
use keyraft_harness::{Agent, Answer, Keyraft, Mailbox, Person, Realm, base32, code_now};
use serde_json::{Value, json};
use url::Url;

use crate::{
    keyraft,
    shop::{REDIRECT, Shop, parameter},
};

/// A realm whose mail goes to a mailbox of the test's.
async fn realm_with<'a>(keyraft: &'a Keyraft, name: &str, mailbox: &Mailbox) -> Result<Realm<'a>> {
    let settings = json!({
        "smtpServer": mailbox.settings(), "resetPasswordAllowed": true, "displayName": "Acme",
    });
    keyraft.realm(name, settings).await
}

/// Asks for a new password for `name`; returns the page that says so.
async fn forget(agent: &mut Agent, shop: &Shop<'_>, name: &str) -> Result<Answer> {
    let page = agent.open(&shop.authorize(&[])?).await?;
    let page = agent.open(&page.link("reset-credentials")?).await?;
    let mut form = page.form()?;
    form.fill("username", name);
    agent.send(&form).await
}

/// Gives name and password; returns what comes then.
async fn enter(agent: &mut Agent, shop: &Shop<'_>, person: &Person) -> Result<Answer> {
    let mut form = agent.open(&shop.authorize(&[])?).await?.form()?;
    form.fill("username", &person.name);
    form.fill("password", &person.password);
    agent.send(&form).await
}

async fn choose(agent: &mut Agent, page: &Answer, password: &str) -> Result<Answer> {
    let mut form = page.form()?;
    ensure!(form.has("password-new"), "not asked for a password: {}", page.body);
    form.fill("password-new", password);
    agent.send(&form).await
}

async fn signs_in(shop: &Shop<'_>, keyraft: &Keyraft, name: &str, password: &str) -> Result<bool> {
    let person = Person {
        id: String::new(),
        name: name.to_owned(),
        password: password.to_owned(),
        otp_secret: String::new(),
    };
    Ok(Agent::new(keyraft).sign_in(&shop.authorize(&[])?, &person).await.is_ok())
}

async fn user(realm: &Realm<'_>, id: &str) -> Result<Value> {
    realm.keyraft().read(&realm.path(&format!("/users/{id}"))).await
}

#[tokio::test]
async fn who_forgot_his_password_chooses_another_and_is_signed_in() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "forgot", &mailbox).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut agent = Agent::new(&keyraft);

    let sent = forget(&mut agent, &shop, "ALICE@example.com").await?;
    let mail = mailbox.get(0).await?;
    let page = agent.open(&mail.link()?).await?;
    let done = choose(&mut agent, &page, "alice likes the sea").await?;

    assert!(sent.body.contains("You should receive an email shortly with further instructions."));
    assert_eq!(mail.to, ["alice@example.com"]);
    assert_eq!(mail.header("Subject").as_deref(), Some("Reset password"));
    assert!(mail.body("text/html")?.contains("Acme"), "{}", mail.raw);
    assert!(parameter(&done.url, "code").is_ok(), "{} {}", done.url, done.body);
    assert!(signs_in(&shop, &keyraft, "alice", "alice likes the sea").await?);
    assert!(!signs_in(&shop, &keyraft, "alice", &alice.password).await?);
    assert!(!keyraft.whole_log().contains("key="), "a link in the log would be a key to the account");
    Ok(())
}

#[tokio::test]
async fn in_another_browser_the_password_changes_and_nobody_is_signed_in() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "elsewhere", &mailbox).await?;
    let (shop, _) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut other = Agent::new(&keyraft);

    forget(&mut Agent::new(&keyraft), &shop, "alice").await?;
    let page = other.open(&mailbox.get(0).await?.link()?).await?;
    let done = choose(&mut other, &page, "alice likes the sea").await?;
    let asked = other.open(&shop.authorize(&[])?).await?;

    assert_eq!(done.status, 200);
    assert!(done.body.contains("Your account has been updated."), "{}", done.body);
    assert!(asked.form()?.has("password"), "nobody is signed in here");
    assert!(signs_in(&shop, &keyraft, "alice", "alice likes the sea").await?);
    Ok(())
}

#[tokio::test]
async fn a_link_changes_a_password_once_however_many_hold_it() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "once", &mailbox).await?;
    let (shop, _) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    forget(&mut Agent::new(&keyraft), &shop, "alice").await?;
    let link = mailbox.get(0).await?.link()?;

    // Looking at it, as scanners of mails do, uses nothing up.
    for _ in 0..3 {
        assert!(Agent::new(&keyraft).open(&link).await?.form()?.has("password-new"));
    }
    let tries = join_all((0..6).map(async |number| {
        let mut agent = Agent::new(&keyraft);
        let page = agent.open(&link).await?;
        choose(&mut agent, &page, &format!("alice likes sea {number}")).await
    }))
    .await;
    let late = Agent::new(&keyraft).open(&link).await?;

    let done = tries.into_iter().collect::<Result<Vec<_>>>()?;
    let changed = done.iter().filter(|page| page.body.contains("has been updated")).count();
    assert_eq!(changed, 1, "{:?}", done.iter().map(|page| page.status).collect::<Vec<_>>());
    assert_eq!(late.status, 400);
    assert!(late.body.contains("Action expired."), "{}", late.body);
    Ok(())
}

#[tokio::test]
async fn the_answer_does_not_tell_who_has_an_account_nor_whether_mail_goes_out() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "sameness", &mailbox).await?;
    let shop = Shop::open(&realm, "shop").await?;
    realm.person("alice").await?;
    realm.person_with("bob", json!({ "enabled": false })).await?;
    realm.person_with("carol", json!({ "email": "" })).await?;

    let mut said = Vec::new();
    for name in ["alice", "nobody", "bob", "carol"] {
        let page = forget(&mut Agent::new(&keyraft), &shop, name).await?;
        said.push((page.status, without_secrets(&page.body, name)));
    }
    realm.change(json!({ "smtpServer": {} })).await?;
    let page = forget(&mut Agent::new(&keyraft), &shop, "alice").await?;
    said.push((page.status, without_secrets(&page.body, "alice")));

    assert!(said.iter().all(|other| *other == said[0]), "{said:#?}");
    assert_eq!(mailbox.get(0).await?.to, ["alice@example.com"]);
    assert_eq!(mailbox.all().len(), 1);
    Ok(())
}

/// A page without the values that differ from one login to the next.
fn without_secrets(page: &str, name: &str) -> String {
    let mut words: Vec<&str> = page.split(['?', '&', '"', ';']).collect();
    words.retain(|word| {
        !["session_code=", "tab_id=", "client_data=", "#38"].iter().any(|sign| word.starts_with(sign))
    });
    words.join(" ").replace(&format!("value= {name}"), "value=")
}

#[tokio::test]
async fn a_link_to_an_address_that_is_his_no_more_does_nothing() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "moved", &mailbox).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    forget(&mut Agent::new(&keyraft), &shop, "alice").await?;
    let link = mailbox.get(0).await?.link()?;

    let path = realm.path(&format!("/users/{}", alice.id));
    keyraft.admin(Method::PUT, &path, Some(json!({ "email": "new@example.com" }))).await?;
    let page = Agent::new(&keyraft).open(&link).await?;

    assert_eq!(page.status, 400);
    assert!(page.body.contains("Invalid email address."), "{}", page.body);
    Ok(())
}

#[tokio::test]
async fn without_the_link_no_form_changes_a_password() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "forged", &mailbox).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut agent = Agent::new(&keyraft);
    let page = agent.open(&shop.authorize(&[])?).await?;
    let page = agent.open(&page.link("reset-credentials")?).await?;
    let (asked, action) = (page.form()?, page.form()?.action);
    forget(&mut agent, &shop, "alice").await?;

    // The steps behind the mail, asked for by name, with what the earlier page carried.
    for endpoint in ["required-action", "reset-credentials", "authenticate"] {
        for execution in ["UPDATE_PASSWORD", "reset-password", ""] {
            let mut url = Url::parse(&action.as_str().replace("reset-credentials", endpoint))?;
            let kept: Vec<(String, String)> = url
                .query_pairs()
                .filter(|(name, _)| name != "execution")
                .map(|(n, v)| (n.into(), v.into()))
                .collect();
            url.query_pairs_mut().clear().extend_pairs(kept).append_pair("execution", execution);
            let mut form = asked.clone();
            form.action = url;
            form.fields = vec![
                ("username".into(), "alice".into()),
                ("password-new".into(), "stolen by somebody".into()),
                ("password-confirm".into(), "stolen by somebody".into()),
            ];
            let answer = agent.send(&form).await?;
            assert!(!answer.body.contains("password-new"), "{endpoint} {execution}: {}", answer.body);
        }
    }
    assert!(!signs_in(&shop, &keyraft, "alice", "stolen by somebody").await?);
    assert!(signs_in(&shop, &keyraft, "alice", &alice.password).await?);
    Ok(())
}

#[tokio::test]
async fn keys_of_other_realms_kinds_and_hands_open_nothing() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let (realm, other) =
        (realm_with(&keyraft, "here", &mailbox).await?, realm_with(&keyraft, "there", &mailbox).await?);
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    Shop::open(&other, "shop").await?;
    other.person("alice").await?;
    let mut agent = Agent::new(&keyraft);
    forget(&mut Agent::new(&keyraft), &shop, "alice").await?;
    let link = mailbox.get(0).await?.link()?;
    agent.sign_in(&shop.authorize(&[])?, &alice).await?;
    let cookies = agent.cookies();
    let identity = &cookies.iter().find(|(name, _)| name.contains("identity")).context("no cookie")?.1;

    let of_another_realm = link.replace("/realms/here/", "/realms/there/");
    let of_another_kind = format!("{}/login-actions/action-token?key={identity}", realm.issuer());
    let changed = link.replacen("key=ey", "key=eY", 1);
    for link in [of_another_realm, of_another_kind, changed] {
        let page = Agent::new(&keyraft).open(&link).await?;
        assert_eq!(page.status, 400, "{link}");
        assert!(!page.body.contains("password-new"), "{}", page.body);
    }
    Ok(())
}

#[tokio::test]
async fn an_address_is_confirmed_and_the_login_goes_on() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "verify", &mailbox).await?;
    realm.change(json!({ "verifyEmail": true })).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person_with("alice", json!({ "emailVerified": false })).await?;
    let mut agent = Agent::new(&keyraft);

    let page = enter(&mut agent, &shop, &alice).await?;
    let again = agent.open(page.url.as_str()).await?;
    let too_soon = agent.send(&again.form()?).await?;
    let mail = mailbox.get(0).await?;
    let done = agent.open(&mail.link()?).await?;
    let twice = agent.open(&mail.link()?).await?;

    assert!(page.body.contains("alice@example.com"), "{}", page.body);
    assert!(too_soon.body.contains("seconds before it is sent again"), "{}", too_soon.body);
    assert_eq!(mailbox.all().len(), 1, "shown again, the page sends nothing");
    assert!(parameter(&done.url, "code").is_ok(), "{} {}", done.url, done.body);
    assert!(twice.body.contains("has been verified already"), "{}", twice.body);
    assert_eq!(user(&realm, &alice.id).await?["emailVerified"], true);
    Ok(())
}

#[tokio::test]
async fn in_another_browser_an_address_is_confirmed_by_a_person_not_by_a_scanner() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "scanner", &mailbox).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let more = json!({ "emailVerified": false, "requiredActions": ["VERIFY_EMAIL"] });
    let alice = realm.person_with("alice", more).await?;
    let (mut first, mut other) = (Agent::new(&keyraft), Agent::new(&keyraft));

    let page = enter(&mut first, &shop, &alice).await?;
    let link = mailbox.get(0).await?.link()?;
    let asked = other.open(&link).await?;
    let stolen = Agent::new(&keyraft).open(&asked.link("action-token")?).await?;
    assert_eq!(user(&realm, &alice.id).await?["emailVerified"], false, "following a link changes nothing");
    let done = other.open(&asked.link("action-token")?).await?;
    let on = first.open(page.url.as_str()).await?;

    assert!(asked.body.contains("Confirm validity of e-mail address"), "{}", asked.body);
    assert!(stolen.body.contains("Confirm validity"), "the button works in its browser alone");
    assert!(done.body.contains("Your email address has been verified."), "{}", done.body);
    assert!(parameter(&on.url, "code").is_ok(), "the first browser goes on: {} {}", on.url, on.body);
    Ok(())
}

#[tokio::test]
async fn without_a_mail_server_an_address_cannot_be_confirmed_and_the_page_says_so() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("nomail", json!({})).await?;
    let shop = Shop::open_with(&realm, "shop", json!({ "baseUrl": "http://shop.example/" })).await?;
    let alice =
        realm.person_with("alice", json!({ "requiredActions": ["VERIFY_EMAIL"], "emailVerified": false }));
    let alice = alice.await?;

    let page = enter(&mut Agent::new(&keyraft), &shop, &alice).await?;

    assert_eq!(page.status, 500);
    assert!(page.body.contains("Failed to send email, please try again later."), "{}", page.body);
    assert!(page.link("http://shop.example/").is_ok() && page.link("restart").is_ok());
    Ok(())
}

#[tokio::test]
async fn what_an_administrator_asks_for_is_done_once() -> Result<()> {
    let (keyraft, mailbox) = (keyraft().await?, Mailbox::start().await?);
    let realm = realm_with(&keyraft, "execute", &mailbox).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person_with("alice", json!({ "emailVerified": false })).await?;
    let path = |what: &str| realm.path(&format!("/users/{}/{what}", alice.id));
    let asked = path(&format!("execute-actions-email?client_id=shop&redirect_uri={REDIRECT}&lifespan=600"));
    let actions = json!(["UPDATE_PASSWORD", "CONFIGURE_TOTP", "VERIFY_EMAIL"]);
    keyraft.admin(Method::PUT, &asked, Some(actions)).await?;

    let mail = mailbox.get(0).await?;
    let mut agent = Agent::new(&keyraft);
    let confirm = agent.open(&mail.link()?).await?;
    let page = agent.open(&confirm.link("action-token")?).await?;
    let (mut page, mut codes) = (page, 0);
    for _ in 0..2 {
        let mut form = page.form()?;
        if form.has("totp") {
            let secret = form.fields.iter().find(|(name, _)| name == "totpSecret");
            let secret = base32(secret.context("no secret")?.1.as_bytes());
            form.fill("totp", &code_now(&secret));
            codes += 1;
        }
        form.fill("password-new", "alice likes the sea");
        page = agent.send(&form).await?;
    }
    let late = Agent::new(&keyraft).open(&mail.link()?).await?;

    assert!(mail.body("text/plain")?.contains("10 minutes"), "{}", mail.raw);
    assert_eq!(codes, 1);
    assert!(page.body.contains("Your account has been updated."), "{}", page.body);
    assert!(page.link(REDIRECT).is_ok(), "{}", page.body);
    assert_eq!(late.status, 400);
    let stored = user(&realm, &alice.id).await?;
    assert_eq!((&stored["emailVerified"], &stored["totp"]), (&json!(true), &json!(true)));
    assert!(agent.open(&shop.authorize(&[])?).await?.form()?.has("password"), "nobody is signed in");
    Ok(())
}

#[tokio::test]
async fn the_settings_of_mail_can_be_tried_and_the_password_stays_where_it_is() -> Result<()> {
    let (keyraft, mailbox, thief) = (keyraft().await?, Mailbox::start().await?, Mailbox::start().await?);
    let realm = keyraft.realm("trial", json!({})).await?;
    let mut settings = mailbox.settings();
    for (name, value) in [("auth", "true"), ("user", "door"), ("password", "s3cret")] {
        settings[name] = json!(value);
    }
    realm.change(json!({ "smtpServer": settings })).await?;
    let admins = keyraft.read("/admin/realms/master/users?username=admin").await?;
    let path = format!("/admin/realms/master/users/{}", admins[0]["id"].as_str().context("no id")?);
    let names = json!({ "email": "root@example.com", "firstName": "Ro", "lastName": "Ot" });
    keyraft.admin(Method::PUT, &path, Some(names)).await?;

    let shown = keyraft.read(&realm.path("")).await?["smtpServer"].clone();
    let trial = realm.path("/testSMTPConnection");
    keyraft.admin(Method::POST, &trial, Some(shown.clone())).await?;
    let mut elsewhere = shown.clone();
    elsewhere["port"] = thief.settings()["port"].clone();
    keyraft.admin(Method::POST, &trial, Some(elsewhere)).await?;
    let broken =
        keyraft.admin(Method::POST, &trial, Some(json!({ "from": "a@b.example", "port": "1" }))).await;

    assert_eq!(shown["password"], "**********");
    assert_eq!(
        (mailbox.get(0).await?.login, mailbox.get(0).await?.to),
        ("door s3cret".into(), vec!["root@example.com".into()])
    );
    assert_eq!(thief.get(0).await?.login, "door", "another server is not sent the stored password");
    assert!(broken.is_err_and(|error| error.to_string().contains("Failed to send email")));
    assert!(!keyraft.whole_log().contains("s3cret"));
    Ok(())
}
