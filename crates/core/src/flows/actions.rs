//! The required actions of a realm as an administrator changes them.

use keyraft_model::{RealmId, RequiredAction};
use keyraft_store::{Error as StoreError, Tx, required_actions as rows};

use crate::{Core, Error, RealmView};

/// The required actions of a realm, by rising priority.
pub type Actions = Vec<RequiredAction>;

impl Core {
    /// Reads a realm's required actions, changes them, and writes what differs.
    ///
    /// # Errors
    /// What `change` refuses; [`Error::Conflict`] when another change was a moment earlier; [`Error::Unavailable`].
    pub async fn change_required_actions(
        &self,
        realm: &RealmView,
        change: impl Fn(&mut Actions) -> Result<(), Error> + Send + Sync,
    ) -> Result<(), Error> {
        let (id, change) = (&realm.realm.id, &change);
        self.store
            .write(async |tx| {
                let before = rows::list(&tx, id).await?;
                let mut after: Actions = before.iter().map(|found| found.value.clone()).collect();
                change(&mut after)?;
                let is_there = |alias: &str| after.iter().any(|action| action.alias == alias);
                for gone in before.iter().filter(|found| !is_there(&found.value.alias)) {
                    rows::delete(&tx, id, &gone.value.alias).await?;
                }
                for action in &after {
                    let known = before.iter().find(|found| found.value.alias == action.alias);
                    write(&tx, id, action, known.map(|found| (&found.value, found.ver))).await?;
                }
                Ok::<_, Error>(())
            })
            .await
    }
}

async fn write(
    tx: &Tx,
    realm: &RealmId,
    action: &RequiredAction,
    known: Option<(&RequiredAction, i64)>,
) -> Result<(), StoreError> {
    match known {
        Some((before, _)) if before == action => {}
        Some((_, ver)) => drop(rows::update(tx, realm, action, ver).await?),
        None => drop(rows::insert(tx, realm, action).await?),
    }
    Ok(())
}

/// Swaps an action with the one before it, or after it; says whether it is there.
pub fn shift(actions: &mut Actions, alias: &str, down: bool) -> bool {
    let Some(at) = actions.iter().position(|action| action.alias == alias) else { return false };
    let other = if down { at.checked_add(1) } else { at.checked_sub(1) };
    if let Some(other) = other.filter(|other| *other < actions.len()) {
        let (a, b) = (actions[at].priority, actions[other].priority);
        (actions[at].priority, actions[other].priority) = (b, a);
        actions.swap(at, other);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_change_places_with_their_neighbours() {
        let action = |alias: &str, priority| RequiredAction {
            alias: alias.into(),
            priority,
            ..RequiredAction::default()
        };
        let mut actions = vec![action("a", 10), action("b", 20)];

        assert!(shift(&mut actions, "a", true) && shift(&mut actions, "a", true));
        assert_eq!(actions, [action("b", 10), action("a", 20)]);
        assert!(!shift(&mut actions, "c", true));
    }
}
