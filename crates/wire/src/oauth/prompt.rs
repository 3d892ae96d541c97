//! The parameter `prompt` (OpenID Connect Core 3.1.2.1): how much the person may be, or must be, asked.

/// What an authorization request says about asking the person; unknown words are ignored, as Keycloak does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the words of the parameter combine freely")]
pub struct Prompt {
    /// Nobody may be asked anything.
    pub none: bool,
    /// The person must prove again who it is.
    pub login: bool,
    /// Consent must be asked again.
    pub consent: bool,
    /// The person wants a new account.
    pub create: bool,
}

impl Prompt {
    /// Reads the words of the parameter.
    pub fn parse(text: &str) -> Self {
        let mut prompt = Self::default();
        for word in text.split(' ') {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "create" => prompt.create = true,
                _ => {}
            }
        }
        prompt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_combine_and_unknown_ones_are_ignored() {
        let prompt = Prompt::parse("login foo consent");

        assert_eq!(prompt, Prompt { login: true, consent: true, ..Prompt::default() });
        assert_eq!(Prompt::parse(""), Prompt::default());
    }
}
