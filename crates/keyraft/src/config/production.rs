//! What `start` refuses: settings under which strangers could read passwords, choose the issuer or guess the
//! administrator. Each refusal names the setting and its remedy, and all are named at once.

use keyraft_crypto::secret::Secret;

use super::{Config, PublicUrl, problem::Problem};

/// Shortest password or secret of an administrator that is taken.
const MIN_SECRET_CHARS: usize = 12;

/// Words that make a password guessable when little else is in it.
const WELL_KNOWN: [&str; 14] = [
    "admin",
    "administrator",
    "password",
    "passwort",
    "changeme",
    "change",
    "keycloak",
    "keyraft",
    "secret",
    "qwerty",
    "letmein",
    "welcome",
    "test",
    "123456",
];

/// Notes everything that is unsafe outside development.
pub(crate) fn check(config: &Config, problems: &mut Vec<Problem>) {
    check_name(config, problems);
    check_transport(config, problems);
    check_proxy(config, problems);
    check_secrets(config, problems);
}

fn check_name(config: &Config, problems: &mut Vec<Problem>) {
    match &config.hostname.url {
        None => {
            let what =
                "is not set: whoever sends a request could choose the issuer and the addresses in mails";
            let remedy = "Set KEYRAFT_HOSTNAME (or KC_HOSTNAME, --hostname) to the public address, such as https://sso.example.com.";
            problems.push(Problem::new("hostname.url", what, remedy));
        }
        Some(PublicUrl::Full(url)) if url.scheme() == "http" && !is_loopback_name(url.host_str()) => {
            let what = "begins with http://: passwords and tokens would cross the network in clear";
            problems.push(Problem::new("hostname.url", what, "Name the https address that browsers use."));
        }
        Some(_) => {}
    }
    if let Some(url) = &config.hostname.admin
        && url.scheme() == "http"
        && !is_loopback_name(url.host_str())
    {
        let what = "begins with http://: the administrator's password would cross the network in clear";
        problems.push(Problem::new(
            "hostname.admin",
            what,
            "Name the https address that administrators use.",
        ));
    }
}

fn check_transport(config: &Config, problems: &mut Vec<Problem>) {
    let reachable = config.http.enabled && !config.http.host.is_loopback();
    if reachable && config.proxy.headers.is_none() {
        let what = "plain http is served to the network, and no proxy is named that ends TLS";
        let remedy = "Set KEYRAFT_HTTP_ENABLED=false and give a certificate (KEYRAFT_HTTPS_CERTIFICATE_FILE, \
                      KEYRAFT_HTTPS_CERTIFICATE_KEY_FILE); or set KEYRAFT_PROXY_HEADERS=xforwarded and \
                      KEYRAFT_PROXY_TRUSTED_ADDRESSES; or bind to this machine alone (KEYRAFT_HTTP_HOST=127.0.0.1).";
        problems.push(Problem::new("http.enabled", what, remedy));
    }
}

fn check_proxy(config: &Config, problems: &mut Vec<Problem>) {
    if config.proxy.headers.is_some() && config.proxy.trusted_addresses.is_empty() {
        let what = "is not set: anybody could forge his address and escape the limits on guessing";
        let remedy = "Set KEYRAFT_PROXY_TRUSTED_ADDRESSES to the addresses of the proxy, such as 10.0.0.0/8.";
        problems.push(Problem::new("proxy.trusted_addresses", what, remedy));
    }
    let everybody = ["0.0.0.0/0", "::/0"];
    if config.proxy.trusted_addresses.iter().any(|network| everybody.contains(&network.as_str())) {
        let remedy = "Name the addresses of the proxy alone.";
        problems.push(Problem::new("proxy.trusted_addresses", "trusts every address there is", remedy));
    }
}

fn check_secrets(config: &Config, problems: &mut Vec<Problem>) {
    if config.general.master_key.is_empty() {
        let what = "is not set: private keys and secrets would lie in the database unprotected";
        let remedy = "Make one with `openssl rand -base64 32`, keep it apart from the database, and give it as \
                      KEYRAFT_MASTER_KEY or in a file that KEYRAFT_MASTER_KEY_FILE names. Every node needs the same.";
        problems.push(Problem::new("master_key", what, remedy));
    }
    let (user, client) = (&config.bootstrap_admin.username, &config.bootstrap_admin.client_id);
    let given = [
        ("bootstrap_admin.password", &config.bootstrap_admin.password, user),
        ("bootstrap_admin.client_secret", &config.bootstrap_admin.client_secret, client),
    ];
    for (setting, secret, name) in given {
        if let Some(why) = secret.as_ref().and_then(|secret| weakness(secret, name)) {
            let remedy = format!(
                "Use at least {MIN_SECRET_CHARS} characters that nobody can guess, such as the output of `openssl rand -base64 18`."
            );
            problems.push(Problem::new(setting, why, remedy));
        }
    }
}

/// Why a password of an administrator is refused, if it is.
pub(crate) fn weakness(secret: &Secret, name: &str) -> Option<&'static str> {
    let text = secret.expose().to_lowercase();
    if text.chars().count() < MIN_SECRET_CHARS {
        return Some("is too short");
    }
    if text.contains(&name.to_lowercase()) && text.chars().count() < name.chars().count() + MIN_SECRET_CHARS {
        return Some("is little more than the name it belongs to");
    }
    let mut rest = text.clone();
    for word in WELL_KNOWN {
        rest = rest.replace(word, "");
    }
    let distinct: std::collections::BTreeSet<char> = rest.chars().collect();
    (distinct.len() < 6).then_some("is made of well-known words or of few characters")
}

fn is_loopback_name(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessable_passwords_are_found_and_random_ones_are_not() {
        for weak in [
            "admin",
            "admin1234567",
            "passwordpassword",
            "changeme-changeme",
            "aaaaaaaaaaaaaaaa",
            "root-of-x-123",
        ] {
            let name = if weak.starts_with("root") { "root-of-x" } else { "admin" };
            assert!(weakness(&Secret::new(weak), name).is_some(), "{weak}");
        }
        for good in ["4fT0v9zLk2QmXw7R", "correct horse battery staple", "GJxh9+o0y/ZkLQ=="] {
            assert_eq!(weakness(&Secret::new(good), "admin"), None, "{good}");
        }
    }
}
