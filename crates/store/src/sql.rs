//! Statements with names.

/// A statement in the common subset of CockroachDB, PostgreSQL and SQLite.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    /// Where it stands, such as `keyraft_store::clients::FIND`; it names the statement in errors.
    pub name: &'static str,
    /// Its text, with `$n` parameters.
    pub text: &'static str,
    /// Whether the database keeps its plan. A plan that fits all values is bad for statements with many
    /// optional conditions: those are planned for their values each time.
    pub(crate) is_kept: bool,
}

impl Sql {
    /// A statement whose plan is kept.
    pub(crate) const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, is_kept: true }
    }

    /// The same, planned anew each time.
    pub(crate) const fn planned_anew(self) -> Self {
        Self { is_kept: false, ..self }
    }
}

/// Declares the statements of a file and their list `ALL`.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$meta])* const $name: crate::Sql =
            crate::Sql::new(concat!(module_path!(), "::", stringify!($name)), $text);)*
        pub(crate) const ALL: &[crate::Sql] = &[$($name),*];
    };
}
pub(crate) use statements;
