//! The parameters of a request as they came: a name may stand in it more than once.
//!
//! Which of two values was meant nobody can say, and two programs that guess differently are an attack
//! (parameter pollution), so the reader of a message asks [`Params::has_duplicates`] before anything else.

/// Longer values of standard parameters are dropped in silence, as Keycloak does.
pub const MAX_VALUE: usize = 4000;

/// A longer `login_hint` is dropped.
pub const MAX_LOGIN_HINT: usize = 255;

/// Parameters in the order they came; may repeat.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Takes decoded pairs.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The first value of that name, empty ones included.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a standard parameter: dropped when it is longer than [`MAX_VALUE`]
    /// (`login_hint`: [`MAX_LOGIN_HINT`]) characters.
    pub fn standard(&self, name: &str) -> Option<&str> {
        let limit = if name == "login_hint" { MAX_LOGIN_HINT } else { MAX_VALUE };
        // A character is at least a byte: only a value that may be too long is counted.
        self.get(name).filter(|value| value.len() <= limit || value.chars().count() <= limit)
    }

    /// Whether any name comes twice.
    pub fn has_duplicates(&self) -> bool {
        self.0.iter().enumerate().any(|(at, (name, _))| self.0[..at].iter().any(|(other, _)| other == name))
    }

    /// Whether this name comes twice.
    pub fn is_duplicated(&self, name: &str) -> bool {
        self.0.iter().filter(|(key, _)| key == name).count() > 1
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All pairs in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let form = params(&[("a", ""), ("b", "1")]);

        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some(""), Some("1"), None));
        assert!(!form.has_duplicates() && !form.is_empty());
    }

    #[test]
    fn a_name_that_comes_twice_is_noticed_and_its_first_value_holds() {
        let form = params(&[("state", "a"), ("x", "1"), ("state", "b")]);
        assert!(form.has_duplicates() && form.is_duplicated("state") && !form.is_duplicated("x"));
        assert_eq!(form.get("state"), Some("a"));
        assert!(!params(&[("state", "a"), ("State", "b")]).has_duplicates());
    }

    #[test]
    fn values_too_long_for_a_standard_parameter_count_as_absent() {
        let long = "ü".repeat(MAX_VALUE);
        assert!(params(&[("state", &long)]).standard("state").is_some());
        assert!(params(&[("state", &(long + "x"))]).standard("state").is_none());
        assert!(params(&[("login_hint", &"x".repeat(256))]).standard("login_hint").is_none());
    }

    #[test]
    fn secrets_do_not_reach_the_log() {
        assert_eq!(format!("{:?}", params(&[("client_secret", "s3cret")])), r#"["client_secret"]"#);
    }
}
