//! Reads `Accept` the two ways that Keycloak does.

use http::{HeaderMap, header};

/// Whether an error of a machine's endpoint may be shown as a page: only when `text/html` is named.
pub fn names_html(headers: &HeaderMap) -> bool {
    ranges(headers).iter().any(|(kind, _)| kind == "text/html")
}

/// Whether an error of a person's endpoint must be JSON: when JSON is the best thing that is asked for.
///
/// No `Accept`, `*/*` and `text/html` mean a page; of equal weights the first one named wins.
pub fn prefers_json(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    let best = ranges.iter().fold(None::<&(String, u32)>, |best, range| match best {
        Some(found) if found.1 >= range.1 => best,
        _ => Some(range),
    });
    best.is_some_and(|(kind, _)| kind == "application/json" || kind == "application/*")
}

/// Whether an encoding is accepted: named with a weight above nothing, or covered by a star.
pub fn encoding(headers: &HeaderMap, name: &str) -> bool {
    let ranges = weighted(headers, header::ACCEPT_ENCODING);
    let weight = |wanted: &str| ranges.iter().find(|(kind, _)| kind == wanted).map(|(_, weight)| *weight);
    weight(name).or_else(|| weight("*")).is_some_and(|weight| weight > 0)
}

/// The languages of `Accept-Language`, the most wanted first; those of weight 0 left out.
pub fn languages(headers: &HeaderMap) -> Vec<String> {
    let mut ranges = weighted(headers, header::ACCEPT_LANGUAGE);
    ranges.retain(|(tag, weight)| *weight > 0 && tag != "*");
    ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    ranges.into_iter().map(|(tag, _)| tag).collect()
}

fn ranges(headers: &HeaderMap) -> Vec<(String, u32)> {
    weighted(headers, header::ACCEPT)
}

/// Every range of a weighted list in lower case with its weight in thousandths. At most 64 are read:
/// the list is the caller's, and nobody honest sends more.
fn weighted(headers: &HeaderMap, name: http::HeaderName) -> Vec<(String, u32)> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).take(64).filter_map(range).collect()
}

fn range(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((name, weight.map_or(1000, thousandths)))
}

fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = part.bytes().chain(*b"000").take(3).map(|digit| u32::from(digit.wrapping_sub(b'0')).min(9));
    let part = digits.fold(0, |sum, digit| sum * 10 + digit);
    if whole == "0" { part } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &'static str) -> HeaderMap {
        [(header::ACCEPT, http::HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn a_page_is_the_answer_unless_json_is_wanted_most() {
        for json in [
            "application/json",
            "application/json, text/plain, */*",
            "application/json, text/html",
            "application/*",
            "application/json;q=0.9,*/*;q=0.8",
        ] {
            assert!(prefers_json(&accept(json)), "{json}");
        }
        for page in
            ["", "*/*", "text/plain", "text/html,application/json;q=0.9", "*/*;q=0.9, application/json;q=0.1"]
        {
            assert!(!prefers_json(&accept(page)), "{page}");
        }
        assert!(!prefers_json(&HeaderMap::new()));
    }

    #[test]
    fn a_machine_sees_a_page_only_when_it_names_html() {
        assert!(names_html(&accept("application/json, text/html")));
        assert!(names_html(&accept("TEXT/HTML;q=0.1")));
        assert!(!names_html(&accept("*/*")));
        assert!(!names_html(&HeaderMap::new()));
    }

    #[test]
    fn languages_come_by_weight() {
        let headers: HeaderMap = [(
            header::ACCEPT_LANGUAGE,
            http::HeaderValue::from_static("en;q=0.5, de-CH, ar;q=0.75, fr;q=0, *"),
        )]
        .into_iter()
        .collect();
        assert_eq!(languages(&headers), ["de-ch", "ar", "en"]);
    }

    #[test]
    fn an_encoding_of_weight_nothing_is_refused() {
        let headers = |value: &'static str| -> HeaderMap {
            [(header::ACCEPT_ENCODING, http::HeaderValue::from_static(value))].into_iter().collect()
        };
        assert!(encoding(&headers("br, gzip"), "gzip"));
        assert!(encoding(&headers("*"), "gzip"));
        assert!(!encoding(&headers("gzip;q=0, *"), "gzip"));
        assert!(!encoding(&headers("br"), "gzip"));
    }
}
