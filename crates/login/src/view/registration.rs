//! The page of a new account.

use axum::response::{IntoResponse as _, Response};
use keyraft_model::MultiAttributes;
use keyraft_web::{Notice, Page, Tone};

use super::{Notice as Said, actions::profile_fields, client_name, frame, texts};
use crate::{
    authenticator::FormAction,
    journey::Journey,
    pages::{NewPassword, RegistrationPage, password_rules},
    registration::parts,
};

/// The form of a new account, empty or as it was typed.
pub(crate) fn registration(journey: &Journey, execution: &str, notice: &Said) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let realm = &journey.browser.realm.realm;
    let nothing = (MultiAttributes::new(), Vec::new());
    let (given, faults) = match notice {
        Said::Profile(given, faults) => (given, faults),
        _ => (&nothing.0, &nothing.1),
    };
    let mut fields = profile_fields(journey, &t, given, faults, realm.registration_email_as_username);
    for field in fields.iter_mut().filter(|field| field.name == "username") {
        (field.required, field.read_only) = (true, false);
    }
    let parts = parts(journey, execution);
    let said = |wanted: &str| {
        let fault = faults.iter().find(|fault| fault.field == wanted)?;
        let arguments: Vec<String> = fault.params.iter().map(super::actions::plain).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Some(t.with(&fault.message, &arguments).into_owned())
    };
    let (rules, min_length) = password_rules(&t, realm.password_policy.as_deref().unwrap_or_default());
    let password = parts.contains(&FormAction::Password).then(|| NewPassword {
        rules: &rules,
        min_length,
        error: said("password"),
        confirm_error: said("password-confirm"),
    });
    // The summary is the first thing that is wrong; each field says its own.
    let first = faults.first().and_then(|fault| {
        let of_field = fields.iter().find(|field| field.name == fault.field);
        of_field.and_then(|field| field.error.clone()).or_else(|| said(&fault.field))
    });
    let locale = realm.internationalization_enabled.then(|| t.lang());
    let page = RegistrationPage {
        t: &t,
        frame: &frame,
        action: &journey.url("registration", Some(execution), true),
        notice: first.map(|text| Notice::new(Tone::Error, text)),
        locale,
        fields: &fields,
        password,
        asks_terms: parts.contains(&FormAction::Terms),
        terms_error: said("termsAccepted"),
        back: &journey.url("authenticate", None, false),
    };
    Page::new(&page, &t).into_response()
}
