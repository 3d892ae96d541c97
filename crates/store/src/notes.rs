//! What a transaction changed, noted on the way, so that caches everywhere hear of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Error, Source, Tx, source::args, sql::statements};

statements! {
    RAISE_REALM = "UPDATE realm SET ver = ver + 1 WHERE id = $1 AND id = $2 RETURNING ver";
    RAISE_CLIENT = "UPDATE client SET ver = ver + 1 WHERE realm_id = $1 AND id = $2 RETURNING ver";
    RAISE_USER = "UPDATE usr SET ver = ver + 1 WHERE realm_id = $1 AND id = $2 RETURNING ver";
}

/// What kind of cached thing changed. Roles, groups, scopes, flows and components are part of their realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A realm with everything in it: it was made, replaced or deleted.
    Whole,
    /// A realm with all that is its own but clients and users.
    Realm,
    /// A client with its scope mappings.
    Client,
    /// A user with his roles, groups, credentials and consents.
    User,
}

impl Kind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Realm => "realm",
            Self::Client => "client",
            Self::User => "user",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Whole, Self::Realm, Self::Client, Self::User].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Kind, realm, entity.
pub(crate) type Key = (Kind, String, String);

/// Ordered, so that two transactions that raise the same rows take them in the same order.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    changed: BTreeMap<Key, Option<i64>>,
    new_realms: BTreeSet<String>,
}

impl Notes {
    pub(crate) fn add(&mut self, kind: Kind, realm: &str, entity: &str, ver: Option<i64>) {
        if self.new_realms.contains(realm) {
            return;
        }
        let noted = self.changed.entry((kind, realm.to_owned(), entity.to_owned())).or_default();
        *noted = (*noted).max(ver);
    }

    pub(crate) fn realm_is_new(&mut self, realm: &str) {
        self.new_realms.insert(realm.to_owned());
    }

    pub(crate) fn take(&mut self) -> BTreeMap<Key, Option<i64>> {
        std::mem::take(&mut self.changed)
    }
}

/// Gives a row a new version; a row that is gone has no say.
pub(crate) async fn raise(tx: &Tx, kind: Kind, realm: &str, entity: &str) -> Result<i64, Error> {
    let sql = match kind {
        Kind::Whole | Kind::Realm => RAISE_REALM,
        Kind::Client => RAISE_CLIENT,
        Kind::User => RAISE_USER,
    };
    match tx.row(sql, args![realm, entity]).await? {
        Some(row) => row.int(sql, 0),
        None => Ok(Tx::first_ver()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_noted_once_with_its_highest_version() {
        let mut notes = Notes::default();
        notes.add(Kind::User, "r", "alice", None);
        notes.add(Kind::User, "r", "alice", Some(3));
        notes.add(Kind::User, "r", "alice", None);

        assert_eq!(notes.take().into_values().collect::<Vec<_>>(), [Some(3)]);
    }

    #[test]
    fn what_is_in_a_new_realm_needs_no_note() {
        let mut notes = Notes::default();
        notes.add(Kind::Realm, "r", "r", Some(1));
        notes.realm_is_new("r");
        notes.add(Kind::User, "r", "alice", Some(1));

        assert_eq!(notes.take().len(), 1);
    }
}
