//! Puts the rooms together: the only file that knows every one of them.
//!
//! `commands::start` calls [`open`] once settings are judged and sockets are bound, serves [`House::router`] on
//! them, shows [`House::probe`] on the management port, and calls [`House::close`] after the last request.
//! Nothing here listens, logs to the person or handles signals.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{Router, response::Redirect, routing::get};
use keyraft_cluster::{Cluster, Operators};
use keyraft_core::{
    Core, bootstrap,
    copies::Copies,
    outbound::Outbound,
    rows::Rows,
    seal::{self, Opened},
};
use keyraft_crypto::{
    password::Hasher,
    seal::{DataKeys, MasterKeys},
};
use keyraft_login::Login;
use keyraft_model::{Realm, UnixMs};
use keyraft_oidc::{Oidc, OpenIdConnect};
use keyraft_store::Db;
use keyraft_web::{RealmSource, assets, layers};

use crate::{
    config::{Config, Mode, Problems, Target},
    readiness::Probe,
    sessions,
};

/// How often a database that was away at the start is tried.
const CATCH_UP_EVERY: Duration = Duration::from_millis(500);

/// The rooms, open.
pub(crate) struct House {
    router: Router,
    core: Core,
    made_administrator: bool,
}

/// How often a node that starts looks whether its cluster has a leader.
const LOOK_FOR_LEADER: Duration = Duration::from_millis(50);

/// Opens the rooms: store (migrated), cluster, core; makes `master` and the first administrator of
/// `config.bootstrap_admin` in an empty database; with `import`, imports the realms in `<data_dir>/import`. A node of
/// a cluster is open once it has its place in it; `operators` lead to it meanwhile.
///
/// # Errors
/// What could not be opened.
pub(crate) async fn open(config: &Config, import: bool, operators: Operators) -> anyhow::Result<House> {
    let Opened { store, keys, is_away } = open_store_or_kept(config).await?;
    let mut sessions = sessions::settings(config, &store, operators)?;
    sessions.backing = Some(Arc::new(Rows::new(store.clone())));
    let cluster = Cluster::open(sessions).await.context("the session log cannot be opened")?;
    let core = core_over(config, store, cluster, keys)?;
    let made_administrator = if is_away {
        tokio::spawn(catch_up(core.clone()));
        false
    } else {
        crate::commands::first_start(&core, config, import, time(&core).await?).await?
    };
    // They end when the store is closed.
    tokio::spawn(keyraft_core::changes::follow(core.clone()));
    let mut jobs = keyraft_core::jobs::own();
    jobs.push(keyraft_oidc::backchannel::job());
    if config.cluster.is_on() {
        tokio::spawn(keyraft_core::jobs::run(core.clone(), jobs));
    } else {
        tokio::spawn(keyraft_core::jobs::run_alone(core.clone(), jobs));
    }
    let router = router(config, &core);
    Ok(House { router, core, made_administrator })
}

/// The log's time. It tells nobody before there is a leader, and the first elections may take a while; a node alone
/// leads at once.
async fn time(core: &Core) -> anyhow::Result<UnixMs> {
    loop {
        match core.cluster.view().await {
            Ok(view) => return Ok(view.now()),
            Err(keyraft_cluster::Error::NoQuorum | keyraft_cluster::Error::Away(_)) => {
                tokio::time::sleep(LOOK_FOR_LEADER).await;
            }
            Err(error) => return Err(error).context("the session log tells no time"),
        }
    }
}

/// As [`open_store`]; a node that has been at this database before starts without it too.
async fn open_store_or_kept(config: &Config) -> anyhow::Result<Opened> {
    let settings = store_settings(config)?;
    let kept = config.general.data_dir.join("data.keys");
    let opened = seal::open_store_or_kept(&settings, &master_keys(config)?, "start", &kept).await;
    opened.context("the database cannot be opened")
}

/// Brings the schema up to date once a database answers that was away at the start.
async fn catch_up(core: Core) {
    while !core.store.is_closed() {
        match seal::catch_up(&core.store, "start").await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "the database is still away"),
        }
        tokio::time::sleep(CATCH_UP_EVERY).await;
    }
}

fn master_keys(config: &Config) -> anyhow::Result<MasterKeys> {
    MasterKeys::parse(config.general.master_key.iter().map(keyraft_crypto::Secret::expose))
        .context("master_key")
}

/// Opens the store, migrated, its secrets readable.
///
/// # Errors
/// What could not be opened.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<(Db, DataKeys)> {
    let settings = store_settings(config)?;
    seal::open_store(&settings, &master_keys(config)?, "start").await.context("the database cannot be opened")
}

/// Where the database is and how much of it to use.
///
/// # Errors
/// None that judging the settings has not found before.
pub(crate) fn store_settings(config: &Config) -> Result<keyraft_store::Settings, Problems> {
    let url = match config.database_target().map_err(|problem| Problems(vec![problem]))? {
        Target::Sqlite(path) => format!("sqlite:{}", path.display()),
        Target::Postgres(url) => url.expose().to_owned(),
    };
    let mut settings = keyraft_store::Settings::new(url);
    settings.max_connections = config.database.pool_max_size;
    Ok(settings)
}

/// The operations over an open store and an open cluster.
///
/// # Errors
/// When the machine gives no threads or no TLS.
pub(crate) fn core_over(
    config: &Config,
    store: Db,
    cluster: Cluster,
    keys: DataKeys,
) -> anyhow::Result<Core> {
    let hasher = Hasher::start().context("no threads for password hashing")?;
    let outbound = Outbound::new(config.mode == Mode::Dev).context("no client for outbound requests")?;
    let copies = Copies::open(&config.general.data_dir.join("copies"), &keys);
    Ok(Core::with_copies(store, cluster, hasher, keys, outbound, copies))
}

/// Who the settings name as the first administrator.
pub(crate) fn first_admin(config: &Config) -> bootstrap::FirstAdmin {
    let admin = &config.bootstrap_admin;
    bootstrap::FirstAdmin {
        username: admin.username.clone(),
        password: admin.password.clone(),
        client_id: admin.client_id.clone(),
        client_secret: admin.client_secret.clone(),
    }
}

fn router(config: &Config, core: &Core) -> Router {
    let login = Login::new(core.clone(), Arc::new(OpenIdConnect));
    let oidc = Oidc::new(core.clone(), login.clone());
    let router = Router::new()
        .merge(keyraft_oidc::router(oidc.clone()))
        .merge(keyraft_login::router(login))
        .merge(keyraft_admin::router(oidc.clone()))
        .merge(keyraft_console::account::router(oidc))
        .merge(keyraft_console::welcome::router(core.clone(), config.mode == Mode::Dev))
        .merge(assets::router());
    let names = Arc::new(config.names());
    let path = names.relative_path.trim_end_matches('/').to_owned();
    let router = if path.is_empty() { router } else { below(&path, router) };
    layers(router, names, Realms(core.clone()))
}

/// Everything below a path. A router that is nested answers at the path itself, and not with a slash behind it.
fn below(path: &str, router: Router) -> Router {
    let root = Redirect::to(path);
    Router::new().nest(path, router).route(&format!("{path}/"), get(async move || root))
}

/// Where the layers find a realm's security headers.
#[derive(Clone)]
struct Realms(Core);

impl RealmSource for Realms {
    async fn realm(&self, name: &str) -> Option<Arc<Realm>> {
        self.0.realm(name).await.ok().flatten().map(|view| Arc::clone(&view.realm))
    }

    fn is_informed(&self) -> bool {
        self.0.cluster.is_informed()
    }
}

impl House {
    /// Everything that is served to users, `config.http.relative_path` and the layers of `web` included.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// What the rooms say about themselves.
    pub(crate) fn probe(&self) -> Box<dyn Probe> {
        Box::new(Rooms(self.core.clone()))
    }

    /// Hands the leadership of the sessions on, if this node has it: others serve on while this one stops.
    pub(crate) fn step_down(&self) -> impl Future<Output = ()> + Send + use<> {
        let cluster = self.core.cluster.clone();
        async move { cluster.step_down().await }
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
        keyraft_core::jobs::give_back(&self.core).await;
        self.core.cluster.shutdown().await.context("the session log was not closed")?;
        self.core.store.close().await;
        Ok(())
    }
}

struct Rooms(Core);

impl Probe for Rooms {
    fn database(&self) -> bool {
        !self.0.store.is_away()
    }

    fn unready(&self) -> Option<String> {
        self.0.cluster.unready()
    }

    fn alive(&self) -> bool {
        true
    }
}
