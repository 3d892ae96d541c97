//! Keeping a realm's user profile: a component, once it was changed.

use keyraft_model::{Component, ComponentId, Rest, component::USER_PROFILE_PROVIDER};
use keyraft_store::components;

use super::UserProfile;
use crate::{Core, Error, RealmView, overlay::invalid};

const CONFIG: &str = "kc.user.profile.config";

impl Core {
    /// Replaces a realm's user profile by a `UPConfig` and returns it as it is stored.
    ///
    /// # Errors
    /// [`Error::Invalid`] with Keycloak's sentences in brackets.
    pub async fn set_user_profile(&self, realm: &RealmView, given: &Rest) -> Result<UserProfile, Error> {
        let scopes: Vec<&str> = realm.scopes.values().map(|scope| scope.name.as_str()).collect();
        let profile = UserProfile::parse(given, &scopes).map_err(|sentence| invalid("profile", sentence))?;
        let text = serde_json::to_string(&profile)
            .map_err(|error| Error::Internal(format!("a profile does not serialise: {error}")))?;
        let (of, text) = (&realm.realm.id, &text);
        self.store
            .write(async |tx| {
                let listed = components::list(&tx, of).await?;
                let stored =
                    listed.into_iter().find(|stored| stored.value.provider_type == USER_PROFILE_PROVIDER);
                match stored {
                    Some(mut stored) => {
                        stored.value.config.insert(CONFIG.to_owned(), vec![text.clone()]);
                        components::update(&tx, of, &stored.value, stored.ver).await?;
                    }
                    None => {
                        components::insert(&tx, of, &component(of.as_str(), text)).await?;
                    }
                }
                Ok::<_, keyraft_store::Error>(())
            })
            .await?;
        Ok(profile)
    }
}

fn component(realm: &str, text: &str) -> Component {
    Component {
        id: ComponentId::random(),
        provider_id: "declarative-user-profile".to_owned(),
        provider_type: USER_PROFILE_PROVIDER.to_owned(),
        parent_id: realm.to_owned(),
        config: [(CONFIG.to_owned(), vec![text.to_owned()])].into_iter().collect(),
        ..Component::default()
    }
}
