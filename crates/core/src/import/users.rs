//! Users with credentials, roles, groups and consents.

use std::collections::HashSet;

use keyraft_crypto::{Secret, password::Hash};
use keyraft_model::{Consent, Credential, GroupId, Rest, RoleId, ScopeId, UnixMs, User, text::lower};
use serde_json::{Value, json};

use super::{
    names::Names,
    roles::take_held,
    shape::{entity, give_id, lists_in, members, prune, take_list, take_texts, text, wrong},
};
use crate::{
    Error,
    contents::PROTECTION,
    image::{ClientImage, Representation, UserImage},
};

/// Members of a user's representation that follow from others, or that nobody stores.
const DERIVED: [&str; 9] = [
    "totp",
    "access",
    "self",
    "origin",
    "disableableCredentialTypes",
    "userProfileMetadata",
    "socialLinks",
    "applicationRoles",
    "serviceAccountClientId",
];

const OFFLINE: &str = "offline_access";

/// Credentials of one user are this far apart, as in Keycloak.
const PRIORITY_STEP: i64 = 10;

/// Takes the users out of a representation.
pub(super) fn build(
    given: &mut Representation,
    names: &mut Names,
    now: UnixMs,
) -> Result<Vec<UserImage>, Error> {
    let values = take_list(given, "users", "$")?;
    let mut users: Vec<UserImage> = Vec::with_capacity(values.len());
    let (mut taken, mut ids) = (HashSet::new(), HashSet::new());
    for (place, value) in values.into_iter().enumerate() {
        let path = format!("$.users[{place}]");
        let image = user(members(value, &path)?, &path, names, now)?;
        if !taken.insert(image.user.username.clone()) || !ids.insert(image.user.id.clone()) {
            return Err(wrong(&path, &format!("the user {:?} stands here twice", image.user.username)));
        }
        users.push(image);
    }
    Ok(users)
}

/// Makes the service accounts of clients that have none, as Keycloak does after an import.
pub(super) fn add_service_accounts(
    users: &mut Vec<UserImage>,
    clients: &mut [ClientImage],
    names: &Names,
    (default_role, default_groups): (&RoleId, &[GroupId]),
    now: UnixMs,
) {
    let scope = names.scopes.get("service_account");
    for entry in clients.iter_mut().filter(|entry| entry.client.service_accounts_enabled) {
        let id = &entry.client.id;
        let username = format!("service-account-{}", lower(&entry.client.client_id));
        let is_there = |image: &UserImage| {
            image.user.service_account_client.as_ref() == Some(id) || image.user.username == username
        };
        if users.iter().any(is_there) {
            continue;
        }
        let user = User {
            id: keyraft_crypto::random::uuid().into(),
            username,
            enabled: true,
            created_timestamp: now.0,
            service_account_client: Some(id.clone()),
            ..User::default()
        };
        let scopes = &mut entry.client.default_client_scopes;
        scopes.extend(scope.filter(|scope| !scopes.contains(scope)).cloned().into_iter().collect::<Vec<_>>());
        let (mut roles, groups) = (vec![default_role.clone()], default_groups.to_vec());
        // The role by which a client that guards resources registers them.
        let of_client = (Some(entry.client.client_id.clone()), PROTECTION.to_owned());
        roles.extend(
            names
                .roles
                .get(&of_client)
                .filter(|_| entry.client.authorization_services_enabled == Some(true))
                .cloned(),
        );
        users.push(UserImage { user, roles, groups, ..UserImage::default() });
    }
}

fn user(mut given: Rest, path: &str, names: &mut Names, now: UnixMs) -> Result<UserImage, Error> {
    give_id(&mut given);
    lists_in(&mut given, "attributes");
    let username = lower(text(&given, "username", path)?);
    given.insert("username".into(), json!(username));
    let service_client = match given.get("serviceAccountClientId").and_then(Value::as_str) {
        Some(client) => Some(names.client(client, &format!("{path}.serviceAccountClientId"))?),
        None => None,
    };
    let mut roles = take_held(&mut given, names, path)?;
    roles.dedup();
    let mut groups = Vec::new();
    for group in take_texts(&mut given, "groups", path)? {
        groups.push(names.group(&group, &format!("{path}.groups"))?);
    }
    let consents = consents(&mut given, path, names, now)?;
    let mut image = UserImage { roles, groups, consents, ..UserImage::default() };
    let must_change = credentials(&mut given, path, &username, names, now, &mut image)?;
    given.retain(|name, _| !DERIVED.contains(&name.as_str()));
    image.user = entity(given, path)?;
    image.user.email = image.user.email.as_deref().map(lower).filter(|email| !email.is_empty());
    image.user.service_account_client = service_client;
    if image.user.created_timestamp == 0 {
        image.user.created_timestamp = now.0;
    }
    if must_change && !image.user.required_actions.iter().any(|action| action == "UPDATE_PASSWORD") {
        image.user.required_actions.push("UPDATE_PASSWORD".into());
    }
    Ok(image)
}

fn consents(given: &mut Rest, path: &str, names: &mut Names, now: UnixMs) -> Result<Vec<Consent>, Error> {
    let mut consents = Vec::new();
    for (place, value) in take_list(given, "clientConsents", path)?.into_iter().enumerate() {
        let path = format!("{path}.clientConsents[{place}]");
        let mut consent = members(value, &path)?;
        let client = names.client(text(&consent, "clientId", &path)?, &format!("{path}.clientId"))?;
        let mut granted = take_texts(&mut consent, "grantedClientScopes", &path)?;
        // Before Keycloak 4 roles were granted; the one that is a scope now goes on as that.
        if take_texts(&mut consent, "grantedRealmRoles", &path)?.iter().any(|role| role == OFFLINE) {
            granted.push(OFFLINE.into());
        }
        let mut scopes: Vec<ScopeId> = Vec::new();
        for name in granted {
            // A client that is shown on the consent screen is granted by its own name.
            let of_client = || names.clients.get(&name).map(|id| ScopeId::from(id.as_str()));
            match names.scopes.get(&name).cloned().or_else(of_client) {
                Some(id) if scopes.contains(&id) => {}
                Some(id) => scopes.push(id),
                // What a person allowed is never widened: a scope that is gone is a scope not granted.
                None => names.findings.dropped.push(format!("{path}: there is no client scope {name:?}")),
            }
        }
        let time = |name: &str| consent.get(name).and_then(Value::as_i64).map_or(now, UnixMs);
        consents.push(Consent {
            client,
            scopes,
            created: time("createdDate"),
            updated: time("lastUpdatedDate"),
        });
    }
    Ok(consents)
}

/// Reads credentials into `image`; says whether a password must be changed at the next login.
fn credentials(
    given: &mut Rest,
    path: &str,
    username: &str,
    names: &mut Names,
    now: UnixMs,
    image: &mut UserImage,
) -> Result<bool, Error> {
    let mut must_change = false;
    for (place, value) in take_list(given, "credentials", path)?.into_iter().enumerate() {
        let path = format!("{path}.credentials[{place}]");
        let mut credential = members(value, &path)?;
        credential.values_mut().for_each(prune);
        must_change |= credential.get("temporary").and_then(Value::as_bool) == Some(true);
        if let Some(Value::String(clear)) = credential.get("value")
            && !clear.is_empty()
        {
            image.password = Some(Secret::new(clear.as_str()));
            continue;
        }
        renew(&mut credential);
        give_id(&mut credential);
        for name in ["secretData", "credentialData"] {
            if let Some(data) = credential.get_mut(name)
                && data.is_object()
            {
                *data = Value::String(data.to_string());
            }
        }
        credential.entry("createdDate").or_insert(json!(now.0));
        let mut credential: Credential = entity(credential, &path)?;
        if credential.kind.is_empty() {
            return Err(wrong(&path, "a credential without type"));
        }
        credential.priority = PRIORITY_STEP * (1 + i64::try_from(image.credentials.len()).unwrap_or(0));
        judge(&credential, username, &path, names);
        image.credentials.push(credential);
    }
    Ok(must_change)
}

/// Notes a credential that this release cannot check: its owner cannot sign in with it.
fn judge(credential: &Credential, username: &str, path: &str, names: &mut Names) {
    match credential.kind.as_str() {
        "password" | "password-history" => {
            if let Err(error) = Hash::from_keycloak(&credential.credential_data, &credential.secret_data) {
                let finding = format!("{path}: the password of {username:?} cannot be checked: {error}");
                names.findings.unbuilt.push(finding);
            }
        }
        "otp" => {}
        kind => names.findings.credentials.entry(kind.to_owned()).or_default().push(username.to_owned()),
    }
}

/// Credentials of exports before Keycloak 8 become what Keycloak makes of them.
fn renew(credential: &mut Rest) {
    let Some(hashed) = credential.remove("hashedSaltedValue") else { return };
    let mut take = |name: &str| credential.remove(name);
    let is_otp =
        take("device").is_some() | take("digits").as_ref().is_some_and(|digits| digits.as_i64() > Some(0));
    let (salt, iterations, algorithm) = (take("salt"), take("hashIterations"), take("algorithm"));
    let (counter, period) = (take("counter"), take("period"));
    let kind = credential.get("type").and_then(Value::as_str).unwrap_or("password").to_owned();
    let (secret, data) = if matches!(kind.as_str(), "totp" | "hotp") || is_otp {
        credential.insert("type".into(), json!("otp"));
        let data = json!({
            "subType": if kind == "hotp" { "hotp" } else { "totp" },
            "digits": 6, "counter": counter.unwrap_or(json!(0)), "period": period.unwrap_or(json!(30)),
            "algorithm": algorithm.unwrap_or(json!("HmacSHA1"))
        });
        (json!({"value": hashed}), data)
    } else {
        let data = json!({
            "hashIterations": iterations.unwrap_or(json!(1)),
            "algorithm": algorithm.unwrap_or(json!("pbkdf2"))
        });
        (json!({"value": hashed, "salt": salt}), data)
    };
    credential.insert("secretData".into(), Value::String(secret.to_string()));
    credential.insert("credentialData".into(), Value::String(data.to_string()));
}
