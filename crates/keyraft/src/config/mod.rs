//! The configuration: flag over environment over TOML file over default.
//!
//! One struct a section, one file a section. [`Config::load`] reads all of them, notes everything that is wrong
//! at once, and gives a [`Config`] only when nothing is; no socket is opened before. What a realm's administrator
//! may change is not here: it lives in the realm.

mod bootstrap;
mod check;
mod check_cluster;
mod cluster;
mod database;
mod general;
mod hostname;
mod http;
mod jdbc;
mod keycloak;
mod log;
mod management;
mod problem;
mod production;
mod proxy;
pub(crate) mod reference;
pub(crate) mod section;
pub(crate) mod setting;
pub(crate) mod sources;
mod unknown;

pub(crate) use self::production::weakness;
pub(crate) use self::{
    bootstrap::BootstrapAdmin,
    cluster::Cluster,
    database::{Database, Target},
    general::General,
    hostname::{Hostname, PublicUrl},
    http::{Http, Https},
    log::{Log, LogFormat},
    management::Management,
    problem::{Problem, Problems},
    proxy::Proxy,
    sources::Sources,
};
use self::{section::Section, sources::Values};

/// Which rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `start-dev`: needs no setting, trusts the request's host, serves plain http.
    Dev,
    /// `start`: refuses what is unsafe.
    Production,
}

/// The whole configuration of a node.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Which rules count.
    pub mode: Mode,
    /// Data folder, master key, threads.
    pub general: General,
    /// What the world calls this server.
    pub hostname: Hostname,
    /// Where this node listens.
    pub http: Http,
    /// TLS of this node's own.
    pub https: Https,
    /// The proxy in front.
    pub proxy: Proxy,
    /// The port for probes and metrics.
    pub management: Management,
    /// Where durable data lives.
    pub database: Database,
    /// The log of sessions.
    pub cluster: Cluster,
    /// What is written about this node.
    pub log: Log,
    /// The first administrator.
    pub bootstrap_admin: BootstrapAdmin,
}

/// A configuration that was read, good or not.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings; where one could not be read, its default stands.
    pub config: Config,
    /// What is wrong in every mode.
    pub problems: Vec<Problem>,
    /// What is left aside, such as options of Keycloak that mean nothing here.
    pub warnings: Vec<String>,
    /// Where the values come from.
    pub(crate) values: Values,
}

/// The table of settings, in the order of the reference.
pub(crate) fn sections() -> [&'static Section; 10] {
    [
        General::SECTION,
        Hostname::SECTION,
        Http::SECTION,
        Https::SECTION,
        Proxy::SECTION,
        Management::SECTION,
        Database::SECTION,
        Cluster::SECTION,
        Log::SECTION,
        BootstrapAdmin::SECTION,
    ]
}

impl Config {
    /// Reads all sources without judging whether the whole is safe.
    pub(crate) fn read(mode: Mode, sources: &Sources) -> Loaded {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let values = sources::gather(sources, &mut problems, &mut warnings);
        let (v, p) = (&values, &mut problems);
        let config = Self {
            mode,
            general: General::read(v, mode, p),
            hostname: Hostname::read(v, mode, p),
            http: Http::read(v, mode, p),
            https: Https::read(v, mode, p),
            proxy: Proxy::read(v, mode, p),
            management: Management::read(v, mode, p),
            database: Database::read(v, mode, p),
            cluster: Cluster::read(v, mode, p),
            log: Log::read(v, mode, p),
            bootstrap_admin: BootstrapAdmin::read(v, mode, p),
        };
        check::check(&config, &mut problems, &mut warnings);
        Loaded { config, problems, warnings, values }
    }

    /// Reads all sources and judges them by the rules of `mode`.
    ///
    /// # Errors
    /// Everything that must change first, each with its remedy.
    pub(crate) fn load(mode: Mode, sources: &Sources) -> Result<Loaded, Problems> {
        let mut loaded = Self::read(mode, sources);
        if mode == Mode::Production {
            production::check(&loaded.config, &mut loaded.problems);
        }
        if loaded.problems.is_empty() { Ok(loaded) } else { Err(Problems(loaded.problems)) }
    }

    /// Where to connect for durable data.
    ///
    /// # Errors
    /// What contradicts itself; [`Config::load`] has refused it before.
    pub(crate) fn database_target(&self) -> Result<Target, Problem> {
        self.database.resolve(&self.general.data_dir).map(|resolved| resolved.target)
    }
}

#[cfg(test)]
mod tests;
