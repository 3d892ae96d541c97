//! The configuration as a whole: precedence, unknown names, the reference, what `start` refuses.

#![expect(clippy::disallowed_methods, reason = "tests write files of their own")]

use super::*;
use crate::config::sources::{Origin, fields};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn environment(list: &[(&str, &str)]) -> Sources {
    Sources { environment: pairs(list), ..Sources::default() }
}

/// A TOML file of its own in a folder of its own.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keyraft-config-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a temporary file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let file = File::new("precedence", "[http]\nport = 1001\n");
    let port = |flags: &[(&str, &str)], env: &[(&str, &str)], file: Option<&File>| {
        let file = file.map(|file| file.0.clone());
        let sources = Sources { flags: pairs(flags), environment: pairs(env), file };
        let loaded = Config::read(Mode::Dev, &sources);
        (loaded.config.http.port, loaded.values.origin("http.port"))
    };
    let (flag, ours, theirs) =
        ([("http.port", "1004")], ("KEYRAFT_HTTP_PORT", "1003"), ("KC_HTTP_PORT", "1002"));

    assert_eq!(port(&[], &[], None), (8080, Origin::Default));
    assert_eq!(port(&[], &[], Some(&file)), (1001, Origin::File(file.0.clone(), 2)));
    assert_eq!(port(&[], &[theirs], Some(&file)), (1002, Origin::Environment("KC_HTTP_PORT".to_owned())));
    assert_eq!(
        port(&[], &[theirs, ours], Some(&file)),
        (1003, Origin::Environment("KEYRAFT_HTTP_PORT".to_owned()))
    );
    assert_eq!(port(&flag, &[theirs, ours], Some(&file)), (1004, Origin::Flag("http-port".to_owned())));
}

#[test]
fn an_empty_variable_is_no_value() {
    let loaded = Config::read(Mode::Dev, &environment(&[("KC_HOSTNAME", ""), ("KC_HTTP_PORT", " ")]));

    assert_eq!(loaded.problems, []);
    assert_eq!((loaded.config.http.port, loaded.config.hostname.url), (8080, None));
}

#[test]
fn an_unknown_key_in_the_file_names_its_line_and_the_nearest_key() {
    let file = File::new("unknown", "\n[http]\nprot = 1\n[htpp]\nport = 2\n");
    let loaded = Config::read(Mode::Dev, &Sources { file: Some(file.0.clone()), ..Sources::default() });

    let said: Vec<String> =
        loaded.problems.iter().map(|p| format!("{} {} {}", p.setting, p.what, p.remedy)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said.iter().any(|s| s.contains("http.prot") && s.contains(":3") && s.contains("mean http.port?")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|s| s.contains("htpp") && s.contains(":4") && s.contains("mean http?")),
        "{said:?}"
    );
}

#[test]
fn a_value_that_cannot_be_read_says_where_it_stands_and_what_is_expected() {
    let loaded = Config::read(Mode::Dev, &environment(&[("KC_HTTP_PORT", "eighty")]));

    let problem = &loaded.problems[0];
    assert_eq!(problem.setting, "http.port");
    assert!(problem.what.contains("KC_HTTP_PORT") && problem.what.contains("eighty"));
    assert!(problem.remedy.contains("0 to 65535"));
}

#[test]
fn a_secret_may_lie_in_a_file_of_its_own_but_not_in_two_places() {
    let secret = File::new("secret", "s3cret-from-a-file\n");
    let path = secret.0.display().to_string();
    let password = |list: &[(&str, &str)]| {
        let loaded = Config::read(Mode::Dev, &environment(list));
        (loaded.config.database.password.map(|secret| secret.expose().to_owned()), loaded.problems.len())
    };

    assert_eq!(password(&[("KEYRAFT_DB_PASSWORD_FILE", &path)]), (Some("s3cret-from-a-file".to_owned()), 0));
    assert_eq!(password(&[("KEYRAFT_DB_PASSWORD_FILE", &path), ("KEYRAFT_DB_PASSWORD", "x")]).1, 1);
    assert_eq!(password(&[("KEYRAFT_DB_PASSWORD_FILE", "/nowhere/at/all")]).1, 1);
    // The file layer knows the key as well.
    let file = File::new("secret-toml", &format!("[db]\npassword_file = {path:?}\n"));
    let loaded = Config::read(Mode::Dev, &Sources { file: Some(file.0.clone()), ..Sources::default() });
    assert!(loaded.config.database.password.is_some_and(|secret| secret.matches("s3cret-from-a-file")));
}

#[test]
fn every_default_can_be_read_in_both_modes() {
    for mode in [Mode::Dev, Mode::Production] {
        let loaded = Config::read(mode, &Sources::default());
        let unreadable: Vec<_> =
            loaded.problems.iter().filter(|p| p.what.contains("cannot be read")).collect();
        assert!(unreadable.is_empty(), "{unreadable:?}");
    }
}

#[test]
fn names_are_unique_and_every_field_documents_its_default_and_its_variables() {
    let mut seen = std::collections::BTreeSet::new();
    for field in fields() {
        let text = field.text();
        let key = field.key();
        assert!(seen.insert(field.variable()), "{key}: name given twice");
        assert!(seen.insert(format!("--{}", field.flag())), "{key}: flag given twice");
        assert!(text.contains(&format!("`{}`", field.variable())), "{key}: says no variable");
        for name in field.keycloak {
            assert!(seen.insert((*name).to_owned()), "{key}: {name} given twice");
            assert!(text.contains(&format!("`{name}`")), "{key}: does not name {name}");
        }
        let default = format!("Default `{}`", field.default);
        match field.default {
            "" => assert!(text.contains("No default") || text.contains("Default:"), "{key}: says no default"),
            _ => assert!(text.contains(&default), "{key}: says another default than {default}"),
        }
        if field.dev_default != field.default {
            assert!(
                text.contains(&format!("`start-dev`: `{}`", field.dev_default)),
                "{key}: default of start-dev"
            );
        }
    }
}

#[test]
fn start_dev_needs_no_setting() {
    let loaded = Config::load(Mode::Dev, &Sources::default()).expect("defaults are enough");

    assert!(loaded.config.http.enabled && loaded.config.public_url().is_none());
}

#[test]
fn start_without_settings_names_all_that_is_missing_at_once() {
    let Problems(problems) = Config::load(Mode::Production, &Sources::default()).expect_err("unsafe");

    let settings: Vec<&str> = problems.iter().map(|problem| problem.setting.as_str()).collect();
    for expected in ["hostname.url", "master_key", "https.certificate_file"] {
        assert!(settings.contains(&expected), "{expected} is not in {settings:?}");
    }
    assert!(problems.iter().all(|problem| problem.remedy.len() > 20), "{problems:?}");
}

/// A set-up behind a proxy that `start` takes.
const SAFE: [(&str, &str); 5] = [
    ("KC_HOSTNAME", "https://sso.example.com"),
    ("KC_HTTP_ENABLED", "true"),
    ("KC_PROXY_HEADERS", "xforwarded"),
    ("KC_PROXY_TRUSTED_ADDRESSES", "10.0.0.0/8"),
    ("KEYRAFT_MASTER_KEY", KEY),
];

#[test]
fn start_takes_a_safe_set_up() {
    let loaded = Config::load(Mode::Production, &environment(&SAFE));

    assert!(loaded.is_ok(), "{:?}", loaded.err());
}

#[test]
fn start_refuses_each_unsafe_change_of_a_safe_set_up() {
    let changes: [(&str, &str, &str); 15] = [
        ("KC_HOSTNAME", "", "hostname.url"),
        ("KC_HOSTNAME", "http://sso.example.com", "hostname.url"),
        ("KC_HOSTNAME_ADMIN", "http://admin.example.com", "hostname.admin"),
        ("KC_PROXY_HEADERS", "", "http.enabled"),
        ("KC_PROXY_TRUSTED_ADDRESSES", "", "proxy.trusted_addresses"),
        ("KC_PROXY_TRUSTED_ADDRESSES", "0.0.0.0/0", "proxy.trusted_addresses"),
        ("KEYRAFT_MASTER_KEY", "", "master_key"),
        ("KEYRAFT_MASTER_KEY", "short", "master_key"),
        ("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin", "bootstrap_admin.password"),
        ("KEYCLOAK_ADMIN_PASSWORD", "changeme12345", "bootstrap_admin.password"),
        ("KC_BOOTSTRAP_ADMIN_CLIENT_SECRET", "secret", "bootstrap_admin.client_secret"),
        ("KEYRAFT_CLUSTER_MAX_STATE_MIB", "0", "cluster.max_state_mib"),
        ("KC_HTTP_ENABLED", "false", "https.certificate_file"),
        ("KC_HTTPS_CERTIFICATE_FILE", "/nowhere/tls.crt", "https.certificate_key_file"),
        ("KC_HTTP_MANAGEMENT_PORT", "8080", "management.port"),
    ];
    for (name, text, setting) in changes {
        let mut list: Vec<(&str, &str)> = SAFE.iter().copied().filter(|(known, _)| *known != name).collect();
        list.push((name, text));
        let Problems(problems) = Config::load(Mode::Production, &environment(&list)).expect_err(name);
        assert!(problems.iter().any(|problem| problem.setting == setting), "{name}={text}: {problems:?}");
    }
}

/// A safe set-up of a node of three.
const CLUSTERED: [(&str, &str); 4] = [
    ("KC_DB_URL", "postgres://keyraft@db/keyraft?sslmode=verify-full"),
    ("KEYRAFT_CLUSTER_EXPECT", "3"),
    ("KEYRAFT_CLUSTER_NODE_NAME", "keyraft-0"),
    ("KEYRAFT_CLUSTER_NODES", "keyraft-0:7900,keyraft-1:7900,[2001:db8::1]:7900"),
];

#[test]
fn each_mistake_in_the_settings_of_a_cluster_is_named_with_its_remedy() {
    let changes: [(&str, &str, &str); 16] = [
        ("KEYRAFT_CLUSTER_EXPECT", "2", "cluster.expect"),
        ("KEYRAFT_CLUSTER_EXPECT", "", "cluster.nodes"),
        ("KC_DB_URL", "sqlite:/tmp/x.db", "cluster.expect"),
        ("KEYRAFT_CLUSTER_NODES", "", "cluster.nodes"),
        ("KEYRAFT_CLUSTER_NODES", "keyraft-0", "cluster.nodes"),
        ("KEYRAFT_CLUSTER_DNS_NAMES", "keyraft.lab.svc", "cluster.nodes"),
        ("KEYRAFT_CLUSTER_ADVERTISE", "2001:db8::1:7900", "cluster.advertise"),
        ("KEYRAFT_CLUSTER_NAME", "My Cluster", "cluster.name"),
        ("KEYRAFT_CLUSTER_NODE_NAME", "keyraft_0", "cluster.node_name"),
        ("KEYRAFT_CLUSTER_PORT", "0", "cluster.port"),
        ("KEYRAFT_CLUSTER_PORT", "8080", "cluster.port"),
        ("KEYRAFT_CLUSTER_CA_FILE", "/etc/ca.pem", "cluster.ca_file"),
        ("KEYRAFT_CLUSTER_ELECTION_MIN", "150ms", "cluster.election_min"),
        ("KEYRAFT_CLUSTER_ELECTION_MAX", "300ms", "cluster.election_max"),
        ("KEYRAFT_CLUSTER_LOST", "500ms", "cluster.lost"),
        ("KEYRAFT_CLUSTER_REMOVE_AFTER", "10s", "cluster.remove_after"),
    ];
    let safe: Vec<_> = SAFE.iter().chain(&CLUSTERED).copied().collect();
    assert_eq!(Config::read(Mode::Production, &environment(&safe)).problems, []);
    for (name, text, setting) in changes {
        let mut list: Vec<_> = safe.iter().copied().filter(|(known, _)| *known != name).collect();
        list.push((name, text));
        let Problems(problems) = Config::load(Mode::Production, &environment(&list)).expect_err(name);
        let named = problems.iter().find(|problem| problem.setting == setting);
        assert!(named.is_some_and(|problem| problem.remedy.len() > 20), "{name}={text}: {problems:?}");
    }
}

#[test]
fn a_node_is_reached_where_it_listens_or_by_its_host_name() {
    let advertised =
        |list: &[(&str, &str)]| Config::read(Mode::Dev, &environment(list)).config.cluster.advertised();

    assert_eq!(advertised(&[("KEYRAFT_CLUSTER_LISTEN", "10.0.0.7")]), "10.0.0.7:7900");
    assert_eq!(advertised(&[("KEYRAFT_CLUSTER_LISTEN", "::1")]), "[::1]:7900");
    assert_eq!(advertised(&[("KEYRAFT_CLUSTER_ADVERTISE", "a.lab:1")]), "a.lab:1");
    let by_name = advertised(&[]);
    assert!(by_name.ends_with(":7900") && by_name.len() > ":7900".len(), "{by_name}");
}

#[test]
fn plain_http_on_this_machine_alone_is_no_danger() {
    let mut list: Vec<(&str, &str)> =
        SAFE.iter().copied().filter(|(name, _)| !name.contains("PROXY")).collect();
    list[0] = ("KC_HOSTNAME", "http://localhost:8080");
    list.push(("KC_HTTP_HOST", "127.0.0.1"));

    assert!(Config::load(Mode::Production, &environment(&list)).is_ok());
}

#[test]
fn a_bare_host_name_gets_the_scheme_and_port_that_answer() {
    let url = |list: &[(&str, &str)]| Config::read(Mode::Dev, &environment(list)).config.public_url();
    let host = ("KC_HOSTNAME", "sso.example.com");

    assert_eq!(url(&[host]).as_deref(), Some("http://sso.example.com:8080"));
    assert_eq!(url(&[host, ("KC_PROXY_HEADERS", "forwarded")]).as_deref(), Some("https://sso.example.com"));
    let path = ("KC_HTTP_RELATIVE_PATH", "/auth");
    assert_eq!(
        url(&[host, path, ("KC_PROXY_HEADERS", "forwarded")]).as_deref(),
        Some("https://sso.example.com/auth")
    );
}

#[test]
fn nothing_secret_is_shown() {
    let list = [
        ("KC_DB_URL", "jdbc:postgresql://kc:hunter2@db/k"),
        ("KC_DB_PASSWORD", "hunter2"),
        ("KEYRAFT_MASTER_KEY", KEY),
        ("KC_BOOTSTRAP_ADMIN_PASSWORD", "hunter2"),
        ("KC_BOOTSTRAP_ADMIN_CLIENT_SECRET", "hunter2"),
    ];
    let loaded = Config::read(Mode::Dev, &environment(&list));

    let shown = reference::show(&loaded) + &format!("{:?}", loaded.config);
    assert!(shown.contains("db.password") && shown.contains("KC_DB_PASSWORD"));
    assert!(!shown.contains("hunter2") && !shown.contains(KEY), "{shown}");
    let database = format!("{:?}", loaded.config.database_target());
    assert!(!database.contains("hunter2"));
}

#[test]
fn control_characters_in_values_do_not_reach_the_terminal() {
    let sources = environment(&[("KC_HTTP_PORT", "\u{1b}[2Jx"), ("KEYRAFT_\u{1b}X", "1")]);
    let said = Problems(Config::read(Mode::Dev, &sources).problems).to_string();

    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn the_reference_names_every_setting() {
    let (text, table) = (reference::reference(), reference::markdown());

    for field in fields() {
        assert!(text.contains(&field.variable()) && table.contains(&field.variable()), "{}", field.key());
    }
}

#[test]
fn the_readme_quotes_settings_as_they_are() {
    let Ok(readme) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")) else {
        return; // Packaged without it.
    };
    let begin = "<!-- settings: cargo xtask fix -->";
    let (_, rest) = readme.split_once(begin).expect("the README has a table of settings");
    let (rows, _) = rest.split_once("<!-- /settings -->").expect("the table ends");
    let table = reference::markdown();

    let quoted: Vec<&str> = rows.lines().filter(|row| row.starts_with("| `")).collect();
    assert!(!quoted.is_empty());
    for row in quoted {
        assert!(table.lines().any(|line| line == row), "run `cargo xtask fix`: {row}");
    }
}
