//! Where a node keeps its files, and the key that seals its secrets.

use std::path::PathBuf;

use keyraft_crypto::secret::Secret;

use super::section::section;

section! {
    /// What a node needs before anything else. These settings stand at the top of the file, outside any table.
    pub General in "" {
        /// Folder for what this node keeps on disk: the replicated log, the embedded database, files to import.
        ///
        /// Default `data`, in the working directory. Env `KEYRAFT_DATA_DIR`. It is made when it is missing. A
        /// folder that another node uses, or one that is emptied at each start, costs the sessions in it.
        data_dir: PathBuf = "DATA_DIR", "data";

        /// Master key: 32 random bytes in base64 or hex, which wraps the key that seals private keys and
        /// secrets in the database. Several, separated by commas or lines: the first seals, all open.
        ///
        /// No default: a key beside the data it protects protects nothing (`start-dev` makes one in its data
        /// folder). Env `KEYRAFT_MASTER_KEY`, or a file named by `KEYRAFT_MASTER_KEY_FILE`. Whoever loses it
        /// loses every sealed secret; every node needs the same.
        master_key: Vec<Secret> = "MASTER_KEY", "";

        /// Number of threads that serve requests.
        ///
        /// Default: one for each core. Env `KEYRAFT_THREADS`. More only cost memory; password hashing has
        /// threads of its own.
        threads: Option<u16> = "THREADS", "";

        /// Names of environment variables that import files may mention as `${NAME}`, separated by commas.
        ///
        /// No default: none; other mentions stay as they are. Env `KEYRAFT_IMPORT_VARIABLES`. Whoever writes an import
        /// file can read every variable that is listed here.
        import_variables: Vec<String> = "IMPORT_VARIABLES", "";
    }
}
