use askama::Template as _;
use keyraft_model::{DurationMs, UnixMs};
use keyraft_web::layout::Link;
use keyraft_web::pages::{ErrorPage, FormPostPage};
use keyraft_web::{Frame, Messages, Notice, RequestId, Tone};

use super::*;

/// As long as a form's address gets: session code, execution, tab and the sealed request.
fn address(path: &str) -> String {
    format!(
        "/realms/example/login-actions/{path}?session_code=hQ4J9m2xYc7sD1pVn0Lk5wRtZ8bEaUfGqXoIyTj3MrA\
         &execution=6f0a1d5e-4a1b-4c8e-9d43-1b7c2a9e8f10&client_id=shop&tab_id=Qw3rTy7uIoP&client_data={}",
        "eyJydSI6Imh0dHBzOi8vc2hvcC5leGFtcGxlLmNvbS9jYWxsYmFjayIsInJ0IjoiY29kZSIsInN0IjoiNGYyYTFjOWU3YjMi"
    )
}

fn frame(t: &Messages) -> Frame<'_> {
    Frame::new(t, "Example", "").to(Some("Shop"))
}

fn fields(t: &Messages) -> Vec<ProfileField> {
    let text = |name: &str, value: &str| ProfileField {
        required: true,
        ..ProfileField::text(name, &t.get(name), value)
    };
    vec![
        ProfileField { read_only: true, ..text("username", "alice") },
        ProfileField { error: Some(t.get("error-invalid-email").into()), ..text("email", "nope") },
        text("firstName", "Alice"),
        ProfileField { required: false, ..text("lastName", "") },
    ]
}

/// Every page in a typical state, by name.
#[expect(clippy::too_many_lines, reason = "a list: one page after the other")]
fn samples(t: &Messages) -> Vec<(&'static str, String)> {
    let frame = frame(t);
    let links = frame.clone().in_languages(&["en", "de", "ar"], "/realms/example/here?tab_id=Qw3rTy7uIoP");
    let (action, reset, register) =
        (address("authenticate"), address("reset-credentials"), address("registration"));
    let remember = Some(Remember { checked: false, span: DurationMs::from_secs(30 * 86_400) });
    let notice = |key: &'static str| Some(Notice::new(Tone::Warning, t.get(key)));
    let sign_in = |username: &'static str, wrong: bool| UsernamePasswordPage {
        t,
        frame: &links,
        action: "/realms/example/login-actions/authenticate?session_code=1",
        username,
        notice: wrong.then(|| wrong_credentials(t, Some("/reset"))),
        remember,
        reset: Some("/reset"),
        register: Some("/register"),
    };
    let long = UsernamePasswordPage {
        t,
        frame: &frame,
        action: &action,
        username: "alice",
        notice: Some(wrong_credentials(t, Some(&reset))),
        remember,
        reset: Some(&reset),
        register: Some(&register),
    };
    let username = UsernamePage {
        t,
        frame: &frame,
        action: &action,
        username: "",
        notice: None,
        remember,
        register: None,
    };
    let password = PasswordPage {
        t,
        frame: &frame,
        action: &action,
        username: "alice@example.com",
        restart: Some(&reset),
        notice: notice("reauthenticate"),
        remember: None,
        reset: Some(&reset),
    };
    let one = [CodeCredential { id: "0d4b", label: "Phone", chosen: true }];
    let two = [one[0], CodeCredential { id: "8e1f", label: "Tablet", chosen: false }];
    let code = |credentials, notice| CodePage {
        t,
        frame: &frame,
        action: &action,
        username: "alice",
        restart: Some("/restart"),
        notice,
        credentials,
    };
    let (rules, min_length) =
        password_rules(t, "length(12) and passwordHistory(3) and notUsername and hashIterations(5)");
    let update_password = UpdatePasswordPage {
        t,
        frame: &frame,
        action: &action,
        username: "alice",
        notice: notice("updatePasswordMessage"),
        rules: &rules,
        min_length,
        logout_others: true,
        may_cancel: true,
    };
    let fields = fields(t);
    let update_profile = UpdateProfilePage {
        t,
        frame: &frame,
        action: &action,
        notice: None,
        fields: &fields,
        may_cancel: false,
    };
    let scope = |text: &str, detail: Option<&str>| ConsentScope {
        text: t.resolve(text).into_owned(),
        detail: detail.map(str::to_owned),
    };
    let scopes = [
        scope("${profileScopeConsentText}", Some("Alice · alice")),
        scope("${emailScopeConsentText}", Some("alice@example.com")),
        scope("${offlineAccessScopeConsentText}", None),
    ];
    let consent = ConsentPage {
        t,
        frame: &frame,
        action: &action,
        code: "hQ4J9m2xYc7sD1pVn0Lk5wRtZ8bEaUfGqXoIyTj3MrA",
        username: "alice",
        client_host: Some("shop.example.com"),
        scopes: &scopes,
        policy: Some("https://shop.example.com/privacy"),
        terms: None,
    };
    let sign_out = SignOutPage {
        t,
        frame: &frame,
        action: "/realms/example/protocol/openid-connect/logout/logout-confirm?client_id=account&tab_id=x",
        session_code: "hQ4J9m2xYc7sD1pVn0Lk5wRtZ8bEaUfGqXoIyTj3MrA",
        username: Some("alice@example.com"),
        stay: Some("/realms/example/account"),
    };
    let clients = [ClientFrame { name: "Wiki".into(), href: "https://wiki.example/out?sid=1&iss=2".into() }];
    let signing_out =
        SigningOutPage { t, frame: &frame, clients: &clients, next: Some("https://shop.example/") };
    let heading = t.get("successLogout");
    let again = t.get("signInAgain");
    let signed_out =
        signed_out(t, &frame, &heading, Some(Link { text: &again, href: "https://shop.example/" }));
    let expired = ExpiredPage { t, frame: &frame, next: &action, restart: &reset };
    let already = AlreadySignedInPage { t, frame: &frame, next: Some("/on"), sign_out: Some("/out") };
    let sentence = t.with("invalidParameterMessage", &["redirect_uri"]);
    let advice = t.get("redirectNotRegistered");
    let error = ErrorPage {
        t,
        frame: &frame,
        sentence: &sentence,
        advice: Some(&advice),
        id: RequestId::random(),
        at: UnixMs(1_795_513_267_000),
        back: Some("https://shop.example/"),
        restart: None,
    };
    let device = DevicePage { t, frame: &frame, action: "/realms/example/device", code: "", notice: None };
    let post = FormPostPage {
        t,
        frame: &frame,
        action: "https://shop.example/cb",
        fields: &[("state", "s"), ("code", "c")],
    };
    let reset_password = ResetPasswordPage {
        t,
        frame: &frame,
        action: &action,
        username: "",
        notice: Some(Notice::new(Tone::Error, t.get("missingUsernameMessage")).id("input-error-username")),
        back: &reset,
    };
    let verify_email = VerifyEmailPage {
        t,
        frame: &frame,
        action: &action,
        email: "alice@example.com",
        notice: None,
        sent: Some(UnixMs(1_795_513_267_000)),
        may_cancel: true,
    };
    let key = "otpauth://totp/Example:alice?secret=KBZEYULOJI3E2R3BNQ4UIODJIVUFCN2W&digits=6&algorithm=SHA1\
               &issuer=Example&period=30";
    let configure_totp = ConfigureTotpPage {
        t,
        frame: &frame,
        action: &action,
        notice: notice("configureTotpMessage"),
        picture: qr_code(key, t).unwrap(),
        secret: "PrLQnJ6MGal9D8iEhQ7V",
        key: "KBZE YULO JI3E 2R3B NQ4U IODJ IVUF CN2W",
        needs_label: true,
        may_cancel: true,
    };
    let (confirm_heading, todo) =
        (t.get("confirmExecutionOfActions"), [t.get("updatePasswordTitle").into_owned()]);
    let confirm_link = ConfirmLinkPage {
        t,
        frame: &frame,
        heading: &confirm_heading,
        detail: None,
        actions: &todo,
        href: &action,
    };
    let asked = [&fields[..1], &fields[1..]].concat();
    let registration = RegistrationPage {
        t,
        frame: &frame,
        action: &action,
        notice: Some(Notice::new(Tone::Error, t.get("missingPasswordMessage"))),
        locale: Some("en"),
        fields: &asked,
        password: Some(NewPassword {
            rules: &rules,
            min_length,
            error: Some(t.get("missingPasswordMessage").into()),
            confirm_error: None,
        }),
        asks_terms: true,
        terms_error: None,
        back: &reset,
    };
    let render = |page: Result<String, askama::Error>| page.unwrap();
    vec![
        ("sign-in", render(sign_in("", false).render())),
        ("sign-in-error", render(sign_in("alice", true).render())),
        ("sign-in-long", render(long.render())),
        ("username", render(username.render())),
        ("password", render(password.render())),
        ("code", render(code(&one, Some(wrong_code(t))).render())),
        ("code-choice", render(code(&two, None).render())),
        ("update-password", render(update_password.render())),
        ("update-profile", render(update_profile.render())),
        ("consent", render(consent.render())),
        ("terms", render(TermsPage { t, frame: &frame, action: &action }.render())),
        ("sign-out", render(sign_out.render())),
        ("signing-out", render(signing_out.render())),
        ("signed-out", render(signed_out.render())),
        ("expired", render(expired.render())),
        ("already-signed-in", render(already.render())),
        ("error", render(error.render())),
        ("device", render(device.render())),
        ("form-post", render(post.render())),
        ("reset-password", render(reset_password.render())),
        ("verify-email", render(verify_email.render())),
        ("configure-totp", render(configure_totp.render())),
        ("confirm-link", render(confirm_link.render())),
        ("registration", render(registration.render())),
    ]
}

fn sample(t: &Messages, name: &str) -> String {
    samples(t).into_iter().find(|(found, _)| *found == name).unwrap().1
}

#[test]
fn every_page_is_light_enough() {
    for (name, html) in samples(&Messages::of_tag("en")) {
        // Long addresses are the request's weight, not the page's: they are counted as 60 bytes each.
        let long = html.matches("client_data=").count() * (address("authenticate").len() - 60);
        // A picture is what the page is for; a form of a whole profile is longer than one of a name.
        let picture =
            html.split("<svg").nth(1).and_then(|rest| rest.split("</svg>").next()).map_or(0, str::len);
        assert!(picture <= 12_288, "{name} has a picture of {picture} bytes");
        let most = if name == "registration" { 4096 } else { 2560 };
        let own = html.len() - long - picture;
        assert!(own <= most, "{name} has {own} bytes");
        assert!(
            html.len() - picture <= 4096 + most / 2,
            "{name} has {} bytes with its addresses",
            html.len()
        );
    }
}

#[test]
fn no_page_runs_inline_script_or_style_or_loads_from_elsewhere() {
    for (name, html) in samples(&Messages::of_tag("en")) {
        for bad in [
            "<style",
            " style=",
            " onclick=",
            " onload=",
            "javascript:",
            "<link rel=\"stylesheet\" href=\"http",
        ] {
            assert!(!html.contains(bad), "{name} has {bad}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/resources/") && script.contains("></script>"), "{name}");
        }
    }
}

#[test]
fn every_label_has_its_field_and_every_page_its_language() {
    for tag in ["en", "de", "ar"] {
        for (name, html) in samples(&Messages::of_tag(tag)) {
            let dir = if tag == "ar" { "rtl" } else { "ltr" };
            assert!(
                html.starts_with(&format!("<!doctype html>\n<html lang=\"{tag}\" dir=\"{dir}\">")),
                "{name}"
            );
            for id in html.split("<label").skip(1).filter_map(|label| label.split("for=\"").nth(1)) {
                let id = id.split('"').next().unwrap();
                assert!(html.contains(&format!(" id=\"{id}\"")), "{name} has no field {id}");
            }
            assert_eq!(html.matches("<h1").count(), usize::from(name != "form-post"), "{name}");
        }
    }
}

#[test]
fn no_page_has_hard_coded_text() {
    // The pseudo-language accents our texts; names and values stay.
    let given = [
        "العربية",
        "English",
        "Deutsch",
        "alice",
        "Phone",
        "Tablet",
        "Wiki",
        "shop.example.com",
        "alice@example.com",
        "KBZE YULO JI3E 2R3B NQ4U IODJ IVUF CN2W",
    ];
    for (name, html) in samples(&Messages::pseudo()) {
        for text in html.split('>').skip(1).filter_map(|part| part.split('<').next()).map(str::trim) {
            let ours = text.contains(['·', 'á', 'é', 'í', 'ï', 'Ï', 'ö', 'ü'])
                || given.contains(&text)
                || text.ends_with(" UTC");
            let id = text.len() == 9 && text.as_bytes()[4] == b'-';
            assert!(ours || id || !text.contains(char::is_alphabetic), "{name}: {text}");
        }
    }
}

#[test]
fn scripts_find_keycloaks_names() {
    let html = sample(&Messages::of_tag("en"), "sign-in-error");
    for part in [
        "<form id=\"kc-form-login\" method=\"post\" action=\"",
        "name=\"username\" value=\"alice\"",
        "id=\"password\" name=\"password\"",
        "id=\"rememberMe\" name=\"rememberMe\"",
        "id=\"id-hidden-input\" name=\"credentialId\"",
        "id=\"kc-login\" name=\"login\"",
        ">Sign In</button>",
        "<label for=\"username\">Username or email</label>",
        "id=\"input-error-username\">Invalid username or password.</h2>",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.find("<form").unwrap() == html.find("<form id=\"kc-form-login\"").unwrap());
}

#[test]
fn an_error_is_said_in_the_title_takes_the_focus_and_gives_no_password_back() {
    let t = Messages::of_tag("en");
    let html = sample(&t, "sign-in-error");
    assert!(html.contains("<title>Error: Sign in to Shop</title>"));
    assert!(html.contains("role=\"alert\" tabindex=\"-1\" autofocus"));
    assert_eq!(html.matches("autofocus").count(), 1);
    assert!(html.contains("aria-invalid=\"true\" aria-describedby=\"password-wrong\""));
    assert!(html.contains("Try again or <a href=\"/reset\">reset your password</a>."));
    assert!(!html.contains("type=\"password\" value") && !sample(&t, "sign-in").contains("Error:"));
}

#[test]
fn what_people_type_never_becomes_markup() {
    let t = Messages::of_tag("en");
    let frame = Frame::new(&t, "<i>realm</i>", "").to(Some("\"><script>alert(1)</script>"));
    let page = UsernamePasswordPage {
        t: &t,
        frame: &frame,
        action: "/a?b=\"><script>",
        username: "\"><script>alert(2)</script>",
        notice: Some(Notice::new(Tone::Error, "<script>alert(3)</script>")),
        remember: None,
        reset: Some("/x\"><script>"),
        register: None,
    };
    let html = page.render().unwrap();
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(!html.contains("<i>"));
}

#[test]
fn what_a_realm_does_not_allow_is_not_offered() {
    let t = Messages::of_tag("en");
    let frame = Frame::new(&t, "Example", "");
    let page = UsernamePasswordPage {
        t: &t,
        frame: &frame,
        action: "/a",
        username: "",
        notice: Some(wrong_credentials(&t, None)),
        remember: None,
        reset: None,
        register: None,
    };
    let html = page.render().unwrap();
    assert!(!html.contains("rememberMe") && !html.contains("Forgot") && !html.contains("New here"));
    assert!(!html.contains("<footer>") && html.contains("<p>Try again.</p>"));
    assert!(html.contains("<h1>Sign in to Example</h1>") && !html.contains("with your"));
}

#[test]
fn the_offer_to_stay_names_its_term() {
    let t = Messages::of_tag("en");
    let label = |secs: i64| Remember { checked: false, span: DurationMs::from_secs(secs) }.label(&t);
    assert!(label(30 * 86_400).ends_with("for 30 days"));
    assert!(label(86_400).ends_with("for 1 day"));
    assert!(label(36_000).ends_with("for 10 hours"));
    assert!(label(1800).ends_with("for 30 minutes"));
    assert!(label(0).ends_with("for 1 minute"));
}

#[test]
fn a_policy_becomes_sentences() {
    let t = Messages::of_tag("en");
    let (rules, length) =
        password_rules(&t, "length(9) and digits(1) and specialChars(2) and hashAlgorithm(argon2)");
    assert_eq!(
        rules,
        ["9 characters or more; spaces are fine", "1 digit or more", "2 signs or more, such as ! or ?",]
    );
    assert_eq!(length, Some(9));
    assert_eq!(password_rules(&t, ""), (vec![], None));
}

/// With `KEYRAFT_PAGES` naming a folder, the pages and their files land there, to be looked at in a browser.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may block its thread")]
fn every_page_is_whole_in_every_language() {
    let folder = std::env::var("KEYRAFT_PAGES").ok().map(std::path::PathBuf::from);
    for tag in ["en", "de", "ar"] {
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
