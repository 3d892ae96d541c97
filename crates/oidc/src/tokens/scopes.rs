//! Which client scopes a request is granted.

use keyraft_core::{ClientView, RealmView, UserRecord, authz};
use keyraft_model::{ClientScope, ScopeId};
use keyraft_wire::oauth::scope::{self, OFFLINE_ACCESS, OPENID};

/// A scope parameter names something that the client may not ask for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid scopes: {0}")]
pub struct InvalidScope(pub String);

/// Room for a scope's words, which seldom need more bytes.
const USUAL_LENGTH: usize = 128;

/// The client scopes of one token, the client's default scopes first.
#[derive(Clone, Debug)]
pub struct GrantedScopes<'a> {
    openid: bool,
    scopes: Vec<&'a ClientScope>,
}

impl<'a> GrantedScopes<'a> {
    /// The client's default scopes and, of its optional ones, those that `requested` names.
    ///
    /// # Errors
    ///
    /// A word that is neither `openid` nor a scope of this client. The whole parameter is quoted, as
    /// Keycloak does.
    pub fn request(
        realm: &'a RealmView,
        client: &'a ClientView,
        requested: Option<&str>,
    ) -> Result<Self, InvalidScope> {
        if let Some(requested) = requested
            && !scope::words(requested).all(|word| is_known(realm, client, word))
        {
            return Err(InvalidScope(requested.to_owned()));
        }
        Ok(Self::of(realm, client, requested))
    }

    /// The same without complaint: words that name nothing (any more) are left out.
    pub fn of(realm: &'a RealmView, client: &'a ClientView, requested: Option<&str>) -> Self {
        let requested = requested.unwrap_or_default();
        let client = &client.client;
        let optional = realm
            .scopes_of(&client.optional_client_scopes)
            .filter(|scope| scope::words(requested).any(|word| names(scope, word)));
        let mut scopes: Vec<&ClientScope> = Vec::new();
        for scope in realm.scopes_of(&client.default_client_scopes).chain(optional) {
            if is_openid_connect(scope) && !scopes.iter().any(|known| known.id == scope.id) {
                scopes.push(scope);
            }
        }
        Self { openid: scope::contains(requested, OPENID), scopes }
    }

    /// Without those that name roles of which the user has none.
    #[must_use]
    pub fn permitted(mut self, realm: &RealmView, user: &UserRecord) -> Self {
        self.scopes.retain(|scope| authz::may_have_scope(realm, user, scope));
        self
    }

    /// Narrowed to what `requested` names among the optional scopes; default scopes stay, and so does what an offline
    /// session is.
    #[must_use]
    pub fn narrowed(mut self, client: &ClientView, requested: &str) -> Self {
        let default = &client.client.default_client_scopes;
        self.openid &= scope::contains(requested, OPENID);
        self.scopes.retain(|scope| {
            default.contains(&scope.id)
                || scope.name == OFFLINE_ACCESS
                || scope::words(requested).any(|word| names(scope, word))
        });
        self
    }

    /// The client scopes.
    pub fn iter(&self) -> impl Iterator<Item = &'a ClientScope> {
        self.scopes.iter().copied()
    }

    /// The client scopes.
    pub fn as_slice(&self) -> &[&'a ClientScope] {
        &self.scopes
    }

    /// Their ids.
    pub fn ids(&self) -> Vec<ScopeId> {
        self.scopes.iter().map(|scope| scope.id.clone()).collect()
    }

    /// Whether an ID token is asked for.
    pub const fn is_openid(&self) -> bool {
        self.openid
    }

    /// Whether an offline session is asked for.
    pub fn is_offline(&self) -> bool {
        self.scopes.iter().any(|scope| scope.name == OFFLINE_ACCESS)
    }

    /// What `scope` in access tokens and answers says.
    pub fn visible(&self) -> String {
        self.join(ClientScope::is_in_token_scope)
    }

    /// Everything granted, hidden scopes included: `scope` of refresh tokens.
    pub fn all(&self) -> String {
        self.join(|_| true)
    }

    fn join(&self, shows: impl Fn(&ClientScope) -> bool) -> String {
        let mut words = String::with_capacity(USUAL_LENGTH);
        let names = self.scopes.iter().filter(|scope| shows(scope)).map(|scope| scope.name.as_str());
        for word in self.openid.then_some(OPENID).into_iter().chain(names) {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        words
    }
}

fn is_known(realm: &RealmView, client: &ClientView, word: &str) -> bool {
    let client = &client.client;
    word == OPENID
        || realm
            .scopes_of(&client.default_client_scopes)
            .chain(realm.scopes_of(&client.optional_client_scopes))
            .any(|scope| is_openid_connect(scope) && names(scope, word))
}

/// Whether a word asks for a scope: by its name, or for `organization` with a value behind a colon.
fn names(scope: &ClientScope, word: &str) -> bool {
    word == scope.name || (scope.name == "organization" && word.starts_with("organization:"))
}

fn is_openid_connect(scope: &ClientScope) -> bool {
    scope.protocol.as_deref().is_none_or(|protocol| protocol == "openid-connect")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{alice, client, realm};

    #[test]
    fn default_scopes_come_unasked_and_optional_ones_by_name() {
        let (realm, client) = (realm(), client(vec![]));
        let granted = |requested| GrantedScopes::request(&realm, &client, requested);

        assert_eq!(granted(None).unwrap().visible(), "profile email");
        assert_eq!(granted(Some("openid")).unwrap().visible(), "openid profile email");
        assert!(granted(Some("openid offline_access")).unwrap().is_offline());
        for bad in ["", "openid nope", "phone"] {
            assert_eq!(granted(Some(bad)).unwrap_err().to_string(), format!("Invalid scopes: {bad}"));
        }
    }

    #[test]
    fn a_scope_that_names_roles_is_for_their_holders() {
        let (realm, client, mut user) = (realm(), client(vec![]), alice());
        let granted = GrantedScopes::of(&realm, &client, Some("offline_access"));
        assert!(granted.clone().permitted(&realm, &user).is_offline());

        user.roles.clear();

        assert!(!granted.permitted(&realm, &user).is_offline());
    }

    #[test]
    fn narrowing_takes_optional_scopes_only_and_gives_none() {
        let (realm, client) = (realm(), client(vec![]));
        let granted = GrantedScopes::of(&realm, &client, Some("openid offline_access"));

        let narrowed = granted.clone().narrowed(&client, "profile");

        assert_eq!(narrowed.visible(), "profile email offline_access");
        let plain = GrantedScopes::of(&realm, &client, Some("openid"));
        assert!(!plain.narrowed(&client, "openid offline_access").is_offline());
    }
}
