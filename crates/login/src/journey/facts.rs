//! What is true of the person in this login, as the flow asks for it.

use std::cell::Cell;

use keyraft_core::{authz, required_actions::Action};
use keyraft_model::{AuthenticatorConfig, UnixMs};

use super::Journey;
use crate::{
    authenticator::{Authenticator, Condition},
    flow::{Facts, Progress},
};

/// Facts of one journey. Notes when credentials were asked for and not read yet.
pub(super) struct PersonFacts<'a> {
    journey: &'a Journey,
    missed: Cell<bool>,
}

impl<'a> PersonFacts<'a> {
    pub(super) fn new(journey: &'a Journey) -> Self {
        Self { journey, missed: Cell::new(false) }
    }

    pub(super) fn missed_credentials(&self) -> bool {
        self.missed.get()
    }

    /// Whether the browser's live session is proof enough for this request.
    fn is_session_enough(&self) -> bool {
        let journey = self.journey;
        let Some(identity) = &journey.identity else { return false };
        let Some(user) = &journey.user else { return false };
        let request = &journey.request;
        let is_same_user = user.user.id == identity.session.user && journey.tab.user.is_none();
        let is_subject = request.subject.as_deref().is_none_or(|sub| sub == user.user.id.as_str());
        let is_young = request.max_age_secs.is_none_or(|max_age| {
            let since = auth_time(journey).secs();
            journey.now.secs().saturating_sub(since) <= max_age
        });
        let is_level = request.level.is_none_or(|level| level <= session_level(journey));
        user.user.enabled && is_same_user && is_subject && is_young && is_level && !request.force_login
    }

    fn holds_role(&self, name: &str) -> bool {
        let Some(user) = &self.journey.user else { return false };
        authz::held_roles(&self.journey.browser.realm, user)
            .iter()
            .any(|role| role.name == name && role.client.is_none())
    }

    fn has_attribute(&self, name: &str, value: &str) -> bool {
        let user = self.journey.user.as_ref();
        user.and_then(|user| user.user.attributes.get(name))
            .is_some_and(|values| values.iter().any(|v| v == value))
    }
}

impl Facts for PersonFacts<'_> {
    fn is_user_known(&self) -> bool {
        // A typed name counts as known even where nobody has it: the flow must not show the difference.
        !self.journey.tab.proven.is_empty()
    }

    fn has_credential(&self, kind: &str) -> bool {
        if let Some(credentials) = &self.journey.credentials {
            return credentials.iter().any(|credential| credential.kind == kind);
        }
        self.missed.set(self.journey.user.is_some());
        false
    }

    fn is_passively_proven(&self, authenticator: Authenticator) -> bool {
        authenticator == Authenticator::Cookie && self.is_session_enough()
    }

    fn sets_up(&self, authenticator: Authenticator) -> Option<Action> {
        let action = (authenticator == Authenticator::OtpForm).then_some(Action::ConfigureTotp)?;
        let known = &self.journey.browser.realm.required_actions;
        known.iter().any(|known| known.enabled && known.alias == action.alias()).then_some(action)
    }

    fn holds(&self, condition: Condition, config: Option<&AuthenticatorConfig>, progress: &Progress) -> bool {
        let value = |name: &str| config.and_then(|config| config.config.get(name)).map(String::as_str);
        let negate = value("negate") == Some("true") || value("not") == Some("true");
        let holds = match condition {
            // Walked by the flow itself.
            Condition::UserConfigured => true,
            Condition::UserRole => value("condUserRole").is_some_and(|name| self.holds_role(name)),
            Condition::UserAttribute => value("attribute_name")
                .zip(value("attribute_expected_value"))
                .is_some_and(|(name, expected)| self.has_attribute(name, expected)),
            Condition::ClientScope => value("client_scope").is_some_and(|name| {
                let scopes = &self.journey.browser.realm.scopes;
                self.journey
                    .request
                    .scopes
                    .iter()
                    .any(|id| scopes.get(id).is_some_and(|scope| scope.name == name))
            }),
            Condition::LevelOfAuthentication => {
                let level =
                    value("loa-condition-level").and_then(|text| text.parse::<i64>().ok()).unwrap_or(1);
                let reached = if self.journey.is_fresh() { 0 } else { session_level(self.journey) };
                let lowest = level <= 1;
                reached < level
                    && (lowest || self.journey.request.level.is_some_and(|wanted| wanted >= level))
            }
            Condition::Credential => {
                let listed = value("credentials").unwrap_or_default();
                let included = value("included") == Some("true");
                let used = progress
                    .proven
                    .values()
                    .any(|kind| !kind.is_empty() && listed.split("##").any(|one| one == kind));
                used == included
            }
        };
        holds != negate
    }
}

/// When the person of the live session last proved who he is.
pub(super) fn auth_time(journey: &Journey) -> UnixMs {
    let Some(identity) = &journey.identity else { return journey.now };
    let noted = identity.session.notes.get("AUTH_TIME").and_then(|secs| secs.parse().ok());
    noted.map_or(identity.session.started, UnixMs::from_secs)
}

/// The level of authentication that the live session has reached.
fn session_level(journey: &Journey) -> i64 {
    let noted = journey.identity.as_ref().and_then(|identity| identity.session.notes.get("loa"));
    noted.and_then(|level| level.parse().ok()).unwrap_or(1)
}
