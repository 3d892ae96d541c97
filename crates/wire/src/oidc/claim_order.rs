//! The order in which a token's free claims are written.
//!
//! Keycloak keeps them in a hash map of the Java library, whose order depends on the names alone. JSON gives
//! no meaning to order, but people compare tokens by eye and tests compare them by text, so ours come in the
//! same order: by bucket of the name's hash, and within a bucket as they were put in.

/// Sorts entries by the bucket that their name falls into. Stable.
pub fn sort<T>(entries: &mut [T], name: impl Fn(&T) -> &str) {
    if entries.len() < 2 {
        return;
    }
    let mask = buckets(entries.len()) - 1;
    entries.sort_by_cached_key(|entry| spread(name(entry)) & mask);
}

/// Size of the table that holds so many entries: 16, doubled whenever it is more than three quarters full.
fn buckets(entries: usize) -> u32 {
    let mut size = 16_u32;
    while entries > size as usize / 4 * 3 && size < 1 << 30 {
        size *= 2;
    }
    size
}

/// The name's hash: each UTF-16 unit added to 31 times what came before, high bits folded onto low ones.
fn spread(name: &str) -> u32 {
    let hash =
        name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted<'a>(mut names: Vec<&'a str>) -> Vec<&'a str> {
        sort(&mut names, |name: &&'a str| name);
        names
    }

    #[test]
    fn the_default_claims_come_in_the_known_order() {
        assert_eq!(
            sorted(vec![
                "name",
                "email",
                "family_name",
                "given_name",
                "preferred_username",
                "email_verified"
            ]),
            ["email_verified", "name", "preferred_username", "given_name", "family_name", "email"]
        );
        assert_eq!(
            sorted(vec!["default-roles-tok", "chief", "boss", "uma_authorization", "offline_access"]),
            ["boss", "chief", "offline_access", "uma_authorization", "default-roles-tok"]
        );
    }

    #[test]
    fn a_bigger_table_orders_anew_and_equal_buckets_keep_their_order() {
        let many = vec![
            "email",
            "family_name",
            "session_state",
            "hard",
            "name",
            "https://x.y/z",
            "obj",
            "uid",
            "croles",
            "nested",
            "given_name",
            "preferred_username",
            "groups",
            "rroles",
            "amr",
            "email_verified",
            "flag",
        ];
        let mut expected: Vec<_> = many.clone();
        expected.reverse();
        // These two share a bucket: the one put in first comes first.
        expected.swap(0, 1);

        assert_eq!(sorted(many), expected);
        assert_eq!(sorted(vec!["rolesapp", "account"]), ["rolesapp", "account"]);
        assert_eq!(sorted(vec!["account", "rolesapp"]), ["account", "rolesapp"]);
    }
}
