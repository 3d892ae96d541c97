//! What a client's scopes mean, worked out once: mappers compiled and sorted.
//!
//! A droppable cache. Plans hang on the very realm and client views they were made from, so a change to
//! either, which makes a new view, can never meet an old plan.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use keyraft_core::{ClientView, RealmView};
use keyraft_model::{ClientUuid, RealmId, ScopeId};

use super::GrantedScopes;
use crate::mappers::Mapper;

/// At most so many plans of one realm are kept.
const MAX_PLANS: usize = 4096;

/// The mappers of one client with one set of scopes.
#[derive(Debug)]
pub struct Plan {
    /// Of the scopes and the client itself, in the order in which they run.
    pub mappers: Vec<Mapper>,
}

impl Plan {
    /// Works it out.
    pub fn new(client: &ClientView, scopes: &GrantedScopes<'_>) -> Self {
        let of_scopes = scopes.iter().flat_map(|scope| &scope.protocol_mappers);
        Self { mappers: Mapper::compile_all(of_scopes.chain(&client.client.protocol_mappers)) }
    }
}

/// A client and the scopes that were granted to it.
type Key = (ClientUuid, Vec<ScopeId>);

/// Plans of all realms.
#[derive(Debug, Default)]
pub struct Plans(RwLock<HashMap<RealmId, OfRealm>>);

#[derive(Debug)]
struct OfRealm {
    realm: Arc<RealmView>,
    plans: HashMap<Key, (Arc<ClientView>, Arc<Plan>)>,
}

impl Plans {
    /// The plan of a client with these scopes.
    pub fn get(
        &self,
        realm: &Arc<RealmView>,
        client: &Arc<ClientView>,
        scopes: &GrantedScopes<'_>,
    ) -> Arc<Plan> {
        let key = (client.client.id.clone(), scopes.ids());
        if let Some(plan) = self.find(realm, client, &key) {
            return plan;
        }
        let plan = Arc::new(Plan::new(client, scopes));
        let mut realms = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_realm = realms
            .entry(realm.realm.id.clone())
            .or_insert_with(|| OfRealm { realm: Arc::clone(realm), plans: HashMap::new() });
        if !Arc::ptr_eq(&of_realm.realm, realm) {
            *of_realm = OfRealm { realm: Arc::clone(realm), plans: HashMap::new() };
        }
        if of_realm.plans.len() >= MAX_PLANS {
            of_realm.plans.clear();
        }
        of_realm.plans.insert(key, (Arc::clone(client), Arc::clone(&plan)));
        plan
    }

    fn find(&self, realm: &Arc<RealmView>, client: &Arc<ClientView>, key: &Key) -> Option<Arc<Plan>> {
        let realms = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_realm = realms.get(&realm.realm.id).filter(|known| Arc::ptr_eq(&known.realm, realm))?;
        let (known, plan) = of_realm.plans.get(key)?;
        Arc::ptr_eq(known, client).then(|| Arc::clone(plan))
    }
}
