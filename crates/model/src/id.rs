//! Identifiers: text of 1 to 36 characters, random UUIDs where we make them.
//!
//! Nothing parses them: Keycloak keeps an id that an import or a caller gave, UUID or not. Each kind is a
//! type of its own, so that a client's row can never be looked up by a user's id.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// A fresh random id (UUID version 4).
            pub fn random() -> Self {
                Self(uuid::Uuid::new_v4().to_string().into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether no id was given.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self(Arc::from(""))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id! {
    /// A realm's row; not its name.
    RealmId
}
id! {
    /// A client's row; its RFC 6749 `client_id` is a text of its own.
    ClientUuid
}
id! {
    /// A client scope's row.
    ScopeId
}
id! {
    /// A role's row, realm and client roles alike.
    RoleId
}
id! {
    /// A group's row.
    GroupId
}
id! {
    /// A user's row: the `sub` of his tokens.
    UserId
}
id! {
    /// A stored credential.
    CredentialId
}
id! {
    /// An authentication flow, an execution in it, or an authenticator's configuration.
    FlowId
}
id! {
    /// A component: a key provider, a policy, a user profile.
    ComponentId
}
