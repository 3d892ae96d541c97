use keyraft_cluster::session::Notes;
use keyraft_core::authz;
use keyraft_model::{ProtocolMapper, UnixMs};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{alice, client, mapper, realm};
use crate::tokens::{AccessTokenType, GrantedScopes, Plan, RefreshClaims, TokenBuilder};

const NOON: UnixMs = UnixMs(43_200_000);

/// The tokens of alice at a client with these mappers, as JSON text.
struct Tokens {
    access: String,
    id: String,
    refresh: String,
    userinfo: String,
}

fn tokens(mappers: Vec<ProtocolMapper>, change: impl Fn(&mut keyraft_model::Client)) -> Tokens {
    let (realm, user) = (realm(), alice());
    let mut client = std::sync::Arc::into_inner(client(mappers)).unwrap();
    change(&mut client.client);
    let scopes = GrantedScopes::request(&realm, &client, Some("openid")).unwrap();
    let plan = Plan::new(&client, &scopes);
    let granted = authz::granted_roles(&realm, &client, &user, scopes.as_slice());
    let access = Access::resolve(&granted, &plan.mappers, |id| {
        Some(if id.as_str() == "account" { "account" } else { "rolesapp" })
    });
    let notes: Notes = [("AUTH_TIME".to_owned(), "43000".to_owned())].into_iter().collect();
    let visible = scopes.visible();
    let all = scopes.all();
    let builder = TokenBuilder::new(TokenContext {
        realm: &realm,
        issuer: "http://id/realms/tok",
        base_url: "http://id",
        client: &client,
        user: &user,
        access: &access,
        scopes: &scopes,
        mappers: &plan.mappers,
        sid: Some("SID"),
        session_notes: &notes,
        acr: Some("1"),
        nonce: Some("nn"),
        now: NOON,
    });
    let kind = AccessTokenType { session: "on", grant: "ac" };
    let claims = builder.access_token(kind, "ID", &visible, UnixMs(NOON.0 + 300_000));
    let refresh = RefreshClaims { jti: "R".into(), scope: &all, is_offline: false, reuse_id: None };
    let text = |claims: &Claims<'_>| serde_json::to_string(claims).unwrap();
    Tokens {
        refresh: text(&builder.refresh_token(&claims, refresh, Some(UnixMs(NOON.0 + 1_800_000)))),
        id: text(&builder.id_token("I".into(), Some("AH".into()), UnixMs(NOON.0 + 300_000))),
        userinfo: serde_json::to_string(&builder.userinfo()).unwrap(),
        access: text(&claims),
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const PERSON: &str = concat!(
    r#""email_verified":true,"nickname":"crew","name":"Alice Adams","preferred_username":"alice","#,
    r#""given_name":"Alice","family_name":"Adams","email":"alice@example.com""#
);

#[test]
fn an_access_token_of_the_default_scopes_is_keycloaks_to_the_letter() {
    let expected = concat!(
        r#"{"exp":43500,"iat":43200,"auth_time":43000,"jti":"onrtac:ID","iss":"http://id/realms/tok","#,
        r#""aud":["rolesapp","account"],"sub":"alice-id","typ":"Bearer","azp":"app","sid":"SID","acr":"1","#,
        r#""allowed-origins":["http://app.test"],"#,
        r#""realm_access":{"roles":["boss","offline_access","uma_authorization","default-roles-tok"]},"#,
        r#""resource_access":{"rolesapp":{"roles":["editor"]},"account":{"roles":["manage-account","view-profile"]}},"#,
        r#""scope":"openid profile email","#
    );

    assert_eq!(tokens(vec![], |_| ()).access, format!("{expected}{PERSON}}}"));
}

#[test]
fn an_id_token_is_for_the_client_and_carries_the_nonce() {
    let expected = concat!(
        r#"{"exp":43500,"iat":43200,"auth_time":43000,"jti":"I","iss":"http://id/realms/tok","aud":"app","#,
        r#""sub":"alice-id","typ":"ID","azp":"app","nonce":"nn","sid":"SID","at_hash":"AH","acr":"1","#
    );

    assert_eq!(tokens(vec![], |_| ()).id, format!("{expected}{PERSON}}}"));
}

#[test]
fn a_refresh_token_is_for_us_and_remembers_the_audience() {
    let expected = concat!(
        r#"{"exp":45000,"iat":43200,"jti":"R","iss":"http://id/realms/tok","aud":"http://id/realms/tok","#,
        r#""sub":"alice-id","typ":"Refresh","azp":"app","sid":"SID","#,
        r#""scope":"openid profile email roles web-origins acr basic service_account","#,
        r#""aud_x":["rolesapp","account"],"prov":"default"}"#
    );

    assert_eq!(tokens(vec![], |_| ()).refresh, expected);
}

#[test]
fn a_lightweight_token_says_next_to_nothing() {
    let lightweight = |client: &mut keyraft_model::Client| {
        client.attributes.insert("client.use.lightweight.access.token.enabled".into(), "true".into());
    };
    let marked = mapper(
        "oidc-hardcoded-claim-mapper",
        json!({
            "claim.name": "hard", "claim.value": "x", "lightweight.claim": "true"
        }),
    );

    let tokens = tokens(vec![marked], lightweight);

    let expected = concat!(
        r#"{"exp":43500,"iat":43200,"jti":"onltac:ID","iss":"http://id/realms/tok","typ":"Bearer","#,
        r#""azp":"app","sid":"SID","scope":"openid profile email","hard":"x"}"#
    );
    assert_eq!(tokens.access, expected);
    assert!(value(&tokens.refresh).get("sub").is_none() && value(&tokens.refresh).get("aud_x").is_none());
}

#[test]
fn a_client_without_full_scope_sees_only_the_roles_of_its_scopes() {
    let tokens = tokens(vec![], |client| client.full_scope_allowed = false);

    let access = value(&tokens.access);
    assert_eq!(access["sub"], "alice-id");
    for absent in ["aud", "realm_access", "resource_access"] {
        assert!(access.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn mappers_write_what_they_are_told_and_nothing_reserved() {
    let hard = |name: &str, value: &str, kind: &str| {
        mapper(
            "oidc-hardcoded-claim-mapper",
            json!({ "claim.name": name, "claim.value": value, "jsonType.label": kind }),
        )
    };
    let tokens = tokens(
        vec![
            hard("nested.num", "42", "long"),
            hard("obj", r#"{"a":[1]}"#, "JSON"),
            hard(r"https://x\.y/z", "v", "String"),
            hard("bad", "abc", "long"),
            hard("exp", "9", "long"),
            hard("scope", "admin", "String"),
            hard("realm_access", "x", "String"),
            mapper("oidc-audience-mapper", json!({ "included.custom.audience": "urn:custom" })),
            mapper("oidc-group-membership-mapper", json!({ "claim.name": "groups", "full.path": "true" })),
            mapper("oidc-session-state-mapper", json!({})),
            mapper("oidc-amr-mapper", json!({})),
            mapper("oidc-nonce-backwards-compatible-mapper", json!({})),
            mapper("oidc-address-mapper", json!({ "user.attribute.country": "nickname" })),
            mapper("oidc-of-tomorrow-mapper", json!({ "claim.name": "unknown" })),
        ],
        |_| (),
    );

    let access = value(&tokens.access);
    assert_eq!(access["nested"], json!({ "num": 42 }));
    assert_eq!(access["obj"], json!({ "a": [1] }));
    assert_eq!(access["https://x.y/z"], "v");
    assert_eq!(access["aud"], json!(["urn:custom", "rolesapp", "account"]));
    assert_eq!(access["groups"], json!(["/staff"]));
    assert_eq!(
        (&access["session_state"], &access["amr"], &access["nonce"]),
        (&json!("SID"), &json!([]), &json!("nn"))
    );
    assert_eq!(access["address"], json!({ "country": "crew" }));
    assert_eq!((&access["exp"], &access["scope"]), (&json!(43_500), &json!("openid profile email")));
    assert!(access.get("bad").is_none() && access.get("unknown").is_none());
    assert_eq!(access["realm_access"]["roles"].as_array().map(Vec::len), Some(4));
    assert_eq!(value(&tokens.id)["aud"], json!(["app", "urn:custom"]));
    assert_eq!(value(&tokens.refresh)["nonce"], "nn");
}

#[test]
fn roles_are_renamed_then_added_then_counted_then_written() {
    let tokens = tokens(
        vec![
            mapper(
                "oidc-role-name-mapper",
                json!({ "role": "uma_authorization", "new.role.name": "account.umaX" }),
            ),
            mapper("oidc-hardcoded-role-mapper", json!({ "role": "ghost.town" })),
            mapper(
                "oidc-usermodel-realm-role-mapper",
                json!({
                    "claim.name": "rr", "multivalued": "true", "usermodel.realmRoleMapping.rolePrefix": "p_"
                }),
            ),
            mapper(
                "oidc-usermodel-client-role-mapper",
                json!({
                    "claim.name": "cr.${client_id}.x", "multivalued": "true"
                }),
            ),
            mapper(
                "oidc-usermodel-client-role-mapper",
                json!({
                    "claim.name": "cr2", "multivalued": "true", "usermodel.clientRoleMapping.clientId": "rolesapp"
                }),
            ),
            mapper(
                "oidc-usermodel-client-role-mapper",
                json!({ "claim.name": "all", "multivalued": "true" }),
            ),
            mapper(
                "oidc-usermodel-realm-role-mapper",
                json!({ "claim.name": "one", "multivalued": "false" }),
            ),
        ],
        |_| (),
    );

    let access = value(&tokens.access);
    assert!(access["aud"].as_array().unwrap().contains(&json!("ghost")));
    assert!(access["resource_access"]["account"]["roles"].as_array().unwrap().contains(&json!("umaX")));
    assert!(!access["realm_access"]["roles"].as_array().unwrap().contains(&json!("uma_authorization")));
    assert!(access["rr"].as_array().unwrap().contains(&json!("p_boss")));
    assert_eq!(access["cr"]["rolesapp"]["x"], json!(["editor"]));
    assert_eq!(access["cr2"], json!(["editor"]));
    assert_eq!(access["all"].as_array().map(Vec::len), Some(5), "the roles of all clients in one list");
    assert_eq!(access["one"], "boss");
    assert!(value(&tokens.id).get("realm_access").is_none());
}

#[test]
fn userinfo_has_no_place_for_the_protocols_own_claims() {
    let userinfo = value(&tokens(vec![], |_| ()).userinfo);

    assert_eq!(userinfo["sub"], "alice-id");
    assert_eq!(userinfo["preferred_username"], "alice");
    for absent in ["acr", "auth_time", "realm_access", "aud"] {
        assert!(userinfo.get(absent).is_none(), "{absent}");
    }
}
