//! Scope values (RFC 6749 section 3.3): words with one blank between.

/// The word that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";

/// The word that asks for an offline session.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The words of a scope value. An empty value has one empty word, which names no scope.
pub fn words(scope: &str) -> impl Iterator<Item = &str> {
    scope.split(' ').enumerate().filter(|(at, word)| *at == 0 || !word.is_empty()).map(|(_, word)| word)
}

/// Whether the value holds that word.
pub fn contains(scope: &str, word: &str) -> bool {
    scope.split(' ').any(|one| one == word)
}

/// Whether the value asks for OpenID Connect.
pub fn is_openid(scope: Option<&str>) -> bool {
    scope.is_some_and(|scope| contains(scope, OPENID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_scope_names_the_empty_word_and_blanks_in_a_row_name_nothing() {
        assert_eq!(words("").collect::<Vec<_>>(), [""]);
        assert_eq!(words("openid  profile ").collect::<Vec<_>>(), ["openid", "profile"]);
        assert!(contains("openid profile", "profile") && !contains("openid profile2", "profile"));
        assert!(is_openid(Some("email openid")) && !is_openid(Some("openids")) && !is_openid(None));
    }
}
