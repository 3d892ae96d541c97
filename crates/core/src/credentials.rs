//! A user's credentials as an administrator sees them: their order, names and end.

use keyraft_model::{Credential, CredentialId, UserId};
use keyraft_store::credentials;

use crate::{Core, Error, RealmView};

impl Core {
    /// Gives a user another credential, beside those that he holds.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn add_credential(
        &self,
        realm: &RealmView,
        user: &UserId,
        credential: &Credential,
    ) -> Result<(), Error> {
        let of = &realm.realm.id;
        self.store.write(async |tx| credentials::insert(&tx, of, user, credential).await).await?;
        Ok(())
    }

    /// Deletes a credential of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_credential(
        &self,
        realm: &RealmView,
        user: &UserId,
        id: &CredentialId,
    ) -> Result<(), Error> {
        let of = &realm.realm.id;
        let was_there = self.store.write(async |tx| credentials::delete(&tx, of, user, id).await).await?;
        if was_there { Ok(()) } else { Err(Error::NotFound("credential")) }
    }

    /// Deletes every credential of these kinds.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn delete_credentials_of(
        &self,
        realm: &RealmView,
        user: &UserId,
        kinds: &[String],
    ) -> Result<(), Error> {
        let of = &realm.realm.id;
        self.store
            .write(async |tx| {
                for held in credentials::list(&tx, of, user).await? {
                    if kinds.contains(&held.value.kind) {
                        credentials::delete(&tx, of, user, &held.value.id).await?;
                    }
                }
                Ok::<_, keyraft_store::Error>(())
            })
            .await?;
        Ok(())
    }

    /// Names a credential.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn label_credential(
        &self,
        realm: &RealmView,
        user: &UserId,
        id: &CredentialId,
        label: &str,
    ) -> Result<(), Error> {
        crate::overlay::fits("userLabel", label, 255)?;
        let of = &realm.realm.id;
        self.store
            .write(async |tx| {
                let listed = credentials::list(&tx, of, user).await?;
                let found = listed.into_iter().find(|held| held.value.id == *id);
                let found = found.ok_or(Error::NotFound("credential"))?;
                let named = Credential { user_label: Some(label.to_owned()), ..found.value };
                credentials::update(&tx, of, user, &named, found.ver).await?;
                Ok::<_, Error>(())
            })
            .await
    }

    /// Moves a credential behind another, or to the front. Behind one that is not there it stays where it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn move_credential(
        &self,
        realm: &RealmView,
        user: &UserId,
        id: &CredentialId,
        behind: Option<&CredentialId>,
    ) -> Result<(), Error> {
        let of = &realm.realm.id;
        if !self.credentials(of, user).await?.iter().any(|held| held.id == *id) {
            return Err(Error::NotFound("credential"));
        }
        self.store.write(async |tx| credentials::reorder(&tx, of, user, id, behind).await).await?;
        Ok(())
    }
}
