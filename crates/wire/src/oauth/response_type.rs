//! The parameter `response_type`: a set of words; order and repetition do not matter.

/// What the front channel is asked to bring back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the words of the parameter combine freely")]
pub struct ResponseType {
    /// An authorization code.
    pub code: bool,
    /// Nothing but the proof that somebody signed in.
    pub none: bool,
    /// An ID token in the redirect.
    pub id_token: bool,
    /// An access token in the redirect.
    pub token: bool,
}

impl ResponseType {
    /// Reads the words; `None` for an unknown word, an empty value, or `none` beside another.
    pub fn parse(text: &str) -> Option<Self> {
        let mut kind = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "code" => kind.code = true,
                "none" => kind.none = true,
                "id_token" => kind.id_token = true,
                "token" => kind.token = true,
                _ => return None,
            }
        }
        let some = kind.code || kind.id_token || kind.token;
        (some != kind.none).then_some(kind)
    }

    /// Whether a token would come through the browser (implicit and hybrid flow).
    pub const fn is_front_channel(self) -> bool {
        self.id_token || self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(ResponseType::parse("id_token code"), ResponseType::parse("code id_token"));
        assert_eq!(ResponseType::parse("code code"), ResponseType::parse("code"));
        for bad in ["", " ", "foo", "code foo", "none code"] {
            assert_eq!(ResponseType::parse(bad), None, "{bad:?}");
        }
        assert!(ResponseType::parse("none").is_some_and(|kind| kind.none && !kind.is_front_channel()));
    }
}
