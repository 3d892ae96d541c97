//! The table of settings: one macro makes the struct and its line in the table, so none can be forgotten.
//!
//! The doc comments of the fields are the reference: `keyraft config reference` prints them, and a test
//! checks that each one states its default and its environment name.

use super::{
    Mode,
    problem::Problem,
    setting::Setting,
    sources::{Origin, Values},
};

/// A part of the configuration: one table of the TOML file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Name of the table in the file; empty for the settings that stand outside any.
    pub(crate) name: &'static str,
    /// What the section is about, as its doc comment says it.
    pub(crate) about: &'static [&'static str],
    /// Its settings, in order.
    pub(crate) fields: &'static [Field],
}

/// One setting, as the table knows it.
#[derive(Debug)]
pub(crate) struct Field {
    /// The section's name.
    pub(crate) section: &'static str,
    /// The field's name, which is also the key in the file.
    pub(crate) name: &'static str,
    /// Environment name without its prefix `KEYRAFT_`.
    pub(crate) env: &'static str,
    /// Environment names of Keycloak that mean the same, in order of precedence.
    pub(crate) keycloak: &'static [&'static str],
    /// Default outside `start-dev`; empty for none.
    pub(crate) default: &'static str,
    /// Default of `start-dev`.
    pub(crate) dev_default: &'static str,
    /// The doc comment, line by line.
    pub(crate) docs: &'static [&'static str],
    /// Whether the value is hidden and may come from a file of its own.
    pub(crate) secret: bool,
    /// What the value has to look like.
    pub(crate) expects: &'static str,
}

impl Field {
    /// `section.name`, the setting's name in messages.
    pub(crate) fn key(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// The environment name: `KEYRAFT_…`.
    pub(crate) fn variable(&self) -> String {
        format!("KEYRAFT_{}", self.env)
    }

    /// The flag without its dashes: Keycloak's option name.
    pub(crate) fn flag(&self) -> String {
        self.env.to_ascii_lowercase().replace('_', "-")
    }

    /// The default that counts in `mode`.
    pub(crate) fn default_in(&self, mode: Mode) -> &'static str {
        if mode == Mode::Dev { self.dev_default } else { self.default }
    }

    /// The doc comment as paragraphs of text.
    pub(crate) fn text(&self) -> String {
        joined(self.docs)
    }
}

/// Joins the lines of a doc comment; an empty line stays a paragraph's end.
pub(crate) fn joined(docs: &[&str]) -> String {
    let lines: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
    lines.split(|line| line.is_empty()).map(|part| part.join(" ")).collect::<Vec<_>>().join("\n\n")
}

/// Reads one field, or notes why it cannot be read; then the default stands in until the problems are shown.
pub(crate) fn read_field<T: Setting>(
    field: &Field,
    values: &Values,
    mode: Mode,
    problems: &mut Vec<Problem>,
) -> T {
    let default = || T::parse(field.default_in(mode)).expect("a test reads every default");
    let Some(value) = values.get(&field.key()) else { return default() };
    T::parse(value.text.trim()).unwrap_or_else(|| {
        let shown = if field.secret { String::new() } else { format!("{:?} ", value.text) };
        problems.push(Problem {
            setting: field.key(),
            what: format!("{shown}from {} cannot be read", value.origin),
            remedy: format!("It expects {}.", T::EXPECTS),
        });
        default()
    })
}

/// One line of `keyraft config show`.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The setting.
    pub(crate) field: &'static Field,
    /// Its value; secrets are hidden.
    pub(crate) text: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// Declares a section: a struct, its row in the table, and how to read it.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub $name:ident in $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $env:literal $(/ $keycloak:literal)*, $default:literal $(dev $dev:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub(crate) struct $name {
            $(
                $(#[doc = $doc])+
                pub $field: $type,
            )+
        }

        impl $name {
            /// The section's row in the table of settings.
            pub(crate) const SECTION: &'static $crate::config::section::Section =
                &$crate::config::section::Section {
                    name: $section,
                    about: &[$($about),+],
                    fields: &[$($crate::config::section::Field {
                        section: $section,
                        name: stringify!($field),
                        env: $env,
                        keycloak: &[$($keycloak),*],
                        default: $default,
                        dev_default: { let default = $default; $(let _ = default; let default = $dev;)? default },
                        docs: &[$($doc),+],
                        secret: <$type as $crate::config::setting::Setting>::SECRET,
                        expects: <$type as $crate::config::setting::Setting>::EXPECTS,
                    }),+],
                };

            /// Reads the section, noting what cannot be read.
            pub(crate) fn read(
                values: &$crate::config::sources::Values,
                mode: $crate::config::Mode,
                problems: &mut Vec<$crate::config::problem::Problem>,
            ) -> Self {
                let mut fields = Self::SECTION.fields.iter();
                Self {
                    $($field: {
                        let field = fields.next().expect("the table is made of the same fields");
                        $crate::config::section::read_field(field, values, mode, problems)
                    },)+
                }
            }

            /// What each setting is now and where it comes from.
            pub(crate) fn show(
                &self,
                values: &$crate::config::sources::Values,
            ) -> Vec<$crate::config::section::Shown> {
                let mut fields = Self::SECTION.fields.iter();
                vec![$({
                    let field = fields.next().expect("the table is made of the same fields");
                    $crate::config::section::Shown {
                        field,
                        text: $crate::config::setting::Setting::text(&self.$field),
                        origin: values.origin(&field.key()),
                    }
                }),+]
            }
        }
    };
}
pub(crate) use section;
