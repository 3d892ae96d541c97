//! The first administrator.

use keyraft_crypto::secret::Secret;

use super::section::section;

section! {
    /// The first administrator, made in the realm `master` when the database is empty. Later starts do not
    /// look at it: `keyraft bootstrap-admin` makes another one.
    pub BootstrapAdmin in "bootstrap_admin" {
        /// User name of the first administrator.
        ///
        /// Default `admin`. Env `KEYRAFT_BOOTSTRAP_ADMIN_USERNAME`, Keycloak's `KC_BOOTSTRAP_ADMIN_USERNAME` and
        /// `KEYCLOAK_ADMIN`.
        username: String =
            "BOOTSTRAP_ADMIN_USERNAME" / "KC_BOOTSTRAP_ADMIN_USERNAME" / "KEYCLOAK_ADMIN", "admin";

        /// Password of the first administrator.
        ///
        /// No default: without it `start` makes none, and `start-dev` makes one up and prints it once. Env
        /// `KEYRAFT_BOOTSTRAP_ADMIN_PASSWORD` (`_FILE`), Keycloak's `KC_BOOTSTRAP_ADMIN_PASSWORD` and
        /// `KEYCLOAK_ADMIN_PASSWORD`. `start` refuses one that is short or well known.
        password: Option<Secret> =
            "BOOTSTRAP_ADMIN_PASSWORD" / "KC_BOOTSTRAP_ADMIN_PASSWORD" / "KEYCLOAK_ADMIN_PASSWORD", "";

        /// Client id of a first service account with all rights, for automation.
        ///
        /// Default `temp-admin`, if a secret is given. Env `KEYRAFT_BOOTSTRAP_ADMIN_CLIENT_ID`, Keycloak's
        /// `KC_BOOTSTRAP_ADMIN_CLIENT_ID`.
        client_id: String =
            "BOOTSTRAP_ADMIN_CLIENT_ID" / "KC_BOOTSTRAP_ADMIN_CLIENT_ID", "temp-admin";

        /// Secret of that service account.
        ///
        /// No default: without it none is made. Env `KEYRAFT_BOOTSTRAP_ADMIN_CLIENT_SECRET` (`_FILE`), Keycloak's
        /// `KC_BOOTSTRAP_ADMIN_CLIENT_SECRET`. `start` refuses one that is short or well known.
        client_secret: Option<Secret> =
            "BOOTSTRAP_ADMIN_CLIENT_SECRET" / "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET", "";
    }
}
