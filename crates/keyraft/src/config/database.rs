//! Where durable data lives.
//!
//! Three ways to say it: a URL of ours (`postgres://…`, `sqlite:…`), Keycloak's JDBC URL, or Keycloak's parts
//! (host, port, database). All end in one [`Target`]; what contradicts itself is a problem, never a choice.

use std::path::{Path, PathBuf};

use keyraft_crypto::secret::Secret;
use url::Url;

use super::{problem::Problem, section::section, setting::Setting};

section! {
    /// Where durable data lives: CockroachDB or PostgreSQL, or an SQLite file of this node's own.
    pub Database in "db" {
        /// Kind of database: `postgres` (PostgreSQL and CockroachDB) or `sqlite`; Keycloak's `dev-file` is `sqlite`.
        ///
        /// Default: what `db.url` says, else `sqlite`. Env `KEYRAFT_DB`, Keycloak's `KC_DB`. Other vendors of Keycloak
        /// are refused: export there, import here.
        kind: Option<Kind> = "DB" / "KC_DB", "";

        /// Address of the database: `postgres://user@host:5432/keyraft?sslmode=verify-full`,
        /// `sqlite:/var/lib/keyraft/keyraft.db`, or Keycloak's `jdbc:postgresql://host/keycloak`.
        ///
        /// Default: `keyraft.db` in the data folder. Env `KEYRAFT_DB_URL` (`_FILE`), Keycloak's `KC_DB_URL`. Over a network
        /// TLS with a verified certificate is required unless `sslmode` says otherwise; `sslrootcert` names the CA.
        url: Option<Secret> = "DB_URL" / "KC_DB_URL", "";

        /// Host of the database, instead of `db.url`.
        ///
        /// No default. Env `KEYRAFT_DB_URL_HOST`, Keycloak's `KC_DB_URL_HOST`.
        host: Option<String> = "DB_URL_HOST" / "KC_DB_URL_HOST", "";

        /// Port of the database, instead of `db.url`.
        ///
        /// Default `5432`, the usual one. Env `KEYRAFT_DB_URL_PORT`, Keycloak's `KC_DB_URL_PORT`. CockroachDB's is 26257.
        port: u16 = "DB_URL_PORT" / "KC_DB_URL_PORT", "5432";

        /// Name of the database, instead of `db.url`.
        ///
        /// Default `keycloak`, as in Keycloak. Env `KEYRAFT_DB_URL_DATABASE`, Keycloak's `KC_DB_URL_DATABASE`. It must
        /// be this server's own: a database with Keycloak's tables is not converted.
        name: String = "DB_URL_DATABASE" / "KC_DB_URL_DATABASE", "keycloak";

        /// Parameters that are added to the address, such as `?sslmode=require`.
        ///
        /// No default. Env `KEYRAFT_DB_URL_PROPERTIES`, Keycloak's `KC_DB_URL_PROPERTIES`.
        properties: Option<String> = "DB_URL_PROPERTIES" / "KC_DB_URL_PROPERTIES", "";

        /// User of the database.
        ///
        /// Default: the one in the address. Env `KEYRAFT_DB_USERNAME`, Keycloak's `KC_DB_USERNAME`.
        username: Option<String> = "DB_USERNAME" / "KC_DB_USERNAME", "";

        /// Password of that user.
        ///
        /// Default: the one in the address. Env `KEYRAFT_DB_PASSWORD` (`_FILE`), Keycloak's `KC_DB_PASSWORD`.
        password: Option<Secret> = "DB_PASSWORD" / "KC_DB_PASSWORD", "";

        /// Schema of the tables.
        ///
        /// Default: the one that the database gives that user, usually `public`. Env `KEYRAFT_DB_SCHEMA`,
        /// Keycloak's `KC_DB_SCHEMA`. It must exist.
        schema: Option<String> = "DB_SCHEMA" / "KC_DB_SCHEMA", "";

        /// Most connections of this node to the database.
        ///
        /// Default `16`. Env `KEYRAFT_DB_POOL_MAX_SIZE`, Keycloak's `KC_DB_POOL_MAX_SIZE`. All nodes together must stay
        /// under the database's own limit; requests wait up to 2 s for a free one, then get 503.
        pool_max_size: u32 = "DB_POOL_MAX_SIZE" / "KC_DB_POOL_MAX_SIZE", "16";
    }
}

/// The kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PostgreSQL, or CockroachDB, which speaks like it.
    Postgres,
    /// One file, for one node.
    Sqlite,
}

impl Setting for Kind {
    const EXPECTS: &'static str =
        "postgres or sqlite; data of another vendor comes over by export and import";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "postgres" | "postgresql" | "cockroachdb" | "cockroach" => Some(Self::Postgres),
            "sqlite" | "dev-file" => Some(Self::Sqlite),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
        .to_owned()
    }
}

/// Where to connect.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The file's path.
    Sqlite(PathBuf),
    /// `postgres://…` with user and password.
    Postgres(Secret),
}

/// A target, and which parameters of a JDBC URL were left out because they mean nothing here.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// Where to connect.
    pub target: Target,
    /// Names of parameters that are not used.
    pub unused: Vec<String>,
}

impl Database {
    /// Puts the parts together.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn resolve(&self, data_dir: &Path) -> Result<Resolved, Problem> {
        let file = |path: PathBuf| Resolved { target: Target::Sqlite(path), unused: Vec::new() };
        let resolved = match (&self.url, &self.host) {
            (Some(_), Some(_)) => {
                let what = "db.url and db.host both say where the database is";
                return Err(Problem::new("db.url", what, "Keep one of the two."));
            }
            (Some(url), None) => match sqlite_path(url.expose()) {
                Some(path) => file(path),
                None => self.postgres(url.expose())?,
            },
            (None, Some(host)) => self.postgres(&self.url_of_parts(host))?,
            (None, None) if self.kind == Some(Kind::Postgres) => {
                let remedy =
                    "Set KEYRAFT_DB_URL=postgres://user@host/database (or KC_DB_URL, or KC_DB_URL_HOST).";
                return Err(Problem::new("db.url", "is not set, and db.kind is postgres", remedy));
            }
            (None, None) => file(data_dir.join("keyraft.db")),
        };
        let kind = match resolved.target {
            Target::Sqlite(_) => Kind::Sqlite,
            Target::Postgres(_) => Kind::Postgres,
        };
        match self.kind {
            Some(said) if said != kind => {
                let what = format!("is {}, but the address is one of {}", said.text(), kind.text());
                Err(Problem::new("db.kind", what, "Correct one of the two, or leave db.kind away."))
            }
            _ => Ok(resolved),
        }
    }

    fn url_of_parts(&self, host: &str) -> String {
        // An IPv6 address needs brackets in a URL.
        let host =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        format!("postgres://{host}:{}/{}", self.port, self.name)
    }

    fn postgres(&self, text: &str) -> Result<Resolved, Problem> {
        let refused =
            |what: String| Problem::new("db.url", what, "See `keyraft config reference` for examples.");
        let properties = self.properties.as_deref().unwrap_or("").trim_start_matches(['?', '&']);
        let mut text = text.to_owned();
        if !properties.is_empty() {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(properties);
        }
        let (mut url, unused) = super::jdbc::postgres_url(&text).map_err(refused)?;
        let set = |done: Result<(), ()>, part: &str| {
            done.map_err(|()| refused(format!("cannot carry the {part} that is set beside it")))
        };
        if let Some(name) = &self.username {
            set(url.set_username(name), "user name")?;
        }
        if let Some(password) = &self.password {
            set(url.set_password(Some(password.expose())), "password")?;
        }
        if let Some(schema) = &self.schema {
            url.query_pairs_mut().append_pair("options", &format!("-csearch_path={schema}"));
        }
        if !url.query_pairs().any(|(name, _)| name == "sslmode") {
            let mode = if is_local(&url) { "prefer" } else { "verify-full" };
            url.query_pairs_mut().append_pair("sslmode", mode);
        }
        Ok(Resolved { target: Target::Postgres(Secret::new(String::from(url))), unused })
    }
}

/// The path in `sqlite:PATH` or `sqlite://PATH`.
fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// On this machine there is no network to listen on.
fn is_local(url: &Url) -> bool {
    let socket = url.query_pairs().any(|(name, value)| name == "host" && value.starts_with('/'));
    socket || matches!(url.host_str(), None | Some("" | "localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Mode, sources::Sources};

    fn resolve(environment: &[(&str, &str)]) -> Result<Resolved, Problem> {
        let environment =
            environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let loaded = Config::read(Mode::Production, &Sources { environment, ..Sources::default() });
        loaded.config.database.resolve(Path::new("data"))
    }

    fn url(environment: &[(&str, &str)]) -> String {
        match resolve(environment).expect("resolves").target {
            Target::Postgres(url) => url.expose().to_owned(),
            Target::Sqlite(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn keycloaks_settings_lead_to_the_same_database() {
        let url = url(&[
            ("KC_DB", "postgres"),
            ("KC_DB_URL", "jdbc:postgresql://db.example.com/keycloak?sslmode=require"),
            ("KC_DB_USERNAME", "keycloak"),
            ("KC_DB_PASSWORD", "p@ss/word"),
        ]);

        assert_eq!(url, "postgres://keycloak:p%40ss%2Fword@db.example.com/keycloak?sslmode=require");
    }

    #[test]
    fn keycloaks_parts_make_an_address() {
        let url = url(&[
            ("KC_DB_URL_HOST", "db"),
            ("KC_DB_URL_PROPERTIES", "?sslmode=disable"),
            ("KC_DB_SCHEMA", "sso"),
        ]);

        assert_eq!(url, "postgres://db:5432/keycloak?sslmode=disable&options=-csearch_path%3Dsso");
    }

    #[test]
    fn a_database_across_the_network_is_verified_unless_told_otherwise() {
        assert!(url(&[("KEYRAFT_DB_URL", "postgres://db.example.com/k")]).ends_with("sslmode=verify-full"));
        assert!(url(&[("KEYRAFT_DB_URL", "postgres://localhost/k")]).ends_with("sslmode=prefer"));
        assert!(url(&[("KEYRAFT_DB_URL", "postgres://db/k?sslmode=disable")]).ends_with("sslmode=disable"));
    }

    #[test]
    fn without_any_address_the_file_in_the_data_folder_serves() {
        match resolve(&[]).expect("resolves").target {
            Target::Sqlite(path) => assert_eq!(path, Path::new("data/keyraft.db")),
            Target::Postgres(_) => panic!("nobody asked for one"),
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(resolve(&[("KC_DB", "postgres")]).is_err());
        assert!(resolve(&[("KC_DB", "dev-file"), ("KC_DB_URL", "jdbc:postgresql://db/k")]).is_err());
        assert!(resolve(&[("KC_DB_URL_HOST", "db"), ("KC_DB_URL", "jdbc:postgresql://db/k")]).is_err());
    }
}
