//! The name of one request: in every log line about it and on the page that tells a person it failed.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::FromRequestParts;
use http::request::Parts;
use uuid::Uuid;

/// Eight characters that can be read out on the telephone: no I, L, O or U.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 8]);

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RequestId {
    /// A new id of 40 bits that look random: told apart from others in a log, never used as a secret. A process
    /// begins somewhere at random and repeats none of its ids for 10^12 requests.
    pub fn random() -> Self {
        static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(Uuid::new_v4().as_u64_pair().1));
        // An odd factor modulo 2^40 sends different numbers to different ids, neighbours far apart.
        let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let folded = number ^ (number & 0xff_ffff_ffff) >> 20;
        let letter = |at: usize| LETTERS[usize::from(u8::try_from(folded >> (at * 5) & 31).unwrap_or(0))];
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
