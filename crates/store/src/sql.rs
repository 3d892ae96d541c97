//! Statements with names.

/// A statement in the common subset of CockroachDB, PostgreSQL and SQLite.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    /// Where it stands, such as `keyraft_store::clients::FIND`; it names the statement in errors.
    pub name: &'static str,
    /// Its text, with `$n` parameters.
    pub text: &'static str,
}

/// Declares the statements of a file and their list `ALL`.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$meta])* const $name: crate::Sql =
            crate::Sql { name: concat!(module_path!(), "::", stringify!($name)), text: $text };)*
        pub(crate) const ALL: &[crate::Sql] = &[$($name),*];
    };
}
pub(crate) use statements;
