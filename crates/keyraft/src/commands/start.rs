//! `keyraft start` and `keyraft start-dev`: from settings to a serving node, and back.
//!
//! The order is fixed: settings are judged, files are read, sockets are bound, the management port answers,
//! the rooms open, requests are taken. Stopping goes the other way round, so that no request meets a closed
//! room and no acknowledged write is lost.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use keyraft_cluster::Operators;
use tower::layer::layer_fn;

use crate::{
    assemble::{self, House},
    cli::{Start, say},
    config::{Config, Mode},
    control,
    dev::{self, FirstAdministrator},
    listener::Listener,
    management,
    readiness::Readiness,
    shutdown::{Signals, Stop, on_signal},
    telemetry::{self, Measured, Metrics},
    tls::Certificate,
};

/// How often samples are folded into buckets.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// Connections of probes and scrapers at once.
const MANAGEMENT_CONNECTIONS: u32 = 64;

/// Carries out `start` or `start-dev`.
pub(super) fn run(mode: Mode, options: Start) -> anyhow::Result<()> {
    let loaded = Config::load(mode, &options.settings.sources())?;
    let mut config = loaded.config;
    telemetry::start_logging(&config.log);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let administrator = match mode {
        Mode::Dev => dev::prepare(&mut config)?,
        Mode::Production => FirstAdministrator::AsConfigured,
    };
    super::runtime(&config)?.block_on(serve(config, administrator, options.import_realm))
}

/// What is open before the rooms are.
struct Doors {
    http: Vec<(Listener, &'static str)>,
    management: Option<Listener>,
    certificate: Option<Arc<Certificate>>,
}

impl Doors {
    /// Reads what has to be read, then binds everything: a port that is taken must not be found out after
    /// the database was migrated.
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let certificate = Certificate::open(&config.https)?;
        let tls = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        let mut http = Vec::new();
        if config.http.enabled {
            http.push((Listener::bind(config.http.host, config.http.port, None).await?, "http"));
        }
        if tls.is_some() {
            http.push((Listener::bind(config.http.host, config.https.port, tls).await?, "https"));
        }
        let management = if config.management.is_on() {
            let host = config.management.host.unwrap_or(config.http.host);
            Some(Listener::bind(host, config.management.port, None).await?)
        } else {
            None
        };
        Ok(Self { http, management, certificate })
    }
}

async fn serve(config: Config, administrator: FirstAdministrator, import: bool) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let doors = Doors::open(&config).await?;
    let metrics = Metrics::start().context("cannot collect metrics")?;
    let operators = Operators::default();
    let is_clustered = config.cluster.is_on();
    if is_clustered {
        control::listen(&config.general.data_dir, operators.clone()).await?;
    }
    let readiness = Readiness::starting(is_clustered.then(|| operators.clone()));
    let (stop, closed) = (Stop::new(), Stop::new());
    tokio::spawn(fold(metrics.clone()));
    let management = doors.management.map(|listener| {
        if let Ok(address) = listener.address() {
            tracing::info!("management port: http://{address}");
        }
        let router = management::router(&config.management, readiness.clone(), metrics.clone());
        tokio::spawn(listener.serve(router, MANAGEMENT_CONNECTIONS, closed.clone(), Duration::from_secs(1)))
    });
    if let Some(certificate) = doors.certificate {
        tokio::spawn(certificate.follow(stop.clone()));
    }

    let opening = assemble::open(&config, import, operators);
    let house = tokio::select! {
        house = opening => house?,
        name = signals.next() => anyhow::bail!("{name} while starting"),
    };
    tell(&config, &doors.http, &house, &administrator);
    readiness.serving(house.probe());
    tracing::info!("ready after {} ms", began.elapsed().as_millis());
    tokio::spawn({
        let (readiness, step_down) = (readiness.clone(), house.step_down());
        async move {
            readiness.stopped().await;
            step_down.await;
        }
    });
    tokio::spawn(on_signal(signals, readiness, config.http.shutdown_delay, stop.clone()));
    let router = house.router().layer(layer_fn(Measured::new));
    let patience = config.http.shutdown_timeout;
    let serving: Vec<_> = doors
        .http
        .into_iter()
        .map(|(listener, _)| {
            tokio::spawn(listener.serve(router.clone(), config.http.max_connections, stop.clone(), patience))
        })
        .collect();
    for listener in serving {
        listener.await.context("a listener failed")?;
    }
    house.close().await?;
    closed.now();
    if let Some(management) = management {
        management.await.context("the management port failed")?;
    }
    tracing::info!("stopped");
    Ok(())
}

async fn fold(metrics: Metrics) {
    let mut every = tokio::time::interval(FOLD_EVERY);
    loop {
        every.tick().await;
        metrics.fold();
    }
}

/// Says where to go, and who may: to the log for `start`, to the person for `start-dev`.
fn tell(config: &Config, doors: &[(Listener, &str)], house: &House, administrator: &FirstAdministrator) {
    let mut places = Vec::new();
    for (listener, scheme) in doors {
        if let Ok(address) = listener.address() {
            tracing::info!("listening on {scheme}://{address}");
            places.push(format!(
                "{scheme}://localhost:{}{}",
                address.port(),
                config.http.relative_path.as_str()
            ));
        }
    }
    let first = &config.bootstrap_admin;
    if house.made_administrator() && first.password.is_none() && first.client_secret.is_none() {
        tracing::warn!(
            "nobody may govern this server yet: keyraft bootstrap-admin user makes an administrator"
        );
    }
    if config.mode == Mode::Dev {
        let place = config.public_url().or_else(|| places.into_iter().next()).unwrap_or_default();
        say(&dev::greeting(&place, house.made_administrator().then_some(administrator), config));
    }
}
