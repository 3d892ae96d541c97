//! Names that are no setting: a slip of the pen must not pass for a setting that was taken.
//!
//! An unknown `KEYRAFT_…` is an error that names the nearest known one. An unknown `KC_…` may be an option of
//! Keycloak that means nothing here: that is a warning; a near miss of one that counts is an error.

use strsim::damerau_levenshtein;

use super::{keycloak, problem::Problem, section::Field, sources::fields};

/// Variables that the command line reads itself.
const OWN: [&str; 1] = ["KEYRAFT_CONFIG_FILE"];

/// Variables of tests and of the build; the server does not look at them.
const FOREIGN: [&str; 1] = ["KEYRAFT_TEST_"];

/// Notes every variable that looks like a setting and is none.
pub(crate) fn check_environment(
    environment: &[(String, String)],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) {
    let own = own_names();
    let theirs: Vec<String> =
        fields().flat_map(|field| field.keycloak).map(|name| (*name).to_owned()).collect();
    for (name, text) in environment {
        let foreign = FOREIGN.iter().any(|prefix| name.starts_with(prefix));
        if name.starts_with("KEYRAFT_") && !own.contains(name) && !foreign && !is_service_link(name, text) {
            problems.push(Problem::new(name.clone(), "is no setting", nearest(name, &own)));
        }
        if name.starts_with("KC_") && !theirs.contains(name) && !is_service_link(name, text) {
            match near_miss(name, &theirs) {
                Some(known) if !keycloak::is_option(name) => {
                    let remedy = format!("Did you mean {known}?");
                    problems.push(Problem::new(name.clone(), "is no setting", remedy));
                }
                _ => warnings.push(keycloak::why_unused(name)),
            }
        }
    }
}

/// "Did you mean …?" with the nearest of `known`.
pub(crate) fn nearest(name: &str, known: &[String]) -> String {
    let closest = known.iter().min_by_key(|known| damerau_levenshtein(name, known));
    match closest {
        Some(closest) => {
            format!("Did you mean {closest}? `keyraft config reference` lists every setting.")
        }
        None => "`keyraft config reference` lists every setting.".to_owned(),
    }
}

/// Whether Kubernetes has put this variable there: for a Service named `keyraft-http` every pod of its
/// namespace gets `KEYRAFT_HTTP_PORT=tcp://…`, which is no setting.
pub(crate) fn is_service_link(name: &str, text: &str) -> bool {
    let link = text.starts_with("tcp://") || text.starts_with("udp://") || text.starts_with("sctp://");
    let part = ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
        name.split_once(protocol).is_some_and(|(head, tail)| {
            matches!(tail, "" | "_ADDR" | "_PORT" | "_PROTO")
                && head.rsplit('_').next().is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    let service = name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT");
    (link && name.contains("_PORT")) || part || service
}

fn own_names() -> Vec<String> {
    let secrets = fields().filter(|field| field.secret).map(|field| format!("{}_FILE", field.variable()));
    let own = OWN.iter().map(|name| (*name).to_owned());
    fields().map(Field::variable).chain(secrets).chain(own).collect()
}

fn near_miss<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    known.iter().find(|known| damerau_levenshtein(name, known) <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> (Vec<Problem>, Vec<String>) {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        check_environment(&[(name.to_owned(), text.to_owned())], &mut problems, &mut warnings);
        (problems, warnings)
    }

    #[test]
    fn an_unknown_variable_names_the_nearest_known_one() {
        let (problems, _) = check("KEYRAFT_HTP_PORT", "8080");

        assert_eq!(problems.len(), 1);
        assert!(problems[0].remedy.contains("KEYRAFT_HTTP_PORT"), "{}", problems[0].remedy);
    }

    #[test]
    fn an_option_of_keycloak_that_means_nothing_here_is_a_warning() {
        let (problems, warnings) = check("KC_CACHE_STACK", "kubernetes");

        assert_eq!((problems.len(), warnings.len()), (0, 1));
        assert!(warnings[0].contains("KC_CACHE_STACK"));
    }

    #[test]
    fn a_near_miss_of_a_name_that_counts_is_an_error() {
        let (problems, warnings) = check("KC_HOSTNAMES", "sso.example.com");

        assert_eq!((problems.len(), warnings.len()), (1, 0));
        assert!(problems[0].remedy.contains("KC_HOSTNAME"));
    }

    #[test]
    fn another_option_of_keycloak_is_no_near_miss() {
        // One letter from KC_DB_URL in spirit, an option of its own in fact.
        assert_eq!(check("KC_LOG_FILE", "keycloak.log").0, []);
        assert_eq!(check("KC_DB_DRIVER", "x").0, []);
    }

    #[test]
    fn what_kubernetes_injects_for_a_service_is_no_setting() {
        for (name, text) in [
            ("KEYRAFT_PORT", "tcp://10.0.0.7:8080"),
            ("KEYRAFT_HTTP_PORT", "tcp://10.0.0.7:8080"),
            ("KEYRAFT_HTTP_PORT_8080_TCP_ADDR", "10.0.0.7"),
            ("KEYRAFT_SERVICE_HOST", "10.0.0.7"),
            ("KEYRAFT_SERVICE_PORT_HTTP", "8080"),
        ] {
            assert_eq!(check(name, text).0, [], "{name}");
        }
    }
}
