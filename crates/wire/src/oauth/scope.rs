//! Scope values (RFC 6749 section 3.3): words with one blank between.

/// The word that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";

/// The word that asks for an offline session.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The words of a scope value. Blanks at its end count for nothing; an empty value and blanks in a row, which the
/// grammar does not know, have an empty word, which names no scope.
pub fn words(scope: &str) -> impl Iterator<Item = &str> {
    let words = scope.trim_end_matches(' ');
    let is_blank = words.is_empty() && !scope.is_empty();
    words.split(' ').filter(move |_| !is_blank)
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
    fn an_empty_scope_and_blanks_in_a_row_hold_the_empty_word() {
        assert_eq!(words("").collect::<Vec<_>>(), [""]);
        assert_eq!(words("  ").count(), 0);
        assert_eq!(words("openid profile  ").collect::<Vec<_>>(), ["openid", "profile"]);
        assert_eq!(words(" openid  profile").collect::<Vec<_>>(), ["", "openid", "", "profile"]);
        assert!(contains("openid profile", "profile") && !contains("openid profile2", "profile"));
        assert!(is_openid(Some("email openid")) && !is_openid(Some("openids")) && !is_openid(None));
    }
}
