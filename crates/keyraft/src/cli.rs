//! The command line: Keycloak's commands and option names where there are such.
//!
//! Every setting of the table is a flag of every command that reads the configuration, so a flag can neither
//! be forgotten nor differ from its setting.

use std::{io::Write as _, path::PathBuf, sync::LazyLock};

use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand, builder::ValueParser};

use crate::config::{Sources, section::Field, sources::fields};

/// A single sign-on identity server: OpenID Connect and OAuth 2 on Keycloak's wire.
#[derive(Debug, Parser)]
#[command(name = "keyraft", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start for development: no settings needed, plain http, an embedded database.
    StartDev(Start),
    /// Start for production: refuses settings that are unsafe.
    Start(Start),
    /// Look at the configuration without starting.
    Config {
        /// What to look at.
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Make an administrator of the realm master, for who has lost every one.
    BootstrapAdmin {
        /// What kind.
        #[command(subcommand)]
        verb: BootstrapVerb,
    },
    /// Look at the database's schema or bring it up to date. `start` does so by itself.
    Db {
        /// What to do.
        #[command(subcommand)]
        verb: DbVerb,
    },
    /// Look at the cluster and govern it, from the machine of one of its nodes.
    Cluster {
        /// What to do.
        #[command(subcommand)]
        verb: ClusterVerb,
    },
    /// Import realms from files that Keycloak or this server exported. Stop the server first.
    Import(Import),
    /// Export realms to files, secrets in clear: a backup, or a way to Keycloak.
    Export(Export),
}

/// Options of `start` and `start-dev`.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Import the realms in the folder `import` of the data folder; those that exist already are left alone.
    #[arg(long)]
    pub import_realm: bool,
    /// Taken for the sake of Keycloak's command lines; there is no build that it could skip.
    #[arg(long, hide = true)]
    pub optimized: bool,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// What to look at.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Say whether `start` would take these settings, and what is wrong with them.
    Check(Look),
    /// Print every setting, its value and where the value comes from; secrets are hidden.
    Show(Look),
    /// Print what every setting means.
    Reference {
        /// As a table in Markdown.
        #[arg(long)]
        markdown: bool,
    },
}

/// Options of `config check` and `config show`.
#[derive(Debug, Args)]
pub(crate) struct Look {
    /// Judge by the rules of `start-dev`.
    #[arg(long)]
    pub dev: bool,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// What kind of administrator.
#[derive(Debug, Subcommand)]
pub(crate) enum BootstrapVerb {
    /// Somebody with a password.
    User(NewUser),
    /// A client with a secret, for automation.
    Service(NewService),
}

/// Options of `bootstrap-admin user`.
#[derive(Debug, Args)]
pub(crate) struct NewUser {
    /// User name; temp-admin when it is left away.
    #[arg(long)]
    pub(crate) username: Option<String>,
    /// Variable that holds the user name.
    #[arg(long = "username:env", value_name = "VARIABLE")]
    pub(crate) username_env: Option<String>,
    /// Variable that holds the password; without it the terminal is asked.
    #[arg(long = "password:env", value_name = "VARIABLE")]
    pub(crate) password_env: Option<String>,
    /// Fail instead of asking the terminal.
    #[arg(long)]
    pub(crate) no_prompt: bool,
    /// The settings.
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Options of `bootstrap-admin service`.
#[derive(Debug, Args)]
pub(crate) struct NewService {
    /// Client id; temp-admin when it is left away.
    #[arg(long)]
    pub(crate) client_id: Option<String>,
    /// Variable that holds the client id.
    #[arg(long = "client-id:env", value_name = "VARIABLE")]
    pub(crate) client_id_env: Option<String>,
    /// Variable that holds the secret; without it the terminal is asked.
    #[arg(long = "client-secret:env", value_name = "VARIABLE")]
    pub(crate) secret_env: Option<String>,
    /// Fail instead of asking the terminal.
    #[arg(long)]
    pub(crate) no_prompt: bool,
    /// The settings.
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What to do with the schema.
#[derive(Debug, Subcommand)]
pub(crate) enum DbVerb {
    /// Print the steps that are missing; changes nothing.
    Plan {
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Run the steps that are missing.
    Migrate {
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// What to do with the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// Say how many nodes are healthy, how many may be lost, and how each one is.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Have a node that waits look for others at ADDRESS as well; or, without one and with the node stopped, set the data
    /// of an earlier membership aside, so that its next start joins as a new member.
    Join {
        /// `host:port` of a member.
        address: Option<String>,
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Take this node out of the cluster for good. Stopping it needs no such thing.
    Leave {
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Take a member out that does not answer and will not come back.
    Remove {
        /// Its name.
        name: String,
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Hand the leadership over.
    Transfer {
        /// Name of the member that should lead; the best when it is left away.
        #[arg(long)]
        to: Option<String>,
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Form the cluster anew with the nodes that wait without data: the disks of all members are lost.
    Reform {
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Begin a new epoch with what one survivor holds: a majority is lost for good. Run on its machine, stopped.
    Recover {
        /// Name of the survivor.
        #[arg(long)]
        from: String,
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Pass over an entry of the log that no node can apply. Run on every node, stopped.
    Skip {
        /// The entry's name, `INDEX-HASH`, as the node said it when it stopped.
        entry: String,
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Write the sessions down now, so that the next start has less to replay.
    Snapshot {
        /// The settings.
        #[command(flatten)]
        settings: Settings,
    },
}

/// Options of `import`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("from").required(true).args(["file", "dir"]))]
pub(crate) struct Import {
    /// File with a realm, or with an array of them.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// Folder with `<realm>-realm.json` and `<realm>-users-N.json`.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Whether a realm that is there is replaced, users and all, or left as it is.
    #[arg(long = "override", value_name = "BOOLEAN", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) overwrite: bool,
    /// The settings.
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Options of `export`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true).args(["file", "dir"]))]
pub(crate) struct Export {
    /// Name of the realm; every one when it is left away.
    #[arg(long)]
    pub(crate) realm: Option<String>,
    /// File to write: one realm, or an array of all.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// Folder to write into: `<realm>-realm.json` and `<realm>-users-N.json`.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Where users go; `different_files` with --dir, `realm_file` with --file.
    #[arg(long)]
    pub(crate) users: Option<Users>,
    /// Users in each of the different files.
    #[arg(long, default_value_t = 50)]
    pub(crate) users_per_file: usize,
    /// The settings.
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Where an export puts users; the names are Keycloak's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Users {
    /// Nowhere.
    Skip,
    /// Into the realm's own file.
    RealmFile,
    /// Into one file beside it.
    SameFile,
    /// Into several files beside it.
    DifferentFiles,
}

/// The settings that were given as flags, and the file to read.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    flags: Vec<(String, String)>,
    file: Option<PathBuf>,
}

impl Settings {
    /// All sources: these flags, the process's environment, the file.
    ///
    /// A variable whose name or value is not Unicode counts as absent.
    pub(crate) fn sources(self) -> Sources {
        let environment = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
            .collect();
        let file = self.file.or_else(|| std::env::var_os("KEYRAFT_CONFIG_FILE").map(PathBuf::from));
        Sources { flags: self.flags, environment, file: file.filter(|path| !path.as_os_str().is_empty()) }
    }
}

/// A flag and the setting behind it.
struct Flag {
    name: String,
    field: &'static Field,
    help: String,
}

static FLAGS: LazyLock<Vec<Flag>> = LazyLock::new(|| {
    let flag = |field: &'static Field| {
        let text = field.text();
        let sentence = text.split("\n\n").next().unwrap_or_default().trim_end_matches('.');
        Flag { name: field.flag(), field, help: format!("{sentence} [env: {}]", field.variable()) }
    };
    fields().map(flag).collect()
});

impl Args for Settings {
    fn augment_args(command: clap::Command) -> clap::Command {
        let file = Arg::new("config-file")
            .long("config-file")
            .value_name("FILE")
            .value_parser(ValueParser::path_buf())
            .help("TOML file with settings [env: KEYRAFT_CONFIG_FILE]");
        FLAGS.iter().fold(command.arg(file), |command, flag| {
            let arg = Arg::new(flag.name.as_str())
                .long(flag.name.as_str())
                .value_name("VALUE")
                .allow_hyphen_values(false)
                .hide_short_help(true)
                .help_heading("Settings")
                .help(flag.help.as_str());
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |flag: &Flag| {
            let text = matches.get_one::<String>(&flag.name)?;
            Some((flag.field.key(), text.clone()))
        };
        Ok(Self {
            flags: FLAGS.iter().filter_map(given).collect(),
            file: matches.get_one("config-file").cloned(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Reads the command line; help, version and mistakes end the process here.
pub(crate) fn parse() -> Command {
    Cli::parse().command
}

/// Writes to standard output. A reader that has gone away is no failure.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn keycloaks_option_names_are_flags() {
        let line = [
            "keyraft",
            "start",
            "--optimized",
            "--hostname=https://sso.example.com",
            "--http-enabled",
            "true",
        ];
        let Command::Start(start) = Cli::try_parse_from(line).expect("a command line").command else {
            panic!("another command")
        };

        assert!(start.optimized && !start.import_realm);
        let flags: Vec<_> =
            start.settings.flags.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
        assert_eq!(flags, [("hostname.url", "https://sso.example.com"), ("http.enabled", "true")]);
    }
}
