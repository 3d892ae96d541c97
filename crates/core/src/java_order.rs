//! The order of Java's hash maps, where Keycloak's answers follow it and scripts read the first element.

/// Where a hash map of `buckets` (a power of two) keeps a key.
pub(crate) fn bucket(key: &str, buckets: u32) -> u32 {
    let step = |hash: u32, unit: u16| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
    let hash = key.encode_utf16().fold(0, step);
    (hash ^ (hash >> 16)) & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_where_java_puts_them() {
        assert_eq!(bucket("notContainsUsername", 16), 0);
        assert_eq!(bucket("specialChars", 16), 4);
        assert_eq!(bucket("length", 16), 8);
        assert_eq!(bucket("error-invalid-email", 16), 10);
    }
}
