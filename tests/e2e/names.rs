//! What the server calls itself, and who may have a say in it; the cookies that follow from it.

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::{Agent, Keyraft};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::shop::{Shop, parameter};

/// What the server is called in these tests.
const NAME: &str = "https://sso.example.com";
const MASTER_KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";
const PASSWORD: &str = "4fT0v9zLk2QmXw7R";

/// A server as in production, behind a proxy that it trusts or not.
async fn production(more: &[(&str, &str)]) -> Result<Keyraft> {
    let mut settings = vec![
        ("KC_HOSTNAME", NAME),
        ("KC_HTTP_ENABLED", "true"),
        ("KEYRAFT_MASTER_KEY", MASTER_KEY),
        ("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD),
    ];
    settings.extend(more);
    Keyraft::start_with(env!("CARGO_BIN_EXE_keyraft"), &["start"], &settings).await
}

/// Says in every way there is that the server were called something else.
fn under_a_foreign_name(request: RequestBuilder) -> RequestBuilder {
    request
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-port", "6666")
        .header("x-forwarded-prefix", "/evil.example")
        .header("x-forwarded-server", "evil.example")
        .header("x-original-url", "/evil.example")
        .header("x-rewrite-url", "/evil.example")
        .header("x-host", "evil.example")
        .header("forwarded", "for=1.2.3.4;host=evil.example;proto=http")
}

/// Whatever an answer holds: status, headers, text.
async fn whole(request: RequestBuilder) -> Result<String> {
    let answer = request.send().await?;
    let mut text = format!("{}\n", answer.status());
    for (name, value) in answer.headers() {
        text.extend([name.as_str(), ": ", value.to_str().unwrap_or("?"), "\n"]);
    }
    text += &answer.text().await?;
    Ok(text)
}

/// Asks everything that answers with an address.
async fn every_address(keyraft: &Keyraft, realm: &str) -> Result<Vec<(String, String)>> {
    let token = keyraft.token().await?;
    let base = keyraft.url();
    let auth = "protocol/openid-connect/auth?client_id=account-console&response_type=code&scope=openid\
                &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let paths = [
        String::new(),
        "/".to_owned(),
        format!("/realms/{realm}"),
        format!("/realms/{realm}/.well-known/openid-configuration"),
        format!("/realms/{realm}/.well-known/oauth-authorization-server"),
        format!("/.well-known/oauth-authorization-server/realms/{realm}"),
        format!("/realms/{realm}/account"),
        format!("/realms/{realm}/account/"),
        format!("/realms/{realm}/account/devices"),
        format!("/realms/{realm}/{auth}&redirect_uri={NAME}/realms/{realm}/account/"),
        format!("/realms/{realm}/{auth}&redirect_uri=http://evil.example/realms/{realm}/account/"),
        format!("/realms/{realm}/protocol/openid-connect/logout"),
        format!("/realms/{realm}/protocol/openid-connect/login-status-iframe.html"),
        format!("/realms/{realm}/protocol/openid-connect/certs"),
        format!("/realms/{realm}/protocol/openid-connect/userinfo"),
        format!("/realms/{realm}/login-actions/authenticate"),
        format!("/realms/{realm}/login-actions/restart?client_id=account-console"),
        format!("/realms/{realm}/nothing"),
        "/nothing".to_owned(),
        "/admin".to_owned(),
        format!("/admin/{realm}/console"),
    ];
    let mut all = Vec::new();
    for path in paths {
        let request = keyraft.http().get(format!("{base}{path}")).header("accept", "text/html,*/*");
        all.push((path, whole(under_a_foreign_name(request)).await?));
    }
    let user = json!({ "username": format!("somebody-{}", all.len()) });
    let users = format!("/admin/realms/{realm}/users");
    let request = keyraft.http().post(format!("{base}{users}")).json(&user).bearer_auth(&token);
    all.push((users, whole(under_a_foreign_name(request)).await?));
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", "admin"),
        ("password", PASSWORD),
    ];
    let request =
        keyraft.http().post(format!("{base}/realms/master/protocol/openid-connect/token")).form(&form);
    let tokens = whole(under_a_foreign_name(request)).await?;
    let body: Value = serde_json::from_str(tokens.rsplit('\n').next().unwrap_or_default())?;
    let access = body["access_token"].as_str().with_context(|| format!("no token: {tokens}"))?;
    all.push(("a token".to_owned(), crate::forge::opened(access)?.1.to_string()));
    Ok(all)
}

/// Where what holds an address names somebody else.
fn foreign(all: &[(String, String)]) -> Vec<&(String, String)> {
    // The request's own redirect_uri may be told back only escaped, in a page's links; here it is refused.
    all.iter().filter(|(_, text)| text.contains("evil.example") || text.contains(":6666")).collect()
}

#[tokio::test]
async fn no_address_that_the_server_makes_follows_a_request() -> Result<()> {
    let keyraft = production(&[]).await?;

    let all = every_address(&keyraft, "master").await?;

    assert!(foreign(&all).is_empty(), "{:#?}", foreign(&all));
    for part in ["openid-configuration", "/account", "/users", "a token"] {
        let named = all.iter().any(|(path, text)| path.ends_with(part) && text.contains(NAME));
        assert!(named, "{part} names the server");
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_is_believed_only_from_where_it_stands() -> Result<()> {
    let proxy = ("KC_PROXY_HEADERS", "xforwarded");
    let stranger = production(&[proxy, ("KC_PROXY_TRUSTED_ADDRESSES", "10.0.0.0/8")]).await?;
    let trusted = production(&[proxy, ("KC_PROXY_TRUSTED_ADDRESSES", "127.0.0.0/8,::1")]).await?;

    // Even the proxy that is trusted cannot rename a server that has a name.
    for keyraft in [&stranger, &trusted] {
        let all = every_address(keyraft, "master").await?;
        assert!(foreign(&all).is_empty(), "{:#?}", foreign(&all));
    }
    Ok(())
}

#[tokio::test]
async fn a_realms_own_address_is_the_one_it_gives() -> Result<()> {
    let keyraft = production(&[]).await?;
    let realm = keyraft
        .realm("own", json!({ "attributes": { "frontendUrl": "https://login.shop.example" } }))
        .await?;

    let all = every_address(&keyraft, realm.name()).await?;

    assert!(foreign(&all).is_empty(), "{:#?}", foreign(&all));
    let (_, document) =
        all.iter().find(|(path, _)| path.ends_with("openid-configuration")).context("asked")?;
    assert!(document.contains(r#""issuer":"https://login.shop.example/realms/own""#), "{document}");
    Ok(())
}

#[tokio::test]
async fn only_servers_addresses_follow_the_request_where_that_is_asked_for() -> Result<()> {
    let keyraft = production(&[("KC_HOSTNAME_BACKCHANNEL_DYNAMIC", "true")]).await?;

    let document = format!("{}/realms/master/.well-known/openid-configuration", keyraft.url());
    let said: Value =
        keyraft.http().get(document).header("host", "inside.example:8080").send().await?.json().await?;

    assert_eq!(said["issuer"], format!("{NAME}/realms/master"));
    for browser in ["authorization_endpoint", "end_session_endpoint"] {
        assert!(said[browser].as_str().unwrap_or_default().starts_with(NAME), "{browser}: {said}");
    }
    for server in ["token_endpoint", "jwks_uri", "userinfo_endpoint", "introspection_endpoint"] {
        let address = said[server].as_str().unwrap_or_default();
        assert!(address.starts_with("http://inside.example:8080/realms/master/"), "{server}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_host_that_is_none_is_refused_where_it_would_be_believed() -> Result<()> {
    let keyraft = Keyraft::start_with(env!("CARGO_BIN_EXE_keyraft"), &["start-dev"], &[]).await?;
    let document = format!("{}/realms/master/.well-known/openid-configuration", keyraft.url());

    for bad in ["a b", "a/b", "a@b", "a\"b", "a<b", "", "a:b", "[x]", "a,b", "a%2fb"] {
        let answer = keyraft.http().get(&document).header("host", bad).send().await?;
        let status = answer.status();
        assert_eq!(status, 400, "{bad:?}: {}", answer.text().await?);
    }
    let good: Value =
        keyraft.http().get(&document).header("host", "dev.example:81").send().await?.json().await?;
    assert_eq!(good["issuer"], "http://dev.example:81/realms/master");
    Ok(())
}

#[tokio::test]
async fn everything_works_below_a_path() -> Result<()> {
    let keyraft =
        production(&[("KC_HTTP_RELATIVE_PATH", "/auth"), ("KC_HOSTNAME", "https://sso.example.com")]).await?;
    let realm = keyraft.realm("below", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    let back = Agent::new(&keyraft).sign_in(&shop.authorize(&[])?, &alice).await?;
    let tokens = shop.redeem(&parameter(&back, "code")?).await?;

    let (_, claims) = crate::forge::opened(tokens.text("access_token")?)?;
    assert_eq!(claims["iss"], format!("{NAME}/auth/realms/below"));
    let all = every_address(&keyraft, "below").await?;
    assert!(foreign(&all).is_empty(), "{:#?}", foreign(&all));
    let links = all.iter().flat_map(|(path, text)| {
        let links =
            text.match_indices("=\"/").map(move |(at, _)| (path, &text[at + 2..(at + 60).min(text.len())]));
        links.filter(|(_, link)| !link.starts_with("/auth/"))
    });
    let outside: Vec<_> = links.collect();
    assert!(outside.is_empty(), "{outside:#?}");
    Ok(())
}

#[tokio::test]
async fn cookies_over_https_are_bound_to_the_host_and_to_the_realm() -> Result<()> {
    let keyraft = production(&[]).await?;
    let realm = keyraft.realm("jar", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let asked = keyraft.http().get(shop.authorize(&[])?).send().await?;
    let mut lines: Vec<String> = set_cookies(&asked);
    let mut agent = Agent::new(&keyraft);
    agent.sign_in(&shop.authorize(&[])?, &alice).await?;
    let silent = keyraft.http().get(shop.authorize(&[("prompt", "login")])?).header("cookie", jar(&agent));
    lines.extend(set_cookies(&silent.send().await?));

    assert!(!lines.is_empty());
    for line in &lines {
        assert!(line.contains("; Secure"), "{line}");
        let is_keycloaks = ["KEYCLOAK_SESSION=", "KEYCLOAK_LOCALE=", "KEYCLOAK_REMEMBER_ME="];
        if is_keycloaks.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        let name = line.split('=').next().unwrap_or_default();
        assert!(name.starts_with("__Host-") && name.contains(".jar"), "{line}");
        assert!(
            line.contains("; Path=/;") && line.contains("; HttpOnly") && !line.contains("Domain"),
            "{line}"
        );
    }
    let names: Vec<String> = agent.cookies().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"__Host-keyraft-identity.jar".to_owned()), "{names:?}");
    Ok(())
}

#[tokio::test]
async fn a_cookie_that_comes_twice_or_without_its_prefix_counts_as_absent() -> Result<()> {
    let keyraft = production(&[]).await?;
    let realm = keyraft.realm("jar", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut agent = Agent::new(&keyraft);
    agent.sign_in(&shop.authorize(&[])?, &alice).await?;
    let cookies = agent.cookies();
    let (name, value) =
        cookies.iter().find(|(name, _)| name.contains("identity")).context("no identity cookie")?;
    let ask = async |cookies: String| {
        let request = keyraft.http().get(shop.authorize(&[("prompt", "none")])?).header("cookie", cookies);
        let answer = request.send().await?;
        let location = answer.headers().get("location").context("no redirect")?.to_str()?.to_owned();
        Ok::<_, anyhow::Error>(location.contains("code="))
    };

    assert!(ask(format!("{name}={value}")).await?, "once it counts");
    let plain = name.trim_start_matches("__Host-");
    let other = name.replace(".jar", ".other");
    for planted in [
        format!("{name}={value}; {name}={value}"),
        format!("{name}=x; {name}={value}"),
        format!("{name}={value}; a=b; {name}="),
        format!("{plain}={value}"),
        format!("{other}={value}"),
        format!("KEYCLOAK_IDENTITY={value}"),
    ] {
        assert!(!ask(planted.clone()).await?, "{planted}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_that_the_client_asked_or_the_person_typed_is_readable_in_a_cookie() -> Result<()> {
    let keyraft = production(&[]).await?;
    let realm = keyraft.realm("sealed", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person_with_codes("alice").await?);
    let mut agent = Agent::new(&keyraft);
    let asked = [("state", "the-clients-state"), ("nonce", "the-clients-nonce")];
    let page = agent.open(&shop.authorize(&asked)?).await?;
    let mut form = page.form()?;
    form.fill("username", "alice");
    form.fill("password", &alice.password);
    let page = agent.send(&form).await?;

    let decoded: Vec<String> = agent.cookies().iter().map(|(_, value)| decoded(value)).collect();
    for secret in ["the-clients-state", "the-clients-nonce", "likes long walks", "127.0.0.1:9"] {
        assert!(!decoded.iter().any(|text| text.contains(secret)), "{secret} in {decoded:?}");
        let links: Vec<_> = page.body.split('"').filter(|text| text.contains("login-actions")).collect();
        assert!(!links.iter().any(|link| link.contains(secret)), "{secret} in {links:?}");
    }
    Ok(())
}

/// A value as it stands, and every part of it read as base64.
fn decoded(value: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let parts = value.split('.').filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let parts: Vec<_> = parts.map(|part| String::from_utf8_lossy(&part).into_owned()).collect();
    format!("{value} {}", parts.join(" "))
}

fn jar(agent: &Agent) -> String {
    let pairs: Vec<_> = agent.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}

fn set_cookies(answer: &reqwest::Response) -> Vec<String> {
    let lines = answer.headers().get_all("set-cookie").iter();
    lines.filter_map(|line| line.to_str().ok()).map(str::to_owned).collect()
}

#[tokio::test]
async fn an_administrators_token_is_of_this_servers_name_alone() -> Result<()> {
    let keyraft = Keyraft::start_with(env!("CARGO_BIN_EXE_keyraft"), &["start-dev"], &[]).await?;
    let token = keyraft.token().await?;
    let users = format!("{}/admin/realms/master/users", keyraft.url());

    let own = keyraft.http().get(&users).bearer_auth(&token).send().await?.status();
    let foreign =
        keyraft.http().request(Method::GET, &users).bearer_auth(&token).header("host", "other.example");

    assert_eq!((own.as_u16(), foreign.send().await?.status().as_u16()), (200, 401));
    Ok(())
}
