//! Export files: one realm, an array of realms, or a folder of `<realm>-realm.json` and `<realm>-users-N.json`.
//!
//! `${NAME}` in a text is replaced from the environment for variables that the operator lists by name, and for
//! those alone; `${NAME:default}` falls back to its default where the variable is not set. Keycloak replaces any
//! variable: a file from somebody else then reads the server's secrets (CVE-2024-11736). Everything else between
//! braces stays as it is, so message keys such as `${client_account}` survive. Representations that come over the
//! admin API are never replaced.

use std::{collections::HashMap, fs, path::Path};

use serde_json::Value;

use super::{build, shape::wrong};
use crate::{Error, image::Representation};

/// Larger files are refused; a realm of that size comes in several users files.
const MAX_FILE: u64 = 1 << 30;

/// Variables that files may name.
#[derive(Clone, Debug, Default)]
pub struct Placeholders(HashMap<String, String>);

impl Placeholders {
    /// The variables of these names, with the values that they have now.
    pub fn of_environment<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let set = |name: &str| std::env::var(name).ok().map(|value| (name.to_owned(), value));
        Self(names.into_iter().filter_map(set).collect())
    }

    /// Replaces what a text names.
    fn replace(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            let Some(end) = from.find('}') else { break };
            let inside = &from[2..end];
            let (name, default) = inside.split_once(':').unwrap_or((inside, ""));
            match self.0.get(name.strip_prefix("env.").unwrap_or(name)) {
                Some(value) => out.push_str(value),
                None if inside.contains(':') && is_variable(name) => out.push_str(default),
                None => out.push_str(&from[..=end]),
            }
            rest = &from[end + 1..];
        }
        out.push_str(rest);
        out
    }

    fn replace_in(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains("${") => *text = self.replace(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace_in(item)),
            Value::Object(members) => members.values_mut().for_each(|value| self.replace_in(value)),
            _ => {}
        }
    }
}

fn is_variable(name: &str) -> bool {
    let name = name.strip_prefix("env.").unwrap_or(name);
    !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_')
}

/// Reads the realms of a file or folder.
///
/// # Errors
/// [`Error::Invalid`] with the file, and line and column, of what cannot be read.
pub fn read(path: &Path, placeholders: &Placeholders) -> Result<Vec<Representation>, Error> {
    if path.is_dir() { read_folder(path, placeholders) } else { read_file(path, placeholders) }
}

fn read_folder(folder: &Path, placeholders: &Placeholders) -> Result<Vec<Representation>, Error> {
    let entries = fs::read_dir(folder).map_err(|error| of_file(folder, &error.to_string()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    // `x-users-10.json` after `x-users-9.json`.
    paths.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    let (users, realms): (Vec<_>, Vec<_>) =
        paths.into_iter().partition(|path| file_name(path).is_some_and(|name| users_of(name).is_some()));
    let mut found = Vec::new();
    for path in realms {
        found.extend(read_file(&path, placeholders)?);
    }
    for path in users {
        let of = file_name(&path).and_then(users_of).unwrap_or_default();
        let realm = found.iter_mut().find(|realm| realm.get("realm").and_then(Value::as_str) == Some(of));
        let realm = realm
            .ok_or_else(|| of_file(&path, &format!("there is no file of the realm {of:?} beside it")))?;
        for more in read_file(&path, placeholders)? {
            build::append_users(realm, more, &path.display().to_string())?;
        }
    }
    Ok(found)
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// The realm of a users file: `<realm>-users-N.json`, or `<realm>-federated-users-N.json`.
fn users_of(name: &str) -> Option<&str> {
    let (front, number) = name.strip_suffix(".json")?.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let realm = front.strip_suffix("-federated-users").or_else(|| front.strip_suffix("-users"))?;
    is_number.then_some(realm)
}

#[expect(clippy::disallowed_methods, reason = "an import runs before the server serves")]
fn read_file(path: &Path, placeholders: &Placeholders) -> Result<Vec<Representation>, Error> {
    let size = fs::metadata(path).map_err(|error| of_file(path, &error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(of_file(path, "is larger than 1 GiB"));
    }
    let text = fs::read(path).map_err(|error| of_file(path, &error.to_string()))?;
    let mut value: Value =
        serde_json::from_slice(&text).map_err(|error| of_file(path, &error.to_string()))?;
    placeholders.replace_in(&mut value);
    let items = match value {
        Value::Array(items) => items,
        single => vec![single],
    };
    let object = |item| match item {
        Value::Object(members) => Ok(members),
        _ => Err(of_file(path, "holds something that is not a realm")),
    };
    items.into_iter().map(object).collect()
}

fn of_file(path: &Path, rule: &str) -> Error {
    wrong(&path.display().to_string(), rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_variables_are_read() {
        let placeholders = Placeholders([("HOST".to_owned(), "x.org".to_owned())].into());

        assert_eq!(placeholders.replace("https://${HOST}/${env.HOST}"), "https://x.org/x.org");
        assert_eq!(
            placeholders.replace("${PATH} ${client_account} ${role_x:y}"),
            "${PATH} ${client_account} ${role_x:y}"
        );
        assert_eq!(placeholders.replace("${PORT:8080}"), "8080");
        assert_eq!(placeholders.replace("${HOST"), "${HOST");
    }

    #[test]
    fn users_files_name_their_realm() {
        assert_eq!(users_of("my-realm-users-0.json"), Some("my-realm"));
        assert_eq!(users_of("my-federated-users-12.json"), Some("my"));
        assert_eq!(users_of("my-realm.json"), None);
        assert_eq!(users_of("my-users-x.json"), None);
    }
}
