//! What may happen once or a few times happens no more often, however many ask at the same time.

use anyhow::Result;
use futures::future::try_join_all;
use keyraft_harness::{Agent, Answer, Form, code_now};
use serde_json::json;

use crate::{
    keyraft,
    shop::{Reply, Shop, parameter},
};

/// A limit that parallel guesses could outrun.
fn limit_of_five() -> serde_json::Value {
    json!({
        "bruteForceProtected": true, "failureFactor": 5, "waitIncrementSeconds": 600, "maxFailureWaitSeconds": 900,
        "quickLoginCheckMilliSeconds": 0,
    })
}

async fn password_grant(shop: &Shop<'_>, password: &str) -> Result<Reply> {
    shop.token(&[("grant_type", "password"), ("username", "alice"), ("password", password)]).await
}

#[tokio::test]
async fn of_two_hundred_guesses_at_once_five_are_looked_at() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("guesses", limit_of_five()).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    let guesses: Vec<String> = (0..200).map(|number| format!("guess {number}")).collect();
    let answers = try_join_all(guesses.iter().map(|guess| password_grant(&shop, guess))).await?;
    let status = realm.path(&format!("/attack-detection/brute-force/users/{}", alice.id));
    let status = keyraft.read(&status).await?;

    assert!(answers.iter().all(|answer| answer.status != 200));
    assert!(answers.iter().any(|answer| answer.refusal() == (400, "invalid_grant")), "some were looked at");
    assert_eq!((&status["numFailures"], &status["disabled"]), (&json!(5), &json!(true)), "{status}");
    // Locked: the right password among a crowd of wrong ones is not found either.
    assert_eq!(password_grant(&shop, &alice.password).await?.refusal(), (400, "invalid_grant"));
    Ok(())
}

#[tokio::test]
async fn a_right_guess_behind_the_limit_is_not_found() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("behind", limit_of_five()).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    // Forty guesses first: whatever the order in which they are looked at, five of them lock.
    let wrong: Vec<String> = (0..40).map(|number| format!("guess {number}")).collect();
    try_join_all(wrong.iter().map(|guess| password_grant(&shop, guess))).await?;
    let right = vec![alice.password.as_str(); 40];
    let answers = try_join_all(right.iter().map(|guess| password_grant(&shop, guess))).await?;

    assert!(answers.iter().all(|answer| answer.status != 200), "{answers:?}");
    Ok(())
}

#[tokio::test]
async fn fifty_right_passwords_at_once_are_all_right() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("right", limit_of_five()).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    let right = vec![alice.password.as_str(); 50];
    let answers = try_join_all(right.iter().map(|password| password_grant(&shop, password))).await?;

    let refused: Vec<&Reply> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refused.is_empty(), "{} of 50: {:?}", refused.len(), refused.first());
    Ok(())
}

#[tokio::test]
async fn a_code_is_redeemed_once_by_sixty_four_at_once() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("codes", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let code = shop.code(&mut Agent::new(&keyraft), &alice).await?;

    let answers = try_join_all((0..64).map(|_| shop.redeem(&code))).await?;

    let good: Vec<&Reply> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(good.len(), 1);
    let rest = answers.iter().filter(|answer| answer.status != 200);
    assert!(rest.map(Reply::refusal).all(|refusal| refusal == (400, "invalid_grant")), "{answers:?}");
    // Somebody else had the code too: what it gave ends.
    assert!(!shop.is_active(good[0].text("access_token")?).await?);
    Ok(())
}

#[tokio::test]
async fn a_refresh_token_is_used_once_by_fifty_at_once() -> Result<()> {
    let keyraft = keyraft().await?;
    let settings = json!({ "revokeRefreshToken": true, "refreshTokenMaxReuse": 0 });
    let realm = keyraft.realm("refresh", settings).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let token = shop.sign_in(&alice).await?.text("refresh_token")?.to_owned();

    let answers = try_join_all((0..50).map(|_| shop.refresh(&token))).await?;

    let good: Vec<&Reply> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(good.len(), 1);
    assert_eq!(shop.refresh(good[0].text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
    Ok(())
}

/// A browser that has given the password and is asked for a code.
async fn before_the_code(shop: &Shop<'_>, person: &keyraft_harness::Person) -> Result<(Agent, Form)> {
    let mut agent = Agent::new(shop.realm.keyraft());
    let mut form = agent.open(&shop.authorize(&[])?).await?.form()?;
    form.fill("username", &person.name);
    form.fill("password", &person.password);
    let form = agent.send(&form).await?.form()?;
    anyhow::ensure!(form.has("otp"), "no code is asked for: {form:?}");
    Ok((agent, form))
}

#[tokio::test]
async fn a_one_time_code_is_taken_once_by_twenty_browsers_at_once() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("codes", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person_with_codes("alice").await?);
    let browsers = try_join_all((0..20).map(|_| before_the_code(&shop, &alice))).await?;

    let code = code_now(&alice.otp_secret);
    let sent = browsers.into_iter().map(|(mut agent, mut form)| {
        form.fill("otp", &code);
        async move { agent.send(&form).await }
    });
    let answers: Vec<Answer> = try_join_all(sent).await?;

    let signed_in = answers.iter().filter(|answer| parameter(&answer.url, "code").is_ok()).count();
    assert_eq!(signed_in, 1);
    Ok(())
}

#[tokio::test]
async fn one_form_sent_by_many_at_once_is_no_fault_of_ours() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("forms", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut agent = Agent::new(&keyraft);
    let mut form = agent.open(&shop.authorize(&[])?).await?.form()?;
    form.fill("username", "alice");
    form.fill("password", &alice.password);

    let copies = (0..10).map(|_| (agent.clone(), form.clone()));
    let sent = copies.map(|(mut agent, form)| async move { agent.send(&form).await });
    let answers: Vec<Answer> = try_join_all(sent).await?;

    // A double click is one login or several, but never an error of ours, and each code is of a session.
    assert!(answers.iter().any(|answer| parameter(&answer.url, "code").is_ok()));
    assert!(answers.iter().all(|answer| answer.status < 500), "{answers:?}\n{}", keyraft.log());
    Ok(())
}
