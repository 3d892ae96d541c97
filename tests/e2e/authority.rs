//! What administrators may do counts as it is stored now, and nobody gives what he does not have.

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::{Person, Realm};
use serde_json::{Value, json};

use crate::{
    keyraft,
    shop::{Reply, Shop, reply},
};

/// Gives a user admin roles over his own realm.
pub(crate) async fn give_admin_roles(realm: &Realm<'_>, user: &str, names: &[&str]) -> Result<()> {
    let (client, roles) = admin_roles(realm, names).await?;
    let path = realm.path(&format!("/users/{user}/role-mappings/clients/{client}"));
    realm.keyraft().admin(Method::POST, &path, Some(json!(roles))).await?;
    Ok(())
}

/// The id of `realm-management`, and roles of it.
async fn admin_roles(realm: &Realm<'_>, names: &[&str]) -> Result<(String, Vec<Value>)> {
    let found = realm.keyraft().read(&realm.path("/clients?clientId=realm-management")).await?;
    let client = found[0]["id"].as_str().context("no realm-management")?.to_owned();
    let mut roles = Vec::new();
    for name in names {
        roles.push(realm.keyraft().read(&realm.path(&format!("/clients/{client}/roles/{name}"))).await?);
    }
    Ok((client, roles))
}

/// Somebody with a token who calls the admin API.
struct Caller<'a> {
    realm: &'a Realm<'a>,
    token: String,
}

impl<'a> Caller<'a> {
    async fn new(shop: &Shop<'a>, person: &Person) -> Result<Self> {
        Ok(Self { realm: shop.realm, token: shop.sign_in(person).await?.text("access_token")?.to_owned() })
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        let keyraft = self.realm.keyraft();
        let request = keyraft.http().request(method, format!("{}{path}", keyraft.url()));
        let request = request.bearer_auth(&self.token);
        reply(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once_whatever_the_token_says() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("taken", json!({})).await?;
    let (shop, ann) = (Shop::open(&realm, "shop").await?, realm.person("ann").await?);
    give_admin_roles(&realm, &ann.id, &["view-users"]).await?;
    let caller = Caller::new(&shop, &ann).await?;
    let users = realm.path("/users");
    assert_eq!(caller.call(Method::GET, &users, None).await?.status, 200);

    let (client, roles) = admin_roles(&realm, &["view-users"]).await?;
    let path = realm.path(&format!("/users/{}/role-mappings/clients/{client}", ann.id));
    keyraft.admin(Method::DELETE, &path, Some(json!(roles))).await?;

    assert!(shop.is_active(&caller.token).await?, "the token itself is still good");
    assert_eq!(caller.call(Method::GET, &users, None).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn a_role_counts_without_any_claim_and_a_claim_without_its_role_does_not() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("claims", json!({})).await?;
    // A mapper says of everybody that he is an administrator.
    let lie = json!({ "name": "lie", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": {
        "claim.name": "resource_access.realm-management.roles", "jsonType.label": "JSON",
        "claim.value": r#"["realm-admin","view-users","manage-users"]"#, "access.token.claim": "true" } });
    let shop = Shop::open_with(&realm, "shop", json!({ "protocolMappers": [lie] })).await?;
    let (mallory, ann) = (realm.person("mallory").await?, realm.person("ann").await?);

    let liar = Caller::new(&shop, &mallory).await?;
    let honest = Caller::new(&shop, &ann).await?;
    give_admin_roles(&realm, &ann.id, &["view-users"]).await?;

    assert_eq!(liar.call(Method::GET, &realm.path("/users"), None).await?.status, 403);
    assert_eq!(honest.call(Method::GET, &realm.path("/users"), None).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_client_without_the_scope_carries_no_authority() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("scope", json!({})).await?;
    let narrow = Shop::open_with(&realm, "narrow", json!({ "fullScopeAllowed": false })).await?;
    let (wide, ann) = (Shop::open(&realm, "wide").await?, realm.person("ann").await?);
    give_admin_roles(&realm, &ann.id, &["view-users"]).await?;

    let (narrow, wide) = (Caller::new(&narrow, &ann).await?, Caller::new(&wide, &ann).await?);

    assert_eq!(narrow.call(Method::GET, &realm.path("/users"), None).await?.status, 403);
    assert_eq!(wide.call(Method::GET, &realm.path("/users"), None).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_administrator_who_is_disabled_or_signed_out_is_nobody() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("gone", json!({})).await?;
    let (shop, ann) = (Shop::open(&realm, "shop").await?, realm.person("ann").await?);
    give_admin_roles(&realm, &ann.id, &["view-users"]).await?;
    let (first, second) = (Caller::new(&shop, &ann).await?, Caller::new(&shop, &ann).await?);
    let users = realm.path("/users");

    let ann_path = realm.path(&format!("/users/{}", ann.id));
    keyraft.admin(Method::POST, &format!("{ann_path}/logout"), None).await?;
    assert_eq!(first.call(Method::GET, &users, None).await?.status, 401);

    let third = Caller::new(&shop, &ann).await?;
    keyraft.admin(Method::PUT, &ann_path, Some(json!({ "enabled": false }))).await?;
    assert_eq!(third.call(Method::GET, &users, None).await?.status, 401);
    assert_eq!(second.call(Method::GET, &users, None).await?.status, 401);
    Ok(())
}

/// A way by which somebody could come to more than he has.
struct Way {
    what: &'static str,
    method: Method,
    path: String,
    body: Value,
}

/// What the ways lead to and go over.
struct Loot {
    realm_admin: Value,
    management: String,
    /// Somebody who holds less, and a client, a group, roles and a scope that hold nothing.
    friend: String,
    group: String,
    client: String,
    client_user: String,
    scope: String,
    /// A composite realm role that carries `realm-admin`, and one that carries nothing.
    boss: Value,
    plain: Value,
    plain_of_client: Value,
    /// A group that carries `realm-admin`.
    bosses: String,
    /// Somebody who holds `realm-admin`.
    chief: String,
    chief_client: String,
}

impl Loot {
    async fn lay_out(realm: &Realm<'_>) -> Result<Self> {
        let keyraft = realm.keyraft();
        let (management, roles) = admin_roles(realm, &["realm-admin"]).await?;
        let realm_admin = roles[0].clone();
        for role in ["boss", "plain"] {
            keyraft.admin(Method::POST, &realm.path("/roles"), Some(json!({ "name": role }))).await?;
        }
        let composites = realm.path("/roles/boss/composites");
        keyraft.admin(Method::POST, &composites, Some(json!([realm_admin]))).await?;
        let service = json!({ "serviceAccountsEnabled": true, "secret": "a-secret-of-a-service" });
        let client = realm.client("tool", service.clone()).await?;
        let chief_client = realm.client("robot", service).await?;
        let roles_path = realm.path(&format!("/clients/{client}/roles"));
        keyraft.admin(Method::POST, &roles_path, Some(json!({ "name": "plain" }))).await?;
        let account = |client: &str| realm.path(&format!("/clients/{client}/service-account-user"));
        let client_user = keyraft.read(&account(&client)).await?["id"].as_str().context("no id")?.to_owned();
        let robot = keyraft.read(&account(&chief_client)).await?["id"].as_str().context("no id")?.to_owned();
        give_admin_roles(realm, &robot, &["realm-admin"]).await?;
        let chief = realm.person("chief").await?.id;
        give_admin_roles(realm, &chief, &["realm-admin"]).await?;
        let bosses = realm.create("/groups", json!({ "name": "bosses" })).await?;
        let mapping = realm.path(&format!("/groups/{bosses}/role-mappings/clients/{management}"));
        keyraft.admin(Method::POST, &mapping, Some(json!([realm_admin]))).await?;
        Ok(Self {
            friend: realm.person("friend").await?.id,
            group: realm.create("/groups", json!({ "name": "friends" })).await?,
            scope: realm
                .create("/client-scopes", json!({ "name": "extra", "protocol": "openid-connect" }))
                .await?,
            boss: keyraft.read(&realm.path("/roles/boss")).await?,
            plain: keyraft.read(&realm.path("/roles/plain")).await?,
            plain_of_client: keyraft.read(&realm.path(&format!("/clients/{client}/roles/plain"))).await?,
            realm_admin,
            management,
            client,
            client_user,
            bosses,
            chief,
            chief_client,
        })
    }

    /// Every way that writes roles, composites, groups, scope mappings, mappers, passwords or secrets.
    fn ways(&self, realm: &Realm<'_>, own: &str) -> Vec<Way> {
        let mut ways = Vec::new();
        let mut way = |what, method, path: String, body: Value| {
            ways.push(Way { what, method, path: realm.path(&path), body });
        };
        let Self {
            management, friend, group, client, client_user, scope, bosses, chief, chief_client, ..
        } = self;
        let prize = json!([self.realm_admin]);
        let boss = json!([self.boss]);
        for (what, user) in [("himself", own), ("a friend", friend), ("a service", client_user)] {
            way(
                what,
                Method::POST,
                format!("/users/{user}/role-mappings/clients/{management}"),
                prize.clone(),
            );
            way(what, Method::POST, format!("/users/{user}/role-mappings/realm"), boss.clone());
            way("a group", Method::PUT, format!("/users/{user}/groups/{bosses}"), json!({}));
        }
        let mappings = format!("/groups/{group}/role-mappings");
        way("group mapping", Method::POST, format!("{mappings}/clients/{management}"), prize.clone());
        way("group mapping", Method::POST, format!("{mappings}/realm"), boss.clone());
        way(
            "subgroup",
            Method::POST,
            format!("/groups/{bosses}/children"),
            json!({ "name": "friends", "id": group }),
        );
        way("default group", Method::PUT, format!("/default-groups/{bosses}"), json!({}));
        let plain = self.plain["id"].as_str().unwrap_or_default();
        let of_client = self.plain_of_client["id"].as_str().unwrap_or_default();
        for path in [
            "/roles/plain/composites".to_owned(),
            format!("/roles-by-id/{plain}/composites"),
            format!("/clients/{client}/roles/plain/composites"),
            format!("/roles-by-id/{of_client}/composites"),
            format!("/roles/default-roles-{}/composites", realm.name()),
        ] {
            way("composite", Method::POST, path.clone(), prize.clone());
            way("composite", Method::POST, path, boss.clone());
        }
        let composites = json!({ "client": { "realm-management": ["realm-admin"] }, "realm": ["boss"] });
        let role = json!({ "name": "new", "composite": true, "composites": composites });
        way("new role", Method::POST, "/roles".to_owned(), role.clone());
        way("new client role", Method::POST, format!("/clients/{client}/roles"), role);
        let user = json!({
            "username": "new-user", "enabled": true, "groups": ["/bosses"], "realmRoles": ["boss"],
            "clientRoles": { "realm-management": ["realm-admin"] },
        });
        way("new user", Method::POST, "/users".to_owned(), user);
        let password = json!({ "type": "password", "value": "mine now, all of it", "temporary": false });
        way("password", Method::PUT, format!("/users/{chief}/reset-password"), password.clone());
        way("password", Method::PUT, format!("/users/{chief}"), json!({ "credentials": [password] }));
        way("e-mail", Method::PUT, format!("/users/{chief}"), json!({ "email": "mallory@evil.example" }));
        way("impersonation", Method::POST, format!("/users/{chief}/impersonation"), json!({}));
        way("secret", Method::POST, format!("/clients/{chief_client}/client-secret"), json!({}));
        way(
            "secret",
            Method::PUT,
            format!("/clients/{chief_client}"),
            json!({ "clientId": "robot", "secret": "mine-now-all-of-it" }),
        );
        let mapper = json!({ "name": "gift", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-role-mapper",
            "config": { "role": "realm-management.realm-admin" } });
        let mut another = mapper.clone();
        another["name"] = json!("another gift");
        way("mapper", Method::POST, format!("/clients/{client}/protocol-mappers/models"), mapper.clone());
        way(
            "mappers",
            Method::POST,
            format!("/clients/{client}/protocol-mappers/add-models"),
            json!([another]),
        );
        way("mapper", Method::POST, format!("/client-scopes/{scope}/protocol-mappers/models"), mapper);
        let settings =
            json!({ "realm": realm.name(), "defaultRole": self.boss, "defaultGroups": ["/bosses"] });
        way("realm", Method::PUT, String::new(), settings);
        ways
    }
}

/// What a token of somebody who took every way would be worth: what everyone holds in the end.
async fn authority_of(realm: &Realm<'_>, loot: &Loot, user: &str) -> Result<Vec<String>> {
    let path = realm.path(&format!("/users/{user}/role-mappings/clients/{}/composite", loot.management));
    let held = realm.keyraft().read(&path).await?;
    let names = held.as_array().context("not a list")?.iter().filter_map(|role| role["name"].as_str());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn nobody_comes_to_more_than_he_has_by_any_way() -> Result<()> {
    for held in [
        &["manage-users"][..],
        &["manage-clients"],
        &["manage-users", "manage-clients", "view-realm", "query-groups", "impersonation"],
        &["manage-users", "manage-clients", "manage-realm"],
    ] {
        let keyraft = keyraft().await?;
        let realm = keyraft.realm("loot", json!({})).await?;
        let (shop, ann) = (Shop::open(&realm, "shop").await?, realm.person("ann").await?);
        give_admin_roles(&realm, &ann.id, held).await?;
        let loot = Loot::lay_out(&realm).await?;
        let before = authority_of(&realm, &loot, &ann.id).await?;
        let caller = Caller::new(&shop, &ann).await?;

        let mut open = Vec::new();
        for way in loot.ways(&realm, &ann.id) {
            let answer = caller.call(way.method.clone(), &way.path, Some(&way.body)).await?;
            assert!(
                answer.status < 500 || answer.status == 501,
                "{} {}: {answer:?}\n{}",
                way.what,
                way.path,
                keyraft.log()
            );
            if answer.status < 300 {
                open.push(format!("{} {} {}", way.what, way.method, way.path));
            }
        }

        // A success that changes nothing of what anybody may do is none: members that count for nothing.
        let harmless = ["new user", "new role", "new client role", "realm"];
        open.retain(|way| !harmless.iter().any(|what| way.starts_with(what)));
        assert!(open.is_empty(), "with {held:?}: {open:#?}");
        let nothing = Vec::<String>::new();
        assert_eq!(authority_of(&realm, &loot, &ann.id).await?, before, "with {held:?}");
        for user in [&loot.friend, &loot.client_user] {
            assert_eq!(authority_of(&realm, &loot, user).await?, nothing, "with {held:?}");
        }
        let found = keyraft.read(&realm.path("/users?username=new-user")).await?;
        if let Some(user) = found[0]["id"].as_str() {
            assert_eq!(authority_of(&realm, &loot, user).await?, nothing, "with {held:?}");
        }
        // Who comes next gets no more than before, whatever the realm's settings were asked to say.
        let next = realm.person("next").await?;
        assert_eq!(authority_of(&realm, &loot, &next.id).await?, nothing, "with {held:?}");
        for path in
            ["/roles/new/composites".to_owned(), format!("/clients/{}/roles/new/composites", loot.client)]
        {
            if let Ok(inside) = keyraft.read(&realm.path(&path)).await {
                assert_eq!(inside, json!([]), "with {held:?}: {path}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_ways_are_open_to_who_holds_everything() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("open", json!({})).await?;
    let (shop, ann) = (Shop::open(&realm, "shop").await?, realm.person("ann").await?);
    give_admin_roles(&realm, &ann.id, &["realm-admin"]).await?;
    let loot = Loot::lay_out(&realm).await?;
    let caller = Caller::new(&shop, &ann).await?;

    let mut shut = Vec::new();
    for way in loot.ways(&realm, &ann.id) {
        let answer = caller.call(way.method.clone(), &way.path, Some(&way.body)).await?;
        if answer.status >= 300 && answer.status != 501 {
            shut.push(format!("{} {} {}: {answer:?}", way.what, way.method, way.path));
        }
    }

    assert!(shut.is_empty(), "{shut:#?}");
    Ok(())
}

#[tokio::test]
async fn ids_of_one_realm_are_unknown_in_another() -> Result<()> {
    let keyraft = keyraft().await?;
    let (home, abroad) = (keyraft.realm("home", json!({})).await?, keyraft.realm("abroad", json!({})).await?);
    let loot = Loot::lay_out(&home).await?;
    let (shop, ann) = (Shop::open(&abroad, "shop").await?, abroad.person("ann").await?);
    give_admin_roles(&abroad, &ann.id, &["realm-admin"]).await?;
    let caller = Caller::new(&shop, &ann).await?;
    let (user, client, group, scope) = (&loot.friend, &loot.client, &loot.group, &loot.scope);
    let role = loot.plain["id"].as_str().context("no id")?;
    let bad = json!([loot.plain]);
    let reads = [
        format!("/users/{user}"),
        format!("/users/{user}/credentials"),
        format!("/users/{user}/sessions"),
        format!("/users/{user}/groups"),
        format!("/users/{user}/role-mappings"),
        format!("/users/{user}/consents"),
        format!("/clients/{client}"),
        format!("/clients/{client}/client-secret"),
        format!("/clients/{client}/service-account-user"),
        format!("/clients/{client}/roles"),
        format!("/clients/{client}/user-sessions"),
        format!("/clients/{client}/scope-mappings"),
        format!("/clients/{client}/protocol-mappers/models"),
        format!("/groups/{group}"),
        format!("/groups/{group}/members"),
        format!("/groups/{group}/role-mappings"),
        format!("/client-scopes/{scope}"),
        format!("/client-scopes/{scope}/scope-mappings"),
        format!("/roles-by-id/{role}"),
        format!("/roles-by-id/{role}/composites"),
        format!("/users/{}/role-mappings/clients/{client}", ann.id),
    ];
    let writes = [
        (Method::PUT, format!("/users/{user}"), json!({ "firstName": "Stolen" })),
        (Method::DELETE, format!("/users/{user}"), json!({})),
        (
            Method::PUT,
            format!("/users/{user}/reset-password"),
            json!({ "type": "password", "value": "stolen" }),
        ),
        (Method::POST, format!("/users/{user}/logout"), json!({})),
        (Method::POST, format!("/users/{user}/role-mappings/realm"), bad.clone()),
        (Method::POST, format!("/users/{}/role-mappings/realm", ann.id), bad.clone()),
        (Method::PUT, format!("/users/{}/groups/{group}", ann.id), json!({})),
        (Method::PUT, format!("/clients/{client}"), json!({ "clientId": "stolen" })),
        (Method::POST, format!("/clients/{client}/client-secret"), json!({})),
        (Method::DELETE, format!("/clients/{client}"), json!({})),
        (Method::POST, format!("/clients/{client}/roles"), json!({ "name": "x" })),
        (Method::PUT, format!("/clients/{}/default-client-scopes/{scope}", shop.uuid), json!({})),
        (Method::POST, format!("/clients/{}/scope-mappings/realm", shop.uuid), bad.clone()),
        (Method::PUT, format!("/groups/{group}"), json!({ "name": "stolen" })),
        (Method::POST, format!("/groups/{group}/role-mappings/realm"), bad.clone()),
        (Method::DELETE, format!("/groups/{group}"), json!({})),
        (Method::PUT, format!("/default-groups/{group}"), json!({})),
        (
            Method::PUT,
            format!("/client-scopes/{scope}"),
            json!({ "name": "stolen", "protocol": "openid-connect" }),
        ),
        (Method::DELETE, format!("/client-scopes/{scope}"), json!({})),
        (Method::PUT, format!("/roles-by-id/{role}"), json!({ "name": "stolen" })),
        (Method::POST, format!("/roles-by-id/{role}/composites"), bad.clone()),
        (Method::DELETE, format!("/roles-by-id/{role}"), json!({})),
    ];

    let mut let_in = Vec::new();
    for path in reads {
        let answer = caller.call(Method::GET, &abroad.path(&path), None).await?;
        if answer.status != 404 {
            let_in.push(format!("GET {path}: {answer:?}"));
        }
        // His realm's token is worth nothing at the other realm, whose ids these are.
        let answer = caller.call(Method::GET, &home.path(&path), None).await?;
        if answer.status != 403 {
            let_in.push(format!("GET {path} at home: {answer:?}"));
        }
    }
    for (method, path, body) in writes {
        let answer = caller.call(method.clone(), &abroad.path(&path), Some(&body)).await?;
        if answer.status != 404 {
            let_in.push(format!("{method} {path}: {answer:?}"));
        }
    }

    assert!(let_in.is_empty(), "{let_in:#?}");
    let friend = keyraft.read(&home.path(&format!("/users/{user}"))).await?;
    assert_eq!(friend["firstName"], "Friend");
    Ok(())
}
