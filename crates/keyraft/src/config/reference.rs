//! Prints the table of settings, and what a configuration came to.

use std::fmt::Write as _;

use super::{
    Loaded,
    section::{Field, Shown, joined},
    sections,
    sources::fields,
};

/// Width of the text in `keyraft config reference`.
const WIDTH: usize = 96;

/// Every setting with all that its doc comment says.
pub(crate) fn reference() -> String {
    let mut out = String::from(
        "Every setting may be given as a flag, in the environment, or in the TOML file that --config-file\n\
         or KEYRAFT_CONFIG_FILE names; the first of these wins. A secret may also lie in a file of its own: its\n\
         variable with _FILE, its key with _file.\n",
    );
    for section in sections() {
        let title = if section.name.is_empty() {
            "(top of the file)".to_owned()
        } else {
            format!("[{}]", section.name)
        };
        let _ = write!(out, "\n{title}\n{}", wrapped(&joined(section.about), ""));
        for field in section.fields {
            let _ = write!(out, "\n  {}   {}\n", field.key(), names(field).join(" · "));
            out.push_str(&wrapped(&field.text(), "      "));
        }
    }
    out
}

/// One row of the table in Markdown, as the README quotes it.
pub(crate) fn row(field: &Field) -> String {
    let default = if field.default.is_empty() { "–".to_owned() } else { format!("`{}`", field.default) };
    let names: Vec<String> = names(field).iter().map(|name| format!("`{name}`")).collect();
    let sentence = joined(field.docs);
    let first = sentence.split("\n\n").next().unwrap_or_default().replace('|', "\\|");
    format!("| `{}` | {} | {default} | {first} |", field.key(), names.join(" "))
}

/// The whole table in Markdown.
pub(crate) fn markdown() -> String {
    let mut out = String::from("| setting | also as | default | what it is |\n|---|---|---|---|\n");
    for field in fields() {
        out.push_str(&row(field));
        out.push('\n');
    }
    out
}

/// What each setting is and where it comes from; secrets stay hidden.
pub(crate) fn show(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let values = &loaded.values;
    let sections: [Vec<Shown>; 10] = [
        config.general.show(values),
        config.hostname.show(values),
        config.http.show(values),
        config.https.show(values),
        config.proxy.show(values),
        config.management.show(values),
        config.database.show(values),
        config.cluster.show(values),
        config.log.show(values),
        config.bootstrap_admin.show(values),
    ];
    let mut out = String::new();
    for Shown { field, text, origin } in sections.into_iter().flatten() {
        let text = if text.is_empty() { "–".to_owned() } else { text.escape_debug().to_string() };
        let _ = writeln!(out, "{:32} {text}   ({origin})", field.key());
    }
    out
}

fn names(field: &Field) -> Vec<String> {
    let keycloak = field.keycloak.iter().map(|name| (*name).to_owned());
    std::iter::once(field.variable()).chain(keycloak).chain([format!("--{}", field.flag())]).collect()
}

fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    for paragraph in text.split("\n\n") {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if line.len() + word.len() + indent.len() >= WIDTH && !line.is_empty() {
                let _ = writeln!(out, "{indent}{}", line.trim_end());
                line.clear();
            }
            line.push_str(word);
            line.push(' ');
        }
        let _ = writeln!(out, "{indent}{}", line.trim_end());
    }
    out
}
