//! Where values come from: flag over environment over file.
//!
//! A later layer replaces an earlier one, and every value remembers where it was written, so that a message
//! can name the place to mend. Within the environment `KEYRAFT_…` wins over Keycloak's name. Nothing is
//! guessed: a name that is not known is a problem or, among Keycloak's, a warning.

#![expect(clippy::disallowed_methods, reason = "runs before anything is served")]

use std::{collections::BTreeMap, fmt, path::Path, path::PathBuf};

use toml::de::{DeTable, DeValue};

use super::{problem::Problem, section::Field, sections, unknown};

/// What a configuration is read from.
#[derive(Default)]
pub(crate) struct Sources {
    /// Flags that were given: the setting's key and its text.
    pub flags: Vec<(String, String)>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The TOML file, if one is named.
    pub file: Option<PathBuf>,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// On the command line.
    Flag(String),
    /// In the environment.
    Environment(String),
    /// In the file, with its line.
    File(PathBuf, usize),
    /// Nowhere.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as text, and where it was written.
#[derive(Clone)]
pub(crate) struct Value {
    /// The text as it was written.
    pub(crate) text: String,
    /// Where.
    pub(crate) origin: Origin,
}

/// Shows only where it comes from: the text may be a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "… from {}", self.origin)
    }
}

/// The values that were given, by key; the strongest layer has won already.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<String, Value>);

impl Values {
    /// The value of `key`, unless it is left to its default.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Where the value of `key` comes from.
    pub(crate) fn origin(&self, key: &str) -> Origin {
        self.get(key).map_or(Origin::Default, |value| value.origin.clone())
    }

    /// An empty text is the same as none: charts render empty variables for what is not set.
    fn put(&mut self, field: &Field, text: String, origin: Origin) {
        if !text.trim().is_empty() {
            self.0.insert(field.key(), Value { text, origin });
        }
    }
}

/// Reads all layers, weakest first.
pub(crate) fn gather(sources: &Sources, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) -> Values {
    let mut values = Values::default();
    if let Some(path) = &sources.file {
        from_file(path, &mut values, problems);
    }
    from_environment(&sources.environment, &mut values, problems);
    unknown::check_environment(&sources.environment, problems, warnings);
    for (key, text) in &sources.flags {
        if let Some(field) = fields().find(|field| field.key() == *key) {
            values.put(field, text.clone(), Origin::Flag(field.flag()));
        }
    }
    values
}

/// All settings.
pub(crate) fn fields() -> impl Iterator<Item = &'static Field> {
    sections().into_iter().flat_map(|section| section.fields)
}

fn from_file(path: &Path, values: &mut Values, problems: &mut Vec<Problem>) {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let remedy = "Name a file that exists and that this process may read.";
            return problems.push(Problem::new(name, format!("cannot be read: {error}"), remedy));
        }
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            let what = format!("line {line} is not TOML: {}", error.message());
            return problems.push(Problem::new(name, what, "See https://toml.io for the format."));
        }
    };
    let file = File { path };
    for (key, value) in &table {
        match value.get_ref() {
            DeValue::Table(entries) if sections().iter().any(|section| section.name == key.get_ref()) => {
                for (name, value) in entries {
                    let line = line_of(&text, name.span().start);
                    file.entry(
                        &format!("{}.{}", key.get_ref(), name.get_ref()),
                        value.get_ref(),
                        line,
                        values,
                        problems,
                    );
                }
            }
            value => {
                let line = line_of(&text, key.span().start);
                file.entry(key.get_ref(), value, line, values, problems);
            }
        }
    }
}

/// The file that is being read.
struct File<'a> {
    path: &'a Path,
}

impl File<'_> {
    fn entry(
        &self,
        key: &str,
        value: &DeValue<'_>,
        line: usize,
        values: &mut Values,
        problems: &mut Vec<Problem>,
    ) {
        let origin = Origin::File(self.path.to_owned(), line);
        let Some((field, by_file)) = field_of_key(key) else {
            let mut known: Vec<String> = fields().map(Field::key).collect();
            known.extend(sections().iter().map(|section| section.name.to_owned()));
            let remedy = unknown::nearest(key, &known);
            return problems.push(Problem::new(key, format!("{origin} is no setting"), remedy));
        };
        let Some(text) = text_of(value) else {
            let what = format!("{origin} is neither text, number, truth value nor a list of them");
            return problems.push(Problem::new(key, what, format!("It expects {}.", field.expects)));
        };
        if by_file && self.is_given_twice(field, &text, values, problems) {
            return;
        }
        let text = if by_file { secret_file(key, &text, &origin, problems) } else { Some(text) };
        if let Some(text) = text {
            values.put(field, text, origin);
        }
    }

    fn is_given_twice(
        &self,
        field: &Field,
        text: &str,
        values: &Values,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let twice = values.get(&field.key()).is_some() && !text.trim().is_empty();
        if twice {
            let what = format!("is given in {} and in a file of its own", self.path.display());
            problems.push(Problem::new(field.key(), what, "Keep one of the two."));
        }
        twice
    }
}

fn field_of_key(key: &str) -> Option<(&'static Field, bool)> {
    fields().find_map(|field| {
        let name = field.key();
        if name == key {
            Some((field, false))
        } else if field.secret && key.strip_suffix("_file") == Some(&name) {
            Some((field, true))
        } else {
            None
        }
    })
}

fn from_environment(environment: &[(String, String)], values: &mut Values, problems: &mut Vec<Problem>) {
    let find = |name: &str| {
        environment.iter().find(|(key, text)| {
            key == name && !text.trim().is_empty() && !unknown::is_service_link(key, text)
        })
    };
    for field in fields() {
        // Weakest first.
        for name in field.keycloak.iter().rev() {
            if let Some((name, text)) = find(name) {
                values.put(field, text.clone(), Origin::Environment(name.clone()));
            }
        }
        let own = find(&field.variable());
        let by_file = if field.secret { find(&format!("{}_FILE", field.variable())) } else { None };
        if let (Some((own, _)), Some((file, _))) = (own, by_file) {
            let what = format!("{own} and {file} are both set");
            problems.push(Problem::new(field.key(), what, "Keep one of the two."));
        } else if let Some((name, text)) = own {
            values.put(field, text.clone(), Origin::Environment(name.clone()));
        } else if let Some((name, path)) = by_file {
            let origin = Origin::Environment(name.clone());
            if let Some(text) = secret_file(&field.key(), path, &origin, problems) {
                values.put(field, text, origin);
            }
        }
    }
}

/// Reads a secret from a file of its own; the line break at its end does not belong to it.
fn secret_file(key: &str, path: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Option<String> {
    match std::fs::read_to_string(path.trim()) {
        Ok(text) if text.trim().is_empty() => {
            let what = format!("the file that {origin} names is empty: {path}");
            problems.push(Problem::new(key, what, "Put the secret into it, alone."));
            None
        }
        Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => {
            let what = format!("the file that {origin} names cannot be read: {path}: {error}");
            problems.push(Problem::new(key, what, "Name a file that exists and that this process may read."));
            None
        }
    }
}

fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(parts) => {
            let parts: Option<Vec<String>> = parts.iter().map(|part| text_of(part.get_ref())).collect();
            parts.map(|parts| parts.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
