//! Giving and taking roles, whoever's list they are on.

use keyraft_model::RoleId;
use keyraft_store::role_lists;

pub use keyraft_store::RolesOf;

use crate::{Core, Error, RealmView, authority::Authority};

impl Core {
    /// Adds roles to a list.
    ///
    /// # Errors
    /// [`Error::Denied`] when one carries authority that the caller does not have.
    pub async fn give_roles(
        &self,
        realm: &RealmView,
        to: RolesOf<'_>,
        roles: &[RoleId],
        by: &Authority,
    ) -> Result<(), Error> {
        may_give_all(realm, roles, by)?;
        let of = &realm.realm.id;
        Ok(self.store.write(async |tx| role_lists::add(&tx, of, to, roles).await).await?)
    }

    /// Takes roles off a list.
    ///
    /// # Errors
    /// [`Error::Denied`] when one carries authority that the caller does not have.
    pub async fn take_roles(
        &self,
        realm: &RealmView,
        from: RolesOf<'_>,
        roles: &[RoleId],
        by: &Authority,
    ) -> Result<(), Error> {
        may_give_all(realm, roles, by)?;
        let of = &realm.realm.id;
        Ok(self.store.write(async |tx| role_lists::take(&tx, of, from, roles).await).await?)
    }
}

/// Refuses roles that carry authority which the caller does not have.
fn may_give_all(realm: &RealmView, roles: &[RoleId], by: &Authority) -> Result<(), Error> {
    if roles.iter().all(|role| by.may_give(realm, role)) {
        Ok(())
    } else {
        Err(Error::Denied("a role carries more authority than its giver has"))
    }
}
