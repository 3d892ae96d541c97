//! What is next in a login: the realm's flow, walked as it is stored.
//!
//! A flow is a tree of executions with requirements, as Keycloak defines them. [`next`] interprets it and
//! is pure: what has been proven and what is true of the person come in, the next step comes out. Steps
//! never send the browser to each other; each one posts and returns here. An execution that this release
//! cannot run refuses the login by name, unless it is one of several alternatives: a policy that was
//! configured is never silently weakened.

use std::collections::{BTreeMap, HashMap};

use keyraft_core::required_actions::Action;
use keyraft_model::{AuthenticatorConfig, Execution, Flow, FlowId, Requirement};

use crate::authenticator::{Authenticator, Condition, FormAction, Kind};

/// A flow tree nested deeper than this is refused: a circle in it must not run for ever.
const MAX_DEPTH: usize = 16;

/// The flows and authenticator configurations of one realm.
#[derive(Clone, Copy, Debug)]
pub struct Flows<'a> {
    flows: &'a [Flow],
    configs: &'a [AuthenticatorConfig],
}

impl<'a> Flows<'a> {
    /// Borrows what the realm stores.
    pub fn new(flows: &'a [Flow], configs: &'a [AuthenticatorConfig]) -> Self {
        Self { flows, configs }
    }

    /// The flow of that alias.
    pub fn find_by_alias(&self, alias: &str) -> Option<&'a Flow> {
        self.flows.iter().find(|flow| flow.alias == alias)
    }

    /// The flow of that id.
    pub fn find(&self, id: &FlowId) -> Option<&'a Flow> {
        self.flows.iter().find(|flow| flow.id == *id)
    }

    /// The configuration that an execution runs with.
    pub fn config(&self, execution: &Execution) -> Option<&'a AuthenticatorConfig> {
        let id = execution.config.as_ref()?;
        self.configs.iter().find(|config| config.id == *id)
    }
}

/// What a browser has proven so far: executions that succeeded, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// By execution; the value is the kind of credential that was used (`password`, `otp`; empty for none).
    pub proven: BTreeMap<FlowId, String>,
}

/// What is true of the person and the request, asked for when a flow needs it.
pub trait Facts {
    /// Whether it is known who signs in.
    fn is_user_known(&self) -> bool;
    /// Whether the known user holds a credential of that kind.
    fn has_credential(&self, kind: &str) -> bool;
    /// Whether an authenticator that asks nobody anything (a session cookie) succeeds.
    fn is_passively_proven(&self, authenticator: Authenticator) -> bool;
    /// Whether somebody who lacks the credential of that authenticator is let set it up, and the required action
    /// for it. Only asked of executions that are required (Keycloak's `SETUP_REQUIRED`).
    fn sets_up(&self, authenticator: Authenticator) -> Option<Action> {
        let _ = authenticator;
        None
    }
    /// Whether a condition holds; only asked once the user is known, where the condition needs him.
    fn holds(&self, condition: Condition, config: Option<&AuthenticatorConfig>, progress: &Progress) -> bool;
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    /// This execution asks the person.
    Ask(&'a Execution, Authenticator),
    /// The flow is satisfied.
    Done,
}

/// Why a flow cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An execution that this release does not run.
    #[error("authenticator {0:?} is not available in this release")]
    NotBuilt(String),
    /// The flow says no (`deny-access-authenticator`).
    #[error("the flow denies access")]
    Denied,
    /// The user must set up a credential that he does not hold.
    #[error("user holds no credential for {0:?}")]
    NotConfigured(String),
    /// No alternative was left.
    #[error("no way of the flow succeeded")]
    NoWay,
    /// The flow is missing, empty or refers to itself.
    #[error("flow {0:?} cannot be walked")]
    Broken(String),
}

/// Walks the flow `alias` and says what is next.
///
/// # Errors
/// A [`Refusal`] where nobody may pass.
pub fn next<'a>(
    flows: Flows<'a>,
    alias: &str,
    progress: &Progress,
    facts: &dyn Facts,
) -> Result<Step<'a>, Refusal> {
    let flow = flows.find_by_alias(alias).ok_or_else(|| Refusal::Broken(alias.to_owned()))?;
    let walk = Walk { flows, progress, facts };
    match walk.flow(flow, 0)? {
        Verdict::Success => Ok(Step::Done),
        Verdict::Ask(execution, authenticator) => Ok(Step::Ask(execution, authenticator)),
        Verdict::Attempted => Err(Refusal::NoWay),
    }
}

/// What a flow asks first of somebody of whom nothing is known; `None` where nobody can begin it here.
pub fn first_asked(flows: Flows<'_>, alias: &str) -> Option<Authenticator> {
    match next(flows, alias, &Progress::default(), &Stranger) {
        Ok(Step::Ask(_, authenticator)) => Some(authenticator),
        Ok(Step::Done) | Err(_) => None,
    }
}

/// Somebody of whom nothing is known.
struct Stranger;

impl Facts for Stranger {
    fn is_user_known(&self) -> bool {
        false
    }
    fn has_credential(&self, _: &str) -> bool {
        false
    }
    fn is_passively_proven(&self, _: Authenticator) -> bool {
        false
    }
    fn holds(&self, _: Condition, _: Option<&AuthenticatorConfig>, _: &Progress) -> bool {
        false
    }
}

/// The levels of authentication that a walked flow has reached, by its satisfied level conditions.
pub fn reached_levels(flows: Flows<'_>, alias: &str, progress: &Progress, facts: &dyn Facts) -> Vec<i64> {
    let walk = Walk { flows, progress, facts };
    flows.find_by_alias(alias).map(|flow| walk.levels(flow, 0)).unwrap_or_default()
}

/// The required actions that a walked flow leaves to be done: by `reset-password` and `reset-otp`, and setting up
/// what it requires and the user lacks.
///
/// # Errors
/// A [`Refusal`] where a condition cannot be evaluated.
pub fn owed(
    flows: Flows<'_>,
    alias: &str,
    progress: &Progress,
    facts: &dyn Facts,
) -> Result<Vec<Action>, Refusal> {
    let flow = flows.find_by_alias(alias).ok_or_else(|| Refusal::Broken(alias.to_owned()))?;
    let mut owed = Vec::new();
    Walk { flows, progress, facts }.owed(flow, 0, &mut owed)?;
    Ok(owed)
}

/// The parts of a form that are switched on, in order, for the execution that shows it.
pub fn form_actions(flows: Flows<'_>, execution: &FlowId) -> Vec<FormAction> {
    let mut all = flows.flows.iter().flat_map(|flow| &flow.executions);
    let shown = all.find(|candidate| candidate.id == *execution);
    let parts = shown.and_then(|shown| flows.find(shown.flow.as_ref()?));
    parts.map_or_else(Vec::new, |parts| {
        sorted(parts).filter_map(|part| FormAction::parse(part.authenticator.as_deref()?)).collect()
    })
}

enum Verdict<'a> {
    Success,
    /// Nothing was asked and nothing was proven.
    Attempted,
    Ask(&'a Execution, Authenticator),
}

struct Walk<'a, 'p> {
    flows: Flows<'a>,
    progress: &'p Progress,
    facts: &'p dyn Facts,
}

impl<'a> Walk<'a, '_> {
    fn flow(&self, flow: &'a Flow, depth: usize) -> Result<Verdict<'a>, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::Broken(flow.alias.clone()));
        }
        let mut required = Vec::new();
        let mut alternatives = Vec::new();
        let mut is_off = false;
        for execution in sorted(flow).filter(|execution| !is_condition(execution)) {
            match execution.requirement {
                // A conditional sub-flow whose conditions do not hold is as if it were not there.
                Requirement::Conditional if !self.is_on(execution)? => is_off = true,
                Requirement::Required | Requirement::Conditional => required.push(execution),
                Requirement::Alternative => alternatives.push(execution),
                Requirement::Disabled => {}
            }
        }
        // Keycloak ignores alternatives beside required executions; so does every flow written for it.
        if !required.is_empty() {
            return self.all(&required, depth);
        }
        if alternatives.is_empty() {
            // Nothing was asked, so nothing was proven: as an alternative it is no way in.
            return if is_off { Ok(Verdict::Attempted) } else { Err(Refusal::Broken(flow.alias.clone())) };
        }
        self.any(&alternatives, depth)
    }

    fn is_on(&self, execution: &'a Execution) -> Result<bool, Refusal> {
        match &execution.flow {
            Some(id) => {
                self.conditions_hold(self.flows.find(id).ok_or_else(|| Refusal::Broken(id.to_string()))?)
            }
            None => Ok(true),
        }
    }

    fn all(&self, required: &[&'a Execution], depth: usize) -> Result<Verdict<'a>, Refusal> {
        for execution in required {
            match self.execution(execution, depth)? {
                Verdict::Success => {}
                other => return Ok(other),
            }
        }
        Ok(Verdict::Success)
    }

    /// One alternative is enough. What was proven counts first, so that a person who chose the second way
    /// is not asked for the first one again.
    fn any(&self, alternatives: &[&'a Execution], depth: usize) -> Result<Verdict<'a>, Refusal> {
        let mut asked = None;
        let mut refusal = None;
        for execution in alternatives {
            match self.execution(execution, depth) {
                Ok(Verdict::Success) if asked.is_none() || self.is_proven(execution, depth) => {
                    return Ok(Verdict::Success);
                }
                Ok(Verdict::Ask(execution, authenticator)) if asked.is_none() => {
                    asked = Some(Verdict::Ask(execution, authenticator));
                }
                Ok(_) => {}
                // A broken or denying alternative is no way; the others still are.
                Err(why) => refusal = refusal.or(Some(why)),
            }
        }
        match (asked, refusal) {
            (Some(asked), _) => Ok(asked),
            (None, Some(why)) => Err(why),
            (None, None) => Ok(Verdict::Attempted),
        }
    }

    fn execution(&self, execution: &'a Execution, depth: usize) -> Result<Verdict<'a>, Refusal> {
        if let Some(id) = &execution.flow {
            let flow = self.flows.find(id).ok_or_else(|| Refusal::Broken(id.to_string()))?;
            if flow.provider_id == "form-flow" {
                return self.form(execution, flow);
            }
            return self.flow(flow, depth + 1);
        }
        let name = execution.authenticator.as_deref().unwrap_or_default();
        if self.progress.proven.contains_key(&execution.id) {
            return Ok(Verdict::Success);
        }
        let Some(authenticator) = Authenticator::parse(name) else {
            return Err(Refusal::NotBuilt(name.to_owned()));
        };
        match authenticator.kind() {
            Kind::Allows | Kind::Owes(_) => Ok(Verdict::Success),
            Kind::Denies => Err(Refusal::Denied),
            Kind::Passive if self.facts.is_passively_proven(authenticator) => Ok(Verdict::Success),
            Kind::Passive => Ok(Verdict::Attempted),
            Kind::Asks { of_user: None } => Ok(Verdict::Ask(execution, authenticator)),
            Kind::Asks { of_user: Some(credential) } => self.asks_user(execution, authenticator, credential),
        }
    }

    /// A form whose parts are executions of their own: it is shown if all of them can be run.
    fn form(&self, execution: &'a Execution, flow: &'a Flow) -> Result<Verdict<'a>, Refusal> {
        if self.progress.proven.contains_key(&execution.id) {
            return Ok(Verdict::Success);
        }
        let name = execution.authenticator.as_deref().unwrap_or_default();
        let not_built = |name: &str| Refusal::NotBuilt(name.to_owned());
        let authenticator = Authenticator::parse(name).ok_or_else(|| not_built(name))?;
        let parts = sorted(flow).filter_map(|part| part.authenticator.as_deref());
        match parts.into_iter().find(|part| FormAction::parse(part).is_none()) {
            Some(part) => Err(not_built(part)),
            None => Ok(Verdict::Ask(execution, authenticator)),
        }
    }

    /// Adds what the executions of a walked flow leave to be done.
    fn owed(&self, flow: &'a Flow, depth: usize, owed: &mut Vec<Action>) -> Result<(), Refusal> {
        let required =
            |e: &&Execution| matches!(e.requirement, Requirement::Required | Requirement::Conditional);
        // Alternatives count only where nothing is required, as when the flow is walked.
        let has_required = sorted(flow).filter(|e| !is_condition(e)).any(|e| required(&e));
        for execution in sorted(flow).filter(|execution| depth <= MAX_DEPTH && !is_condition(execution)) {
            if has_required && !required(&execution) {
                continue;
            }
            if !has_required && !self.is_proven(execution, depth) {
                continue; // a way that was not taken
            }
            if let Some(below) = execution.flow.as_ref().and_then(|id| self.flows.find(id)) {
                if execution.requirement != Requirement::Conditional || self.conditions_hold(below)? {
                    self.owed(below, depth + 1, owed)?;
                }
                continue;
            }
            let Some(authenticator) = execution.authenticator.as_deref().and_then(Authenticator::parse)
            else {
                continue;
            };
            match authenticator.kind() {
                Kind::Owes(action) => owed.push(action),
                Kind::Asks { of_user: Some(credential) }
                    if execution.requirement == Requirement::Required
                        && !self.progress.proven.contains_key(&execution.id)
                        && !self.facts.has_credential(credential) =>
                {
                    owed.extend(self.facts.sets_up(authenticator));
                }
                Kind::Asks { .. } | Kind::Passive | Kind::Allows | Kind::Denies => {}
            }
        }
        Ok(())
    }

    fn asks_user(
        &self,
        execution: &'a Execution,
        authenticator: Authenticator,
        credential: &str,
    ) -> Result<Verdict<'a>, Refusal> {
        let may_ask = self.facts.is_user_known() && self.facts.has_credential(credential);
        // A password form is shown to everyone: whether a password exists must not show.
        if may_ask || (self.facts.is_user_known() && credential == "password") {
            return Ok(Verdict::Ask(execution, authenticator));
        }
        if execution.requirement == Requirement::Alternative {
            return Ok(Verdict::Attempted);
        }
        if self.facts.is_user_known() && self.facts.sets_up(authenticator).is_some() {
            return Ok(Verdict::Success); // and owed: nobody is signed in before it is set up
        }
        Err(Refusal::NotConfigured(execution.authenticator.clone().unwrap_or_default()))
    }

    /// A conditional sub-flow runs if it has conditions and all of them hold.
    fn conditions_hold(&self, flow: &'a Flow) -> Result<bool, Refusal> {
        let mut any = false;
        for execution in sorted(flow).filter(|execution| is_condition(execution)) {
            any = true;
            let name = execution.authenticator.as_deref().unwrap_or_default();
            let condition = Condition::parse(name).ok_or_else(|| Refusal::NotBuilt(name.to_owned()))?;
            let holds = match condition {
                Condition::UserConfigured => self.is_configured(flow),
                _ => self.facts.holds(condition, self.flows.config(execution), self.progress),
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(any)
    }

    /// `conditional-user-configured`: all required steps are set up, or where there are none, any alternative.
    fn is_configured(&self, flow: &'a Flow) -> bool {
        if !self.facts.is_user_known() {
            return false;
        }
        let steps: Vec<_> = sorted(flow).filter(|e| !is_condition(e)).collect();
        let required: Vec<_> = steps.iter().filter(|e| e.requirement == Requirement::Required).collect();
        if required.is_empty() {
            steps.iter().any(|e| self.is_step_configured(e))
        } else {
            required.iter().all(|e| self.is_step_configured(e))
        }
    }

    fn is_step_configured(&self, execution: &'a Execution) -> bool {
        if let Some(flow) = execution.flow.as_ref().and_then(|id| self.flows.find(id)) {
            return self.is_configured(flow);
        }
        let name = execution.authenticator.as_deref().unwrap_or_default();
        credential_of(name).is_none_or(|credential| self.facts.has_credential(credential))
    }

    fn is_proven(&self, execution: &Execution, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        match execution.flow.as_ref().and_then(|id| self.flows.find(id)) {
            Some(flow) => flow.executions.iter().any(|inner| self.is_proven(inner, depth + 1)),
            None => self.progress.proven.contains_key(&execution.id),
        }
    }

    fn levels(&self, flow: &'a Flow, depth: usize) -> Vec<i64> {
        let mut levels = Vec::new();
        for execution in sorted(flow).filter(|_| depth <= MAX_DEPTH) {
            let Some(sub) = execution.flow.as_ref().and_then(|id| self.flows.find(id)) else { continue };
            if !self.is_proven(execution, depth) {
                continue;
            }
            levels.extend(sorted(sub).filter_map(|inner| {
                let condition = Condition::parse(inner.authenticator.as_deref()?)?;
                let config =
                    self.flows.config(inner).filter(|_| condition == Condition::LevelOfAuthentication)?;
                config.config.get("loa-condition-level")?.parse::<i64>().ok()
            }));
            levels.extend(self.levels(sub, depth + 1));
        }
        levels
    }
}

/// The executions that are not switched off, in the order in which they run.
fn sorted(flow: &Flow) -> impl Iterator<Item = &Execution> {
    let mut executions: Vec<_> =
        flow.executions.iter().filter(|e| e.requirement != Requirement::Disabled).collect();
    executions.sort_by_key(|execution| execution.priority);
    executions.into_iter()
}

fn is_condition(execution: &Execution) -> bool {
    execution.flow.is_none()
        && execution.authenticator.as_deref().is_some_and(|name| name.starts_with("conditional-"))
}

/// The kind of credential that an authenticator checks, those of other releases included: a condition
/// must not overlook a second factor because this release cannot check it.
fn credential_of(authenticator: &str) -> Option<&'static str> {
    static KINDS: [(&str, &str); 9] = [
        ("auth-password-form", "password"),
        ("auth-otp-form", "otp"),
        ("direct-grant-validate-otp", "otp"),
        ("auth-conditional-otp-form", "otp"),
        ("reset-otp", "otp"),
        ("webauthn-authenticator", "webauthn"),
        ("webauthn-authenticator-passwordless", "webauthn-passwordless"),
        ("passkeys-authenticator", "webauthn-passwordless"),
        ("auth-recovery-authn-code-form", "recovery-authn-codes"),
    ];
    KINDS.iter().find(|(name, _)| *name == authenticator).map(|(_, kind)| *kind)
}

/// Flow aliases by id, for callers that bind flows by id (a client's overrides).
pub fn aliases(flows: &[Flow]) -> HashMap<&str, &str> {
    flows.iter().map(|flow| (flow.id.as_str(), flow.alias.as_str())).collect()
}

#[cfg(test)]
mod tests;
