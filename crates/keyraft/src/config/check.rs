//! What is wrong in every mode: values that contradict each other, files that are not there.

#![expect(clippy::disallowed_methods, reason = "runs before anything is served")]

use keyraft_crypto::seal::MasterKeys;

use super::{Config, PublicUrl, check_cluster, problem::Problem};

/// Notes what cannot work, whatever the mode.
pub(crate) fn check(config: &Config, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) {
    check_database(config, problems, warnings);
    check_hostname(config, problems);
    check_https(config, problems);
    check_ports(config, problems);
    check_master_key(config, problems);
    check_cluster::check(config, problems);
    if config.proxy.headers.is_none() && !config.proxy.trusted_addresses.is_empty() {
        let remedy = "Set KEYRAFT_PROXY_HEADERS to xforwarded or forwarded, or leave the addresses away.";
        problems.push(Problem::new(
            "proxy.trusted_addresses",
            "is set, but no headers of a proxy count",
            remedy,
        ));
    }
}

fn check_database(config: &Config, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) {
    match config.database.resolve(&config.general.data_dir) {
        Ok(resolved) => {
            let unused = resolved.unused.iter();
            warnings.extend(unused.map(|name| format!("db.url: the parameter {name} is not used")));
        }
        Err(problem) => problems.push(problem),
    }
    if config.database.pool_max_size == 0 {
        problems.push(Problem::new("db.pool_max_size", "is 0", "Allow one connection at least."));
    }
}

fn check_hostname(config: &Config, problems: &mut Vec<Problem>) {
    let full = matches!(config.hostname.url, Some(PublicUrl::Full(_)));
    if config.hostname.backchannel_dynamic && !full {
        let remedy = "Set KEYRAFT_HOSTNAME to a full URL, such as https://sso.example.com.";
        problems.push(Problem::new(
            "hostname.backchannel_dynamic",
            "needs a full URL in hostname.url",
            remedy,
        ));
    }
    if config.hostname.admin.is_some() && !full {
        let remedy = "Set KEYRAFT_HOSTNAME to a full URL, such as https://sso.example.com.";
        problems.push(Problem::new("hostname.admin", "needs a full URL in hostname.url", remedy));
    }
}

fn check_https(config: &Config, problems: &mut Vec<Problem>) {
    let https = &config.https;
    match (&https.certificate_file, &https.certificate_key_file) {
        (Some(certificate), Some(key)) => {
            for (setting, path) in
                [("https.certificate_file", certificate), ("https.certificate_key_file", key)]
            {
                if let Err(error) = std::fs::File::open(path) {
                    let what = format!("{} cannot be read: {error}", path.display());
                    let remedy = "Name a PEM file that exists and that this process may read.";
                    problems.push(Problem::new(setting, what, remedy));
                }
            }
        }
        (None, None) => {}
        (Some(_), None) => {
            let remedy = "Set KEYRAFT_HTTPS_CERTIFICATE_KEY_FILE to the certificate's private key.";
            problems.push(Problem::new(
                "https.certificate_key_file",
                "is missing beside its certificate",
                remedy,
            ));
        }
        (None, Some(_)) => {
            let remedy = "Set KEYRAFT_HTTPS_CERTIFICATE_FILE to the certificate of that key.";
            problems.push(Problem::new("https.certificate_file", "is missing beside its key", remedy));
        }
    }
    if !https.is_on() && !config.http.enabled {
        let remedy = "Give a certificate and its key (KEYRAFT_HTTPS_CERTIFICATE_FILE, KEYRAFT_HTTPS_CERTIFICATE_KEY_FILE), \
                      or, behind a proxy that ends TLS, set KEYRAFT_HTTP_ENABLED=true and KEYRAFT_PROXY_HEADERS.";
        problems.push(Problem::new(
            "https.certificate_file",
            "is not set, and plain http is off: nothing would listen",
            remedy,
        ));
    }
}

fn check_ports(config: &Config, problems: &mut Vec<Problem>) {
    let mut ports = Vec::new();
    if config.http.enabled {
        ports.push(("http.port", config.http.port));
    }
    if config.https.is_on() {
        ports.push(("https.port", config.https.port));
    }
    if config.management.is_on() {
        ports.push(("management.port", config.management.port));
    }
    if config.cluster.is_on() {
        ports.push(("cluster.port", config.cluster.port));
    }
    while let Some((setting, port)) = ports.pop() {
        if let Some((other, _)) = ports.iter().find(|(_, taken)| *taken == port && port != 0) {
            let what = format!("is {port}, and so is {other}");
            problems.push(Problem::new(setting, what, "Give each its own port."));
        }
    }
    if config.http.max_connections == 0 {
        problems.push(Problem::new("http.max_connections", "is 0", "Allow one connection at least."));
    }
    if config.cluster.max_state_mib == 0 {
        problems.push(Problem::new("cluster.max_state_mib", "is 0", "Allow some memory for sessions."));
    }
    if config.cluster.snapshot_mib == 0 {
        problems.push(Problem::new("cluster.snapshot_mib", "is 0", "Allow some log between two snapshots."));
    }
    if config.general.threads == Some(0) {
        problems.push(Problem::new("threads", "is 0", "Leave it away for one thread a core."));
    }
}

fn check_master_key(config: &Config, problems: &mut Vec<Problem>) {
    let keys = &config.general.master_key;
    if !keys.is_empty() && MasterKeys::parse(keys.iter().map(keyraft_crypto::Secret::expose)).is_err() {
        let remedy = "Make one with `openssl rand -base64 32`; it must be 32 bytes in base64 or hex.";
        problems.push(Problem::new("master_key", "holds a key that is too short or misspelled", remedy));
    }
}
