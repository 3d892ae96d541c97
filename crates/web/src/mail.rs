//! What a mail to a person says: our words, in his language, as text and as HTML.
//!
//! A letter has one link at the most, says how long it works and what to do if one did not ask for it. It loads
//! nothing from anywhere. Sending it is somebody else's.

use askama::Template;
use keyraft_model::DurationMs;

use crate::layout::Link;
use crate::messages::Messages;

/// A letter's subject and its two bodies, which say the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// The body without markup.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// A link that is mailed.
#[derive(Clone, Copy, Debug)]
pub struct MailedLink<'a> {
    /// Where it leads.
    pub href: &'a str,
    /// How long it works.
    pub lifespan: DurationMs,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct HtmlBody<'a> {
    t: &'a Messages,
    subject: &'a str,
    lead: &'a str,
    actions: &'a [String],
    link: Option<Link<'a>>,
    expires: &'a str,
    ignore: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct TextBody<'a> {
    lead: &'a str,
    actions: &'a [String],
    link: Option<Link<'a>>,
    expires: &'a str,
    ignore: &'a str,
}

/// The keys of one kind of letter.
struct Words {
    subject: &'static str,
    lead: &'static str,
    link: &'static str,
    ignore: &'static str,
}

impl Letter {
    /// For who forgot his password at `realm`.
    pub fn reset_password(t: &Messages, realm: &str, link: MailedLink<'_>) -> Self {
        let words = Words {
            subject: "passwordResetSubject",
            lead: "mailResetLead",
            link: "mailResetLink",
            ignore: "mailResetIgnore",
        };
        Self::write(t, &words, realm, &[], Some(link))
    }

    /// For who has to confirm his address at `realm`.
    pub fn verify_email(t: &Messages, realm: &str, link: MailedLink<'_>) -> Self {
        let words = Words {
            subject: "emailVerificationSubject",
            lead: "mailVerifyLead",
            link: "mailVerifyLink",
            ignore: "mailVerifyIgnore",
        };
        Self::write(t, &words, realm, &[], Some(link))
    }

    /// For whom an administrator of `realm` asks to do something, by the names of required actions.
    pub fn execute_actions(t: &Messages, realm: &str, actions: &[String], link: MailedLink<'_>) -> Self {
        let words = Words {
            subject: "executeActionsSubject",
            lead: "mailActionsLead",
            link: "mailActionsLink",
            ignore: "mailActionsIgnore",
        };
        let actions: Vec<String> = actions.iter().map(|action| action_name(t, action)).collect();
        Self::write(t, &words, realm, &actions, Some(link))
    }

    /// For the administrator who tries the settings out.
    pub fn test(t: &Messages) -> Self {
        let words = Words { subject: "emailTestSubject", lead: "emailTestBody", link: "", ignore: "" };
        Self::write(t, &words, "", &[], None)
    }

    fn write(
        t: &Messages,
        words: &Words,
        realm: &str,
        actions: &[String],
        mailed: Option<MailedLink<'_>>,
    ) -> Self {
        let subject = t.get(words.subject).into_owned();
        let (lead, text, ignore) = (t.with(words.lead, &[realm]), t.get(words.link), t.get(words.ignore));
        let expires = mailed.map(|mailed| t.with("mailExpires", &[&span(t, mailed.lifespan)]).into_owned());
        let expires = expires.unwrap_or_default();
        let link = mailed.map(|mailed| Link { text: &text, href: mailed.href });
        let (lead, ignore, expires) = (&*lead, &*ignore, expires.as_str());
        let html = HtmlBody { t, subject: &subject, lead, actions, link, expires, ignore }.render();
        let body = TextBody { lead, actions, link, expires, ignore }.render();
        // Writing into a string cannot fail; were it to, an empty letter is refused by nobody and harms nobody.
        Self { text: body.unwrap_or_default(), html: html.unwrap_or_default(), subject }
    }
}

/// What people call a required action: the realm's own words, ours, else its alias.
pub fn action_name(t: &Messages, alias: &str) -> String {
    let key = format!("requiredAction.{alias}");
    if t.has(&key) { t.get(&key).into_owned() } else { alias.to_owned() }
}

/// A time in the largest unit that says it in whole numbers.
pub fn span(t: &Messages, span: DurationMs) -> String {
    let secs = span.secs().max(0);
    let (key, count) = match secs {
        0..60 => ("spanSeconds", secs),
        _ if secs % 86_400 == 0 => ("spanDays", secs / 86_400),
        _ if secs % 3_600 == 0 => ("spanHours", secs / 3_600),
        _ => ("spanMinutes", secs / 60),
    };
    t.with(key, &[&count.to_string()]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: MailedLink<'static> =
        MailedLink { href: "https://id.example/?key=a&tab=b", lifespan: DurationMs::from_secs(43_200) };

    #[test]
    fn a_letter_says_the_same_in_both_bodies_and_escapes_names() {
        let letter = Letter::reset_password(&Messages::of_tag("en"), "Acme <b>", LINK);

        assert!(
            letter.text.contains("Acme <b>") && letter.html.contains("Acme &#60;b&#62;"),
            "{}",
            letter.html
        );
        assert!(letter.text.contains("\nhttps://id.example/?key=a&tab=b\n"), "{}", letter.text);
        assert!(letter.html.contains("href=\"https://id.example/?key=a&#38;tab=b\""), "{}", letter.html);
        assert!(letter.text.contains("12 hours"), "{}", letter.text);
    }

    #[test]
    fn a_letter_names_the_actions_in_the_readers_language() {
        let actions = ["UPDATE_PASSWORD".to_owned(), "acme".to_owned()];

        let letter = Letter::execute_actions(&Messages::of_tag("de"), "Acme", &actions, LINK);

        assert!(letter.text.contains("- Passwort") && letter.text.contains("- acme"), "{}", letter.text);
        assert!(letter.html.starts_with("<!doctype html>\n<html lang=\"de\""), "{}", letter.html);
    }

    #[test]
    fn a_letter_loads_nothing() {
        let letter = Letter::test(&Messages::of_tag("ar"));

        assert!(!letter.html.contains("src=") && !letter.html.contains("<link"), "{}", letter.html);
        assert!(letter.html.contains("dir=\"rtl\""));
    }

    #[test]
    fn a_span_is_said_in_whole_numbers() {
        let t = Messages::of_tag("en");
        let said = |secs| span(&t, DurationMs::from_secs(secs));

        assert_eq!(
            [said(1), said(90), said(300), said(3_600), said(172_800)],
            ["1 second", "1 minute", "5 minutes", "1 hour", "2 days"]
        );
    }
}
