//! The name of one request: in every log line about it and on the page that tells a person it failed.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use uuid::Uuid;

/// Eight characters that can be read out on the telephone: no I, L, O or U.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 8]);

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RequestId {
    /// A new id of 40 random bits: told apart from others in a log, never used as a secret.
    pub fn random() -> Self {
        let random = Uuid::new_v4().as_u128();
        // The low 62 bits of a version 4 UUID are all random.
        let letter = |at: usize| LETTERS[usize::from(u8::try_from(random >> (at * 5) & 31).unwrap_or(0))];
        Self(std::array::from_fn(letter))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.0.iter().enumerate() {
            if at == 4 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    /// The id that the layers gave the request; a new one where there are no layers.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or_else(Self::random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_two_groups_of_four() {
        let (one, two) = (RequestId::random().to_string(), RequestId::random().to_string());
        assert_eq!((one.len(), one.as_bytes()[4]), (9, b'-'));
        assert!(one.bytes().all(|letter| letter == b'-' || LETTERS.contains(&letter)));
        assert_ne!(one, two);
    }
}
