//! Keycloak's JDBC addresses, read as addresses of ours.
//!
//! `jdbc:postgresql:[//host[:port]/]database[?parameters]`. Parameters that decide whom to trust keep their
//! meaning; tuning of the Java driver is left out and named; several hosts are refused, because choosing one
//! of them would be a guess.

use url::Url;

/// Parameters whose names mean the same to both.
const SAME: [&str; 8] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "user", "password", "options", "application_name"];

/// Reads `postgres://…`, `postgresql://…` or `jdbc:postgresql:…`. Beside it: parameters that are not used.
///
/// # Errors
/// A sentence that says what cannot be read; it never repeats the address, which may hold a password.
pub(crate) fn postgres_url(text: &str) -> Result<(Url, Vec<String>), String> {
    let jdbc = text.strip_prefix("jdbc:");
    let address = jdbc.unwrap_or(text);
    let rest = address
        .strip_prefix("postgresql:")
        .or_else(|| address.strip_prefix("postgres:"))
        .ok_or_else(|| format!("is an address of {}, which is not supported", scheme_of(address)))?;
    let rest = rest.strip_prefix("//").map_or_else(|| format!("localhost/{rest}"), str::to_owned);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains(',') {
        return Err("names several hosts; name one, or a name that leads to the right one".to_owned());
    }
    let mut url =
        Url::parse(&format!("postgres://{rest}")).map_err(|error| format!("cannot be read: {error}"))?;
    if url.path().len() < 2 {
        return Err("names no database".to_owned());
    }
    if jdbc.is_none() {
        return Ok((url, Vec::new()));
    }
    let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.set_query(None);
    let unused = translate(&parameters, &mut url)?;
    Ok((url, unused))
}

fn translate(parameters: &[(String, String)], url: &mut Url) -> Result<Vec<String>, String> {
    let mut unused = Vec::new();
    for (name, value) in parameters {
        match name.as_str() {
            "user" => url.set_username(value).map_err(|()| "cannot carry a user".to_owned())?,
            "password" => url.set_password(Some(value)).map_err(|()| "cannot carry a password".to_owned())?,
            "ApplicationName" => append(url, "application_name", value),
            "currentSchema" => append(url, "options", &format!("-csearch_path={value}")),
            // The driver's `ssl=true` verifies certificate and name; a mode beside it decides.
            "ssl" if value != "false" && !parameters.iter().any(|(name, _)| name == "sslmode") => {
                append(url, "sslmode", "verify-full");
            }
            "ssl" => {}
            name if SAME.contains(&name) => append(url, name, value),
            name => unused.push(name.to_owned()),
        }
    }
    Ok(unused)
}

fn append(url: &mut Url, name: &str, value: &str) {
    url.query_pairs_mut().append_pair(name, value);
}

/// The vendor in an address, for a message: letters only, so that nothing else of the address gets out.
fn scheme_of(address: &str) -> String {
    let vendor: String = address.chars().take_while(char::is_ascii_alphanumeric).take(20).collect();
    if vendor.is_empty() { "an unknown kind".to_owned() } else { vendor }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        postgres_url(text).expect("well-formed").0.into()
    }

    #[test]
    fn jdbc_addresses_become_addresses() {
        assert_eq!(read("jdbc:postgresql://db/keycloak"), "postgres://db/keycloak");
        assert_eq!(read("jdbc:postgresql://db:26257/keycloak"), "postgres://db:26257/keycloak");
        assert_eq!(read("jdbc:postgresql:keycloak"), "postgres://localhost/keycloak");
        assert_eq!(
            read("jdbc:postgresql://db/keycloak?user=kc&password=p%26w&ssl=true"),
            "postgres://kc:p&w@db/keycloak?sslmode=verify-full"
        );
        assert_eq!(
            read("jdbc:postgresql://db/keycloak?currentSchema=sso&sslmode=require"),
            "postgres://db/keycloak?options=-csearch_path%3Dsso&sslmode=require"
        );
    }

    #[test]
    fn tuning_of_the_java_driver_is_named_and_left_out() {
        let (url, unused) =
            postgres_url("jdbc:postgresql://db/k?prepareThreshold=0&socketTimeout=9").expect("ok");

        assert_eq!(url.as_str(), "postgres://db/k");
        assert_eq!(unused, ["prepareThreshold", "socketTimeout"]);
    }

    #[test]
    fn other_vendors_several_hosts_and_no_database_are_refused_without_repeating_the_address() {
        for text in [
            "jdbc:mysql://root:hunter2@db/k",
            "jdbc:postgresql://hunter2,b/k",
            "jdbc:postgresql://hunter2/",
            "hunter2",
        ] {
            let error = postgres_url(text).expect_err(text);
            assert!(!error.contains("hunter2") || text == "hunter2", "{error}");
        }
    }
}
