//! A realm's settings: what a change keeps, and what it must not say.

use keyraft_cluster::{command::FenceScope, session::Kind};
use keyraft_model::{Client, Realm, Rest};
use keyraft_store::{RolesOf, Tx, clients, realms, role_lists};
use serde_json::Value;

use crate::{
    Core, Error, RealmView,
    authority::{Asker, MASTER},
    authz,
    overlay::{fits, flag, invalid, merge_attributes, overlay, text},
    policies::password::PasswordPolicy,
    roles::taken,
    user_profile::is_email,
};

/// What reads back instead of a secret; coming in, it means "as it is".
pub const MASKED: &str = "**********";

/// What a sender's address may not be, as Keycloak says it.
const NO_UTF8: &str = "If the address contains UTF-8 characters in the local part please ensure the SMTP server \
    supports the SMTPUTF8 extension and enable 'Allow UTF-8' in the email realm configuration.";

/// Longest name of a realm.
const MAX_NAME: usize = 255;

/// Which authenticator apps fit: follows from the policy, whatever a caller says.
const APPS: &str = "otpSupportedApplications";

/// Members that a realm is not laid over with: rows of their own, read apart, or never changed so.
const APART: [&str; 42] = [
    "id",
    "attributes",
    "browserSecurityHeaders",
    APPS,
    "smtpServer",
    "passwordPolicy",
    "roles",
    "defaultRoles",
    "defaultRole",
    "defaultGroups",
    "groups",
    "users",
    "federatedUsers",
    "clients",
    "clientScopes",
    "clientTemplates",
    "defaultDefaultClientScopes",
    "defaultOptionalClientScopes",
    "scopeMappings",
    "clientScopeMappings",
    "applicationScopeMappings",
    "protocolMappers",
    "components",
    "identityProviders",
    "identityProviderMappers",
    "authenticationFlows",
    "authenticatorConfig",
    "requiredActions",
    "userFederationProviders",
    "userFederationMappers",
    "organizations",
    "applications",
    "oauthClients",
    "adminPermissionsClient",
    "keycloakVersion",
    "privateKey",
    "publicKey",
    "certificate",
    "codeSecret",
    "social",
    "socialProviders",
    "localizationTexts",
];

/// Attributes that every realm has: a list of attributes that leaves them out does not remove them.
const LASTING: [&str; 7] = [
    "cibaBackchannelTokenDeliveryMode",
    "cibaExpiresIn",
    "cibaAuthRequestedUserHint",
    "oauth2DeviceCodeLifespan",
    "oauth2DevicePollingInterval",
    "parRequestUriLifespan",
    "cibaInterval",
];

impl Core {
    /// Creates a realm from a representation, whole or in part, and gives its creator every role over it, unless
    /// he has authority over all realms anyway. Returns its name.
    ///
    /// # Errors
    /// [`Error::Conflict`] (`new realm`), [`Error::Invalid`] with Keycloak's sentence or the path of what does not
    /// fit.
    pub async fn create_realm(&self, given: Rest, creator: &Asker) -> Result<String, Error> {
        let name = text(&given, "realm").unwrap_or_default().to_owned();
        may_be_name(&name)?;
        if let Some(line) = text(&given, "passwordPolicy") {
            PasswordPolicy::parse(line).map_err(|sentence| invalid("passwordPolicy", sentence))?;
        }
        if text(&given, "sslRequired").is_some_and(|value| !is_ssl_required(value)) {
            return Err(invalid("sslRequired", "Invalid value for sslRequired"));
        }
        let conflict = || Error::Conflict { what: "new realm", name: name.clone() };
        if self.realm(&name).await?.is_some() {
            return Err(conflict());
        }
        // Whoever holds roles of such a client already would have authority over the realm as it is made.
        let stands_for = format!("{name}-realm");
        if let Some(master) = self.realm(MASTER).await?
            && self.client(&master, &stands_for).await?.is_some()
        {
            return Err(Error::Conflict { what: "client", name: stands_for });
        }
        let now = self.sessions.view().await?.now();
        let created = crate::import::create_realm(&self.store, &self.hasher, given, now).await;
        if let Err(Error::Conflict { .. }) = created {
            // Another caller was a moment earlier, or the id is another realm's.
            let is_name = realms::find_by_name(&self.store, &name).await?.is_some();
            return Err(if is_name { conflict() } else { Error::Conflict { what: "realm id", name } });
        }
        created?;
        self.give_to_creator(&name, creator).await?;
        Ok(name)
    }

    /// Gives every role of `<realm>-realm` to whoever made the realm.
    async fn give_to_creator(&self, name: &str, creator: &Asker) -> Result<(), Error> {
        // Both changed with the new realm: its client's roles are new, and `admin` includes them.
        let master = self.realm(MASTER).await?.ok_or(Error::NotFound("realm master"))?;
        let Some(view) = self.realm(name).await? else { return Ok(()) };
        let user = self.user(&master, &creator.user.user.id).await?;
        let Some(user) = user.filter(|_| creator.realm.realm.id == master.realm.id) else { return Ok(()) };
        let client = &view.realm.master_admin_client;
        let held: Vec<_> = authz::held_roles(&master, &user).iter().map(|role| role.id.clone()).collect();
        // `impersonation` is made after the creator got his roles, so that Keycloak never gives it.
        let given = master.roles.of(Some(client)).filter(|role| role.name != "impersonation");
        let missing: Vec<_> = given.map(|role| role.id.clone()).filter(|id| !held.contains(id)).collect();
        if !client.is_empty() && !missing.is_empty() {
            let (of, id, missing) = (&master.realm.id, &user.user.id, &missing);
            self.store.write(async |tx| role_lists::add(&tx, of, RolesOf::User(id), missing).await).await?;
        }
        Ok(())
    }

    /// Lays a representation over a realm's settings; attributes are replaced.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the new name is taken, [`Error::Invalid`] with Keycloak's sentence.
    pub async fn update_realm(&self, view: &RealmView, given: &Rest) -> Result<(), Error> {
        let name = text(given, "realm").unwrap_or(&view.realm.realm);
        if name != view.realm.realm {
            if view.realm.realm == MASTER {
                return Err(invalid("realm", "Can't rename master realm"));
            }
            may_be_name(name)?;
            if self.realm(name).await?.is_some() {
                return Err(Error::Conflict { what: "realm", name: name.to_owned() });
            }
        }
        check(&changed(&view.realm, given)?, view)?;
        let id = &view.realm.id;
        let written = self
            .store
            .write(async |tx| {
                let found = realms::find(&tx, id).await?.ok_or(Error::NotFound("realm"))?;
                let changed = changed(&found.value, given)?;
                realms::update(&tx, &changed, found.ver).await?;
                if changed.realm != found.value.realm {
                    rename_clients(&tx, &found.value, &changed).await?;
                }
                Ok::<_, Error>(())
            })
            .await;
        written.map_err(|error| taken(error, "realm", name))
    }

    /// Deletes a realm; its rows follow in the background. Its sessions end, and so does the client that
    /// stands for it in `master`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `master`, [`Error::NotFound`].
    pub async fn delete_realm(&self, view: &RealmView) -> Result<(), Error> {
        if view.realm.realm == MASTER {
            return Err(invalid("realm", "Can't remove master realm"));
        }
        let master = self.realm(MASTER).await?.ok_or(Error::NotFound("realm master"))?;
        let (id, stands_for) = (&view.realm.id, &view.realm.master_admin_client);
        let master = &master.realm.id;
        let was_there = self
            .store
            .write(async |tx| {
                if !stands_for.is_empty() {
                    clients::delete(&tx, master, stands_for).await?;
                }
                realms::delete(&tx, id).await
            })
            .await?;
        if !was_there {
            return Err(Error::NotFound("realm"));
        }
        self.sessions.end_before(FenceScope::Realm(id.clone()), &[Kind::Online, Kind::Offline]).await
    }
}

/// Refuses what no realm may be called.
///
/// # Errors
/// [`Error::Invalid`] with Keycloak's sentence.
pub fn may_be_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() {
        return Err(invalid("realm", "Realm name cannot be empty"));
    }
    if name.contains('/') {
        return Err(invalid("name", "Character '/' not allowed."));
    }
    if name.chars().any(char::is_control) || name == "." || name == ".." {
        return Err(invalid("realm", "Realm name has characters that are not allowed"));
    }
    fits("realm", name, MAX_NAME)
}

/// A stored realm under a representation.
fn changed(current: &Realm, given: &Rest) -> Result<Realm, Error> {
    let mut realm: Realm = overlay(current, given, &APART)?;
    if let Some(attributes) = given.get("attributes").and_then(Value::as_object) {
        realm.attributes.retain(|name, _| LASTING.contains(&name.as_str()) || attributes.contains_key(name));
        for (name, value) in attributes {
            match value.as_str() {
                Some(text) => drop(realm.attributes.insert(name.clone(), text.to_owned())),
                None => drop(realm.attributes.shift_remove(name)),
            }
        }
    }
    realm.supported_locales.take_if(|locales| locales.is_empty());
    if given.keys().any(|name| name.starts_with("otpPolicy")) {
        realm.rest.insert(APPS.to_owned(), apps(&realm));
    }
    // Headers that do not come stay as they are.
    for (name, value) in given.get("browserSecurityHeaders").and_then(Value::as_object).into_iter().flatten()
    {
        if let Some(value) = value.as_str() {
            realm.browser_security_headers.insert(name.clone(), value.to_owned());
        }
    }
    // Two of these settings are attributes as well, and the member that came has the say.
    for (member, value) in [
        ("oauth2DeviceCodeLifespan", realm.oauth2_device_code_lifespan),
        ("oauth2DevicePollingInterval", realm.oauth2_device_polling_interval),
    ] {
        if given.get(member).is_some_and(Value::is_number) {
            realm.attributes.insert(member.to_owned(), value.to_string());
        }
    }
    if let Some(server) = given.get("smtpServer").and_then(Value::as_object) {
        let password = realm.smtp_server.get("password").cloned();
        realm.smtp_server.clear();
        merge_attributes(&mut realm.smtp_server, server);
        if realm.smtp_server.get("password").is_some_and(|given| given == MASKED) {
            realm.smtp_server.shift_remove("password");
            realm.smtp_server.extend(password.map(|password| ("password".to_owned(), password)));
        }
    }
    if let Some(line) = text(given, "passwordPolicy") {
        PasswordPolicy::parse(line).map_err(|sentence| invalid("passwordPolicy", sentence))?;
        realm.password_policy = Some(PasswordPolicy::canonical(line)).filter(|line| !line.is_empty());
    }
    realm.ssl_required.make_ascii_lowercase();
    settle_email(&mut realm, given);
    Ok(realm)
}

/// The authenticator apps that can make codes of the realm's policy, as Keycloak lists them.
fn apps(realm: &Realm) -> Value {
    let is_plain = realm.otp_policy_digits == 6 && realm.otp_policy_algorithm == "HmacSHA1";
    let is_totp = realm.otp_policy_type == "totp";
    let mut apps = vec!["totpAppFreeOTPName"];
    if is_plain && (!is_totp || realm.otp_policy_period == 30) {
        apps.push("totpAppGoogleName");
    }
    if is_plain && is_totp && realm.otp_policy_period == 30 {
        apps.push("totpAppMicrosoftAuthenticatorName");
    }
    apps.into()
}

/// An address that two users share can be neither a login nor a user name.
fn settle_email(realm: &mut Realm, given: &Rest) {
    if flag(given, "duplicateEmailsAllowed") == Some(true)
        && flag(given, "loginWithEmailAllowed") != Some(true)
    {
        (realm.login_with_email_allowed, realm.registration_email_as_username) = (false, false);
    } else if realm.login_with_email_allowed || realm.registration_email_as_username {
        realm.duplicate_emails_allowed = false;
    }
}

fn check(realm: &Realm, view: &RealmView) -> Result<(), Error> {
    if !is_ssl_required(&realm.ssl_required) {
        return Err(invalid("sslRequired", "Invalid value for sslRequired"));
    }
    let flows = [
        &realm.browser_flow,
        &realm.registration_flow,
        &realm.direct_grant_flow,
        &realm.reset_credentials_flow,
        &realm.client_authentication_flow,
        &realm.docker_authentication_flow,
        &realm.first_broker_login_flow,
    ];
    let is_bound = |alias: &&&String| !alias.is_empty() && view.flow_by_alias(alias).is_none();
    if let Some(alias) = flows.iter().find(is_bound) {
        return Err(invalid("browserFlow", format!("No flow {alias} in the realm")));
    }
    let from = realm.smtp_server.get("from").map_or("null", String::as_str);
    if !realm.smtp_server.is_empty() && !is_email(from) {
        return Err(invalid("smtpServer", format!("Invalid sender address '{from}'. {NO_UTF8}")));
    }
    if realm.browser_security_headers.values().any(|value| value.contains(['\n', '\r'])) {
        return Err(invalid("browserSecurityHeaders", "Newline not allowed."));
    }
    fits("displayName", realm.display_name.as_deref().unwrap_or_default(), MAX_NAME)
}

fn is_ssl_required(value: &str) -> bool {
    ["all", "external", "none"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

/// The clients that carry the realm's name: the one that stands for it in `master`, and its own consoles.
async fn rename_clients(tx: &Tx, was: &Realm, is: &Realm) -> Result<(), Error> {
    if !is.master_admin_client.is_empty()
        && let Some(master) = realms::find_by_name(tx, MASTER).await?
        && let Some(mut found) = clients::find(tx, &master.value.id, &is.master_admin_client).await?
    {
        found.value.client_id = format!("{}-realm", is.realm);
        clients::update(tx, &master.value.id, &found.value, found.ver).await?;
    }
    for client_id in ["account", "account-console", "security-admin-console"] {
        if let Some(mut found) = clients::find_by_client_id(tx, &is.id, client_id).await? {
            move_urls(&mut found.value, &was.realm, &is.realm);
            clients::update(tx, &is.id, &found.value, found.ver).await?;
        }
    }
    Ok(())
}

fn move_urls(client: &mut Client, was: &str, is: &str) {
    for root in ["realms", "admin"] {
        let (was, is) = (format!("/{root}/{was}/"), format!("/{root}/{is}/"));
        for url in client.base_url.iter_mut().chain(&mut client.redirect_uris) {
            *url = url.replace(&was, &is);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn under(realm: &Realm, given: &Value) -> Realm {
        changed(realm, given.as_object().expect("an object")).expect("it is right")
    }

    #[test]
    fn attributes_are_replaced_but_for_those_that_every_realm_has() {
        let mut realm = Realm::default();
        for (name, value) in [("cibaInterval", "5"), ("realmReusableOtpCode", "false")] {
            realm.attributes.insert(name.to_owned(), value.to_owned());
        }

        let realm = under(&realm, &json!({"attributes": {"x": "y"}}));

        assert_eq!(realm.attributes.keys().collect::<Vec<_>>(), ["cibaInterval", "x"]);
    }

    #[test]
    fn a_masked_password_means_the_one_that_is_stored() {
        let realm = under(&Realm::default(), &json!({"smtpServer": {"host": "h", "password": "secret"}}));

        let realm = under(&realm, &json!({"smtpServer": {"host": "i", "password": MASKED}}));

        assert_eq!(realm.smtp_server["password"], "secret");
        assert_eq!(realm.smtp_server["host"], "i");
    }

    #[test]
    fn addresses_are_unique_where_they_are_logins() {
        let realm = Realm { login_with_email_allowed: true, ..Realm::default() };

        let shared = under(&realm, &json!({"duplicateEmailsAllowed": true}));
        assert!(shared.duplicate_emails_allowed && !shared.login_with_email_allowed);
        let logins = under(&shared, &json!({"loginWithEmailAllowed": true}));
        assert!(!logins.duplicate_emails_allowed && logins.login_with_email_allowed);
    }

    #[test]
    fn nobody_sets_what_is_ours() {
        let realm = Realm { default_role: "r".into(), ..Realm::default() };

        let realm = under(&realm, &json!({"_defaultRole": "x", "id": "y", "displayName": "D"}));

        assert_eq!((realm.default_role.as_str(), realm.id.as_str()), ("r", ""));
        assert_eq!(realm.display_name.as_deref(), Some("D"));
    }
}
