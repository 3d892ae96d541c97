//! `/login-actions/registration`: a person makes his own account, and is signed in with it.

use axum::{extract::State, response::Response};
use keyraft_core::{Error, user_profile::Fault};
use keyraft_crypto::Secret;
use keyraft_model::{FlowId, MultiAttributes};
use keyraft_web::{Fields, page::redirect};

use crate::{
    actions::terms,
    arrival::{Arrival, Submitted},
    auth_session::Door,
    authenticate::prove,
    authenticator::{Authenticator, FormAction},
    flow::{self, Flows},
    journey::{Journey, Next},
    login::Login,
    view::{self, Notice},
};

/// `GET`: the form of a new account.
pub(crate) async fn show(State(login): State<Login>, arrival: Arrival) -> Response {
    match arrival.asked(&login).await {
        Ok(Some((client, request))) => {
            login.begin_at(Door::Registration, arrival.browser(client), request).await
        }
        Ok(None) => view::cookies_missing(&arrival, &login).await,
        Err(response) => *response,
    }
}

/// `POST`: that form.
pub(crate) async fn submit(Submitted { mut arrived, form }: Submitted) -> Response {
    arrived.journey.enter(Door::Registration);
    let taken = take(&mut arrived.journey, &arrived.query, &form).await;
    arrived.answer(taken).await
}

async fn take(journey: &mut Journey, query: &Fields, form: &Fields) -> Result<Option<Response>, Error> {
    if !journey.is_open() {
        return Ok(None);
    }
    if !journey.is_session_code(query.filled("session_code")) {
        let url = journey.url("registration", None, false);
        return Ok(Some(redirect(http::StatusCode::FOUND, &url)));
    }
    let Ok(Next::Ask(execution, Authenticator::RegistrationForm)) = journey.step().await? else {
        return Ok(None);
    };
    let actions = parts(journey, &execution);
    let given = typed(journey, form);
    let scopes = journey.scope_names();
    let (core, realm) = (journey.core().clone(), journey.browser.realm.clone());
    let checked = core.check_registration(&realm, &given, &scopes).await?;
    let (mut values, mut faults) = match checked {
        Ok(values) => (values, Vec::new()),
        Err(faults) => (given.clone(), faults),
    };
    let password = actions.contains(&FormAction::Password).then(|| form.get("password").unwrap_or_default());
    if let Some(password) = password {
        faults.extend(password_fault(journey, &values, form, password));
    }
    if actions.contains(&FormAction::Terms) {
        if form.has("termsAccepted") {
            values.insert(terms::ATTRIBUTE.to_owned(), vec![journey.now.secs().to_string()]);
        } else {
            faults.push(fault("termsAccepted", "termsAcceptanceRequired"));
        }
    }
    let settings = &realm.realm;
    let is_known = |tag: &&str| settings.supported_locales.iter().flatten().any(|known| known == tag);
    if settings.internationalization_enabled
        && let Some(tag) = form.filled("locale").filter(is_known)
    {
        values.insert("locale".to_owned(), vec![tag.to_owned()]);
    }
    if !faults.is_empty() {
        return again(journey, &execution, given, faults).await;
    }
    let ip = journey.browser.origin.client_ip.to_string();
    let made = match core.register(&realm, values, password.map(Secret::new), &ip).await {
        Ok(user) => user,
        // Somebody was faster, or this form was sent twice.
        Err(Error::Conflict { what, .. }) => {
            let taken = match what {
                "email" => fault("email", "emailExistsMessage"),
                _ => fault("username", "usernameExistsMessage"),
            };
            return again(journey, &execution, given, vec![taken]).await;
        }
        Err(error) => return Err(error),
    };
    let user = core.user(&realm, &made.id).await?;
    journey.tab.attempted = made.username;
    let kind = if password.is_some() { "password" } else { "" };
    prove(journey, &execution, user.as_ref(), kind).await?;
    journey.event("REGISTER", None, &[("register_method", "form")]);
    Ok(None)
}

/// What happens to the form, in the order of the realm's flow.
pub(crate) fn parts(journey: &Journey, execution: &str) -> Vec<FormAction> {
    let realm = &journey.browser.realm;
    flow::form_actions(Flows::new(&realm.flows, &realm.configs), &FlowId::from(execution))
}

/// The attributes that the form carries; others than the profile's are not taken from it.
fn typed(journey: &Journey, form: &Fields) -> MultiAttributes {
    use keyraft_core::user_profile::{Editor, UserProfile};
    let realm = &journey.browser.realm;
    let profile = UserProfile::of(&realm.components);
    let editable = profile
        .attributes()
        .filter(|attribute| attribute.may_edit(Editor::User) || attribute.name == "username")
        .filter(|attribute| !(attribute.name == "username" && realm.realm.registration_email_as_username));
    editable
        .map(|attribute| {
            let values = form.all(&attribute.name).map(|value| value.trim().to_owned());
            (attribute.name.clone(), values.filter(|value| !value.is_empty()).collect())
        })
        .collect()
}

fn password_fault(
    journey: &Journey,
    values: &MultiAttributes,
    form: &Fields,
    password: &str,
) -> Option<Fault> {
    if password.is_empty() {
        return Some(fault("password", "missingPasswordMessage"));
    }
    // Our page asks once; scripts that fill in Keycloak's second field must have it right.
    if form.get("password-confirm").is_some_and(|again| again != password) {
        return Some(fault("password-confirm", "invalidPasswordConfirmMessage"));
    }
    let realm = &journey.browser.realm;
    let checked = journey.core().check_registration_password(realm, values, &Secret::new(password));
    let violation = checked.err()?;
    let params = violation.argument.map(|number| number.to_string().into()).into_iter().collect();
    Some(Fault { field: "password".into(), message: violation.key.into(), params })
}

fn fault(field: &str, message: &str) -> Fault {
    Fault { field: field.into(), message: message.into(), params: Vec::new() }
}

async fn again(
    journey: &mut Journey,
    execution: &str,
    given: MultiAttributes,
    faults: Vec<Fault>,
) -> Result<Option<Response>, Error> {
    let error = if faults.iter().any(|fault| fault.message == "emailExistsMessage") {
        "email_in_use"
    } else if faults.iter().any(|fault| fault.message == "usernameExistsMessage") {
        "username_in_use"
    } else {
        "invalid_registration"
    };
    journey.event("REGISTER_ERROR", Some(error), &[]);
    let notice = Notice::Profile(given, faults);
    journey.page(execution, Authenticator::RegistrationForm, notice).await.map(Some)
}
