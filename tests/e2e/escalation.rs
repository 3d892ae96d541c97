//! Nobody gives, by any route, authority that he does not have himself.
//!
//! Mallory may manage users, clients and the realm's settings, which is every right to write roles, groups,
//! mappers and scopes. She tries each of them to give `impersonation` (and what includes it) to herself, to a
//! friend, to a group, a role, a scope, a client, a token. Every try is refused, and nobody has more afterwards.

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::{Keyraft, Realm};
use serde_json::{Value, json};

/// What Mallory does not have.
const WANTED: &str = "impersonation";

/// The realm, and what is in it.
struct Scene<'a> {
    realm: Realm<'a>,
    token: String,
    management: String,
    mallory: String,
    friend: String,
    boss: String,
    wanted: Value,
    wrapper: Value,
    plain: Value,
    admins: String,
    friends: String,
    shop: String,
    shop_role: Value,
    robot: String,
    scope: String,
    mapper: Value,
}

impl<'a> Scene<'a> {
    async fn set(keyraft: &'a Keyraft) -> Result<Self> {
        let realm = keyraft.realm("escalation", json!({})).await?;
        let read = async |path: &str| keyraft.read(&realm.path(path)).await;
        let post =
            async |path: &str, body: Value| keyraft.admin(Method::POST, &realm.path(path), Some(body)).await;

        let management = read("/clients?clientId=realm-management").await?[0]["id"].clone();
        let management = management.as_str().context("no realm-management")?.to_owned();
        let role = async |name: &str| read(&format!("/clients/{management}/roles/{name}")).await;
        let wanted = role(WANTED).await?;

        let mallory = realm.person("mallory").await?;
        let (friend, boss) = (realm.person("friend").await?.id, realm.person("boss").await?.id);
        let rights =
            json!([role("manage-users").await?, role("manage-clients").await?, role("manage-realm").await?]);
        post(&format!("/users/{}/role-mappings/clients/{management}", mallory.id), rights).await?;
        post(&format!("/users/{boss}/role-mappings/clients/{management}"), json!([wanted])).await?;

        post("/roles", json!({"name": "plain"})).await?;
        let inside = json!({"client": {"realm-management": [WANTED]}});
        post("/roles", json!({"name": "wrapper", "composite": true, "composites": inside})).await?;
        let (plain, wrapper) = (read("/roles/plain").await?, read("/roles/wrapper").await?);

        let admins = realm.create("/groups", json!({"name": "admins"})).await?;
        post(&format!("/groups/{admins}/role-mappings/realm"), json!([wrapper])).await?;
        let friends = realm.create("/groups", json!({"name": "friends"})).await?;

        let shop = realm.client("shop", json!({"serviceAccountsEnabled": true})).await?;
        post(&format!("/clients/{shop}/roles"), json!({"name": "clerk"})).await?;
        let shop_role = read(&format!("/clients/{shop}/roles/clerk")).await?;
        let robot = realm
            .client("robot", json!({"serviceAccountsEnabled": true, "secret": "only-for-the-robot"}))
            .await?;
        let account = read(&format!("/clients/{robot}/service-account-user")).await?["id"].clone();
        let account = account.as_str().context("no service account")?.to_owned();
        post(&format!("/users/{account}/role-mappings/clients/{management}"), json!([wanted])).await?;

        let scope =
            realm.create("/client-scopes", json!({"name": "extra", "protocol": "openid-connect"})).await?;
        let mapper = mapper("harmless", "plain");
        let id = realm.create(&format!("/clients/{shop}/protocol-mappers/models"), mapper.clone()).await?;
        let mapper = read(&format!("/clients/{shop}/protocol-mappers/models/{id}")).await?;

        realm.client("cli", json!({"publicClient": true, "directAccessGrantsEnabled": true})).await?;
        let form = [
            ("grant_type", "password"),
            ("client_id", "cli"),
            ("username", "mallory"),
            ("password", mallory.password.as_str()),
        ];
        let answer: Value =
            keyraft.http().post(realm.endpoint("token")).form(&form).send().await?.json().await?;
        let token =
            answer["access_token"].as_str().with_context(|| format!("no token: {answer}"))?.to_owned();
        let mallory = mallory.id;
        Ok(Self {
            realm,
            token,
            management,
            mallory,
            friend,
            boss,
            wanted,
            wrapper,
            plain,
            admins,
            friends,
            shop,
            shop_role,
            robot,
            scope,
            mapper,
        })
    }

    async fn tries(&self, method: &Method, path: &str, body: &Value) -> Result<u16> {
        let keyraft = self.realm.keyraft();
        let url = format!("{}{}", keyraft.url(), self.realm.path(path));
        let answer =
            keyraft.http().request(method.clone(), url).bearer_auth(&self.token).json(body).send().await?;
        Ok(answer.status().as_u16())
    }

    /// Everybody's and everything's authority, as the server's administrator sees it.
    async fn authority(&self) -> Result<Vec<Value>> {
        let management = &self.management;
        let mut seen = Vec::new();
        let users = self.realm.keyraft().read(&self.realm.path("/users?max=1000")).await?;
        for user in users.as_array().into_iter().flatten() {
            let id = user["id"].as_str().unwrap_or_default();
            seen.push(format!("/users/{id}/role-mappings/clients/{management}/composite"));
        }
        for group in [&self.friends, &self.admins] {
            seen.push(format!("/groups/{group}/role-mappings/clients/{management}/composite"));
            seen.push(format!("/groups/{group}/children"));
        }
        seen.push("/default-groups".to_owned());
        seen.push("/roles?briefRepresentation=false".to_owned());
        seen.push("/roles/plain/composites".to_owned());
        seen.push("/roles/default-roles-escalation/composites".to_owned());
        seen.push(format!("/clients/{}/roles/clerk/composites", self.shop));
        seen.push(format!("/clients/{}/scope-mappings", self.shop));
        seen.push(format!("/client-scopes/{}/scope-mappings", self.scope));
        seen.push(format!("/clients/{}/protocol-mappers/models", self.shop));
        seen.push(format!("/client-scopes/{}/protocol-mappers/models", self.scope));
        seen.push("/clients".to_owned());
        seen.push("/client-scopes".to_owned());
        let mut shown = Vec::new();
        for path in seen {
            shown.push(json!([path, self.realm.keyraft().read(&self.realm.path(&path)).await?]));
        }
        Ok(shown)
    }

    /// What Mallory tries, as method, path and body.
    fn attempts(&self) -> Vec<(Method, String, Value)> {
        let (post, put) = (|| Method::POST, || Method::PUT);
        let (wanted, wrapper) = (json!([self.wanted]), json!([self.wrapper]));
        let Self { management, mallory, friend, boss, admins, friends, shop, robot, scope, .. } = self;
        let mut tried = vec![
            (put(), format!("/users/{mallory}/groups/{admins}"), json!({})),
            (put(), format!("/users/{friend}/groups/{admins}"), json!({})),
            (post(), "/users".into(), json!({"username": "puppet", "groups": ["/admins"]})),
            (put(), format!("/default-groups/{admins}"), json!({})),
            (post(), format!("/groups/{admins}/children"), json!({"id": friends, "name": "friends"})),
            (
                put(),
                format!("/users/{boss}/reset-password"),
                json!({"type": "password", "value": "mine now"}),
            ),
            (put(), format!("/users/{boss}"), json!({"email": "mallory@elsewhere.example"})),
            (
                put(),
                format!("/users/{boss}"),
                json!({"credentials": [{"type": "password", "value": "mine now"}]}),
            ),
            (post(), format!("/clients/{robot}/client-secret"), json!({})),
            (put(), format!("/clients/{robot}"), json!({"secret": "known to mallory"})),
            (put(), format!("/clients/{management}"), json!({"clientId": "something-else"})),
            (post(), format!("/clients/{management}/roles"), json!({"name": "realm-admin-2"})),
            (put(), format!("/roles-by-id/{}", id(&self.wanted)), json!({"name": "manage-users-2"})),
        ];
        let realm_composites = json!({"realm": ["wrapper"]});
        let client_composites = json!({"client": {"realm-management": [WANTED]}});
        for composites in [realm_composites, client_composites] {
            let body = json!({"name": "sneaky", "composite": true, "composites": composites});
            tried.push((post(), "/roles".into(), body.clone()));
            tried.push((post(), format!("/clients/{shop}/roles"), body));
        }
        for holder in [format!("/users/{mallory}"), format!("/users/{friend}"), format!("/groups/{friends}")]
        {
            tried.push((post(), format!("{holder}/role-mappings/clients/{management}"), wanted.clone()));
            tried.push((post(), format!("{holder}/role-mappings/realm"), wrapper.clone()));
        }
        for holder in [format!("/clients/{shop}"), format!("/client-scopes/{scope}")] {
            tried.push((post(), format!("{holder}/scope-mappings/clients/{management}"), wanted.clone()));
            tried.push((post(), format!("{holder}/scope-mappings/realm"), wrapper.clone()));
            for role in ["wrapper".to_owned(), format!("realm-management.{WANTED}")] {
                let mapper = mapper("gift", &role);
                tried.push((post(), format!("{holder}/protocol-mappers/models"), mapper.clone()));
                tried.push((post(), format!("{holder}/protocol-mappers/add-models"), json!([mapper])));
            }
        }
        let roles = [
            "/roles/plain".to_owned(),
            "/roles/default-roles-escalation".to_owned(),
            format!("/roles-by-id/{}", id(&self.plain)),
            format!("/roles-by-id/{}", id(&self.shop_role)),
            format!("/clients/{shop}/roles/clerk"),
        ];
        for role in roles {
            tried.push((post(), format!("{role}/composites"), wanted.clone()));
            tried.push((post(), format!("{role}/composites"), wrapper.clone()));
        }
        let gift = mapper("gift", &format!("realm-management.{WANTED}"));
        let mut changed = self.mapper.clone();
        changed["config"] = gift["config"].clone();
        tried.push((put(), format!("/clients/{shop}/protocol-mappers/models/{}", id(&self.mapper)), changed));
        tried.push((put(), format!("/clients/{shop}"), json!({"protocolMappers": [gift]})));
        tried.push((post(), "/clients".into(), json!({"clientId": "gift", "protocolMappers": [gift]})));
        let scope = json!({"name": "gift", "protocol": "openid-connect", "protocolMappers": [gift]});
        tried.push((post(), "/client-scopes".into(), scope));
        tried
    }
}

/// A mapper that puts a fixed role into tokens.
fn mapper(name: &str, role: &str) -> Value {
    json!({
        "name": name, "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-role-mapper",
        "config": {"role": role},
    })
}

fn id(entity: &Value) -> &str {
    entity["id"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn nobody_gives_authority_that_he_does_not_have() -> Result<()> {
    let keyraft = super::keyraft().await?;
    if !keyraft.is_own() {
        return Ok(()); // the original lets some of these through
    }
    let scene = Scene::set(&keyraft).await?;
    let before = scene.authority().await?;

    for (method, path, body) in scene.attempts() {
        let status = scene.tries(&method, &path, &body).await?;
        assert!(matches!(status, 400 | 403 | 404), "{method} {path} {body}: {status}");
    }

    assert_eq!(scene.authority().await?, before);

    // The same by somebody who has all of it: what was refused was no nonsense.
    for (method, path, body) in scene.attempts() {
        let answer = keyraft.admin(method.clone(), &scene.realm.path(&path), Some(body)).await;
        let of_management =
            path.starts_with(&format!("/clients/{}", scene.management)) || path.ends_with(id(&scene.wanted));
        let is_taken = answer.as_ref().is_err_and(|error| error.to_string().contains(" 409 "));
        assert!(answer.is_ok() || of_management || is_taken, "{method} {path}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn settings_cannot_smuggle_authority_in() -> Result<()> {
    let keyraft = super::keyraft().await?;
    let scene = Scene::set(&keyraft).await?;
    let before = scene.authority().await?;

    for settings in [
        json!({"defaultRole": scene.wrapper, "_defaultRole": id(&scene.wrapper)}),
        json!({"defaultRole": scene.wrapper, "defaultRoles": ["wrapper"], "defaultGroups": ["/admins"]}),
        json!({"users": [{"username": "mallory", "realmRoles": ["wrapper"]}], "roles": {"realm": [{"name": "x"}]}}),
    ] {
        let status = scene.tries(&Method::PUT, "", &settings).await?;
        assert!(matches!(status, 204 | 400), "{settings}: {status}");
    }

    assert_eq!(scene.authority().await?, before);
    Ok(())
}

#[tokio::test]
async fn what_she_has_she_may_give_and_what_nobody_needs_as_well() -> Result<()> {
    let keyraft = super::keyraft().await?;
    let scene = Scene::set(&keyraft).await?;
    let (friend, management) = (&scene.friend, &scene.management);
    let manage_users =
        keyraft.read(&scene.realm.path(&format!("/clients/{management}/roles/manage-users"))).await?;

    let own = format!("/users/{friend}/role-mappings/clients/{management}");
    assert_eq!(scene.tries(&Method::POST, &own, &json!([manage_users])).await?, 204);
    let plain = format!("/users/{friend}/role-mappings/realm");
    assert_eq!(scene.tries(&Method::POST, &plain, &json!([scene.plain])).await?, 204);
    let password = json!({"type": "password", "value": "a new one"});
    assert_eq!(scene.tries(&Method::PUT, &format!("/users/{friend}/reset-password"), &password).await?, 204);
    Ok(())
}

#[tokio::test]
async fn a_robots_secret_is_shown_to_nobody_below_it() -> Result<()> {
    let keyraft = super::keyraft().await?;
    if !keyraft.is_own() {
        return Ok(()); // the original shows it to whoever may view clients
    }
    let scene = Scene::set(&keyraft).await?;

    for path in [
        format!("/clients/{}", scene.robot),
        format!("/clients/{}/client-secret", scene.robot),
        "/clients".into(),
    ] {
        let url = format!("{}{}", keyraft.url(), scene.realm.path(&path));
        let shown = keyraft.http().get(url).bearer_auth(&scene.token).send().await?.text().await?;
        assert!(!shown.contains("only-for-the-robot"), "{path}");
    }
    Ok(())
}
