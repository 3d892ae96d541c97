//! Where browsers may be sent, and by whom.

use anyhow::Result;
use keyraft_harness::{Agent, Answer};
use serde_json::json;
use url::Url;

use crate::{keyraft, shop::Shop};

/// Stays with the server: a page, and no redirect at all.
async fn page_at(shop: &Shop<'_>, query: &[(&str, &str)]) -> Result<Answer> {
    let url = Url::parse_with_params(&shop.realm.endpoint("auth"), query)?;
    let keyraft = shop.realm.keyraft();
    let answer = keyraft.http().get(url.clone()).send().await?;
    anyhow::ensure!(
        answer.headers().get("location").is_none(),
        "redirected to {:?}",
        answer.headers().get("location")
    );
    Ok(Answer { url, status: answer.status().as_u16(), body: answer.text().await? })
}

/// Where the server sends a browser at once.
async fn sent_to(shop: &Shop<'_>, query: &[(&str, &str)]) -> Result<Url> {
    let url = Url::parse_with_params(&shop.realm.endpoint("auth"), query)?;
    Ok(Agent::new(shop.realm.keyraft()).open(url.as_str()).await?.url)
}

const PATTERNS: [&str; 6] = [
    "https://app.example/callback",
    "https://app.example/wild/*",
    "http://localhost/native",
    "http://127.0.0.1/native/*",
    "com.example.app:/back",
    "https://half.example*",
];

/// Every flaw of the kind that became known in identity servers, each against the patterns above.
const TRICKS: [&str; 62] = [
    "",
    "/",
    "callback",
    "//app.example/callback",
    "https://evil.example/callback",
    "https://app.example/callback2",
    "https://app.example/callback/",
    "https://app.example/callback?x=1",
    "https://app.example/callback#f",
    "https://app.example:443/callback",
    "https://app.example:8443/callback",
    "http://app.example/callback",
    "https://APP.example/callback",
    "HTTPS://app.example/callback",
    "https://app.example./callback",
    "https://app.example@evil.example/callback",
    "https://evil.example@app.example/wild/x",
    "https://user:word@app.example/wild/x",
    "https://app.example%40evil.example/callback",
    "https://app.example%2Eevil.example/callback",
    "https://app.example\\@evil.example/callback",
    "https://evil.example\\.app.example/wild/x",
    "https://app.example%5c@evil.example/wild/x",
    "https:app.example/callback",
    "https:///app.example/callback",
    "https:\\\\app.example\\callback",
    "https://app.example/wildcard",
    "https://app.example/wild/../callback2",
    "https://app.example/wild/..",
    "https://app.example/wild/./x",
    "https://app.example/wild/%2e%2e/x",
    "https://app.example/wild/%2E%2E%2Fx",
    "https://app.example/wild/..%2fx",
    "https://app.example/wild/%252e%252e%252fx",
    "https://app.example/wild/%25252e%25252e/x",
    "https://app.example/wild/..;/x",
    "https://app.example/wild/..%3b/x",
    "https://app.example/wild/..\\x",
    "https://app.example/wild/..%5cx",
    "https://app.example/wild/%c0%ae%c0%ae/../x",
    "https://app.example/wild/a b",
    "https://app.example/wild/\u{9}a",
    "https://app.example/wild/%0d%0aSet-Cookie:x=y",
    "https://app.example/wild/\r\nSet-Cookie:x=y",
    "https://app.example/wild/%00",
    "https://app.example/wild/<script>",
    "https://half.example.evil.example/",
    "https://half.example-evil.example/",
    "https://half.example@evil.example/",
    "https://half.example:x@evil.example/",
    "http://localhost.evil.example/native",
    "http://localhost:99@evil.example/native",
    "http://127.0.0.2/native/x",
    "http://127.1/native/x",
    "http://[::1]/native/x",
    "https://localhost/native",
    "com.example.app:/back/more",
    "COM.example.app:/back",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https://app.example/callback",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
];

#[tokio::test]
async fn no_known_trick_makes_a_redirect() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("tricks", json!({})).await?;
    let shop = Shop::open_with(&realm, "shop", json!({ "redirectUris": PATTERNS })).await?;

    for mode in ["query", "fragment", "form_post"] {
        for trick in TRICKS {
            let query = [
                ("client_id", "shop"),
                ("response_type", "code"),
                ("scope", "openid"),
                ("response_mode", mode),
                // Something that would be told by a redirect, were there one.
                ("prompt", "none"),
                ("redirect_uri", trick),
            ];
            let page = page_at(&shop, &query).await.map_err(|error| error.context(trick))?;
            assert_eq!(page.status, 400, "{trick}");
            assert!(!page.body.contains("evil.example"), "{trick}: {}", page.body);
            assert!(!page.body.to_lowercase().contains("javascript:alert"), "{trick}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_registered_is_answered() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("good", json!({})).await?;
    let shop = Shop::open_with(&realm, "shop", json!({ "redirectUris": PATTERNS })).await?;

    for good in [
        "https://app.example/callback",
        "https://app.example/wild/a/b?c=d",
        "http://localhost:4711/native",
        "http://127.0.0.1:4711/native/x",
        "com.example.app:/back",
        "https://half.example/x",
    ] {
        let query = [
            ("client_id", "shop"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("prompt", "none"),
            ("redirect_uri", good),
        ];
        let to = sent_to(&shop, &query).await?;
        assert!(to.as_str().starts_with(good) && to.as_str().contains("error=login_required"), "{to}");
    }
    Ok(())
}

#[tokio::test]
async fn who_is_not_known_is_never_answered_by_a_redirect() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("unknown", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    Shop::open_with(&realm, "off", json!({ "enabled": false })).await?;
    Shop::open_with(&realm, "reader", json!({ "bearerOnly": true })).await?;
    let good = crate::shop::REDIRECT;

    for client in ["", "nobody", "off", "reader", "shop ", "SHOP", "shop\u{0}"] {
        let query = [
            ("client_id", client),
            ("redirect_uri", good),
            ("response_type", "code"),
            ("scope", "openid"),
            ("prompt", "none"),
        ];
        let page = page_at(&shop, &query).await.map_err(|error| error.context(client))?;
        assert!((400..500).contains(&page.status), "{client}: {}", page.status);
    }
    // Whatever else is wrong as well.
    for wrong in [("response_type", "nonsense"), ("scope", "nope"), ("response_mode", "nope")] {
        let query = [("client_id", "shop"), ("redirect_uri", "https://evil.example/"), wrong];
        assert_eq!(page_at(&shop, &query).await?.status, 400, "{wrong:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused_and_which_one_counts_is_never_in_doubt() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("twice", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let good = [
        ("client_id", "shop"),
        ("redirect_uri", crate::shop::REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "one"),
    ];

    let with = |more: (&'static str, &'static str)| good.into_iter().chain([more]).collect::<Vec<_>>();
    assert_eq!(page_at(&shop, &with(("client_id", "shop"))).await?.status, 400);
    for more in [("state", "two"), ("scope", "openid"), ("response_type", "code"), ("nonce2", "a")] {
        let query: Vec<_> = with(more).into_iter().chain([("nonce2", "b")]).collect();
        let to = sent_to(&shop, &query).await?;
        assert!(to.as_str().starts_with(crate::shop::REDIRECT), "{to}");
        let told: Vec<_> = to.query_pairs().into_owned().collect();
        let count = |name: &str| told.iter().filter(|(other, _)| other == name).count();
        assert_eq!((count("error"), count("code"), count("state")), (1, 0, 1), "{to}");
    }
    let evil = with(("redirect_uri", "https://evil.example/"));
    assert!(!sent_to(&shop, &evil).await?.as_str().contains("evil.example/"));
    let first_evil: Vec<_> = [("redirect_uri", "https://evil.example/")].into_iter().chain(good).collect();
    assert_eq!(page_at(&shop, &first_evil).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn what_a_redirect_address_carries_never_passes_for_the_answer() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("pollution", json!({})).await?;
    Shop::open_with(&realm, "shop", json!({ "redirectUris": ["https://app.example/cb*"] })).await?;
    let ask = |mode: &'static str, query: &str| {
        let redirect = format!("https://app.example/cb?{query}");
        let asked = [
            ("client_id", "shop"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("prompt", "none"),
            ("response_mode", mode),
            ("redirect_uri", &redirect),
        ];
        Url::parse_with_params(&realm.endpoint("auth"), asked).map(|url| keyraft.http().get(url).send())
    };

    for mode in ["query", "fragment", "form_post"] {
        for planted in [
            "code=1",
            "state=1",
            "iss=1",
            "error=1",
            "CODE=1",
            "co%64e=1",
            "mine=1&session_state=1",
            "id_token",
        ] {
            assert_eq!(ask(mode, planted)?.await?.status(), 400, "{planted}");
        }
    }
    assert_eq!(ask("query", "mine=1&mine=2")?.await?.status(), 302);
    Ok(())
}

#[tokio::test]
async fn a_client_may_not_register_an_address_that_is_a_program() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("programs", json!({})).await?;

    for (number, bad) in ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x"].into_iter().enumerate() {
        let client = format!("client-{number}");
        for member in ["redirectUris", "rootUrl", "baseUrl"] {
            let value = if member == "redirectUris" { json!([bad]) } else { json!(bad) };
            let made = realm.client(&client, json!({ member: value })).await;
            assert!(made.is_err(), "{member} {bad}");
        }
    }
    Ok(())
}
