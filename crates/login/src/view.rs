//! From a journey to a page: fills the page structs, decides nothing.

mod actions;
mod errors;
mod links;
mod registration;

use axum::response::{IntoResponse as _, Response};
use keyraft_core::{UserRecord, user_profile::Fault};
use keyraft_model::MultiAttributes;
use keyraft_web::{Frame, Html, Messages, Page, layout, messages::RealmLocales};

pub(crate) use self::{
    actions::action,
    errors::{
        cookies_missing, disabled, error, error_at, error_with_way_back, no_realm, other_user, page_expired,
        step_not_available, unavailable, unavailable_without_realm,
    },
    links::{Confirmation, account_updated, confirm_link, email_verified},
    registration::registration,
};
use crate::{
    auth_session::Door,
    authenticator::Authenticator,
    consent as consents,
    identity::{self, REMEMBER_ME},
    journey::Journey,
    pages::{
        CodeCredential, CodePage, ConsentPage, ConsentScope, PasswordPage, Remember, ResetPasswordPage,
        UsernamePage, UsernamePasswordPage, wrong_credentials,
    },
    protocol::Browser,
};

/// What a page says first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Notice {
    /// Nothing.
    None,
    /// The form that was sent was too old.
    Expired,
    /// User name and password do not match; never which of them.
    WrongUserOrPassword,
    /// No user name was typed.
    WrongUser,
    /// The password is wrong.
    WrongPassword,
    /// The code is wrong.
    WrongCode,
    /// The account is disabled; only said to who knows its password.
    Disabled,
    /// An action that is due: why.
    Due,
    /// A field is wrong: its name, the message key, arguments.
    Field(&'static str, String, Vec<String>),
    /// A profile as it was typed, and what is wrong with it.
    Profile(MultiAttributes, Vec<Fault>),
    /// No user name or address was typed.
    NoUsername,
    /// A mail is on its way, if there is somebody to send it to.
    MailSent,
    /// The link that was followed is too old.
    LinkExpired,
    /// That many seconds have to pass first.
    Wait(i64),
}

/// The texts for this browser.
pub(crate) fn messages(browser: &Browser, ui_locales: Option<&str>) -> Messages {
    let mut wishes = browser.locales.clone();
    wishes.client = wishes.client.or_else(|| ui_locales.map(str::to_owned));
    Messages::for_locale(&browser.realm.realm, &wishes)
}

fn texts(journey: &Journey) -> Messages {
    messages(&journey.browser, journey.request.ui_locales.as_deref())
}

/// The texts of a mail to a user: in the language of his profile, else as this browser wants it.
pub(crate) fn texts_for(journey: &Journey, user: &UserRecord) -> Messages {
    let mut wishes = journey.browser.locales.clone();
    wishes.user = user.user.attribute("locale").map(str::to_owned);
    wishes.client = wishes.client.or_else(|| journey.request.ui_locales.clone());
    Messages::for_locale(&journey.browser.realm.realm, &wishes)
}

fn client_name<'a>(browser: &'a Browser, t: &'a Messages) -> String {
    t.resolve(browser.client.client.title()).into_owned()
}

fn frame<'a>(journey: &'a Journey, t: &'a Messages, client: &'a str) -> Frame<'a> {
    let realm = &journey.browser.realm.realm;
    let frame = Frame::new(t, realm.title(), &journey.browser.origin.root).to(Some(client));
    let languages = RealmLocales::of(realm).supported;
    // Where there is no choice there is no link, and nothing to seal for it.
    if languages.len() < 2 {
        return frame;
    }
    frame.in_languages(&languages, &journey.url(journey.endpoint(), None, false))
}

/// The page of an execution that asks the person.
pub(crate) fn ask(
    journey: &Journey,
    execution: &str,
    authenticator: Authenticator,
    notice: &Notice,
) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let links = journey.links();
    let action = links.to(journey.endpoint(), Some(execution), true);
    let restart = links.to("restart", None, false);
    let reset = journey.offers(Door::ResetCredentials).then(|| links.to("reset-credentials", None, false));
    let said = said(&t, notice, journey, reset.as_deref());
    let is_stranger = journey.identity.is_none() && journey.tab.door == Door::SignIn;
    let register =
        (is_stranger && journey.offers(Door::Registration)).then(|| links.to("registration", None, false));
    let form = Form {
        t: &t,
        frame: &frame,
        action: &action,
        restart: &restart,
        reset: reset.as_deref(),
        register: register.as_deref(),
        said,
    };
    match authenticator {
        Authenticator::ResetChooseUser | Authenticator::ResetEmail => form.reset_password(journey),
        Authenticator::RegistrationForm => registration(journey, execution, notice),
        Authenticator::OtpForm => form.code(journey),
        Authenticator::UsernameForm => form.username(journey),
        Authenticator::PasswordForm => form.password(journey),
        _ if journey.identity.is_some() => form.password(journey),
        _ => form.username_password(journey),
    }
}

struct Form<'a> {
    t: &'a Messages,
    frame: &'a Frame<'a>,
    action: &'a str,
    restart: &'a str,
    reset: Option<&'a str>,
    register: Option<&'a str>,
    said: Option<layout::Notice<'a>>,
}

impl Form<'_> {
    fn username_password(self, journey: &Journey) -> Response {
        let username = name_to_fill(journey);
        let page = UsernamePasswordPage {
            t: self.t,
            frame: self.frame,
            action: self.action,
            username: &username,
            notice: self.said,
            remember: remember(journey),
            reset: self.reset,
            register: self.register,
        };
        Page::new(&page, self.t).into_response()
    }

    fn username(self, journey: &Journey) -> Response {
        let username = name_to_fill(journey);
        let page = UsernamePage {
            t: self.t,
            frame: self.frame,
            action: self.action,
            username: &username,
            notice: self.said,
            remember: remember(journey),
            register: self.register,
        };
        Page::new(&page, self.t).into_response()
    }

    fn password(self, journey: &Journey) -> Response {
        let username = if journey.tab.attempted.is_empty() {
            journey.user.as_ref().map(|user| user.user.username.clone()).unwrap_or_default()
        } else {
            journey.tab.attempted.clone()
        };
        let page = PasswordPage {
            t: self.t,
            frame: self.frame,
            action: self.action,
            username: &username,
            restart: Some(self.restart),
            notice: self.said,
            remember: None,
            reset: self.reset,
        };
        Page::new(&page, self.t).into_response()
    }

    fn reset_password(self, journey: &Journey) -> Response {
        let page = ResetPasswordPage {
            t: self.t,
            frame: self.frame,
            action: self.action,
            username: &name_to_fill(journey),
            notice: self.said,
            back: &journey.url("authenticate", None, false),
        };
        Page::new(&page, self.t).into_response()
    }

    fn code(self, journey: &Journey) -> Response {
        let stored = journey.credentials.as_deref().unwrap_or_default();
        let of_kind = stored.iter().filter(|credential| credential.kind == "otp").enumerate();
        let credentials: Vec<_> = of_kind
            .map(|(index, credential)| CodeCredential {
                id: credential.id.as_str(),
                label: credential.user_label.as_deref().filter(|label| !label.is_empty()).unwrap_or("#"),
                chosen: index == 0,
            })
            .collect();
        let page = CodePage {
            t: self.t,
            frame: self.frame,
            action: self.action,
            username: &journey.tab.attempted,
            restart: Some(self.restart),
            notice: self.said,
            credentials: &credentials,
        };
        Page::new(&page, self.t).into_response()
    }
}

fn said<'a>(
    t: &'a Messages,
    notice: &Notice,
    journey: &Journey,
    reset: Option<&str>,
) -> Option<layout::Notice<'a>> {
    use layout::Tone::{Error, Warning};
    let key = |tone, key: &'static str| Some(layout::Notice::new(tone, t.get(key)));
    match notice {
        Notice::Expired => key(Warning, "expiredActionMessage"),
        Notice::WrongUserOrPassword | Notice::WrongUser | Notice::WrongPassword => {
            Some(wrong_credentials(t, reset))
        }
        Notice::WrongCode => {
            let help = Html::escaped(&t.get("invalidTotpHelp"));
            Some(
                layout::Notice::new(Error, t.get("invalidTotpMessage")).help(help).id("input-error-otp-code"),
            )
        }
        Notice::Disabled => key(Error, "accountDisabledMessage"),
        Notice::NoUsername => {
            let text = t.get("missingUsernameMessage");
            Some(layout::Notice::new(Error, text).id("input-error-username"))
        }
        Notice::MailSent => key(layout::Tone::Done, "emailSentMessage"),
        Notice::LinkExpired => key(Warning, "expiredActionTokenSessionExistsMessage"),
        Notice::None if journey.identity.is_some() && journey.tab.proven.is_empty() => {
            key(Warning, "reauthenticate")
        }
        Notice::None | Notice::Due | Notice::Field(..) | Notice::Profile(..) | Notice::Wait(_) => None,
    }
}

/// The user name to fill in: what was typed, what the application hints at, or what this browser remembers.
fn name_to_fill(journey: &Journey) -> String {
    if !journey.tab.attempted.is_empty() {
        return journey.tab.attempted.clone();
    }
    if let Some(hint) = &journey.request.login_hint {
        return hint.clone();
    }
    identity::remembered_name(&journey.browser.cookies).unwrap_or_default()
}

fn remember(journey: &Journey) -> Option<Remember> {
    let realm = &journey.browser.realm.realm;
    realm.remember_me.then(|| Remember {
        checked: journey.tab.remember_me || journey.browser.cookies.get(REMEMBER_ME).is_some(),
        span: realm.session_idle(true),
    })
}

/// The page that asks what an application may do.
pub(crate) fn consent(journey: &Journey, user: &UserRecord) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let scopes: Vec<_> = consents::asked_for(journey, user)
        .into_iter()
        .map(|scope| {
            let text = scope.attribute("consent.screen.text").unwrap_or(&scope.name);
            ConsentScope { text: t.resolve(text).into_owned(), detail: None }
        })
        .collect();
    let attributes = &journey.browser.client.client;
    let host = journey.browser.client.client.redirect_uris.first().and_then(|uri| url::Url::parse(uri).ok());
    let host = host.as_ref().and_then(|url| url.host_str()).map(str::to_owned);
    let page = ConsentPage {
        t: &t,
        frame: &frame,
        action: &journey.url("consent", None, false),
        code: &journey.session_code(),
        username: &user.user.username,
        client_host: host.as_deref(),
        scopes: &scopes,
        policy: attributes.attribute("policyUri"),
        terms: attributes.attribute("tosUri"),
    };
    journey.with_cookies(Page::new(&page, &t).into_response())
}
