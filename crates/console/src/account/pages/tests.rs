use askama::Template as _;
use keyraft_web::Tone;

use super::*;

fn bar(t: &Messages) -> Bar {
    let tab = |key: &str, href: &str, current| Tab { text: t.get(key).into(), href: href.into(), current };
    Bar {
        person: "alice@example.com".into(),
        sign_out: "/realms/example/protocol/openid-connect/logout".into(),
        tabs: vec![tab("tabProfile", "/realms/example/account", false), tab("tabDevices", "/devices", true)],
    }
}

fn device(id: &str, name: &str, current: bool) -> Device {
    Device {
        id: id.into(),
        name: name.into(),
        address: "192.0.2.7".into(),
        since: "2026-11-24 08:02 UTC".into(),
        used: "2026-11-24 09:41 UTC".into(),
        applications: "Shop, Wiki".into(),
        current,
    }
}

fn samples(t: &Messages) -> Vec<(&'static str, String)> {
    let frame = Frame::new(t, "Example", "");
    let bar = bar(t);
    let fact = |key: &str, value: &str, state| Fact { name: t.get(key).into(), value: value.into(), state };
    let confirmed = State { text: t.get("emailConfirmed").into(), good: true };
    let facts = [
        fact("username", "alice", None),
        fact("email", "alice@example.com", Some(confirmed)),
        fact("firstName", "Alice", None),
        fact("lastName", "", None),
    ];
    let devices = [device("a1", "Firefox on Linux", true), device("b2", "Safari on iPhone", false)];
    let notice = Some(Notice::new(Tone::Done, t.get("deviceSignedOut")));
    let devices = DevicesPage { t, frame: &frame, bar: &bar, notice, devices: &devices, token: "0123abcd" };
    let profile = ProfilePage { t, frame: &frame, bar: &bar, facts: &facts };
    let issuer = "http://localhost:8080/realms/master";
    let welcome = WelcomePage { t, frame: &frame, issuer, account: "/realms/master/account" };
    vec![
        ("account-profile", profile.render().unwrap()),
        ("account-devices", devices.render().unwrap()),
        ("welcome", welcome.render().unwrap()),
    ]
}

#[test]
fn every_form_carries_the_token_and_this_device_has_no_button() {
    let html = samples(&Messages::of_tag("en")).swap_remove(1).1;
    assert_eq!(html.matches("<form").count(), 2);
    assert_eq!(html.matches("name=\"stateChecker\" value=\"0123abcd\"").count(), 2);
    assert!(html.contains("value=\"b2\"") && !html.contains("value=\"a1\""));
    assert!(html.contains("You are signed in on 2 devices."));
}

#[test]
fn no_account_page_runs_inline_script_or_style() {
    for (name, html) in samples(&Messages::of_tag("en")) {
        assert!(!html.contains("<style") && !html.contains(" style="), "{name}");
        assert!(html.len() <= 2560, "{name} has {} bytes", html.len());
    }
}

/// With `KEYRAFT_PAGES` naming a folder, the pages and their files land there, to be looked at in a browser.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block its thread")]
fn every_page_is_whole_in_every_language() {
    let folder = std::env::var("KEYRAFT_PAGES").ok().map(std::path::PathBuf::from);
    for tag in ["en", "ar"] {
        for (name, html) in samples(&Messages::of_tag(tag)) {
            assert!(
                html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"),
                "{name} in {tag}"
            );
            if let Some(folder) = &folder {
                let html = keyraft_web::assets::with_files_beside(&html);
                std::fs::write(folder.join(format!("{name}-{tag}.html")), html).unwrap();
            }
        }
    }
    for (name, bytes) in keyraft_web::assets::files() {
        assert!(!bytes.is_empty(), "{name}");
        if let Some(folder) = &folder {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}
