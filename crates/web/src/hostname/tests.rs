use http::{HeaderName, HeaderValue};

use super::*;

const PROXY: &str = "10.0.0.1:5000";

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let lines =
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    lines.collect()
}

fn ask(
    settings: &Hostname,
    peer: &str,
    lines: &[(&'static str, &'static str)],
) -> Result<RequestOrigin, OriginError> {
    settings.origin(&Uri::from_static("/realms/x"), &headers(lines), peer.parse().unwrap(), false)
}

fn dev() -> Hostname {
    Hostname { follow_host: true, trusted: vec!["10.0.0.0/8".parse().unwrap()], ..Hostname::default() }
}

#[test]
fn in_development_the_names_follow_the_host() {
    let origin = ask(&dev(), "127.0.0.1:1", &[("host", "LocalHost:8080")]).unwrap();
    assert_eq!((origin.base.as_str(), origin.https), ("http://localhost:8080", false));
    assert_eq!(ask(&dev(), "127.0.0.1:1", &[("host", "a.test:80")]).unwrap().base, "http://a.test");
    assert_eq!(ask(&dev(), "[::1]:1", &[("host", "[::1]:8080")]).unwrap().base, "http://[::1]:8080");
}

#[test]
fn in_production_a_foreign_host_changes_nothing() {
    let settings = Hostname { frontend: Some("https://id.example".parse().unwrap()), ..Hostname::default() };
    let origin =
        ask(&settings, "192.0.2.7:1", &[("host", "evil.example"), ("x-forwarded-host", "evil.example")]);
    let origin = origin.unwrap();
    assert_eq!(
        (origin.base.as_str(), origin.backchannel.as_str()),
        ("https://id.example", "https://id.example")
    );
    assert!(origin.https);
    assert_eq!(ask(&Hostname::default(), "192.0.2.7:1", &[("host", "x")]).unwrap_err(), OriginError::NoName);
}

#[test]
fn backchannel_names_may_follow_the_host() {
    let settings = Hostname {
        frontend: Some("https://id.example".parse().unwrap()),
        backchannel_dynamic: true,
        relative_path: "/auth".into(),
        ..Hostname::default()
    };
    let origin = ask(&settings, "192.0.2.7:1", &[("host", "keyraft.svc:8080")]).unwrap();
    assert_eq!(origin.base, "https://id.example/auth");
    assert_eq!(origin.backchannel, "http://keyraft.svc:8080/auth");
}

#[test]
fn a_host_that_is_not_one_is_refused() {
    for host in ["", "a b", "a@b", "a/b", "a:b", "a:99999", "[::1", "a\\b", "a\"><script>", "a,b"] {
        assert!(!is_host(host), "{host}");
    }
    assert_eq!(ask(&dev(), "127.0.0.1:1", &[("host", "a@b")]).unwrap_err(), OriginError::BadHost);
    assert_eq!(ask(&dev(), "127.0.0.1:1", &[]).unwrap_err(), OriginError::BadHost);
    assert_eq!(
        ask(&dev(), "127.0.0.1:1", &[("host", "a"), ("host", "b")]).unwrap_err(),
        OriginError::BadHost
    );
}

#[test]
fn forwarded_headers_of_a_stranger_count_for_nothing() {
    let settings = Hostname { proxy_headers: ProxyHeaders::XForwarded, ..dev() };
    let lines =
        [("host", "inner"), ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-host", "evil.example")];
    let origin = ask(&settings, "192.0.2.7:1", &lines).unwrap();
    assert_eq!((origin.base.as_str(), origin.client_ip.to_string().as_str()), ("http://inner", "192.0.2.7"));
}

#[test]
fn a_trusted_proxy_is_believed_for_its_own_entry_only() {
    let settings = Hostname { proxy_headers: ProxyHeaders::XForwarded, ..dev() };
    let lines = [
        ("host", "inner"),
        ("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.2.3.4"),
        ("x-forwarded-proto", "http, https"),
        ("x-forwarded-host", "evil.example, id.example"),
        ("x-forwarded-port", "8443"),
    ];
    let origin = ask(&settings, PROXY, &lines).unwrap();
    assert_eq!(origin.base, "https://id.example:8443");
    assert_eq!(origin.client_ip.to_string(), "198.51.100.1");
}

#[test]
fn the_standard_header_is_read_too() {
    let settings = Hostname { proxy_headers: ProxyHeaders::Forwarded, ..dev() };
    let lines = [
        ("host", "inner"),
        ("x-forwarded-for", "6.6.6.6"),
        ("forwarded", "for=1.1.1.1, for=\"[2001:db8::1]:4711\";proto=https;host=id.example"),
    ];
    let origin = ask(&settings, PROXY, &lines).unwrap();
    assert_eq!(
        (origin.base.as_str(), origin.client_ip.to_string().as_str()),
        ("https://id.example", "2001:db8::1")
    );
}

#[test]
fn a_range_knows_its_members() {
    let holds = |range: &str, ip: &str| range.parse::<IpRange>().unwrap().contains(ip.parse().unwrap());
    assert!(holds("10.0.0.0/8", "10.255.0.1") && holds("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert!(!holds("10.0.0.0/8", "11.0.0.1") && !holds("10.0.0.0/8", "::a00:1"));
    assert!(holds("0.0.0.0/0", "9.9.9.9") && holds("::/0", "9.9.9.9") && holds("127.0.0.1", "127.0.0.1"));
    assert!("10.0.0.0/33".parse::<IpRange>().is_err() && "x".parse::<IpRange>().is_err());
}
