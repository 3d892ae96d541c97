//! Resource indicators (RFC 8707 section 2): where a client will take its token.

/// Whether a value may name a resource: a URN, or an absolute URI with a host, in either case without query and
/// fragment.
pub fn is_resource(uri: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"?#\\\"<>^`{|}".contains(c);
    let Some((scheme, rest)) = uri.split_once(':').filter(|_| uri.chars().all(is_plain)) else {
        return false;
    };
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let names_something = match rest.strip_prefix("//") {
        Some(rest) => !rest.is_empty() && !rest.starts_with(['/', ':']),
        None => scheme.eq_ignore_ascii_case("urn") && !rest.is_empty(),
    };
    is_scheme && names_something && super::is_well_escaped(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_a_urn_or_has_a_host() {
        for good in
            ["https://api.test", "https://api.test:8443/a/b", "ftp://a", "urn:x:y", "https://a.test/%2F"]
        {
            assert!(is_resource(good), "{good}");
        }
        for bad in [
            "",
            "x",
            "x:y",
            "http:",
            "http://",
            "http:///a",
            "//a",
            "http://a b",
            "https://a.test/%zz",
            "1x://a",
            "https://a.test?x=y",
            "https://a.test#",
            "#",
            "mailto:a@b.test",
        ] {
            assert!(!is_resource(bad), "{bad}");
        }
    }
}
