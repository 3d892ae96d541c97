//! What this node says about itself: log lines and metrics.

mod http_metrics;
mod process;
mod text;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub(crate) use self::http_metrics::Measured;
use crate::config::{Log, LogFormat};

/// Upper bounds of the buckets of request times, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Starts logging to standard error; a panic becomes a log line as well.
///
/// Called once, before the first line is due; a second call changes nothing.
pub(crate) fn start_logging(log: &Log) {
    // Libraries that tell every step of theirs at `info`; who wants that names them in `log.level`.
    let quiet = [("openraft", LevelFilter::WARN), ("log", LevelFilter::WARN)]
        .map(|(target, level)| (target.to_owned(), level.min(log.level.root)));
    let filter = Targets::new()
        .with_default(log.level.root)
        .with_targets(quiet)
        .with_targets(log.level.targets.clone());
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let layer = fmt::layer()
                .with_ansi(false)
                .event_format(text::Text { colours })
                .with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            // The message may carry what a request said; the formatter escapes it.
            tracing::error!(place, "panic: {}", panic.payload_as_str().unwrap_or("without a message"));
        }));
    }
}

/// The metrics of this process.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to collect. There is one collector in a process: a second call is an error.
    ///
    /// # Errors
    /// Another collector was there first.
    pub(crate) fn start() -> Result<Self, BuildError> {
        let handle = builder()?.install_recorder()?;
        http_metrics::describe();
        process::describe();
        Ok(Self(handle))
    }

    /// A collector that nothing reports to.
    #[cfg(test)]
    pub(crate) fn detached() -> Self {
        Self(builder().expect("fixed buckets").build_recorder().handle())
    }

    /// Everything, in Prometheus's text format.
    pub(crate) fn render(&self) -> String {
        process::observe();
        self.0.render()
    }

    /// Folds new samples into the buckets. Without it, samples pile up between scrapes, or for ever without any.
    pub(crate) fn fold(&self) {
        self.0.run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
}
