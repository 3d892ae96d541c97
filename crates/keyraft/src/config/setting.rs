//! How one value is read from text and written back.
//!
//! Flags, the environment and the file all speak text; one parser per type keeps them alike. A value that
//! cannot be read is never replaced by a default: the caller turns the refusal into a problem.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use keyraft_crypto::secret::Secret;
use keyraft_web::hostname::IpRange;
use url::Url;

/// A type that a setting may have.
pub(crate) trait Setting: Sized {
    /// Whether the text must be hidden, and may come from a file of its own (`…_file`).
    const SECRET: bool = false;
    /// What the text should have been, as in "expects …".
    const EXPECTS: &'static str;

    /// Reads `text`, which is trimmed and not empty (only [`Option`] and [`Vec`] see an empty one).
    fn parse(text: &str) -> Option<Self>;

    /// Writes the value so that [`Setting::parse`] reads it again; secrets write `…`.
    fn text(&self) -> String;
}

/// Settings whose `FromStr` and `Display` are what we want.
macro_rules! plain_settings {
    ($($type:ty: $expects:literal),+ $(,)?) => {$(
        impl Setting for $type {
            const EXPECTS: &'static str = $expects;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn text(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

plain_settings! {
    u16: "a whole number from 0 to 65535",
    u32: "a whole number",
    bool: "true or false",
    IpAddr: "an IP address, such as 0.0.0.0 or ::1",
    SocketAddr: "an IP address and a port, such as 10.96.0.10:53",
    String: "text",
}

impl Setting for PathBuf {
    const EXPECTS: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        Some(Self::from(text))
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for Url {
    const EXPECTS: &'static str = "a URL that begins with http:// or https://, without query or fragment";

    fn parse(text: &str) -> Option<Self> {
        let url = Self::parse(text).ok()?;
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
    }

    fn text(&self) -> String {
        self.as_str().trim_end_matches('/').to_owned()
    }
}

/// An address or a range of addresses, kept as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// The range.
    pub range: IpRange,
    text: String,
}

impl Network {
    /// As it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Setting for Network {
    const EXPECTS: &'static str = "an IP address or a network, such as 10.0.0.0/8";

    fn parse(text: &str) -> Option<Self> {
        Some(Self { range: text.parse().ok()?, text: text.to_owned() })
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}

impl Setting for Secret {
    const SECRET: bool = true;
    const EXPECTS: &'static str = "text";

    fn parse(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }

    fn text(&self) -> String {
        "…".to_owned()
    }
}

impl Setting for Duration {
    const EXPECTS: &'static str = "a duration, such as 500ms, 10s, 5m, 2h or a number of seconds";

    fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().ok()?;
        let secs_per_unit = match unit.trim() {
            "ms" => return Some(Self::from_millis(number)),
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        number.checked_mul(secs_per_unit).map(Self::from_secs)
    }

    fn text(&self) -> String {
        match self.as_millis() {
            ms if ms % 1_000 == 0 => format!("{}s", self.as_secs()),
            ms => format!("{ms}ms"),
        }
    }
}

impl<T: Setting> Setting for Option<T> {
    const SECRET: bool = T::SECRET;
    const EXPECTS: &'static str = T::EXPECTS;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }

    fn text(&self) -> String {
        self.as_ref().map(T::text).unwrap_or_default()
    }
}

impl<T: Setting> Setting for Vec<T> {
    const SECRET: bool = T::SECRET;
    const EXPECTS: &'static str = T::EXPECTS;

    fn parse(text: &str) -> Option<Self> {
        text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()).map(T::parse).collect()
    }

    fn text(&self) -> String {
        self.iter().map(T::text).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit_and_bare_numbers_are_seconds() {
        let read = |text| <Duration as Setting>::parse(text);

        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(read("10"), Some(Duration::from_secs(10)));
        assert_eq!(read("2h"), Some(Duration::from_hours(2)));
        assert_eq!(read("-1s"), None);
        assert_eq!(read("10 parsecs"), None);
        assert_eq!(read("99999999999999999999"), None);
    }

    #[test]
    fn a_url_with_credentials_or_a_query_is_no_base_address() {
        let read = |text| <Url as Setting>::parse(text).is_some();

        assert!(read("https://sso.example.com/auth"));
        assert!(!read("https://user:pw@sso.example.com"));
        assert!(!read("https://sso.example.com/?a=b"));
        assert!(!read("ftp://sso.example.com"));
    }

    #[test]
    fn a_list_takes_commas_and_lines_and_one_bad_part_spoils_it() {
        assert_eq!(<Vec<Network>>::parse("10.0.0.0/8, 192.0.2.1").map(|list| list.len()), Some(2));
        assert!(<Vec<Network>>::parse("10.0.0.0/8, somewhere").is_none());
        assert_eq!(<Vec<Secret>>::parse("one\ntwo\n").map(|list| list.len()), Some(2));
    }
}
