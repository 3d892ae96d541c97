//! What an import found: first of all what was configured and is not built, then what is kept without being read.

use std::{collections::BTreeMap, fmt};

use keyraft_model::{Flow, FlowId, Requirement};

use crate::{contents, image::RealmImage, mappers, required_actions::Action};

/// Authenticators that run. Any other one that a login meets refuses that login.
const AUTHENTICATORS: [&str; 28] = [
    "auth-cookie",
    "auth-username-password-form",
    "auth-username-form",
    "auth-password-form",
    "auth-otp-form",
    "reset-credentials-choose-user",
    "reset-credential-email",
    "reset-password",
    "reset-otp",
    "registration-page-form",
    "registration-user-creation",
    "registration-password-action",
    "registration-terms-and-conditions",
    "direct-grant-validate-username",
    "direct-grant-validate-password",
    "direct-grant-validate-otp",
    "allow-access-authenticator",
    "deny-access-authenticator",
    "conditional-user-configured",
    "conditional-user-role",
    "conditional-user-attribute",
    "conditional-client-scope",
    "conditional-level-of-authentication",
    "conditional-credential",
    "client-secret",
    "client-jwt",
    "client-secret-jwt",
    "no-cookie-redirect",
];

/// Authenticators that step aside while nothing is configured for them, so that a flow may name them.
const STEP_ASIDE: [&str; 3] = ["auth-spnego", "identity-provider-redirector", "organization"];

/// Ways a client may prove itself.
const CLIENT_AUTHENTICATORS: [&str; 3] = ["client-secret", "client-jwt", "client-secret-jwt"];

/// Names of a few users are enough to find the rest.
const FEW: usize = 5;

/// What the readers of a representation noted on the way.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Configured, but not built: whoever depends on it is refused.
    pub(super) unbuilt: Vec<String>,
    /// Credentials of kinds that are not built, and whose they are.
    pub(super) credentials: BTreeMap<String, Vec<String>>,
    /// Kept and exported again, but not read.
    pub(super) kept: Vec<String>,
    /// Left out, because it names what is not there.
    pub(super) dropped: Vec<String>,
    /// Made, because it is held and was not there.
    pub(super) made: Vec<String>,
}

/// What happened to a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there and is now.
    Created,
    /// It was there and stays as it was.
    Skipped,
    /// It was there and was replaced whole.
    Replaced,
}

/// What an import did, and what it found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The realm's name.
    pub realm: String,
    /// What happened to it.
    pub outcome: Outcome,
    /// Policies that were configured and are not built in this release, by JSON path or name. Nothing is weakened:
    /// whoever depends on one is refused.
    pub unbuilt: Vec<String>,
    /// What names something that is not there, and was left out.
    pub dropped: Vec<String>,
    /// Roles that somebody holds and that were not there; they were made.
    pub made: Vec<String>,
    /// JSON paths of what is kept, and given back by an export, but not read.
    pub kept: Vec<String>,
    /// How many clients there are.
    pub clients: usize,
    /// How many users there are.
    pub users: usize,
}

impl Report {
    pub(super) fn of(image: &RealmImage, findings: Findings, outcome: Outcome) -> Self {
        let mut unbuilt = findings.unbuilt;
        for (kind, owners) in findings.credentials {
            unbuilt.push(format!("credentials of kind {kind:?} are not built: {}", few(&owners)));
        }
        flows(image, &mut unbuilt);
        actions(image, &mut unbuilt);
        clients(image, &mut unbuilt);
        providers(image, &mut unbuilt);
        let mut kept = findings.kept;
        unread(image, &mut kept);
        Self {
            realm: image.parts.realm.realm.clone(),
            outcome,
            unbuilt,
            dropped: findings.dropped,
            made: findings.made,
            kept,
            clients: image.clients.len(),
            users: image.users.len(),
        }
    }

    pub(super) fn skipped(realm: &str) -> Self {
        Self {
            realm: realm.to_owned(),
            outcome: Outcome::Skipped,
            unbuilt: Vec::new(),
            dropped: Vec::new(),
            made: Vec::new(),
            kept: Vec::new(),
            clients: 0,
            users: 0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Outcome::Skipped => {
                return writeln!(f, "realm {:?}: is there already, left as it is", self.realm);
            }
            Outcome::Created => write!(f, "realm {:?}: imported", self.realm)?,
            Outcome::Replaced => write!(f, "realm {:?}: replaced", self.realm)?,
        }
        writeln!(f, " with {} clients and {} users", self.clients, self.users)?;
        for (title, lines) in [
            ("  NOT BUILT in this release; whoever depends on it is refused:", &self.unbuilt),
            ("  left out, because it names what is not there:", &self.dropped),
            ("  made, because it is held and was not there:", &self.made),
            ("  kept and exported again, but not read:", &self.kept),
        ] {
            if !lines.is_empty() {
                writeln!(f, "{title}")?;
            }
            for line in lines {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

/// Executions that a login of this realm can meet and that are not built.
fn flows(image: &RealmImage, unbuilt: &mut Vec<String>) {
    let (parts, realm) = (&image.parts, &image.parts.realm);
    let mut doors = vec![("browserFlow", &realm.browser_flow), ("directGrantFlow", &realm.direct_grant_flow)];
    if realm.registration_allowed {
        doors.push(("registrationFlow", &realm.registration_flow));
    }
    if realm.reset_password_allowed {
        doors.push(("resetCredentialsFlow", &realm.reset_credentials_flow));
    }
    for (door, alias) in doors {
        match parts.flows.iter().find(|flow| flow.alias == *alias) {
            Some(flow) => walk(image, flow, &format!("{door} {alias:?}"), &mut Vec::new(), unbuilt),
            None => unbuilt.push(format!("{door}: there is no flow {alias:?}; this door lets nobody in")),
        }
    }
    for entry in &image.clients {
        for (door, id) in &entry.client.authentication_flow_binding_overrides {
            if let Some(flow) = parts.flows.iter().find(|flow| flow.id.as_str() == id) {
                let place = format!("client {:?}, {door} {:?}", entry.client.client_id, flow.alias);
                walk(image, flow, &place, &mut Vec::new(), unbuilt);
            }
        }
    }
}

fn walk(image: &RealmImage, flow: &Flow, place: &str, seen: &mut Vec<FlowId>, unbuilt: &mut Vec<String>) {
    if seen.contains(&flow.id) {
        return;
    }
    seen.push(flow.id.clone());
    for execution in flow.executions.iter().filter(|execution| execution.requirement != Requirement::Disabled)
    {
        if let Some(below) = &execution.flow {
            if let Some(below) = image.parts.flows.iter().find(|flow| flow.id == *below) {
                walk(image, below, place, seen, unbuilt);
            }
            continue;
        }
        let name = execution.authenticator.as_deref().unwrap_or_default();
        let steps_aside = STEP_ASIDE.contains(&name)
            && execution.requirement == Requirement::Alternative
            && execution.config.is_none();
        if !AUTHENTICATORS.contains(&name) && !steps_aside {
            unbuilt
                .push(format!("{place}: the execution {name:?} ({:?}) is not built", execution.requirement));
        }
    }
}

fn actions(image: &RealmImage, unbuilt: &mut Vec<String>) {
    let built = |alias: &str| Action::parse(alias).is_some();
    for action in &image.parts.required_actions {
        if action.enabled && action.default_action && !built(&action.alias) {
            unbuilt.push(format!("the required action {:?} is a default and is not built", action.alias));
        }
    }
    let mut owed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in &image.users {
        for action in entry.user.required_actions.iter().filter(|action| !built(action)) {
            owed.entry(action).or_default().push(entry.user.username.clone());
        }
    }
    for (action, owners) in owed {
        unbuilt.push(format!("the required action {action:?} is not built and is owed by {}", few(&owners)));
    }
}

fn clients(image: &RealmImage, unbuilt: &mut Vec<String>) {
    for entry in &image.clients {
        let (client, name) = (&entry.client, &entry.client.client_id);
        let way = client.client_authenticator_type.as_str();
        if client.is_confidential() && !CLIENT_AUTHENTICATORS.contains(&way) {
            unbuilt.push(format!("client {name:?}: the client authenticator {way:?} is not built"));
        }
        if !client.is_openid_connect() {
            let protocol = client.protocol.as_deref().unwrap_or_default();
            unbuilt.push(format!("client {name:?}: the protocol {protocol:?} is not built"));
        }
        if client.authorization_services_enabled == Some(true) {
            unbuilt.push(format!("client {name:?}: authorization services are not built"));
        }
        for mapper in &client.protocol_mappers {
            mapper_of(&format!("client {name:?}"), mapper, unbuilt);
        }
    }
    for scope in &image.parts.client_scopes {
        for mapper in &scope.protocol_mappers {
            mapper_of(&format!("client scope {:?}", scope.name), mapper, unbuilt);
        }
    }
}

fn mapper_of(place: &str, mapper: &keyraft_model::ProtocolMapper, unbuilt: &mut Vec<String>) {
    let kind = mapper.protocol_mapper.as_str();
    if !mappers::TYPES.contains(&kind) {
        unbuilt.push(format!("{place}: the mapper type {kind:?} of {:?} is not built", mapper.name));
    }
}

fn providers(image: &RealmImage, unbuilt: &mut Vec<String>) {
    for broker in
        image.parts.realm.rest.get("identityProviders").and_then(|list| list.as_array()).into_iter().flatten()
    {
        let alias = broker["alias"].as_str().unwrap_or_default();
        unbuilt.push(format!("identity provider {alias:?}: signing in through others is not built"));
    }
    if let Some(old) = image.parts.realm.rest.get("userFederationProviders").and_then(|list| list.as_array())
    {
        unbuilt.extend(old.iter().map(|provider| {
            format!("user federation {:?} is not built", provider["displayName"].as_str().unwrap_or_default())
        }));
    }
    for component in &image.parts.components {
        if component.provider_type.ends_with(".UserStorageProvider") {
            let name = component.name.as_deref().unwrap_or_default();
            unbuilt.push(format!("user federation {name:?} ({}) is not built", component.provider_id));
        }
    }
}

/// Members that no entity names and that say something else than every realm does.
fn unread(image: &RealmImage, kept: &mut Vec<String>) {
    let usual = contents::default_settings();
    for (name, value) in &image.parts.realm.rest {
        if usual.get(name) != Some(value) && name != "identityProviders" {
            kept.push(format!("$.{name}"));
        }
    }
    let mut note = |place: String, rest: &keyraft_model::Rest| {
        kept.extend(rest.keys().map(|name| format!("{place}.{name}")));
    };
    for entry in &image.clients {
        note(format!("$.clients[{:?}]", entry.client.client_id), &entry.client.rest);
    }
    for scope in &image.parts.client_scopes {
        note(format!("$.clientScopes[{:?}]", scope.name), &scope.rest);
    }
    for group in &image.parts.groups {
        note(format!("$.groups[{:?}]", group.name), &group.rest);
    }
    let mut of_users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in &image.users {
        for name in entry.user.rest.keys() {
            of_users.entry(name).or_default().push(entry.user.username.clone());
        }
    }
    kept.extend(of_users.iter().map(|(name, owners)| format!("$.users[*].{name} ({})", few(owners))));
}

fn few(names: &[String]) -> String {
    let shown = names.iter().take(FEW).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(FEW) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
