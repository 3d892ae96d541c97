//! The syntax of e-mail addresses that a profile takes.

/// Longest local part that Keycloak takes unless a validator says otherwise.
pub(super) const MAX_LOCAL: usize = 64;

/// Whether `text` is an address as RFC 5321 section 4.1.2 writes it, with letters of any script, but without
/// comments: atoms or a quoted text, `@`, a host name or an address literal.
pub fn is_email(text: &str) -> bool {
    is_email_within(text, MAX_LOCAL)
}

/// [`is_email`] with another bound on the local part.
pub(super) fn is_email_within(text: &str, max_local: usize) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty() && local.chars().count() <= max_local && is_local(local) && is_domain(domain)
}

fn is_local(local: &str) -> bool {
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return !quoted.is_empty() && !quoted.contains(['"', '\\']) && !quoted.contains(char::is_control);
    }
    let atom =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || is_international(c);
    local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let six = literal.strip_prefix("IPv6:").unwrap_or_default();
        return literal.parse::<std::net::Ipv4Addr>().is_ok() || six.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let within = |c: char| c.is_ascii_alphanumeric() || c == '-' || is_international(c);
        !label.is_empty()
            && label.chars().count() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(within)
    };
    domain.len() <= 255 && domain.split('.').all(label)
}

fn is_international(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_is_none() {
        for right in
            ["a@b", "a@b.c", "\"a b\"@c.d", "ä@b.c", "a@ü.de", "a@[1.2.3.4]", "a+b@c.d", "a'b@c.d", "{a}@b.c"]
        {
            assert!(is_email(right), "{right}");
        }
        let wrong = [
            "a b@c.d",
            "a@b@c",
            "a@-b.c",
            "a@b..c",
            "@b.c",
            "a@",
            "a.@b.c",
            ".a@b.c",
            "a..b@c.d",
            "a@[1.2.3]",
            " a@b.c",
            "a@b.c ",
            "a,b@c.d",
            "a(b)@c.d",
            "a@b_c.d",
            "a@b.c\n",
            "a<b@c.d",
            "a@b.c-",
            "a\\b@c.d",
            "a@b!c.d",
            "nope",
        ];
        for wrong in wrong {
            assert!(!is_email(wrong), "{wrong}");
        }
        assert!(!is_email(&format!("{}@b.c", "a".repeat(65))));
    }
}
