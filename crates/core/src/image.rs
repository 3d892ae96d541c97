//! A whole realm in memory: what an import builds, a fresh realm starts as, and an export reads.

use keyraft_crypto::Secret;
use keyraft_model::{Client, Consent, Credential, GroupId, Rest, RoleId, User};
use keyraft_store::{
    Error, RealmParts, RolesOf, Tx, client_scopes, clients, components, consents, credentials, flows, groups,
    realms, required_actions, role_lists, roles, users,
};

/// A realm with all that is in it.
#[derive(Debug, Default)]
pub struct RealmImage {
    /// Settings, flows, components, scopes, roles, groups.
    pub parts: RealmParts,
    /// Clients.
    pub clients: Vec<ClientImage>,
    /// Users, service accounts included.
    pub users: Vec<UserImage>,
}

/// A client with its scope mappings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientImage {
    /// The client.
    pub client: Client,
    /// Roles that its tokens may carry where it may not carry all.
    pub scope_mappings: Vec<RoleId>,
}

/// A user with all that is his.
#[derive(Debug, Default)]
pub struct UserImage {
    /// The user.
    pub user: User,
    /// His credentials, preferred ones first.
    pub credentials: Vec<Credential>,
    /// Roles that he holds directly.
    pub roles: Vec<RoleId>,
    /// Groups that he stands in directly.
    pub groups: Vec<GroupId>,
    /// What he allowed clients.
    pub consents: Vec<Consent>,
    /// A password in clear that an import brought, to be hashed before it is written.
    pub password: Option<Secret>,
}

impl RealmImage {
    /// Writes the realm with all that is in it; its id and name must be free.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the id or name is taken; [`Error::Unavailable`].
    pub async fn insert(&self, tx: &Tx) -> Result<(), Error> {
        let (parts, realm) = (&self.parts, &self.parts.realm.id);
        realms::insert(tx, &parts.realm).await?;
        for role in &parts.roles {
            roles::insert(tx, realm, role).await?;
        }
        for scope in &parts.client_scopes {
            client_scopes::insert(tx, realm, scope).await?;
        }
        for (scopes, is_default) in [(&parts.default_scopes, true), (&parts.optional_scopes, false)] {
            for scope in scopes {
                client_scopes::add_to_realm(tx, realm, scope, is_default).await?;
            }
        }
        for group in &parts.groups {
            groups::insert(tx, realm, group).await?;
        }
        self.insert_rules(tx).await?;
        for entry in &self.clients {
            clients::insert(tx, realm, &entry.client).await?;
            role_lists::add(tx, realm, RolesOf::Client(&entry.client.id), &entry.scope_mappings).await?;
        }
        for entry in &self.users {
            self.insert_user(tx, entry).await?;
        }
        Ok(())
    }

    async fn insert_rules(&self, tx: &Tx) -> Result<(), Error> {
        let (parts, realm) = (&self.parts, &self.parts.realm.id);
        for flow in &parts.flows {
            flows::insert(tx, realm, flow).await?;
        }
        for config in &parts.configs {
            flows::insert_config(tx, realm, config).await?;
        }
        for action in &parts.required_actions {
            required_actions::insert(tx, realm, action).await?;
        }
        for component in &parts.components {
            components::insert(tx, realm, component).await?;
        }
        Ok(())
    }

    async fn insert_user(&self, tx: &Tx, entry: &UserImage) -> Result<(), Error> {
        let (realm, id) = (&self.parts.realm.id, &entry.user.id);
        users::insert(tx, realm, &entry.user, !self.parts.realm.duplicate_emails_allowed).await?;
        role_lists::add(tx, realm, RolesOf::User(id), &entry.roles).await?;
        for group in &entry.groups {
            users::join_group(tx, realm, id, group).await?;
        }
        for credential in &entry.credentials {
            credentials::insert(tx, realm, id, credential).await?;
        }
        for consent in &entry.consents {
            consents::put(tx, realm, id, consent).await?;
        }
        Ok(())
    }
}

/// A representation as it is read and written: a JSON object.
pub type Representation = Rest;
