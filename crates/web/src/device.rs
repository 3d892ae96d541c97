//! What a browser calls itself, in few words.
//!
//! Shown to people who look for devices they do not know, and nothing is decided by it: whoever wants to
//! pass for another browser can.

use http::{HeaderMap, header};

/// The session note that holds the name.
pub const NOTE: &str = "device";

const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// Browser and system as `Firefox/Linux`, or the first word of another program; empty when it says nothing.
pub fn name(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser}/{system}"),
        (Some(one), None) => one.to_owned(),
        _ => {
            let word = agent.split(['/', ' ']).next().unwrap_or_default();
            let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
            word.chars().filter(plain).take(32).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(agent: &'static str) -> String {
        name(&[(header::USER_AGENT, http::HeaderValue::from_static(agent))].into_iter().collect())
    }

    #[test]
    fn a_browser_is_named_by_its_own_sign_and_not_by_those_it_imitates() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0";
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Safari/604.1";
        assert_eq!(
            [named(chrome), named(edge), named(safari)],
            ["Chrome/Linux", "Edge/Windows", "Safari/iPhone"]
        );
    }

    #[test]
    fn another_program_is_its_first_word_without_signs() {
        assert_eq!(named("curl/8.5.0"), "curl");
        assert_eq!(named("<script>alert(1)</script>"), "scriptalert1");
        assert_eq!(name(&HeaderMap::new()), "");
    }
}
