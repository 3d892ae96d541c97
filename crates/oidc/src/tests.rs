//! The endpoints from the outside: what is a client told, and which token opens which door.

mod house;

use house::House;

fn error(status: u16, code: &str, description: &str) -> (u16, String, String) {
    (status, code.to_owned(), description.to_owned())
}

#[tokio::test]
async fn every_kind_of_token_opens_its_own_door_only() {
    let house = House::open().await;
    let tokens = house.tokens("a", "openid").await;
    let offline = house.tokens("a", "openid offline_access").await;
    let kinds = ["access_token", "id_token", "refresh_token"].map(|kind| (kind, tokens.get(kind)));
    let offline = offline.get("refresh_token");

    for (kind, token) in kinds.iter().chain([&("offline", offline.clone())]) {
        let is_access = *kind == "access_token";
        assert_eq!(house.userinfo("a", token).await.status == 200, is_access, "userinfo: {kind}");
        let refreshes = house.token("a", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
        assert_eq!(refreshes.status == 200, ["refresh_token", "offline"].contains(kind), "refresh: {kind}");
        let hinted = [
            ("client_id", "app"),
            ("client_secret", "s"),
            ("token", token),
            ("token_type_hint", "refresh_token"),
        ];
        let is_active = house.post("a", "token/introspect", &hinted).await.json()["active"] == true;
        assert_eq!(
            is_active,
            ["refresh_token", "offline"].contains(kind),
            "introspection as refresh token: {kind}"
        );
    }
}

#[tokio::test]
async fn no_token_of_one_realm_counts_in_another_with_the_same_keys() {
    let house = House::open().await;
    let tokens = house.tokens("a", "openid offline_access").await;

    for kind in ["access_token", "id_token", "refresh_token"] {
        let token = tokens.get(kind);
        assert!(house.is_active("a", &token, None).await, "{kind}");
        assert!(!house.is_active("b", &token, None).await, "{kind}");
        assert!(!house.is_active("b", &token, Some("refresh_token")).await, "{kind}");
        assert_eq!(house.userinfo("b", &token).await.status, 401, "{kind}");
        let refreshed = house.token("b", &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await;
        assert_eq!(refreshed.error(), error(400, "invalid_grant", "Invalid refresh token"), "{kind}");
        let fields = [("client_id", "app"), ("client_secret", "s"), ("token", &*token)];
        assert_eq!(house.post("b", "revoke", &fields).await.get("error"), "invalid_token", "{kind}");
    }
    assert!(house.is_active("a", &tokens.get("access_token"), None).await, "realm b could not revoke it");
}

#[tokio::test]
async fn a_token_with_another_signature_or_none_is_nothing() {
    let house = House::open().await;
    let token = house.tokens("a", "openid").await.get("access_token");
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let none = keyraft_crypto::encoding::base64url(br#"{"alg":"none","typ":"JWT"}"#);

    for bad in
        [format!("{none}.{claims}."), format!("{signed}."), format!("{signed}.AAAA"), signed.to_owned()]
    {
        assert_eq!(house.userinfo("a", &bad).await.status, 401);
        assert!(!house.is_active("a", &bad, None).await);
    }
    assert_eq!(house.userinfo("a", &token).await.status, 200);
}

#[tokio::test]
async fn clients_hear_who_they_are_not() {
    let house = House::open().await;
    let generic = "Invalid client or Invalid client credentials";
    let ask = async |fields: &[(&str, &str)]| {
        house.post("a", "token", &[fields, &[("grant_type", "client_credentials")]].concat()).await.error()
    };

    assert_eq!(ask(&[]).await, error(401, "invalid_client", generic));
    assert_eq!(ask(&[("client_id", "nope")]).await, error(401, "invalid_client", generic));
    assert_eq!(ask(&[("client_id", "app")]).await, error(401, "unauthorized_client", generic));
    assert_eq!(
        ask(&[("client_id", "app"), ("client_secret", "x")]).await,
        error(401, "unauthorized_client", generic)
    );
    assert_eq!(
        ask(&[("client_id", "bearer"), ("client_secret", "s")]).await,
        error(400, "invalid_client", "Bearer-only not allowed")
    );
    assert_eq!(
        ask(&[("client_id", "public")]).await,
        error(401, "unauthorized_client", "Public client not allowed to retrieve service account")
    );
    assert_eq!(
        ask(&[("client_id", "app"), ("client_secret", "s"), ("client_secret", "s")]).await,
        error(400, "invalid_request", "duplicated parameter")
    );
}

#[tokio::test]
async fn a_service_account_has_a_token_without_a_session() {
    let house = House::open().await;

    let answer = house.token("a", &[("grant_type", "client_credentials")]).await;

    let members: Vec<_> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        ["access_token", "expires_in", "refresh_expires_in", "token_type", "not-before-policy", "scope"]
    );
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert!(house.is_active("a", &answer.get("access_token"), None).await);
    house.change_client("a", "app", |client| client.service_accounts_enabled = false).await;
    assert!(!house.is_active("a", &answer.get("access_token"), None).await);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_sound_the_same() {
    let house = House::open().await;
    let login = async |name: &str, password: &str| {
        house
            .token("a", &[("grant_type", "password"), ("username", name), ("password", password)])
            .await
            .error()
    };

    let wrong = error(400, "invalid_grant", "Invalid user credentials");
    assert_eq!(login("alice", "bad").await, wrong);
    assert_eq!(login("nobody", "pw").await, wrong);
    assert_eq!(login("alice", "").await, wrong);
    assert_eq!(login("service-account-app", "pw").await, wrong);
    let missing = house.token("a", &[("grant_type", "password"), ("password", "pw")]).await.error();
    assert_eq!(missing, error(401, "invalid_request", "Missing parameter: username"));
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_client_where_the_realm_says_so() {
    let house = House::open().await;
    house.change_realm("a", |realm| realm.revoke_refresh_token = true).await;
    let first = house.tokens("a", "openid").await;
    let refresh = async |token: &str| {
        house.token("a", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    };

    let second = refresh(&first.get("refresh_token")).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let again = refresh(&first.get("refresh_token")).await;
    let newest = refresh(&second.get("refresh_token")).await;

    assert_eq!(again.error(), error(400, "invalid_grant", "Maximum allowed refresh token reuse exceeded"));
    assert_eq!(newest.error(), error(400, "invalid_grant", "Session doesn't have required client"));
    assert!(!house.is_active("a", &second.get("access_token"), None).await);
}

#[tokio::test]
async fn a_token_from_before_the_realm_revoked_them_still_works_once_only() {
    let house = House::open().await;
    let old = house.tokens("a", "openid").await.get("refresh_token");
    house.change_realm("a", |realm| realm.revoke_refresh_token = true).await;
    let refresh =
        async || house.token("a", &[("grant_type", "refresh_token"), ("refresh_token", &old)]).await;

    assert_eq!(refresh().await.status, 200);
    assert_eq!(
        refresh().await.error(),
        error(400, "invalid_grant", "Maximum allowed refresh token reuse exceeded")
    );
}

#[tokio::test]
async fn without_revocation_old_refresh_tokens_stay_good_and_scopes_only_narrow() {
    let house = House::open().await;
    let first = house.tokens("a", "openid").await.get("refresh_token");
    let refresh = async |scope: &str| {
        house
            .token("a", &[("grant_type", "refresh_token"), ("refresh_token", &first), ("scope", scope)])
            .await
    };

    assert_eq!(refresh("openid").await.get("scope"), "openid profile email");
    let plain = refresh("profile").await;
    assert_eq!((plain.get("scope").as_str(), plain.get("id_token").is_empty()), ("profile email", false));
    let wider = refresh("openid offline_access").await;
    assert_eq!(
        (wider.get("scope").as_str(), wider.json()["refresh_expires_in"].as_i64()),
        ("openid profile email", Some(1800))
    );
    assert_eq!(refresh("nope").await.error(), error(400, "invalid_scope", "Invalid scopes: nope"));
}

#[tokio::test]
async fn an_offline_session_outlives_the_browsers_and_ends_with_its_token() {
    let house = House::open().await;
    let tokens = house.tokens("a", "openid offline_access").await;
    let (refresh, access) = (tokens.get("refresh_token"), tokens.get("access_token"));
    assert_eq!(tokens.json()["refresh_expires_in"], 0);

    let again = house.token("a", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let client = [("client_id", "app"), ("client_secret", "s"), ("refresh_token", &*refresh)];
    assert_eq!(house.post("a", "logout", &client).await.status, 204);

    let gone = house.token("a", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(gone.error(), error(400, "invalid_grant", "Offline user session not found"));
    assert!(!house.is_active("a", &access, None).await);
    assert_eq!(house.post("a", "logout", &client).await.status, 204, "signing out twice is no error");
}

#[tokio::test]
async fn an_offline_token_dies_when_the_client_may_not_have_one_any_more() {
    let house = House::open().await;
    let refresh = house.tokens("a", "openid offline_access").await.get("refresh_token");
    house.change_client("a", "app", |client| client.optional_client_scopes.clear()).await;

    let answer = house.token("a", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;

    assert_eq!((answer.status.as_u16(), answer.get("error").as_str()), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_clients_tokens_are_its_own() {
    let house = House::open().await;
    let tokens = house.tokens("a", "openid").await;
    let (access, refresh) = (tokens.get("access_token"), tokens.get("refresh_token"));
    let other = [("client_id", "other"), ("client_secret", "s")];

    let refreshed = house
        .post(
            "a",
            "token",
            &[&other[..], &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]].concat(),
        )
        .await;
    let revoked = house.post("a", "revoke", &[&other[..], &[("token", &*refresh)]].concat()).await;
    let signed_out = house.post("a", "logout", &[&other[..], &[("refresh_token", &*refresh)]].concat()).await;
    let seen = house.post("a", "token/introspect", &[&other[..], &[("token", &*access)]].concat()).await;

    let mismatch = "Invalid refresh token. Token client and authorized client don't match";
    assert_eq!(refreshed.error(), error(400, "invalid_grant", mismatch));
    assert_eq!(revoked.error(), error(400, "invalid_request", "Unmatching clients"));
    assert_eq!(signed_out.error(), error(400, "invalid_grant", mismatch));
    assert_eq!(seen.text, r#"{"active":false}"#, "a token is for whom it is addressed to");
}

#[tokio::test]
async fn revoking_an_access_token_leaves_the_session_and_a_refresh_token_does_not() {
    let house = House::open().await;
    let tokens = house.tokens("a", "openid").await;
    let revoke = async |token: &str| {
        house.post("a", "revoke", &[("client_id", "app"), ("client_secret", "s"), ("token", token)]).await
    };

    assert_eq!(revoke(&tokens.get("access_token")).await.status, 200);
    assert!(!house.is_active("a", &tokens.get("access_token"), None).await);
    let refreshed = house
        .token("a", &[("grant_type", "refresh_token"), ("refresh_token", &tokens.get("refresh_token"))])
        .await;
    assert_eq!(refreshed.status, 200);
    assert_eq!(revoke(&tokens.get("id_token")).await.get("error"), "unsupported_token_type");
    assert_eq!(revoke(&refreshed.get("refresh_token")).await.status, 200);
    assert!(!house.is_active("a", &refreshed.get("access_token"), None).await);
    assert_eq!(revoke(&refreshed.get("refresh_token")).await.get("error"), "invalid_token");
}

#[tokio::test]
async fn what_is_disabled_gives_no_tokens_and_kills_those_that_are_out() {
    let house = House::open().await;
    let tokens = house.tokens("a", "openid").await;
    let refresh = async || {
        house
            .token("a", &[("grant_type", "refresh_token"), ("refresh_token", &tokens.get("refresh_token"))])
            .await
    };

    house.change_realm("a", |realm| realm.enabled = false).await;
    assert_eq!(refresh().await.error(), error(403, "access_denied", "Realm not enabled"));
    assert_eq!(house.userinfo("a", &tokens.get("access_token")).await.status, 200, "as the original");
    house.change_realm("a", |realm| realm.enabled = true).await;

    house.change_client("a", "app", |client| client.enabled = false).await;
    assert_eq!(
        refresh().await.error(),
        error(401, "invalid_client", "Invalid client or Invalid client credentials")
    );
    let userinfo = house.userinfo("a", &tokens.get("access_token")).await;
    assert!(userinfo.header("www-authenticate").contains("Client disabled"));
    house.change_client("a", "app", |client| client.enabled = true).await;

    house.change_realm("a", |realm| realm.not_before = i64::MAX / 2000).await;
    assert_eq!(refresh().await.error(), error(400, "invalid_grant", "Stale token"));
    assert!(!house.is_active("a", &tokens.get("access_token"), None).await);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_grant_is_looked_at() {
    let house = House::open().await;
    let fields = |secret: &'static str| {
        [
            ("grant_type", "password"),
            ("client_id", "app"),
            ("client_secret", secret),
            ("username", "alice"),
            ("password", "bad"),
        ]
    };

    let evil = house.post_from("a", "token", &fields("s"), Some("http://evil.test")).await;
    assert_eq!((evil.status.as_u16(), evil.text.as_str()), (403, r#"{"error":"Invalid origin"}"#));
    assert_eq!(evil.header("access-control-allow-origin"), "");
    let good = house.post_from("a", "token", &fields("s"), Some("http://app.test")).await;
    assert_eq!((good.status.as_u16(), good.header("access-control-allow-origin")), (400, "http://app.test"));
    let stranger = house.post_from("a", "token", &fields("bad"), Some("http://any.test")).await;
    assert_eq!(
        (stranger.status.as_u16(), stranger.header("access-control-allow-origin")),
        (401, "http://any.test")
    );
}

#[tokio::test]
async fn nobody_is_redirected_before_client_and_redirect_uri_are_proven() {
    let house = House::open().await;
    let ask = async |query: &str| {
        house
            .get(&format!("/realms/a/protocol/openid-connect/auth?response_type=code&scope=openid&{query}"))
            .await
    };

    for (query, status) in [
        ("redirect_uri=http://app.test/cb", 400),
        ("client_id=&redirect_uri=http://app.test/cb", 400),
        ("client_id=nope&redirect_uri=http://app.test/cb", 400),
        ("client_id=app&client_id=app&redirect_uri=http://app.test/cb", 400),
        ("client_id=app&redirect_uri=http://evil.test/cb", 400),
        ("client_id=app&redirect_uri=http://evil.test/cb&redirect_uri=http://app.test/cb", 400),
        ("client_id=app", 400),
        ("client_id=bearer&redirect_uri=http://app.test/cb", 403),
    ] {
        let answer = ask(query).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (status, ""), "{query}");
    }
    let told = ask("client_id=app&redirect_uri=http://app.test/cb&state=s&nonce=a&nonce=b").await;
    assert_eq!(
        (told.status.as_u16(), told.header("location")),
        (
            302,
            "http://app.test/cb?error=invalid_request&error_description=duplicated+parameter&state=s&iss=http%3A%2F%2Fid.test%2Frealms%2Fa"
        )
    );
}

#[tokio::test]
async fn documents_say_what_is_served() {
    let house = House::open().await;

    let document = house.get("/realms/a/.well-known/openid-configuration").await;
    assert_eq!(document.json()["issuer"], "http://id.test/realms/a");
    assert_eq!(document.text, house.get("/.well-known/oauth-authorization-server/realms/a").await.text);
    assert_eq!(house.get("/.well-known/openid-configuration/realms/a").await.status, 404);
    assert_eq!(
        house.get("/realms/a/protocol/openid-connect/certs").await.json()["keys"].as_array().map(Vec::len),
        Some(1)
    );
    let unknown = house.get("/realms/nope/.well-known/openid-configuration").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.text.as_str()),
        (404, r#"{"error":"Realm does not exist"}"#)
    );
    for (path, said) in [
        ("/realms/a/nope", "HTTP 404 Not Found"),
        ("/realms/a/protocol/openid-connect/nope", "HTTP 404 Not Found"),
        ("/realms/a/protocol/nope/auth", "Protocol not found"),
        ("/realms/nope/x", "Realm does not exist"),
        ("/nope", "Unable to find matching target resource method"),
    ] {
        let answer = house.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.get("error").as_str()), (404, said), "{path}");
    }
    let method = house.get("/realms/a/protocol/openid-connect/token").await;
    assert_eq!(
        (method.status.as_u16(), method.text.as_str()),
        (405, r#"{"error":"HTTP 405 Method Not Allowed"}"#)
    );
}

#[tokio::test]
async fn a_client_gets_the_algorithm_that_it_asks_for() {
    let house = House::open().await;

    for algorithm in ["ES256", "PS256", "HS256"] {
        house
            .change_client("a", "app", |client| {
                client.attributes.insert("access.token.signed.response.alg".into(), algorithm.into());
            })
            .await;
        let token = house.tokens("a", "openid").await.get("access_token");
        let header = keyraft_crypto::jose::decode_unverified(&token).unwrap().header;
        assert_eq!(header.alg(), algorithm);
        assert_eq!(house.userinfo("a", &token).await.status, 200, "{algorithm}");
    }
}
