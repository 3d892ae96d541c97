//! Pages of required actions.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use keyraft_core::{UserRecord, required_actions::Action, user_profile::Fault};
use keyraft_model::MultiAttributes;
use keyraft_web::{Messages, Page, layout};

use super::{Notice, client_name, error, frame, texts, unavailable};
use crate::{
    actions,
    journey::Journey,
    pages::{
        ConfigureTotpPage, ProfileField, TermsPage, UpdatePasswordPage, UpdateProfilePage, VerifyEmailPage,
        password_rules, qr_code,
    },
};

/// The page of a required action.
pub(crate) fn action(journey: &Journey, action: Action, notice: &Notice) -> Response {
    let Some(user) = &journey.user else {
        return error(journey, StatusCode::BAD_REQUEST, "sessionNotActiveMessage");
    };
    match action {
        Action::UpdatePassword => update_password(journey, user, notice),
        Action::UpdateProfile | Action::VerifyProfile => update_profile(journey, action, user, notice),
        Action::VerifyEmail => verify_email(journey, user, notice),
        Action::ConfigureTotp => configure_totp(journey, user, notice),
        Action::Terms => terms(journey),
    }
}

fn verify_email(journey: &Journey, user: &UserRecord, notice: &Notice) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let url = journey.url("required-action", Some(Action::VerifyEmail.alias()), true);
    let said = match notice {
        Notice::Wait(secs) => Some(layout::Notice::new(
            layout::Tone::Warning,
            t.with("emailVerifyWait", &[&secs.to_string()]).into_owned(),
        )),
        _ => None,
    };
    let page = VerifyEmailPage {
        t: &t,
        frame: &frame,
        action: &url,
        email: user.user.email.as_deref().unwrap_or_default(),
        notice: said,
        sent: journey.tab.mailed.as_ref().map(|mailed| mailed.at),
        may_cancel: actions::is_cancellable(journey, Action::VerifyEmail, user),
    };
    Page::new(&page, &t).into_response()
}

fn configure_totp(journey: &Journey, user: &UserRecord, notice: &Notice) -> Response {
    let t = texts(journey);
    let otp = match actions::offered_otp(journey, user) {
        Ok(otp) => otp,
        Err(error) => return unavailable(&journey.browser, &error),
    };
    let realm = journey.browser.realm.realm.title();
    let Some(picture) = qr_code(&actions::otp_uri(&otp, realm, &user.user.username), &t) else {
        return error(journey, StatusCode::INTERNAL_SERVER_ERROR, "internalServerError");
    };
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let url = journey.url("required-action", Some(Action::ConfigureTotp.alias()), true);
    let may_cancel = actions::is_cancellable(journey, Action::ConfigureTotp, user);
    let said = match notice {
        Notice::Field(_, key, _) => {
            let said = layout::Notice::new(layout::Tone::Error, t.get(key).into_owned());
            Some(said.id("input-error-otp-code"))
        }
        _ if may_cancel => None,
        _ => Some(layout::Notice::new(layout::Tone::Warning, t.get("configureTotpMessage"))),
    };
    let page = ConfigureTotpPage {
        t: &t,
        frame: &frame,
        action: &url,
        notice: said,
        picture,
        secret: otp.secret_value(),
        key: &grouped(otp.secret_base32().trim_end_matches('=')),
        needs_label: journey.has_otp(),
        may_cancel,
    };
    Page::new(&page, &t).into_response()
}

/// A key in groups of four, as people copy it.
fn grouped(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

fn terms(journey: &Journey) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let url = journey.url("required-action", Some(Action::Terms.alias()), true);
    Page::new(&TermsPage { t: &t, frame: &frame, action: &url }, &t).into_response()
}

fn update_password(journey: &Journey, user: &UserRecord, notice: &Notice) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let url = journey.url("required-action", Some(Action::UpdatePassword.alias()), true);
    let policy = journey.browser.realm.realm.password_policy.as_deref().unwrap_or_default();
    let (rules, min_length) = password_rules(&t, policy);
    let username = user.user.username.as_str();
    let may_cancel = actions::is_cancellable(journey, Action::UpdatePassword, user);
    let said = match notice {
        Notice::Field(field, key, arguments) => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let text = t.with(key, &arguments).into_owned();
            let id = if *field == "password-confirm" {
                "input-error-password-confirm"
            } else {
                "input-error-password-new"
            };
            Some(layout::Notice::new(layout::Tone::Error, text).id(id))
        }
        // Who asked for it himself is not told that he must.
        _ if may_cancel || journey.tab.link.is_some() => None,
        _ => Some(layout::Notice::new(layout::Tone::Warning, t.get("updatePasswordMessage"))),
    };
    let page = UpdatePasswordPage {
        t: &t,
        frame: &frame,
        action: &url,
        username,
        notice: said,
        rules: &rules,
        min_length,
        logout_others: false,
        may_cancel,
    };
    Page::new(&page, &t).into_response()
}

fn update_profile(journey: &Journey, action: Action, user: &UserRecord, notice: &Notice) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let url = journey.url("required-action", Some(action.alias()), true);
    let is_name_fixed = !journey.browser.realm.realm.edit_username_allowed;
    let fields = if let Notice::Profile(given, faults) = notice {
        profile_fields(journey, &t, given, faults, is_name_fixed)
    } else {
        let faults = actions::profile_faults(journey, user);
        let values = keyraft_core::user_profile::values_of(&user.user);
        profile_fields(journey, &t, &values, &faults, is_name_fixed)
    };
    let page = UpdateProfilePage {
        t: &t,
        frame: &frame,
        action: &url,
        notice: None,
        fields: &fields,
        may_cancel: actions::is_cancellable(journey, action, user),
    };
    Page::new(&page, &t).into_response()
}

/// The fields of the profile that its owner sees; his name only where he may choose it.
pub(super) fn profile_fields(
    journey: &Journey,
    t: &Messages,
    given: &MultiAttributes,
    faults: &[Fault],
    is_name_fixed: bool,
) -> Vec<ProfileField> {
    use keyraft_core::user_profile::{Editor, UserProfile};
    let realm = &journey.browser.realm;
    let profile = UserProfile::of(&realm.components);
    let mut fields = Vec::new();
    for attribute in profile.attributes().filter(|attribute| profile.may_view(&attribute.name, Editor::User))
    {
        if attribute.name == "username" && is_name_fixed {
            continue;
        }
        let fault = faults.iter().find(|fault| fault.field == attribute.name);
        let label = attribute.display_name.as_deref().unwrap_or(&attribute.name);
        let value = given.get(&attribute.name).and_then(|values| values.first()).map_or("", String::as_str);
        let mut field = ProfileField::text(&attribute.name, &t.resolve(label), value);
        field.required = attribute.is_required(Editor::User, &[]);
        field.read_only = !attribute.may_edit(Editor::User);
        field.error = fault.map(|fault| {
            // `{0}` of these texts is the field's name.
            let name = std::iter::once(fault.field.clone());
            let arguments: Vec<String> = name.chain(fault.params.iter().map(plain)).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            t.with(&fault.message, &arguments).into_owned()
        });
        fields.push(field);
    }
    fields
}

pub(super) fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
