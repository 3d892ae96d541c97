use keyraft_model::Attributes;

use super::*;

fn settings(pairs: &[(&str, &str)]) -> Attributes {
    let usual = [("host", "127.0.0.1"), ("from", "door@keyraft.example")];
    usual.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn message(subject: &str) -> Message {
    Message {
        to: "alice@example.com".into(),
        subject: subject.into(),
        text: "https://id.example/?key=secret".into(),
        html: "<p>hello</p>".into(),
    }
}

fn composed(pairs: &[(&str, &str)], subject: &str) -> Result<(Envelope, String), MailError> {
    let (envelope, bytes) = compose(&Smtp::of(&settings(pairs))?, &message(subject))?;
    Ok((envelope, String::from_utf8(bytes).expect("mail is text")))
}

#[test]
fn a_message_carries_both_bodies_and_the_senders_names() {
    let (envelope, mail) = composed(
        &[
            ("fromDisplayName", "Acme & Söhne"),
            ("replyTo", "help@keyraft.example"),
            ("envelopeFrom", "bounces@keyraft.example"),
        ],
        "Reset password",
    )
    .expect("composed");

    assert_eq!(envelope.from().map(ToString::to_string).as_deref(), Some("bounces@keyraft.example"));
    assert!(mail.contains("Subject: Reset password\r\n"), "{mail}");
    assert!(mail.contains("Reply-To: help@keyraft.example\r\n"), "{mail}");
    assert!(mail.contains("<door@keyraft.example>\r\n"), "{mail}");
    assert!(mail.contains("text/plain") && mail.contains("text/html"), "{mail}");
    assert!(mail.contains("Date: "), "{mail}");
}

#[test]
fn a_header_cannot_be_broken_out_of() {
    let in_subject = composed(&[], "hello\r\nBcc: everybody@example.com");
    let in_name = composed(&[("fromDisplayName", "Acme\r\nBcc: everybody@example.com")], "hello");
    let in_address = composed(&[("replyTo", "a@example.com\r\nBcc: b@example.com")], "hello");
    let in_sender = composed(&[("from", "a@example.com>\r\nRCPT TO:<b@example.com")], "hello");

    assert!(matches!(in_subject, Err(MailError::Header("subject"))), "{in_subject:?}");
    assert!(matches!(in_name, Err(MailError::Header("fromDisplayName"))), "{in_name:?}");
    assert!(matches!(in_address, Err(MailError::Setting("replyTo"))), "{in_address:?}");
    assert!(matches!(in_sender, Err(MailError::Sender(_))), "{in_sender:?}");
    let mut message = message("hello");
    message.to = "alice@example.com\r\nDATA".into();
    let to = compose(&Smtp::of(&settings(&[])).expect("settings"), &message);
    assert!(matches!(to, Err(MailError::Recipient)), "{to:?}");
}

#[test]
fn no_sender_is_said_as_the_original_says_it() {
    let error = Smtp::of(&Attributes::new()).expect_err("no sender");

    assert!(error.to_string().starts_with("Invalid sender address 'null'. If the address"), "{error}");
}

#[test]
fn token_authentication_is_refused_by_name() {
    let refused = Smtp::of(&settings(&[("auth", "true"), ("authType", "token")]));

    assert_eq!(
        refused.expect_err("refused").to_string(),
        "SMTP authentication of type 'token' is not part of this release."
    );
}

#[test]
fn secrets_are_not_in_debug_texts() {
    let smtp = Smtp::of(&settings(&[("auth", "true"), ("user", "u"), ("password", "s3cret")]));

    let text = format!("{:?} {:?}", smtp.expect("settings"), message("hello"));

    assert!(!text.contains("s3cret") && !text.contains("key="), "{text}");
}

#[test]
fn a_domain_goes_out_in_ascii_and_a_foreign_local_part_only_where_it_may() {
    let out = |text, utf8| smtp::address(text, utf8).map(|address| address.to_string());

    assert_eq!(out("a@bücher.example", false).as_deref(), Some("a@xn--bcher-kva.example"));
    assert_eq!(out("jürgen@example.com", false), None);
    assert_eq!(out("jürgen@example.com", true).as_deref(), Some("jürgen@example.com"));
    assert_eq!(out("nobody", true), None);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure_and_not_a_wait() {
    let smtp = Smtp::of(&settings(&[("port", "1")])).expect("settings");

    let sent = Mailer::default().send(&smtp, &message("hello")).await;

    assert!(matches!(sent, Err(MailError::Transport(_))), "{sent:?}");
}
