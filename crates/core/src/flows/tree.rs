//! What can be done with the flows of one realm, without a store.

use keyraft_model::{AuthenticatorConfig, Execution, Flow, FlowId, Requirement};

use super::FlowError;
use crate::overlay::fits;

/// Longest alias of a flow, and longest id.
const MAX_ALIAS: usize = 255;
const MAX_ID: usize = 36;

/// Deeper nesting is cut off: a damaged row must not make a change run for ever.
const MAX_DEPTH: usize = 64;

/// All flows of a realm, sub-flows among them, with the configurations of their steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flows {
    /// Flows and sub-flows.
    pub flows: Vec<Flow>,
    /// Configurations.
    pub configs: Vec<AuthenticatorConfig>,
}

/// What a caller says of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewFlow<'a> {
    /// Its row; a random one where the caller has no wish.
    pub id: Option<&'a str>,
    /// Its name, unique in the realm.
    pub alias: &'a str,
    /// For people.
    pub description: Option<&'a str>,
    /// `basic-flow`, `client-flow` or `form-flow`.
    pub provider_id: &'a str,
    /// Whether it can be bound.
    pub top_level: bool,
    /// Whether it counts as one that came with the realm.
    pub built_in: bool,
}

impl Flows {
    /// The flow of that id.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`].
    pub fn flow(&self, id: &FlowId) -> Result<&Flow, FlowError> {
        self.flows.iter().find(|flow| flow.id == *id).ok_or(FlowError::NoFlow)
    }

    /// The configuration of that id.
    ///
    /// # Errors
    /// [`FlowError::NoConfig`].
    pub fn config(&self, id: &FlowId) -> Result<&AuthenticatorConfig, FlowError> {
        self.configs.iter().find(|config| config.id == *id).ok_or(FlowError::NoConfig)
    }

    /// The step of that id, and the flow in which it stands.
    ///
    /// # Errors
    /// [`FlowError::NoExecution`].
    pub fn execution(&self, id: &FlowId) -> Result<(&Flow, &Execution), FlowError> {
        let of = |flow: &Flow| flow.executions.iter().position(|step| step.id == *id);
        let found = self.flows.iter().find_map(|flow| Some((flow, flow.executions.get(of(flow)?)?)));
        found.ok_or(FlowError::NoExecution)
    }

    fn is_taken(&self, alias: &str) -> bool {
        self.flows.iter().any(|flow| flow.alias == alias)
    }

    fn by_alias(&mut self, alias: &str) -> Result<&mut Flow, FlowError> {
        self.flows.iter_mut().find(|flow| flow.alias == alias).ok_or(FlowError::NoFlow)
    }

    fn by_id(&mut self, id: &FlowId) -> Result<&mut Flow, FlowError> {
        self.flows.iter_mut().find(|flow| flow.id == *id).ok_or(FlowError::NoFlow)
    }

    fn step(&mut self, id: &FlowId) -> Result<&mut Execution, FlowError> {
        let all = self.flows.iter_mut().flat_map(|flow| &mut flow.executions);
        all.into_iter().find(|step| step.id == *id).ok_or(FlowError::NoExecution)
    }

    /// Adds a flow.
    ///
    /// # Errors
    /// [`FlowError::NoAlias`], [`FlowError::Taken`], [`FlowError::NoKind`].
    pub fn add(&mut self, given: &NewFlow<'_>) -> Result<FlowId, FlowError> {
        if given.alias.is_empty() {
            return Err(FlowError::NoAlias);
        }
        if self.is_taken(given.alias) {
            return Err(FlowError::Taken);
        }
        if given.provider_id.is_empty() {
            return Err(FlowError::NoKind);
        }
        fits("alias", given.alias, MAX_ALIAS)?;
        fits("id", given.id.unwrap_or_default(), MAX_ID)?;
        let id = given.id.map_or_else(FlowId::random, FlowId::from);
        if self.flow(&id).is_ok() {
            return Err(FlowError::Taken);
        }
        self.flows.push(Flow {
            id: id.clone(),
            alias: given.alias.to_owned(),
            description: given.description.map(str::to_owned),
            provider_id: given.provider_id.to_owned(),
            top_level: given.top_level,
            built_in: given.built_in,
            executions: Vec::new(),
        });
        Ok(id)
    }

    /// Replaces what a flow says of itself.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`], [`FlowError::NoAlias`], [`FlowError::Taken`], [`FlowError::NoKind`].
    pub fn update(&mut self, id: &FlowId, given: &NewFlow<'_>) -> Result<(), FlowError> {
        if given.alias.is_empty() {
            return Err(FlowError::NoAlias);
        }
        if self.flow(id)?.alias != given.alias && self.is_taken(given.alias) {
            return Err(FlowError::Taken);
        }
        if given.provider_id.is_empty() {
            return Err(FlowError::NoKind);
        }
        fits("alias", given.alias, MAX_ALIAS)?;
        let flow = self.by_id(id)?;
        given.alias.clone_into(&mut flow.alias);
        flow.description = given.description.map(str::to_owned);
        given.provider_id.clone_into(&mut flow.provider_id);
        (flow.top_level, flow.built_in) = (given.top_level, given.built_in);
        Ok(())
    }

    /// Deletes a flow with everything below it.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`], [`FlowError::BuiltIn`].
    pub fn delete(&mut self, id: &FlowId) -> Result<(), FlowError> {
        if self.flow(id)?.built_in {
            return Err(FlowError::BuiltIn);
        }
        self.drop_flow(id, 0);
        for flow in &mut self.flows {
            flow.executions.retain(|step| step.flow.as_ref() != Some(id));
        }
        Ok(())
    }

    fn drop_flow(&mut self, id: &FlowId, depth: usize) {
        let Some(at) = self.flows.iter().position(|flow| flow.id == *id) else { return };
        let flow = self.flows.remove(at);
        for step in &flow.executions {
            self.drop_below(step, depth);
        }
    }

    /// What belongs to a step alone: its configuration and its sub-flow.
    fn drop_below(&mut self, step: &Execution, depth: usize) {
        if let Some(config) = &step.config {
            self.configs.retain(|known| known.id != *config);
        }
        if let Some(below) = step.flow.as_ref().filter(|_| depth < MAX_DEPTH) {
            self.drop_flow(below, depth + 1);
        }
    }

    /// Copies a flow with everything below it, whose names begin with the copy's.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`], [`FlowError::NoAlias`], [`FlowError::Taken`].
    pub fn copy(&mut self, alias: &str, name: &str) -> Result<FlowId, FlowError> {
        if self.is_taken(name) {
            return Err(FlowError::Taken);
        }
        let original = self.by_alias(alias)?.clone();
        if name.is_empty() {
            return Err(FlowError::NoAlias);
        }
        fits("newName", name, MAX_ALIAS)?;
        self.copy_as(&original, name, name, 0)
    }

    fn copy_as(&mut self, from: &Flow, alias: &str, prefix: &str, depth: usize) -> Result<FlowId, FlowError> {
        if self.is_taken(alias) || depth > MAX_DEPTH {
            return Err(FlowError::Taken);
        }
        let mut copy =
            Flow { id: FlowId::random(), alias: alias.to_owned(), built_in: false, ..from.clone() };
        let id = copy.id.clone();
        let place = self.flows.len();
        for step in &mut copy.executions {
            step.id = FlowId::random();
            if let Some(below) = step.flow.clone() {
                let below = self.flow(&below)?.clone();
                step.flow =
                    Some(self.copy_as(&below, &format!("{prefix} {}", below.alias), prefix, depth + 1)?);
            }
            if let Some(config) = step.config.clone() {
                let mut config = self.config(&config)?.clone();
                config.id = FlowId::random();
                config.alias = format!("{prefix} {}", config.alias);
                step.config = Some(config.id.clone());
                self.configs.push(config);
            }
        }
        self.flows.insert(place, copy);
        Ok(id)
    }

    /// Adds a step at the end of a flow; `step` says what it does.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`], [`FlowError::BuiltIn`].
    pub fn add_step(
        &mut self,
        parent: &FlowId,
        step: Execution,
        place: Option<i64>,
    ) -> Result<FlowId, FlowError> {
        let flow = self.by_id(parent)?;
        if flow.built_in {
            return Err(FlowError::BuiltIn);
        }
        let next = flow.executions.last().map_or(0, |last| last.priority.saturating_add(1));
        let step = Execution { id: FlowId::random(), priority: place.unwrap_or(next), ..step };
        let id = step.id.clone();
        flow.executions.push(step);
        flow.executions.sort_by_key(|step| step.priority);
        Ok(id)
    }

    /// Adds a sub-flow at the end of a flow; `authenticator` is what a form sub-flow runs as.
    ///
    /// # Errors
    /// As [`Self::add`] and [`Self::add_step`].
    pub fn add_sub_flow(
        &mut self,
        parent: &FlowId,
        given: &NewFlow<'_>,
        authenticator: Option<&str>,
        place: Option<i64>,
    ) -> Result<FlowId, FlowError> {
        if self.flow(parent)?.built_in {
            return Err(FlowError::BuiltIn);
        }
        let flow = self.add(given)?;
        let authenticator = authenticator.map(str::to_owned);
        let step = Execution { flow: Some(flow.clone()), authenticator, ..Execution::default() };
        self.add_step(parent, step, place)?;
        Ok(flow)
    }

    /// Sets how much a flow needs a step, and where it stands.
    ///
    /// # Errors
    /// [`FlowError::NoExecution`].
    pub fn require(
        &mut self,
        id: &FlowId,
        requirement: Requirement,
        priority: Option<i64>,
    ) -> Result<(), FlowError> {
        let step = self.step(id)?;
        step.requirement = requirement;
        step.priority = priority.unwrap_or(step.priority);
        for flow in &mut self.flows {
            flow.executions.sort_by_key(|step| step.priority);
        }
        Ok(())
    }

    /// Gives a sub-flow another name or description.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`], [`FlowError::Taken`].
    pub fn rename(&mut self, id: &FlowId, alias: &str, description: Option<&str>) -> Result<(), FlowError> {
        if self.flow(id)?.alias != alias && self.is_taken(alias) {
            return Err(FlowError::Taken);
        }
        let flow = self.by_id(id)?;
        alias.clone_into(&mut flow.alias);
        flow.description = description.map(str::to_owned);
        Ok(())
    }

    /// Swaps a step with the one before it, or after it.
    ///
    /// # Errors
    /// [`FlowError::NoExecution`], [`FlowError::BuiltIn`].
    pub fn shift(&mut self, id: &FlowId, down: bool) -> Result<(), FlowError> {
        let parent = self.changeable(id)?;
        let steps = &mut self.by_id(&parent)?.executions;
        let at = steps.iter().position(|step| step.id == *id).ok_or(FlowError::NoExecution)?;
        let other = if down { at.checked_add(1) } else { at.checked_sub(1) };
        if let Some(other) = other.filter(|other| *other < steps.len()) {
            let (a, b) = (steps[at].priority, steps[other].priority);
            (steps[at].priority, steps[other].priority) = (b, a);
            steps.swap(at, other);
        }
        Ok(())
    }

    /// Removes a step with what belongs to it alone.
    ///
    /// # Errors
    /// [`FlowError::NoExecution`], [`FlowError::BuiltIn`].
    pub fn remove_step(&mut self, id: &FlowId) -> Result<(), FlowError> {
        let parent = self.changeable(id)?;
        let steps = &mut self.by_id(&parent)?.executions;
        let at = steps.iter().position(|step| step.id == *id).ok_or(FlowError::NoExecution)?;
        let step = steps.remove(at);
        self.drop_below(&step, 0);
        Ok(())
    }

    /// The flow in which a step stands, unless it came with the realm.
    fn changeable(&self, step: &FlowId) -> Result<FlowId, FlowError> {
        let (flow, _) = self.execution(step)?;
        if flow.built_in { Err(FlowError::BuiltIn) } else { Ok(flow.id.clone()) }
    }

    /// Gives a step a configuration, instead of the one that it has.
    ///
    /// # Errors
    /// [`FlowError::NoExecution`], [`FlowError::NoAlias`]; [`FlowError::Taken`] when another step's is called so.
    pub fn configure(&mut self, step: &FlowId, config: AuthenticatorConfig) -> Result<FlowId, FlowError> {
        let old = self.execution(step)?.1.config.clone();
        if config.alias.is_empty() {
            return Err(FlowError::NoAlias);
        }
        if self.configs.iter().any(|known| known.alias == config.alias && Some(&known.id) != old.as_ref()) {
            return Err(FlowError::Taken);
        }
        self.configs.retain(|known| Some(&known.id) != old.as_ref());
        let id = self.add_config(config)?;
        self.step(step)?.config = Some(id.clone());
        Ok(id)
    }

    /// Adds a configuration; its id is kept if it has one.
    ///
    /// # Errors
    /// [`FlowError::NoAlias`]; [`FlowError::Taken`] when another one is called so or has its id.
    pub fn add_config(&mut self, mut config: AuthenticatorConfig) -> Result<FlowId, FlowError> {
        if config.alias.is_empty() {
            return Err(FlowError::NoAlias);
        }
        if config.id.is_empty() {
            config.id = FlowId::random();
        }
        fits("alias", &config.alias, MAX_ALIAS)?;
        fits("id", config.id.as_str(), MAX_ID)?;
        if self.configs.iter().any(|known| known.alias == config.alias || known.id == config.id) {
            return Err(FlowError::Taken);
        }
        let id = config.id.clone();
        self.configs.push(config);
        Ok(id)
    }

    /// Replaces a configuration.
    ///
    /// # Errors
    /// [`FlowError::NoConfig`], [`FlowError::NoAlias`], [`FlowError::Taken`].
    pub fn reconfigure(&mut self, config: AuthenticatorConfig) -> Result<(), FlowError> {
        if config.alias.is_empty() {
            return Err(FlowError::NoAlias);
        }
        if self.configs.iter().any(|known| known.alias == config.alias && known.id != config.id) {
            return Err(FlowError::Taken);
        }
        let known = self.configs.iter_mut().find(|known| known.id == config.id);
        *known.ok_or(FlowError::NoConfig)? = config;
        Ok(())
    }

    /// Removes a configuration; steps that had it have none.
    ///
    /// # Errors
    /// [`FlowError::NoConfig`].
    pub fn unconfigure(&mut self, id: &FlowId) -> Result<(), FlowError> {
        self.config(id)?;
        self.configs.retain(|known| known.id != *id);
        for step in self.flows.iter_mut().flat_map(|flow| &mut flow.executions) {
            step.config.take_if(|config| config == id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
