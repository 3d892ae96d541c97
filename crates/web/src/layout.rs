//! The frame around every page, and the markup that is known to be safe.

use std::borrow::Cow;
use std::fmt;

use askama::filters::HtmlSafe;

use crate::assets::{self, Asset};
use crate::messages::{Messages, autonym, direction};

/// Markup that was escaped already: askama does not escape it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Escapes a text.
    pub fn escaped(text: &str) -> Self {
        let mut out = String::with_capacity(text.len() + 16);
        for letter in text.chars() {
            match letter {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }
        }
        Self(out)
    }

    /// A picture that the server drew (SVG); whatever text it holds was escaped by who drew it.
    pub fn picture(svg: String) -> Self {
        Self::trusted(svg)
    }

    /// Takes markup as it is. Only for markup whose every part was escaped.
    pub(crate) fn trusted(markup: String) -> Self {
        Self(markup)
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// How a notice sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Done,
    /// The person should know before going on.
    Warning,
    /// Something went wrong: the notice takes the focus and the page's title says so.
    Error,
}

/// What a page says before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// How it sounds.
    pub tone: Tone,
    /// What is so. Keycloak's sentence where one is known: scripts and test suites look for it.
    pub text: Cow<'a, str>,
    /// What to do about it.
    pub help: Option<Html>,
    /// The element's id, where Keycloak's pages have one that scripts look for.
    pub id: Option<&'a str>,
}

impl<'a> Notice<'a> {
    /// A notice without advice.
    pub fn new(tone: Tone, text: impl Into<Cow<'a, str>>) -> Self {
        Self { tone, text: text.into(), help: None, id: None }
    }

    /// The same notice with advice.
    #[must_use]
    pub fn help(mut self, help: Html) -> Self {
        self.help = Some(help);
        self
    }

    /// The same notice with an id for scripts.
    #[must_use]
    pub fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// Whether it says that something went wrong.
    pub fn is_error(&self) -> bool {
        self.tone == Tone::Error
    }

    /// Its class beside `notice`.
    pub fn class(&self) -> &'static str {
        match self.tone {
            Tone::Done => "",
            Tone::Warning => " warn",
            Tone::Error => " error",
        }
    }

    /// Its role: an error is read out at once, the rest when there is time.
    pub fn role(&self) -> &'static str {
        if self.is_error() { "alert" } else { "status" }
    }
}

/// A link with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// What it says.
    pub text: &'a str,
    /// Where it leads.
    pub href: &'a str,
}

/// A link to the same page in another language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// The language's tag.
    pub tag: String,
    /// Where the page in that language is.
    pub href: String,
    /// Whether this is the language of the page.
    pub current: bool,
}

impl Language {
    /// What the language calls itself.
    pub fn name(&self) -> &str {
        autonym(&self.tag)
    }

    /// Its direction, where that is not the page's.
    pub fn dir(&self, page: &Messages) -> Option<&'static str> {
        Some(direction(&self.tag)).filter(|dir| *dir != page.dir())
    }
}

/// What stands around every page of one answer.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What people call the realm.
    pub realm: &'a str,
    /// The application that the person is on the way to: its name as people know it.
    pub client: Option<&'a str>,
    /// The path before `/resources`: usually empty ([`crate::RequestOrigin::root`]).
    pub root: &'a str,
    /// Links to the other languages; empty when there is no choice.
    pub languages: Vec<Language>,
}

impl<'a> Frame<'a> {
    /// A frame without a client and without a choice of languages.
    pub fn new(t: &'a Messages, realm: &'a str, root: &'a str) -> Self {
        Self { t, realm, client: None, root, languages: Vec::new() }
    }

    /// Adds the application that the person is on the way to.
    #[must_use]
    pub fn to(mut self, client: Option<&'a str>) -> Self {
        self.client = client.filter(|name| !name.trim().is_empty());
        self
    }

    /// Adds links to `here` in each of these languages; `here` is an address with or without a query.
    #[must_use]
    pub fn in_languages(mut self, tags: &[&str], here: &str) -> Self {
        if tags.len() < 2 {
            return self;
        }
        let sign = if here.contains('?') { '&' } else { '?' };
        let link = |tag: &&str| Language {
            tag: (*tag).to_owned(),
            href: format!("{here}{sign}kc_locale={tag}"),
            current: *tag == self.t.lang(),
        };
        self.languages = tags.iter().map(link).collect();
        self
    }

    /// Where the person is going: the application, else the realm.
    pub fn goal(&self) -> &str {
        self.client.unwrap_or(self.realm)
    }

    /// The address of the sign-in pages' styles.
    pub fn sign_in_style(&self) -> String {
        self.asset(Asset::SignInStyle)
    }

    /// The address of the account pages' and the console's styles.
    pub fn console_style(&self) -> String {
        self.asset(Asset::ConsoleStyle)
    }

    /// The address of the script that helps while typing.
    pub fn sign_in_script(&self) -> String {
        self.asset(Asset::SignInScript)
    }

    /// The address of the script that sends the page's form.
    pub fn submit_script(&self) -> String {
        self.asset(Asset::SubmitScript)
    }

    /// The address of the script that waits for the applications to sign out.
    pub fn sign_out_script(&self) -> String {
        self.asset(Asset::SignOutScript)
    }

    /// The address of the tab's icon.
    pub fn mark(&self) -> String {
        self.asset(Asset::Mark)
    }

    fn asset(&self, asset: Asset) -> String {
        format!("{}{}", self.root, assets::path(asset))
    }
}
