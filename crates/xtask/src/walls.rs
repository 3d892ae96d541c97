//! Checks dependencies against `deny.toml`, the file that `cargo deny` reads, without a network.
//!
//! Three rules of it: licences that are allowed, sources that are known, and crates that are banned except
//! behind the one room that may use them (`wrappers`). Advisories need a network: `cargo deny check` has them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};

use crate::command::{cargo, output, root, say};

/// Checks everything and names every breach.
pub(crate) fn run() -> Result<()> {
    let text = std::fs::read_to_string(root().join("deny.toml")).context("cannot read deny.toml")?;
    let rules = Rules::parse(&text)?;
    // `cargo metadata` lists what features might bring; `cargo tree` what they do bring.
    let everything = [
        "tree",
        "--locked",
        "--workspace",
        "--all-features",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
    ];
    let form = ["--prefix", "depth", "--format", "{p}\t{l}"];
    let graph = Graph::parse(&output(&mut cargo(everything.into_iter().chain(form)))?)?;
    let breaches = rules.breaches(&graph);
    for breach in &breaches {
        say(breach);
    }
    if !breaches.is_empty() {
        bail!("{} breaches of deny.toml", breaches.len());
    }
    let (packages, bans) = (graph.packages.len(), rules.bans.len());
    say(&format!("walls: {packages} packages, {} licences allowed, {bans} bans kept", rules.licences.len()));
    Ok(())
}

/// What `deny.toml` says.
#[derive(Debug, Default)]
struct Rules {
    licences: BTreeSet<String>,
    /// Banned crate and the crates that may use it all the same.
    bans: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    fn parse(text: &str) -> Result<Self> {
        let file: toml::Table = text.parse().context("deny.toml")?;
        let list = |section: &str, key: &str| -> Vec<toml::Value> {
            let section = file.get(section).and_then(|section| section.get(key));
            section.and_then(toml::Value::as_array).cloned().unwrap_or_default()
        };
        let words = |values: Vec<toml::Value>| -> BTreeSet<String> {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let mut bans = BTreeMap::new();
        for ban in list("bans", "deny") {
            let name = ban.get("crate").and_then(toml::Value::as_str).context("a ban without `crate`")?;
            let wrappers = ban.get("wrappers").and_then(toml::Value::as_array).cloned().unwrap_or_default();
            bans.insert(name.to_owned(), words(wrappers));
        }
        Ok(Self { licences: words(list("licenses", "allow")), bans })
    }

    fn breaches(&self, graph: &Graph) -> Vec<String> {
        let mut breaches = Vec::new();
        for (id, package) in &graph.packages {
            if package.source != Source::Ours && !self.is_allowed(&package.licence) {
                breaches.push(format!("licence: {} is {:?}", package.name, package.licence));
            }
            if let Source::Elsewhere(address) = &package.source {
                breaches.push(format!("source: {} comes from {address}", package.name));
            }
            let Some(wrappers) = self.bans.get(&package.name) else { continue };
            let users: Vec<&str> =
                graph.users(id).into_iter().filter(|user| !wrappers.contains(*user)).collect();
            if !users.is_empty() || wrappers.is_empty() {
                breaches.push(format!("ban: {} is used by {}", package.name, users.join(", ")));
            }
        }
        breaches
    }

    /// Whether an SPDX expression can be satisfied. `/` is the old way to write OR.
    fn is_allowed(&self, licence: &str) -> bool {
        let licence = licence.replace('/', " OR ").replace(['(', ')'], " ");
        // Brackets only ever hold alternatives in what we depend on; so AND binds what lies between them.
        licence.split(" AND ").all(|part| part.split(" OR ").any(|name| self.licences.contains(name.trim())))
    }
}

/// Who uses whom.
struct Graph {
    packages: BTreeMap<String, Package>,
    edges: Vec<(String, String)>,
}

struct Package {
    name: String,
    licence: String,
    source: Source,
}

#[derive(PartialEq, Eq)]
enum Source {
    /// A room of this workspace.
    Ours,
    /// A package registry.
    Registry,
    /// Anything else, such as a git address.
    Elsewhere(String),
}

impl Graph {
    /// Reads `cargo tree --prefix depth --format "{p}<tab>{l}"`. A package that was shown before appears without
    /// what it uses, so every edge is there once or more.
    fn parse(tree: &str) -> Result<Self> {
        let mut packages = BTreeMap::new();
        let mut edges = Vec::new();
        let mut above: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let digits = line.find(|c: char| !c.is_ascii_digit()).context("a line without a depth")?;
            let (depth, rest) = line.split_at(digits);
            let depth: usize = depth.parse().with_context(|| format!("no depth in {line:?}"))?;
            let (package, licence) =
                rest.split_once('\t').with_context(|| format!("no licence in {line:?}"))?;
            let mut words = package.split(' ');
            let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let id = format!("{name} {version}");
            let place = words.find(|word| word.starts_with('(') && !matches!(*word, "(*)" | "(proc-macro)"));
            let source = match place.map(|place| place.trim_matches(['(', ')'])) {
                None => Source::Registry,
                Some(path) if path.starts_with('/') => Source::Ours,
                Some(address) => Source::Elsewhere(address.to_owned()),
            };
            let licence = licence.trim_end_matches(" (*)").to_owned();
            packages.entry(id.clone()).or_insert(Package { name: name.to_owned(), licence, source });
            above.truncate(depth);
            if let Some(user) = above.last() {
                edges.push((user.clone(), id.clone()));
            }
            above.push(id);
        }
        Ok(Self { packages, edges })
    }

    fn users<'a>(&'a self, id: &'a str) -> BTreeSet<&'a str> {
        let users = self.edges.iter().filter(|(_, used)| used == id);
        users.filter_map(|(user, _)| self.packages.get(user)).map(|package| package.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
        [bans]
        deny = [{ crate = "sqlx", wrappers = ["keyraft-store"] }, { crate = "openssl" }]
    "#;

    fn breaches(tree: &str) -> Vec<String> {
        let graph = Graph::parse(&tree.replace('|', "\t")).expect("a tree");
        Rules::parse(RULES).expect("rules").breaches(&graph)
    }

    #[test]
    fn a_wall_stops_everybody_but_its_own_room() {
        let store =
            "0keyraft-store v0.1.0 (/x/crates/store)|Apache-2.0\n1sqlx v0.9.0|MIT\n2tokio v1.0.0|MIT\n";
        assert_eq!(breaches(store), [""; 0]);

        let oidc = format!("{store}0keyraft-oidc v0.1.0 (/x/crates/oidc)|Apache-2.0\n1sqlx v0.9.0|MIT (*)\n");
        assert_eq!(breaches(&oidc), ["ban: sqlx is used by keyraft-oidc"]);

        assert_eq!(breaches("0x v1 (/x)|MIT\n1openssl v0.10.0|MIT\n"), ["ban: openssl is used by x"]);
    }

    #[test]
    fn a_licence_must_be_satisfiable_and_a_source_known() {
        let licence = |text: &str| breaches(&format!("0x v1.0.0|{text}")).is_empty();

        assert!(
            licence("MIT OR GPL-3.0") && licence("GPL-3.0/MIT") && licence("(MIT OR BSD) AND Unicode-3.0")
        );
        assert!(!licence("GPL-3.0") && !licence("MIT AND GPL-3.0") && !licence(""));
        assert_eq!(breaches("0x v1.0.0 (https://example.com/x#1)|MIT").len(), 1);
    }
}
