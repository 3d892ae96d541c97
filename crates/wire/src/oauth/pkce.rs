//! Proof Key for Code Exchange (RFC 7636).

/// How a challenge was made from its verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The challenge is the verifier.
    #[default]
    Plain,
    /// The challenge is the base64url of the verifier's SHA-256.
    S256,
}

impl Method {
    /// The method of that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "plain" => Some(Self::Plain),
            "S256" => Some(Self::S256),
            _ => None,
        }
    }
}

/// Whether a challenge or verifier has the form that RFC 7636 sections 4.1 and 4.2 demand: 43 to 128
/// unreserved characters.
pub fn is_well_formed(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_43_to_128_unreserved_characters() {
        assert!(is_well_formed(&"x".repeat(43)) && is_well_formed(&"~".repeat(128)));
        for bad in ["x".repeat(42), "x".repeat(129), "x".repeat(43) + "$", "ü".repeat(43)] {
            assert!(!is_well_formed(&bad), "{bad}");
        }
        assert_eq!((Method::parse("S256"), Method::parse("s256")), (Some(Method::S256), None));
    }
}
