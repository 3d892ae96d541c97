//! Authentication flows as an administrator changes them.
//!
//! The flows of a realm refer to each other, so they are read, changed and written back as one: a change is a
//! function of [`Flows`], and what differs afterwards is written in the same transaction.

mod actions;
mod tree;
mod walk;

use std::collections::HashMap;

pub use actions::{Actions, shift};
use keyraft_model::{Flow, FlowId, Realm, RealmId};
use keyraft_store::{Error as StoreError, Source, Tx, Versioned, clients, flows as rows, realms};
pub use tree::{Flows, NewFlow};
pub use walk::{Step, walk};

use crate::{Core, Error, RealmView};

/// Why a change of flows was not made.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Nothing has that id or alias.
    #[error("there is no such flow")]
    NoFlow,
    /// No step has that id.
    #[error("there is no such execution")]
    NoExecution,
    /// No configuration has that id.
    #[error("there is no such configuration")]
    NoConfig,
    /// It came with the realm and cannot be changed.
    #[error("the flow is built in")]
    BuiltIn,
    /// Another flow or configuration has that alias.
    #[error("the alias is taken")]
    Taken,
    /// An alias is needed.
    #[error("there is no alias")]
    NoAlias,
    /// A flow says of which kind it is.
    #[error("there is no kind")]
    NoKind,
    /// A door of the realm or of a client leads there.
    #[error("the flow is bound")]
    Bound,
    /// As in every operation.
    #[error(transparent)]
    Core(#[from] Error),
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        match error {
            // Another administrator was a moment earlier.
            StoreError::Conflict { .. } => Self::Taken,
            other => Self::Core(other.into()),
        }
    }
}

impl Core {
    /// Reads a realm's flows, changes them, and writes what differs.
    ///
    /// # Errors
    /// What `change` refuses; [`FlowError::Taken`]; [`FlowError::Core`].
    pub async fn change_flows<T: Send>(
        &self,
        realm: &RealmView,
        change: impl Fn(&mut Flows) -> Result<T, FlowError> + Send + Sync,
    ) -> Result<T, FlowError> {
        let (id, change) = (&realm.realm.id, &change);
        self.store
            .write(async |tx| {
                let (before, versions) = load(&tx, id).await?;
                let mut after = before.clone();
                let made = change(&mut after)?;
                write(&tx, id, (&before, &after), &versions).await?;
                Ok(made)
            })
            .await
    }

    /// Deletes a flow with everything below it.
    ///
    /// # Errors
    /// [`FlowError::NoFlow`], [`FlowError::BuiltIn`]; [`FlowError::Bound`] while a door leads there.
    pub async fn delete_flow(&self, realm: &RealmView, flow: &FlowId) -> Result<(), FlowError> {
        let id = &realm.realm.id;
        self.store
            .write(async |tx| {
                let (before, versions) = load(&tx, id).await?;
                let doomed = before.flow(flow)?;
                if doomed.built_in {
                    return Err(FlowError::BuiltIn);
                }
                let settings = realms::find(&tx, id).await?.ok_or(Error::NotFound("realm"))?.value;
                if bindings(&settings).contains(&doomed.alias.as_str())
                    || is_overridden(&tx, id, flow).await?
                {
                    return Err(FlowError::Bound);
                }
                let mut after = before.clone();
                after.delete(flow)?;
                write(&tx, id, (&before, &after), &versions).await
            })
            .await
    }

    /// Replaces what a flow is called and what it is for; doors of the realm that lead there still do.
    ///
    /// # Errors
    /// As [`Flows::update`].
    pub async fn update_flow(
        &self,
        realm: &RealmView,
        flow: &FlowId,
        given: &NewFlow<'_>,
    ) -> Result<(), FlowError> {
        let id = &realm.realm.id;
        self.store
            .write(async |tx| {
                let (before, versions) = load(&tx, id).await?;
                let was = before.flow(flow)?.alias.clone();
                let mut after = before.clone();
                after.update(flow, given)?;
                write(&tx, id, (&before, &after), &versions).await?;
                rebind(&tx, id, &was, &after.flow(flow)?.alias).await
            })
            .await
    }
}

/// The row versions of flows and configurations, by id.
type Versions = HashMap<FlowId, i64>;

async fn load(on: &impl Source, realm: &RealmId) -> Result<(Flows, Versions), StoreError> {
    let (flows, configs) = (rows::list(on, realm).await?, rows::list_configs(on, realm).await?);
    let mut versions = Versions::new();
    versions.extend(flows.iter().map(|found| (found.value.id.clone(), found.ver)));
    versions.extend(configs.iter().map(|found| (found.value.id.clone(), found.ver)));
    let all = Flows { flows: values(flows), configs: values(configs) };
    Ok((all, versions))
}

fn values<T>(found: Vec<Versioned<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}

/// Writes what differs: what is gone first, so that its alias is free.
async fn write(
    tx: &Tx,
    realm: &RealmId,
    (before, after): (&Flows, &Flows),
    versions: &Versions,
) -> Result<(), FlowError> {
    for old in before.flows.iter().filter(|old| after.flow(&old.id).is_err()) {
        rows::delete(tx, realm, &old.id).await?;
    }
    for old in before.configs.iter().filter(|old| after.config(&old.id).is_err()) {
        rows::delete_config(tx, realm, &old.id).await?;
    }
    for flow in after.flows.iter().filter(|flow| !before.flows.contains(flow)) {
        match versions.get(&flow.id) {
            Some(ver) => rows::update(tx, realm, flow, *ver).await?,
            None => rows::insert(tx, realm, flow).await?,
        };
    }
    for config in after.configs.iter().filter(|config| !before.configs.contains(config)) {
        match versions.get(&config.id) {
            Some(ver) => rows::update_config(tx, realm, config, *ver).await?,
            None => rows::insert_config(tx, realm, config).await?,
        };
    }
    Ok(())
}

/// The aliases to which the realm's doors lead.
fn bindings(realm: &Realm) -> [&str; 7] {
    [
        &realm.browser_flow,
        &realm.registration_flow,
        &realm.direct_grant_flow,
        &realm.reset_credentials_flow,
        &realm.client_authentication_flow,
        &realm.docker_authentication_flow,
        &realm.first_broker_login_flow,
    ]
}

/// Whether a client has a door of its own there.
async fn is_overridden(tx: &Tx, realm: &RealmId, flow: &FlowId) -> Result<bool, StoreError> {
    let all = clients::list(tx, realm, None, 0, None).await?;
    let leads_there =
        |overrides: &keyraft_model::Attributes| overrides.values().any(|id| id == flow.as_str());
    Ok(all.iter().any(|client| leads_there(&client.value.authentication_flow_binding_overrides)))
}

/// The realm's doors name flows by alias: those that led to `was` lead to `is`.
async fn rebind(tx: &Tx, id: &RealmId, was: &str, is: &str) -> Result<(), FlowError> {
    let found = realms::find(tx, id).await?.ok_or(Error::NotFound("realm"))?;
    if was == is || !bindings(&found.value).contains(&was) {
        return Ok(());
    }
    let mut realm = found.value;
    for door in [
        &mut realm.browser_flow,
        &mut realm.registration_flow,
        &mut realm.direct_grant_flow,
        &mut realm.reset_credentials_flow,
        &mut realm.client_authentication_flow,
        &mut realm.docker_authentication_flow,
        &mut realm.first_broker_login_flow,
    ] {
        if door == was {
            is.clone_into(door);
        }
    }
    realms::update(tx, &realm, found.ver).await?;
    Ok(())
}

impl RealmView {
    /// The flow or sub-flow of that alias.
    pub fn flow_by_alias(&self, alias: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.alias == alias)
    }
}
