//! What our pages say, in every language we have.
//!
//! Bundles are Keycloak's kind (`key=text` with `{0}` and choice forms) and use its keys where we say the
//! same thing, so that a realm's own texts (`localizationTexts`) change our pages as they changed Keycloak's.
//! A key that a language lacks is answered in English; one that nobody has is shown as it is. Texts are
//! text: whatever they or their arguments hold is escaped on its way into a page.

mod bundle;
mod format;

use std::borrow::Cow;

use keyraft_model::Realm;
use serde_json::Value;

use crate::extract::Locales;
use crate::layout::Html;

pub use bundle::{Bundle, LOCALES};

/// The texts of one request: a language, and the realm's changes to it.
#[derive(Clone, Debug)]
pub struct Messages {
    tag: String,
    bundle: &'static Bundle,
    own: Option<serde_json::Map<String, Value>>,
}

/// What a realm says about languages.
#[derive(Clone, Debug, Default)]
pub struct RealmLocales<'a> {
    /// The languages that people may choose between; empty when there is no choice.
    pub supported: Vec<&'a str>,
    /// The language when no wish can be met.
    pub default: &'a str,
}

impl<'a> RealmLocales<'a> {
    /// Reads a realm's settings. With internationalization off there is one language, as in Keycloak: English.
    pub fn of(realm: &'a Realm) -> Self {
        if !realm.internationalization_enabled {
            return Self { supported: Vec::new(), default: "en" };
        }
        let supported = realm.supported_locales.iter().flatten().map(String::as_str).collect();
        Self {
            supported,
            default: realm.default_locale.as_deref().filter(|tag| !tag.is_empty()).unwrap_or("en"),
        }
    }

    fn choose(&self, wishes: &Locales) -> &'a str {
        wishes.wishes().find_map(|wish| self.meet(wish)).unwrap_or(self.default)
    }

    /// The supported language that meets a wish: itself, or the one it is a variety of.
    fn meet(&self, wish: &str) -> Option<&'a str> {
        let same =
            |tag: &str, wish: &str| tag.replace('_', "-").eq_ignore_ascii_case(&wish.replace('_', "-"));
        let language = wish.split(['-', '_']).next().unwrap_or(wish);
        let exact = self.supported.iter().find(|tag| same(tag, wish));
        exact.or_else(|| self.supported.iter().find(|tag| same(tag, language))).copied()
    }
}

impl Messages {
    /// The texts for a person who came to a realm with these wishes.
    pub fn for_locale(realm: &Realm, wishes: &Locales) -> Self {
        let tag = RealmLocales::of(realm).choose(wishes);
        let own = realm.rest.get("localizationTexts").and_then(|texts| texts.get(tag)?.as_object().cloned());
        Self { tag: tag.to_owned(), bundle: Bundle::of(tag), own: own.filter(|texts| !texts.is_empty()) }
    }

    /// The texts of a page that belongs to no realm: in the browser's language if we have it, else English.
    pub fn without_realm(wishes: &Locales) -> Self {
        let settings = RealmLocales { supported: LOCALES.to_vec(), default: "en" };
        Self::of_tag(settings.choose(wishes))
    }

    /// The texts of one language; English when we do not have it.
    pub fn of_tag(tag: &str) -> Self {
        Self { tag: tag.to_owned(), bundle: Bundle::of(tag), own: None }
    }

    /// English with every letter accented and 30 % longer: text that does not change is hard-coded.
    pub fn pseudo() -> Self {
        Self::of_tag("en-XA")
    }

    /// The language's tag (BCP 47), for `lang` and `Content-Language`.
    pub fn lang(&self) -> &str {
        &self.tag
    }

    /// The direction of writing, for `dir`.
    pub fn dir(&self) -> &'static str {
        direction(&self.tag)
    }

    /// The text of a key.
    pub fn get<'a>(&'a self, key: &'a str) -> Cow<'a, str> {
        self.with(key, &[])
    }

    /// The text of a key, with arguments in the places of `{0}`, `{1}`, ….
    pub fn with<'a>(&'a self, key: &'a str, arguments: &[&str]) -> Cow<'a, str> {
        match self.find(key) {
            Some(text) if format::is_literal(text) => Cow::Borrowed(text),
            Some(text) => format::format(text, arguments, &|text| text.to_owned(), &|text| text.to_owned()),
            None => Cow::Borrowed(key),
        }
    }

    /// The same as markup: the text is escaped, and a name in it that may run in another direction than the
    /// sentence stands in `<bdi>`, so that it cannot reorder the words around it.
    pub fn html(&self, key: &str, arguments: &[&str]) -> Html {
        let escape = |text: &str| Html::escaped(text).into_string();
        let name = |text: &str| {
            let foreign = self.dir() == "rtl" || !text.is_ascii();
            if foreign { format!("<bdi>{}</bdi>", escape(text)) } else { escape(text) }
        };
        match self.find(key) {
            Some(text) => Html::trusted(format::format(text, arguments, &escape, &name).into_owned()),
            None => Html::escaped(key),
        }
    }

    /// The text of a key as markup, with a link in the place of `{0}`. `link` is the key of the link's text.
    pub fn with_link(&self, key: &str, link: &str, href: &str) -> Html {
        let link = format!("<a href=\"{}\">{}</a>", Html::escaped(href), self.html(link, &[]));
        let escape = |text: &str| Html::escaped(text).into_string();
        match self.find(key) {
            Some(text) => {
                Html::trusted(format::format(text, &[&link], &escape, &|link| link.to_owned()).into_owned())
            }
            None => Html::escaped(key),
        }
    }

    /// A text that an administrator wrote: `${key}` stands for the text of that key, anything else for itself.
    pub fn resolve<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(key) => self.get(key),
            None => Cow::Borrowed(text),
        }
    }

    /// Whether anybody has a text for the key.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &str) -> Option<&str> {
        let own = self.own.as_ref().and_then(|texts| texts.get(key)?.as_str());
        own.or_else(|| self.bundle.find(key)).or_else(|| Bundle::of("en").find(key))
    }
}

/// The direction of writing of a language.
pub fn direction(tag: &str) -> &'static str {
    let language = tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
    let rtl = ["ar", "dv", "fa", "he", "iw", "ku", "ps", "sd", "ug", "ur", "yi"].contains(&language.as_str());
    if rtl { "rtl" } else { "ltr" }
}

/// What a language calls itself, for language links; the tag when we do not know.
pub fn autonym(tag: &str) -> &str {
    match tag {
        "ar" => "العربية",
        "cs" => "Čeština",
        "da" => "Dansk",
        "de" => "Deutsch",
        "el" => "Ελληνικά",
        "en" => "English",
        "es" => "Español",
        "fi" => "Suomi",
        "fr" => "Français",
        "he" => "עברית",
        "it" => "Italiano",
        "ja" => "日本語",
        "ko" => "한국어",
        "nl" => "Nederlands",
        "pl" => "Polski",
        "pt" => "Português",
        "pt-BR" => "Português (Brasil)",
        "sv" => "Svenska",
        "tr" => "Türkçe",
        "uk" => "Українська",
        "zh-CN" => "中文（简体）",
        other => other,
    }
}

#[cfg(test)]
mod tests;
