//! Who the person is, and changing that.

use http::StatusCode;
use keyraft_core::Error;
use keyraft_core::user_profile::{self, Change, Editor, Fault, UserProfile};
use keyraft_model::{Event, MultiAttributes};
use serde_json::{Map, Value, json};

use super::{Call, MANAGES, READS_GROUPS, READS_PROFILE, Refusal, Reply};

/// Members that every user has; the others are attributes.
const ROOT: [&str; 4] = ["username", "email", "firstName", "lastName"];

/// Members of Keycloak's `UserRepresentation` of this API.
const MEMBERS: [&str; 9] = [
    "id",
    "username",
    "firstName",
    "lastName",
    "email",
    "emailVerified",
    "attributes",
    "userProfileMetadata",
    "totp",
];

/// `GET /`.
pub(super) fn read(call: &Call) -> Result<Reply, Refusal> {
    call.require(READS_PROFILE)?;
    let (realm, user) = (&call.bearer.realm, &call.bearer.user.user);
    let profile = UserProfile::of(&realm.components);
    let mut shown = Map::new();
    shown.insert("id".into(), user.id.as_str().into());
    shown.insert("username".into(), user.username.clone().into());
    for (name, value) in
        [("firstName", &user.first_name), ("lastName", &user.last_name), ("email", &user.email)]
    {
        shown.extend(value.clone().map(|value| (name.to_owned(), Value::from(value))));
    }
    shown.insert("emailVerified".into(), user.email_verified.into());
    if call.ask.query.get("userProfileMetadata") != Some("false") {
        shown.insert("userProfileMetadata".into(), metadata(call, &profile));
    }
    let attributes = profile.visible(user, Editor::User);
    if !attributes.is_empty() {
        shown.insert("attributes".into(), json!(attributes));
    }
    Ok(Reply::Json(shown.into()))
}

fn metadata(call: &Call, profile: &UserProfile) -> Value {
    let realm = &call.bearer.realm.realm;
    let mut metadata = profile.metadata(Editor::User, realm.edit_username_allowed);
    let Some(attributes) = metadata.get_mut("attributes").and_then(Value::as_array_mut) else {
        return metadata;
    };
    for attribute in attributes.iter_mut().filter_map(Value::as_object_mut) {
        // The original says of the address alone that it has no annotations.
        if attribute.get("name") == Some(&"email".into()) && !attribute.contains_key("annotations") {
            attribute.insert("annotations".into(), json!({}));
        }
    }
    if realm.internationalization_enabled {
        attributes.insert(
            0,
            json!({
                "name": "locale", "displayName": "locale", "required": false, "readOnly": false,
                "validators": {}, "multivalued": false,
            }),
        );
    }
    metadata
}

/// `POST /`: the profile whole.
pub(super) async fn update(call: &Call) -> Result<Reply, Refusal> {
    call.require(MANAGES)?;
    let bad = |error: &str, description: &str| {
        Refusal::Body(StatusCode::BAD_REQUEST, json!({ "error": error, "error_description": description }))
    };
    let given: Value = serde_json::from_slice(&call.ask.body)
        .map_err(|_| bad("invalid_request", "Cannot parse the JSON"))?;
    let given = given.as_object().ok_or_else(|| bad("unknown_error", "Cannot parse the JSON"))?;
    if let Some(unknown) = given.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let sentence =
            format!("Invalid json representation for UserRepresentation. Unrecognized field \"{unknown}\".");
        return Err(Refusal::Plain(StatusCode::BAD_REQUEST, sentence));
    }
    let (realm, user) = (&call.bearer.realm, &call.bearer.user.user);
    let stored = user_profile::values_of(user);
    let typed = typed(given, &stored);
    let profile = UserProfile::of(&realm.components);
    let change = Change {
        editor: Editor::User,
        stored: Some(&stored),
        given: &typed,
        username_editable: realm.realm.edit_username_allowed,
        email_as_username: realm.realm.registration_email_as_username,
        scopes: &call.bearer.scopes,
    };
    let checked = profile.check(&change);
    let mut faults = checked.as_ref().err().cloned().unwrap_or_default();
    faults = as_told_to_owner(faults);
    let is_taken = call.core.is_free(realm, &typed, Some(&user.id)).await;
    let conflict = match is_taken {
        Ok(()) => None,
        Err(Error::Conflict { what: "email", .. }) => Some(fault("email", "emailExistsMessage")),
        Err(Error::Conflict { .. }) => Some(fault("username", "usernameExistsMessage")),
        Err(error) => return Err(error.into()),
    };
    let status = if conflict.is_some() { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
    faults.extend(conflict);
    let values = match checked {
        Ok(values) if faults.is_empty() => values,
        _ => return Err(Refusal::Body(status, told(&profile, &faults))),
    };
    let change = |user: &mut keyraft_model::User| user_profile::set_own_values(user, values.clone());
    match call.core.change_user(realm, &user.id, change).await {
        Ok(()) => {}
        Err(Error::Conflict { .. }) => {
            let taken = [fault("email", "emailExistsMessage")];
            return Err(Refusal::Body(StatusCode::CONFLICT, told(&profile, &taken)));
        }
        Err(error) => return Err(error.into()),
    }
    call.core.events.emit(&Event {
        time: call.core.sessions.view().await?.now(),
        kind: "UPDATE_PROFILE".into(),
        realm_id: realm.realm.id.clone(),
        client_id: Some(call.bearer.client.client.client_id.clone()),
        user_id: Some(user.id.to_string()),
        ip_address: Some(call.ask.origin.client_ip.to_string()),
        ..Event::default()
    });
    Ok(Reply::Nothing)
}

/// What a representation means: its members over what is stored of attributes that it does not name.
fn typed(given: &Map<String, Value>, stored: &MultiAttributes) -> MultiAttributes {
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(list) => list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    };
    let mut typed: MultiAttributes = match given.get("attributes").and_then(Value::as_object) {
        Some(attributes) => attributes.iter().map(|(name, value)| (name.clone(), texts(value))).collect(),
        None => stored
            .iter()
            .filter(|(name, _)| !ROOT.contains(&name.as_str()))
            .map(|(name, values)| (name.clone(), values.clone()))
            .collect(),
    };
    for name in ROOT {
        match given.get(name) {
            Some(value) => {
                typed.insert(name.to_owned(), texts(value));
            }
            // A name that is not sent stays.
            None if name == "username" => {
                typed.extend(stored.get(name).map(|values| (name.to_owned(), values.clone())));
            }
            None => {}
        }
    }
    typed
}

/// The original tells a person twice of a missing address and of a name that is not his to change.
fn as_told_to_owner(faults: Vec<Fault>) -> Vec<Fault> {
    let mut told = Vec::with_capacity(faults.len());
    for found in faults {
        match (found.field.as_str(), found.message.as_str()) {
            ("email", "error-user-attribute-required") => {
                told.extend([fault("email", "missingEmailMessage"), found]);
            }
            ("username", "error-user-attribute-read-only") => {
                told.extend([found, fault("username", "readOnlyUsernameMessage")]);
            }
            _ => told.push(found),
        }
    }
    told
}

fn fault(field: &str, message: &str) -> Fault {
    Fault { field: field.to_owned(), message: message.to_owned(), params: Vec::new() }
}

fn told(profile: &UserProfile, faults: &[Fault]) -> Value {
    let one = |fault: &Fault| {
        let attribute = profile.attribute(&fault.field);
        let name = attribute.and_then(|attribute| attribute.display_name.clone());
        let name = Value::from(name.unwrap_or_else(|| fault.field.clone()));
        let params: Vec<Value> = std::iter::once(name).chain(fault.params.iter().cloned()).collect();
        json!({ "field": fault.field, "errorMessage": fault.message, "params": params })
    };
    let all: Vec<Value> = faults.iter().map(one).collect();
    match all.as_slice() {
        [Value::Object(alone)] => {
            let mut alone = alone.clone();
            alone.insert("errors".into(), all.clone().into());
            alone.into()
        }
        _ => json!({ "errors": all }),
    }
}

/// `GET /groups`.
pub(super) fn groups(call: &Call) -> Result<Reply, Refusal> {
    call.require(READS_GROUPS)?;
    let realm = &call.bearer.realm;
    let held = call.bearer.user.groups.iter().filter_map(|id| realm.groups.find(id));
    let shown = held.map(|group| {
        json!({
            "id": group.id.as_str(), "name": group.name, "path": realm.groups.path(&group.id), "subGroups": [],
        })
    });
    Ok(Reply::Json(shown.collect()))
}

/// `GET /supportedLocales`: for everybody who is let in, whether or not the realm uses them at present.
pub(super) fn locales(call: &Call) -> Reply {
    let supported = &call.bearer.realm.realm.supported_locales;
    let mut tags: Vec<&str> = supported.iter().flatten().map(String::as_str).collect();
    tags.sort_unstable();
    Reply::UncachedJson(json!(tags))
}
