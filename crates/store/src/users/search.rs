//! Searching users as Keycloak does.
//!
//! `search` is words that all must match the start of user name, e-mail, first or last name; `*` stands for any
//! text, `"word"` matches whole. The fields `username`, `email`, `firstName`, `lastName` match anywhere, `%` and
//! `_` in them as in SQL, or whole with `exact`. A single word that few match is searched as
//! ranges of four indexes, an attribute by its rows; everything else walks the realm by user name.

use keyraft_model::{RealmId, User, text};

use crate::{
    Error, Source, Versioned,
    source::{Arg, args},
    sql::{Sql, statements},
};

/// What to search for; empty members match everyone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserQuery {
    /// Words over user name, e-mail, first and last name.
    pub search: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Whether the four fields, and attribute values, match whole. Keycloak's defaults differ: fields match
    /// anywhere unless this is `Some(true)`, attribute values whole unless it is `Some(false)`.
    pub exact: Option<bool>,
    /// Whether the user is enabled.
    pub enabled: Option<bool>,
    /// Whether his address is verified.
    pub email_verified: Option<bool>,
    /// Created at this time (Unix milliseconds) or later.
    pub created_after: Option<i64>,
    /// Created at this time (Unix milliseconds) or earlier.
    pub created_before: Option<i64>,
    /// Attribute values that all must match; an empty value matches any.
    pub attributes: Vec<(String, String)>,
    /// Whether service accounts are found too.
    pub service_accounts: bool,
}

/// Words of `search` and attributes that one statement has room for.
const SLOTS: usize = 4;

macro_rules! conditions {
    () => {
        "realm_id = $1 AND ($2 OR service_client_id = '') \
         AND ($3 = '' OR username_key LIKE $3 ESCAPE '!') AND ($4 = '' OR email_key LIKE $4 ESCAPE '!') \
         AND ($5 = '' OR first_key LIKE $5 ESCAPE '!') AND ($6 = '' OR last_key LIKE $6 ESCAPE '!') \
         AND ($7 < 0 OR enabled = ($7 = 1)) AND ($8 < 0 OR email_verified = ($8 = 1)) \
         AND created_ms >= $9 AND created_ms <= $10 \
         AND ($11 = '' OR username_key LIKE $11 ESCAPE '!' OR email_key LIKE $11 ESCAPE '!' \
              OR first_key LIKE $11 ESCAPE '!' OR last_key LIKE $11 ESCAPE '!') \
         AND ($12 = '' OR username_key LIKE $12 ESCAPE '!' OR email_key LIKE $12 ESCAPE '!' \
              OR first_key LIKE $12 ESCAPE '!' OR last_key LIKE $12 ESCAPE '!') \
         AND ($13 = '' OR username_key LIKE $13 ESCAPE '!' OR email_key LIKE $13 ESCAPE '!' \
              OR first_key LIKE $13 ESCAPE '!' OR last_key LIKE $13 ESCAPE '!') \
         AND ($14 = '' OR username_key LIKE $14 ESCAPE '!' OR email_key LIKE $14 ESCAPE '!' \
              OR first_key LIKE $14 ESCAPE '!' OR last_key LIKE $14 ESCAPE '!')"
    };
}

macro_rules! has_attribute {
    ($name:literal, $value:literal, $pattern:literal) => {
        concat!(
            " AND (",
            $name,
            " = '' OR EXISTS (SELECT 1 FROM usr_attr a WHERE a.realm_id = usr.realm_id \
             AND a.usr_id = usr.id AND a.name = ",
            $name,
            " AND (a.value_key = ",
            $value,
            " OR a.value_lc LIKE ",
            $pattern,
            " ESCAPE '!')))"
        )
    };
}

macro_rules! range {
    ($column:literal, $from:literal, $to:literal, $most:literal) => {
        concat!(
            "SELECT id FROM (SELECT id FROM usr WHERE realm_id = $1 AND ",
            $column,
            " >= ",
            $from,
            " AND ",
            $column,
            " < ",
            $to,
            " ORDER BY realm_id, ",
            $column,
            " LIMIT ",
            $most,
            ") AS in_",
            $column
        )
    };
}

macro_rules! ranges {
    ($union:literal, $from:literal, $to:literal, $most:literal) => {
        concat!(
            range!("username_key", $from, $to, $most),
            $union,
            range!("email_key", $from, $to, $most),
            $union,
            range!("first_key", $from, $to, $most),
            $union,
            range!("last_key", $from, $to, $most)
        )
    };
}

macro_rules! by_prefix {
    () => {
        concat!(" AND id IN (", ranges!(" UNION ", "$15", "$16", "$17"), ")")
    };
}

macro_rules! by_attributes {
    () => {
        concat!(
            " AND id IN (SELECT usr_id FROM usr_attr WHERE realm_id = $1 AND name = $15 AND value_key = $16)",
            has_attribute!("$17", "$18", "$19"),
            has_attribute!("$20", "$21", "$22"),
            has_attribute!("$23", "$24", "$25")
        )
    };
}

macro_rules! by_patterns {
    () => {
        concat!(
            has_attribute!("$15", "$16", "$17"),
            has_attribute!("$18", "$19", "$20"),
            has_attribute!("$21", "$22", "$23"),
            has_attribute!("$24", "$25", "$26")
        )
    };
}

statements! {
    LIST = "SELECT doc, ver FROM usr WHERE realm_id = $1 AND service_client_id = '' \
             ORDER BY username LIMIT $2 OFFSET $3";
    COUNT = "SELECT CAST(COALESCE(sum(n), 0) AS BIGINT) FROM usr_count WHERE realm_id = $1";
    SEARCH = concat!("SELECT doc, ver FROM usr WHERE ", conditions!(),
                     " ORDER BY username LIMIT $15 OFFSET $16");
    SEARCH_COUNT = concat!("SELECT count(*) FROM usr WHERE ", conditions!());
    IN_RANGES = concat!("SELECT count(*) FROM (", ranges!(" UNION ALL ", "$2", "$3", "$4"), ") AS in_ranges");
    PREFIX = concat!("SELECT doc, ver FROM usr WHERE ", conditions!(), by_prefix!(),
                     " ORDER BY username LIMIT $18 OFFSET $19");
    PREFIX_COUNT = concat!("SELECT count(*) FROM usr WHERE ", conditions!(), by_prefix!());
    ATTRIBUTES = concat!("SELECT doc, ver FROM usr WHERE ", conditions!(), by_attributes!(),
                         " ORDER BY username LIMIT $26 OFFSET $27");
    ATTRIBUTES_COUNT = concat!("SELECT count(*) FROM usr WHERE ", conditions!(), by_attributes!());
    PATTERNS = concat!("SELECT doc, ver FROM usr WHERE ", conditions!(), by_patterns!(),
                       " ORDER BY username LIMIT $27 OFFSET $28");
    PATTERNS_COUNT = concat!("SELECT count(*) FROM usr WHERE ", conditions!(), by_patterns!());
}

/// With so many index entries in its ranges a prefix is so common that a page of it is found sooner by walking the
/// realm by user name.
const MANY: i64 = 2_000;

/// Equal to no stored text: search columns hold no control characters.
const NOTHING: &str = "\u{1}";

/// A page of the users that match, by user name.
///
/// # Errors
/// [`Error::Invalid`] for more words or attributes than a statement has room for; [`Error::Unavailable`].
pub async fn search(
    on: &impl Source,
    realm: &RealmId,
    query: &UserQuery,
    first: i64,
    max: i64,
) -> Result<Vec<Versioned<User>>, Error> {
    let (sql, mut args) = if query.is_empty() {
        (LIST, args![realm.as_str()])
    } else {
        let plan = Plan::of(on, realm, query).await?;
        (plan.page.planned_anew(), plan.args)
    };
    args.extend([Arg::Int(max.max(0)), Arg::Int(first.max(0))]);
    on.rows(sql, args).await?.iter().map(|row| super::from_row(sql, row)).collect()
}

/// How many users match.
///
/// # Errors
/// As [`search`].
pub async fn count(on: &impl Source, realm: &RealmId, query: &UserQuery) -> Result<i64, Error> {
    let (sql, args) = if query.is_empty() {
        (COUNT, args![realm.as_str()])
    } else {
        let plan = Plan::of(on, realm, query).await?;
        (plan.count.planned_anew(), plan.args)
    };
    on.row(sql, args).await?.map_or(Ok(0), |row| row.int(sql, 0))
}

impl UserQuery {
    /// Whether it matches every user but service accounts.
    fn is_empty(&self) -> bool {
        let mut plain = self.clone();
        plain.exact = None;
        plain.search = plain.search.filter(|text| !text.trim().is_empty());
        plain == Self::default()
    }
}

/// Which statement to run, with its arguments but for the page.
struct Plan {
    page: Sql,
    count: Sql,
    args: Vec<Arg>,
}

impl Plan {
    async fn of(on: &impl Source, realm: &RealmId, query: &UserQuery) -> Result<Self, Error> {
        let words = words(query.search.as_deref().unwrap_or_default());
        if words.len() > SLOTS || query.attributes.len() > SLOTS {
            return Err(Error::Invalid("a search has at most 4 words and 4 attributes"));
        }
        let mut args = conditions(realm, query, &words);
        let (page, count) = if !query.attributes.is_empty() {
            attributes(query, &mut args)
        } else if let [word] = words.as_slice()
            && let Some(prefix) = word.prefix()
            && is_rare(on, realm, prefix).await?
        {
            args.extend(args![prefix, after(prefix), MANY]);
            (PREFIX, PREFIX_COUNT)
        } else {
            (SEARCH, SEARCH_COUNT)
        };
        Ok(Self { page, count, args })
    }
}

/// Whether few users match the start of a word, so that all of them can be looked at.
async fn is_rare(on: &impl Source, realm: &RealmId, prefix: &str) -> Result<bool, Error> {
    let row = on.row(IN_RANGES, args![realm.as_str(), prefix, after(prefix), MANY]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(IN_RANGES, 0))? < MANY)
}

/// Where the texts that start with a prefix end.
fn after(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

fn conditions(realm: &RealmId, query: &UserQuery, words: &[Word]) -> Vec<Arg> {
    let is_exact = query.exact == Some(true);
    let field = |text: &Option<String>| match text.as_deref().map(key).filter(|text| !text.is_empty()) {
        None => String::new(),
        Some(text) if is_exact => escape(&text, true),
        Some(text) => format!("%{}%", escape(&text, false)),
    };
    let flag = |flag: Option<bool>| flag.map_or(-1, i64::from);
    let mut args = args![
        realm.as_str(),
        query.service_accounts,
        field(&query.username),
        field(&query.email),
        field(&query.first_name),
        field(&query.last_name),
        flag(query.enabled),
        flag(query.email_verified),
        query.created_after.unwrap_or(i64::MIN),
        query.created_before.unwrap_or(i64::MAX),
    ];
    args.extend((0..SLOTS).map(|slot| Arg::Text(words.get(slot).map(Word::pattern).unwrap_or_default())));
    args
}

/// Appends the arguments of attributes and says which statements take them. With whole values the first attribute
/// leads, by its index.
fn attributes(query: &UserQuery, args: &mut Vec<Arg>) -> (Sql, Sql) {
    let is_exact = query.exact != Some(false);
    let mut slots = query.attributes.clone();
    slots.resize(SLOTS, (String::new(), String::new()));
    let leads = is_exact && slots.first().is_some_and(|(_, value)| !value.is_empty());
    for (slot, (name, value)) in slots.iter().enumerate() {
        args.extend(args![
            name,
            if is_exact && !value.is_empty() { value_key(value) } else { NOTHING.into() }
        ]);
        if slot > 0 || !leads {
            args.push(Arg::Text(match value.as_str() {
                "" => "%".into(),
                _ if is_exact => NOTHING.into(),
                value => infix(value),
            }));
        }
    }
    if leads { (ATTRIBUTES, ATTRIBUTES_COUNT) } else { (PATTERNS, PATTERNS_COUNT) }
}

/// A word of `search`.
#[derive(Debug, PartialEq)]
enum Word {
    /// Equal to it.
    Whole(String),
    /// Matches it, with `*` for any text, at the start.
    Start(String),
}

impl Word {
    fn pattern(&self) -> String {
        match self {
            Self::Whole(text) => escape(text, true),
            Self::Start(text) => {
                let pattern = escape(text, true).replace('*', "%");
                if text.ends_with('*') { pattern } else { format!("{pattern}%") }
            }
        }
    }

    /// The text that a match starts with, where that says all.
    fn prefix(&self) -> Option<&str> {
        match self {
            Self::Start(text) => Some(text.strip_suffix('*').unwrap_or(text))
                .filter(|text| !text.is_empty() && !text.contains('*')),
            Self::Whole(_) => None,
        }
    }
}

fn words(search: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = search.trim_start();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"').and_then(|inside| inside.split_once('"'));
        let (word, after) = if let Some((inside, after)) = quoted {
            (Word::Whole(key(inside)), after)
        } else {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            (Word::Start(key(word)), after)
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// A pattern that finds what contains `text`, case ignored.
pub(crate) fn infix(text: &str) -> String {
    format!("%{}%", escape(&text::lower(text), true))
}

/// Escapes for `LIKE … ESCAPE '!'`; `%` and `_` too unless they are wildcards.
fn escape(text: &str, wildcards: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '!' || wildcards && matches!(character, '%' | '_') {
            escaped.push('!');
        }
        escaped.push(character);
    }
    escaped
}

/// What a search column holds of a text: folded, without control characters, its first 255 characters.
pub(crate) fn key(text: &str) -> String {
    text::search_key(text).chars().filter(|character| !character.is_control()).take(255).collect()
}

/// What stands for an attribute's whole value: the value, or its hash when it is long.
pub(crate) fn value_key(value: &str) -> String {
    if value.len() <= 255 {
        return value.replace('\0', "");
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.as_bytes());
    hash.as_ref().iter().fold(String::from("sha256:"), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_starts_wholes_and_anything() {
        let found: Vec<_> = words(" Ali  *lic* \"Bob\" f*o 50%").iter().map(Word::pattern).collect();

        assert_eq!(found, ["ali%", "%lic%", "bob", "f%o%", "50!%%"]);
    }

    #[test]
    fn only_a_plain_start_is_searched_by_range() {
        let prefix = |text: &str| words(text).first().and_then(Word::prefix).map(str::to_owned);

        assert_eq!(prefix("Foo"), Some("foo".into()));
        assert_eq!(prefix("foo*"), Some("foo".into()));
        assert_eq!(prefix("*foo"), None);
        assert_eq!(prefix("f*o"), None);
        assert_eq!(prefix("\"foo\""), None);
        assert_eq!(prefix("*"), None);
    }

    #[test]
    fn a_long_value_is_found_by_its_hash() {
        assert_eq!(value_key("Short"), "Short");
        assert_eq!(value_key(&"x".repeat(300)).len(), "sha256:".len() + 64);
    }
}
