//! How names are folded before they are compared or searched.

use unicode_normalization::UnicodeNormalization;

/// Folds a user name or e-mail address as Keycloak stores it: lower case, nothing else.
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// Folds text for a search column: NFKC, then lower case. Never used to decide who someone is.
pub fn search_key(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_folds_what_identity_keeps_apart() {
        assert_eq!(search_key("ﬁlm"), "film");
        assert_eq!(lower("ﬁLM"), "ﬁlm");
    }
}
