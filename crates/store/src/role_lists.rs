//! Lists of roles: what a user holds, a group gives, a role includes, and what tokens of a client or with a client
//! scope may carry where they may not carry all.

use keyraft_model::{ClientUuid, GroupId, RealmId, RoleId, ScopeId, UserId};

use crate::{
    Error, Source, Tx,
    changes::Kind,
    source::args,
    sql::{Sql, statements},
};

statements! {
    OF_USER = "SELECT role_id FROM usr_role WHERE realm_id = $1 AND usr_id = $2 ORDER BY role_id";
    OF_GROUP = "SELECT role_id FROM grp_role WHERE realm_id = $1 AND grp_id = $2 ORDER BY role_id";
    OF_ROLE = "SELECT child_id FROM role_composite WHERE realm_id = $1 AND role_id = $2 ORDER BY child_id";
    OF_CLIENT = "SELECT role_id FROM client_role WHERE realm_id = $1 AND client_id = $2 ORDER BY role_id";
    OF_SCOPE = "SELECT role_id FROM scope_role WHERE realm_id = $1 AND scope_id = $2 ORDER BY role_id";
    ADD_TO_USER = "INSERT INTO usr_role (realm_id, usr_id, role_id) VALUES ($1, $2, $3) \
                   ON CONFLICT (realm_id, usr_id, role_id) DO NOTHING";
    ADD_TO_GROUP = "INSERT INTO grp_role (realm_id, grp_id, role_id) VALUES ($1, $2, $3) \
                    ON CONFLICT (realm_id, grp_id, role_id) DO NOTHING";
    ADD_TO_ROLE = "INSERT INTO role_composite (realm_id, role_id, child_id) VALUES ($1, $2, $3) \
                   ON CONFLICT (realm_id, role_id, child_id) DO NOTHING";
    ADD_TO_CLIENT = "INSERT INTO client_role (realm_id, client_id, role_id) VALUES ($1, $2, $3) \
                     ON CONFLICT (realm_id, client_id, role_id) DO NOTHING";
    ADD_TO_SCOPE = "INSERT INTO scope_role (realm_id, scope_id, role_id) VALUES ($1, $2, $3) \
                    ON CONFLICT (realm_id, scope_id, role_id) DO NOTHING";
    TAKE_FROM_USER = "DELETE FROM usr_role WHERE realm_id = $1 AND usr_id = $2 AND role_id = $3";
    TAKE_FROM_GROUP = "DELETE FROM grp_role WHERE realm_id = $1 AND grp_id = $2 AND role_id = $3";
    TAKE_FROM_ROLE = "DELETE FROM role_composite WHERE realm_id = $1 AND role_id = $2 AND child_id = $3";
    TAKE_FROM_CLIENT = "DELETE FROM client_role WHERE realm_id = $1 AND client_id = $2 AND role_id = $3";
    TAKE_FROM_SCOPE = "DELETE FROM scope_role WHERE realm_id = $1 AND scope_id = $2 AND role_id = $3";
}

/// Whose list of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolesOf<'a> {
    /// Those that a user holds directly.
    User(&'a UserId),
    /// Those that a group gives its members.
    Group(&'a GroupId),
    /// Those that a role includes.
    Role(&'a RoleId),
    /// The scope mappings of a client.
    Client(&'a ClientUuid),
    /// The scope mappings of a client scope.
    Scope(&'a ScopeId),
}

/// How a list is read, added to and taken from.
struct Statements {
    list: Sql,
    add: Sql,
    take: Sql,
}

impl RolesOf<'_> {
    fn statements(self) -> Statements {
        let (list, add, take) = match self {
            Self::User(_) => (OF_USER, ADD_TO_USER, TAKE_FROM_USER),
            Self::Group(_) => (OF_GROUP, ADD_TO_GROUP, TAKE_FROM_GROUP),
            Self::Role(_) => (OF_ROLE, ADD_TO_ROLE, TAKE_FROM_ROLE),
            Self::Client(_) => (OF_CLIENT, ADD_TO_CLIENT, TAKE_FROM_CLIENT),
            Self::Scope(_) => (OF_SCOPE, ADD_TO_SCOPE, TAKE_FROM_SCOPE),
        };
        Statements { list, add, take }
    }

    fn id(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Group(id) => id.as_str(),
            Self::Role(id) => id.as_str(),
            Self::Client(id) => id.as_str(),
            Self::Scope(id) => id.as_str(),
        }
    }

    /// Notes what is cached together with the list.
    fn touch(&self, tx: &Tx, realm: &RealmId) {
        match self {
            Self::User(_) => tx.changed(Kind::User, realm.as_str(), self.id(), None),
            Self::Client(_) => tx.changed(Kind::Client, realm.as_str(), self.id(), None),
            Self::Group(_) | Self::Role(_) | Self::Scope(_) => {
                tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
            }
        }
    }
}

/// The roles of a list, by id.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId, of: RolesOf<'_>) -> Result<Vec<RoleId>, Error> {
    let sql = of.statements().list;
    let rows = on.rows(sql, args![realm.as_str(), of.id()]).await?;
    rows.iter().map(|row| row.id(sql, 0)).collect()
}

/// Adds roles to a list; those that are on it stay.
///
/// # Errors
/// [`Error::Unavailable`]; [`Error::Corrupt`] when there is no such user.
pub async fn add(tx: &Tx, realm: &RealmId, to: RolesOf<'_>, roles: &[RoleId]) -> Result<(), Error> {
    each(tx, to.statements().add, realm, to, roles).await
}

/// Takes roles off a list; those that are not on it are passed over.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn take(tx: &Tx, realm: &RealmId, from: RolesOf<'_>, roles: &[RoleId]) -> Result<(), Error> {
    each(tx, from.statements().take, realm, from, roles).await
}

async fn each(tx: &Tx, sql: Sql, realm: &RealmId, of: RolesOf<'_>, roles: &[RoleId]) -> Result<(), Error> {
    for role in roles {
        tx.exec(sql, args![realm.as_str(), of.id(), role.as_str()]).await?;
    }
    of.touch(tx, realm);
    Ok(())
}
