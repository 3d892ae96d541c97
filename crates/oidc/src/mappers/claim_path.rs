//! The claim that a mapper writes: a name, or names of nested objects with dots between.

use keyraft_wire::oidc::claims::{Claim, Claims};

/// A claim name, cut at its dots; `\.` is a dot in a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClaimPath(Vec<String>);

/// Claims of the protocol that are no free claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    Sub,
    Azp,
    Aud,
    Sid,
    Acr,
    AuthTime,
    /// The server's alone: no mapper may say when a token ends or who made it.
    Untouchable,
}

impl ClaimPath {
    pub(super) fn parse(text: &str) -> Self {
        let mut words = vec![String::new()];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '.' => words.push(String::new()),
                '\\' => words.extend_last(chars.next()),
                c => words.extend_last(Some(c)),
            }
        }
        words.retain(|word| !word.is_empty());
        Self(words)
    }

    pub(super) fn words(&self) -> &[String] {
        &self.0
    }

    pub(super) fn is(&self, words: &[&str]) -> bool {
        self.0 == words
    }

    /// Whether it is `resource_access.${client_id}.roles`, or names one client there.
    pub(super) fn is_client_roles(&self) -> bool {
        matches!(&self.0[..], [first, _, last] if first == "resource_access" && last == "roles")
    }

    /// The path with `${client_id}` filled in.
    pub(super) fn for_client(&self, client_id: &str) -> Vec<String> {
        self.0.iter().map(|word| word.replace("${client_id}", client_id)).collect()
    }

    pub(super) fn names_client(&self) -> bool {
        self.0.iter().any(|word| word.contains("${client_id}"))
    }

    pub(super) fn reserved(&self) -> Option<Reserved> {
        let name = self.0.first()?;
        let reserved = match name.as_str() {
            "sub" => Reserved::Sub,
            "azp" => Reserved::Azp,
            "aud" => Reserved::Aud,
            "sid" => Reserved::Sid,
            "acr" => Reserved::Acr,
            "auth_time" => Reserved::AuthTime,
            // Where role mappers write; a role mapper decides itself.
            "realm_access" | "resource_access" if self.0.len() > 1 => return None,
            // Among them claims that bind a token to a key or to another token.
            "jti" | "typ" | "iat" | "exp" | "iss" | "scope" | "nonce" | "session_state" | "at_hash"
            | "c_hash" | "s_hash" | "realm_access" | "resource_access" | "allowed-origins" | "cnf"
            | "events" | "aud_x" | "prov" | "reuse_id" => Reserved::Untouchable,
            _ => return None,
        };
        // A claim of the protocol has no members.
        Some(if self.0.len() == 1 { reserved } else { Reserved::Untouchable })
    }
}

trait ExtendLast {
    fn extend_last(&mut self, c: Option<char>);
}

impl ExtendLast for Vec<String> {
    fn extend_last(&mut self, c: Option<char>) {
        if let Some(last) = self.last_mut() {
            last.extend(c);
        }
    }
}

impl Reserved {
    pub(super) fn put<'a>(self, claims: &mut Claims<'a>, claim: Claim<'a>) {
        match (self, claim) {
            (Self::Sub, Claim::Text(text)) => claims.sub = Some(text),
            (Self::Azp, Claim::Text(text)) => claims.azp = Some(text),
            (Self::Sid, Claim::Text(text)) => claims.sid = Some(text),
            (Self::Acr, Claim::Text(text)) => claims.acr = Some(text),
            (Self::AuthTime, Claim::Number(secs)) => claims.auth_time = Some(secs),
            (Self::Aud, Claim::Text(text)) => claims.aud = vec![text],
            (Self::Aud, Claim::List(list)) => {
                claims.aud = list
                    .into_iter()
                    .filter_map(|claim| match claim {
                        Claim::Text(text) => Some(text),
                        _ => None,
                    })
                    .collect();
            }
            // Another type than the claim has, or a claim that no mapper writes.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_nest_and_a_backslash_keeps_a_dot() {
        assert_eq!(ClaimPath::parse("a.b.c").words(), ["a", "b", "c"]);
        assert_eq!(ClaimPath::parse(r"d\.e").words(), ["d.e"]);
        assert_eq!(ClaimPath::parse(r"https://x\.y/z").words(), ["https://x.y/z"]);
        assert!(ClaimPath::parse("resource_access.${client_id}.roles").is_client_roles());
        assert_eq!(ClaimPath::parse("c.${client_id}").for_client("a.b"), ["c", "a.b"]);
    }

    #[test]
    fn a_mapper_never_moves_the_end_of_a_token() {
        let mut claims = Claims { exp: Some(1), ..Claims::default() };
        for name in ["exp", "iss", "typ", "jti", "scope", "cnf"] {
            ClaimPath::parse(name).reserved().unwrap().put(&mut claims, Claim::Number(9));
        }
        assert_eq!(claims, Claims { exp: Some(1), ..Claims::default() });
    }
}
