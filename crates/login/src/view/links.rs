//! Pages that mailed links lead to.

use axum::response::{IntoResponse as _, Response};
use keyraft_web::{Link, Page, mail::action_name, pages::InfoPage};

use super::{client_name, errors::home, frame, texts};
use crate::{journey::Journey, pages::ConfirmLinkPage};

/// What a person confirms before a link does something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Confirmation<'a> {
    /// That an address is his.
    Address(&'a str),
    /// That he wants to do what an administrator asks for, by the names of required actions.
    Actions(&'a [String]),
}

/// Asks before a link does something; `href` does it.
pub(crate) fn confirm_link(journey: &Journey, what: Confirmation<'_>, href: &str) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let (heading, detail, actions) = match what {
        Confirmation::Address(address) => {
            let detail = t.with("confirmEmailAddressVerification", &[address]).into_owned();
            (t.get("confirmEmailAddressVerificationHeader"), Some(detail), Vec::new())
        }
        Confirmation::Actions(aliases) => {
            let names = aliases.iter().map(|alias| action_name(&t, alias)).collect();
            (t.get("confirmExecutionOfActions"), None, names)
        }
    };
    let page = ConfirmLinkPage {
        t: &t,
        frame: &frame,
        heading: &heading,
        detail: detail.as_deref(),
        actions: &actions,
        href,
    };
    Page::new(&page, &t).into_response()
}

/// An address is confirmed; `already`: it was so before.
pub(crate) fn email_verified(journey: &Journey, back: Option<&str>, already: bool) -> Response {
    let detail = if already { "emailVerifiedAlreadyMessage" } else { "emailVerifiedMessage" };
    info(journey, "emailVerifiedMessageHeader", detail, back)
}

/// All that a link asked for is done.
pub(crate) fn account_updated(journey: &Journey, back: Option<&str>) -> Response {
    info(journey, "accountUpdatedTitle", "accountUpdatedMessage", back)
}

fn info(journey: &Journey, heading: &str, detail: &str, back: Option<&str>) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let (heading, detail) = (t.get(heading), t.get(detail));
    let text = t.with("backTo", &[&client]);
    let account = format!("{}/account/", journey.browser.origin.issuer(&journey.browser.realm.realm));
    // Never without a way on: who came by a link of no application goes to his own pages.
    let href = back.or_else(|| home(&journey.browser.client)).unwrap_or(&account);
    let next = Some(Link { text: &text, href });
    let page =
        InfoPage { t: &t, frame: &frame, heading: &heading, detail: Some(&detail), notice: None, next };
    Page::new(&page, &t).into_response()
}
