//! Walks the realm's direct-grant flow: the same engine as a browser's login, asked by a form instead of pages.

use std::sync::Arc;

use keyraft_core::user_profile::{Change, Editor, UserProfile};
use keyraft_core::{UserRecord, authz, proof::Proof, user_profile};
use keyraft_crypto::Secret;
use keyraft_login::authenticator::{Authenticator, Condition};
use keyraft_login::flow::{self, Facts, Flows, Progress, Step};
use keyraft_model::{AuthenticatorConfig, Credential};

use crate::grants::{GrantError, Redemption};

/// A flow that asks more often than this asks in a circle.
const MAX_STEPS: usize = 16;

/// Finds out who presents these credentials, by the flow of the client or the realm.
///
/// # Errors
///
/// What is missing or wrong; an unknown user and a wrong password are the same in words and time.
pub(crate) async fn authenticate(request: Redemption<'_>) -> Result<Arc<UserRecord>, GrantError> {
    let mut walk = Walk { request, person: Person::default(), progress: Progress::default() };
    let realm = &request.asked.realm;
    let flows = Flows::new(&realm.flows, &realm.configs);
    let alias = flow_alias(&request, flows);
    for _ in 0..MAX_STEPS {
        let step = flow::next(flows, alias, &walk.progress, &walk).map_err(|refusal| {
            tracing::warn!(%refusal, flow = alias, "the direct-grant flow refuses everybody");
            GrantError::Credentials
        })?;
        match step {
            Step::Done => return walk.finish().await,
            Step::Ask(execution, authenticator) => {
                let id = execution.id.clone();
                let kind = walk.ask(authenticator).await?;
                walk.progress.proven.insert(id, kind.to_owned());
            }
        }
    }
    Err(GrantError::Credentials)
}

/// The flow of the client's own, else the realm's.
fn flow_alias<'a>(request: &Redemption<'a>, flows: Flows<'a>) -> &'a str {
    let own = request.client.client.authentication_flow_binding_overrides.get("direct_grant");
    let own = own.filter(|id| !id.is_empty()).and_then(|id| flows.find(&id.as_str().into()));
    own.map_or(&request.asked.realm.realm.direct_grant_flow, |flow| &flow.alias)
}

#[derive(Default)]
struct Person {
    name: String,
    user: Option<Arc<UserRecord>>,
    credentials: Vec<Credential>,
}

struct Walk<'a> {
    request: Redemption<'a>,
    person: Person,
    progress: Progress,
}

impl Walk<'_> {
    /// Looks at what the request brings for one step; the kind of credential that it was.
    async fn ask(&mut self, authenticator: Authenticator) -> Result<&'static str, GrantError> {
        match authenticator {
            Authenticator::DirectUsername => self.username().await.map(|()| ""),
            Authenticator::DirectPassword => self.password().await.map(|()| "password"),
            Authenticator::DirectOtp => self.code().await.map(|()| "otp"),
            other => {
                tracing::warn!(?other, "the direct-grant flow asks for what a form cannot give");
                Err(GrantError::Credentials)
            }
        }
    }

    async fn username(&mut self) -> Result<(), GrantError> {
        let Redemption { oidc, asked, params, about, .. } = self.request;
        let name = params.standard("username").ok_or(GrantError::UsernameMissing)?;
        name.clone_into(&mut self.person.name);
        // Blanks around a name are a person's slip on a page; a program that sends them means another name.
        if name.trim() == name {
            self.person.user = oidc.core.find_user(&asked.realm, name).await?;
        }
        if let Some(user) = &self.person.user {
            // Nobody sets it twice: a flow asks for the name once.
            let _ = about.set(user.user.id.clone());
            self.person.credentials = oidc.core.credentials(&asked.realm.realm.id, &user.user.id).await?;
        }
        Ok(())
    }

    async fn password(&mut self) -> Result<(), GrantError> {
        let Redemption { oidc, asked, params, .. } = self.request;
        let password = Secret::new(params.get("password").unwrap_or_default());
        let user = self.person.user.as_deref();
        match oidc.core.check_password(&asked.realm, user, &self.person.name, password, &asked.ip()).await? {
            // Only who knows the password learns that the account is disabled.
            Proof::Right if user.is_some_and(|user| user.user.enabled) => Ok(()),
            Proof::Right => Err(GrantError::AccountDisabled),
            Proof::Wrong | Proof::Locked => Err(GrantError::Credentials),
        }
    }

    async fn code(&mut self) -> Result<(), GrantError> {
        let Redemption { oidc, asked, params, .. } = self.request;
        let Some(user) = self.person.user.as_deref() else { return Err(GrantError::Credentials) };
        let code = params.standard("totp").or_else(|| params.standard("otp")).unwrap_or_default();
        match oidc.core.check_otp(&asked.realm, user, None, code, &asked.ip()).await? {
            Proof::Right => Ok(()),
            Proof::Wrong | Proof::Locked => Err(GrantError::Credentials),
        }
    }

    async fn finish(self) -> Result<Arc<UserRecord>, GrantError> {
        let user = self.person.user.ok_or(GrantError::Credentials)?;
        if !user.user.enabled {
            return Err(GrantError::AccountDisabled);
        }
        if is_incomplete(&self.request, &user) {
            return Err(GrantError::AccountIncomplete);
        }
        self.request.oidc.core.forget_failures(&self.request.asked.realm, &user.user.id).await?;
        Ok(user)
    }
}

/// Whether a browser's login would ask this person for something first: there is no page here to ask on.
fn is_incomplete(request: &Redemption<'_>, user: &UserRecord) -> bool {
    let realm = &request.asked.realm;
    let is_enabled =
        |alias: &str| realm.required_actions.iter().any(|action| action.alias == alias && action.enabled);
    // Those that the realm has switched off too, as in Keycloak: a form cannot tell that they are settled.
    let is_due = !user.user.required_actions.is_empty();
    let is_unverified = realm.realm.verify_email && !user.user.email_verified && is_enabled("VERIFY_EMAIL");
    is_due || is_unverified || (is_enabled("VERIFY_PROFILE") && has_faults(request, user))
}

fn has_faults(request: &Redemption<'_>, user: &UserRecord) -> bool {
    let realm = &request.asked.realm;
    let values = user_profile::values_of(&user.user);
    let scopes =
        request.requested_scopes().map(|scopes| scopes.iter().map(|scope| scope.name.clone()).collect());
    let change = Change {
        editor: Editor::User,
        stored: Some(&values),
        given: &values,
        username_editable: realm.realm.edit_username_allowed,
        email_as_username: realm.realm.registration_email_as_username,
        scopes: &scopes.unwrap_or_else(|_| Vec::new()),
    };
    UserProfile::of(&realm.components).check(&change).is_err()
}

impl Facts for Walk<'_> {
    fn is_user_known(&self) -> bool {
        !self.progress.proven.is_empty()
    }

    fn has_credential(&self, kind: &str) -> bool {
        self.person.credentials.iter().any(|credential| credential.kind == kind)
    }

    fn is_passively_proven(&self, _: Authenticator) -> bool {
        false
    }

    fn holds(&self, condition: Condition, config: Option<&AuthenticatorConfig>, progress: &Progress) -> bool {
        let value = |name: &str| config.and_then(|config| config.config.get(name)).map(String::as_str);
        let holds = match condition {
            Condition::UserConfigured => true,
            Condition::UserRole => value("condUserRole").is_some_and(|name| self.holds_role(name)),
            Condition::UserAttribute => value("attribute_name")
                .zip(value("attribute_expected_value"))
                .is_some_and(|(name, expected)| self.has_attribute(name, expected)),
            Condition::ClientScope => value("client_scope").is_some_and(|name| {
                self.request
                    .requested_scopes()
                    .is_ok_and(|scopes| scopes.iter().any(|scope| scope.name == name))
            }),
            // No level was reached before, and a form asks for none: only the lowest is due.
            Condition::LevelOfAuthentication => value("loa-condition-level").is_none_or(|level| level == "1"),
            Condition::Credential => {
                let listed = value("credentials").unwrap_or_default();
                let used = progress.proven.values().filter(|kind| !kind.is_empty());
                let is_used = used.into_iter().any(|kind| listed.split("##").any(|one| one == kind));
                is_used == (value("included") == Some("true"))
            }
        };
        holds != (value("negate") == Some("true") || value("not") == Some("true"))
    }
}

impl Walk<'_> {
    fn holds_role(&self, name: &str) -> bool {
        let realm = &self.request.asked.realm;
        let user = self.person.user.as_deref();
        user.is_some_and(|user| {
            authz::held_roles(realm, user).iter().any(|role| role.client.is_none() && role.name == name)
        })
    }

    fn has_attribute(&self, name: &str, value: &str) -> bool {
        let values = self.person.user.as_ref().and_then(|user| user.user.attributes.get(name));
        values.is_some_and(|values| values.iter().any(|one| one == value))
    }
}
