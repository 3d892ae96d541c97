//! What the person proves himself with.

use http::StatusCode;
use keyraft_core::Error;
use keyraft_core::required_actions::Action;
use keyraft_model::{Credential, CredentialId};
use serde_json::{Map, Value, json};

use super::{Call, MANAGES, READS_PROFILE, Refusal, Reply};

/// A kind of credential as account pages show it.
struct Kind {
    name: &'static str,
    category: &'static str,
    display: &'static str,
    help: &'static str,
    icon: &'static str,
    /// The action that sets the first one up, and another.
    create: Option<Action>,
    /// The action that replaces it.
    update: Option<Action>,
    removable: bool,
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "password",
        category: "basic-authentication",
        display: "password-display-name",
        help: "password-help-text",
        icon: "kcAuthenticatorPasswordClass",
        create: None,
        update: Some(Action::UpdatePassword),
        removable: false,
    },
    Kind {
        name: "otp",
        category: "two-factor",
        display: "otp-display-name",
        help: "otp-help-text",
        icon: "kcAuthenticatorOTPClass",
        create: Some(Action::ConfigureTotp),
        update: None,
        removable: true,
    },
];

/// `GET /credentials`.
pub(super) async fn list(call: &Call) -> Result<Reply, Refusal> {
    call.require(READS_PROFILE)?;
    let wanted = call.ask.query.filled("type");
    let with_own = call.ask.query.get("user-credentials") != Some("false");
    let held = held(call).await?;
    let kinds = KINDS.iter().filter(|kind| wanted.is_none_or(|wanted| wanted == kind.name));
    let shown = kinds.map(|kind| {
        let mut shown = Map::new();
        shown.insert("type".into(), kind.name.into());
        shown.insert("category".into(), kind.category.into());
        shown.insert("displayName".into(), kind.display.into());
        shown.insert("helptext".into(), kind.help.into());
        shown.insert("iconCssClass".into(), kind.icon.into());
        let of_kind: Vec<_> = held.iter().filter(|credential| credential.kind == kind.name).collect();
        // A password that is there is replaced; one that is not is made the same way.
        let (create, update) = match (kind.update, of_kind.is_empty()) {
            (Some(update), true) => (Some(update), None),
            (update, _) => (kind.create, update),
        };
        for (member, action) in [("createAction", create), ("updateAction", update)] {
            let action = action.filter(|action| is_on(call, *action));
            shown.extend(action.map(|action| (member.to_owned(), action.alias().into())));
        }
        shown.insert("removeable".into(), kind.removable.into());
        if with_own {
            let own = of_kind.into_iter().map(|credential| json!({ "credential": described(credential) }));
            shown.insert("userCredentialMetadatas".into(), own.collect());
        }
        Value::from(shown)
    });
    Ok(Reply::Json(shown.collect()))
}

/// Whether the realm has an action switched on.
fn is_on(call: &Call, action: Action) -> bool {
    let known = &call.bearer.realm.required_actions;
    known.iter().any(|known| known.enabled && known.alias == action.alias())
}

/// How a credential is checked, never what it is.
fn described(credential: &Credential) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), credential.id.as_str().into());
    shown.insert("type".into(), credential.kind.clone().into());
    if let Some(label) = credential.user_label.as_deref().filter(|label| !label.is_empty()) {
        shown.insert("userLabel".into(), label.into());
    }
    shown.insert("createdDate".into(), credential.created_date.into());
    shown.insert("credentialData".into(), credential.credential_data.clone().into());
    shown.into()
}

/// `PUT /credentials/{id}/label`: the body is the label, as JSON.
pub(super) async fn label(call: &Call, id: &str) -> Result<Reply, Refusal> {
    call.require(MANAGES)?;
    let text = || Refusal::Plain(StatusCode::BAD_REQUEST, "The label is not text".to_owned());
    let label: String = serde_json::from_slice(&call.ask.body).map_err(|_| text())?;
    let user = &call.bearer.user.user.id;
    let named = call.core.label_credential(&call.bearer.realm, user, &CredentialId::from(id), &label).await;
    match named {
        Ok(()) => Ok(Reply::Nothing),
        Err(Error::NotFound(_)) => Err(missing()),
        Err(Error::Invalid { rule, .. }) => {
            Err(Refusal::Body(StatusCode::BAD_REQUEST, json!({ "errorMessage": rule })))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /credentials/{id}`: a second factor; a password is only ever replaced.
pub(super) async fn remove(call: &Call, id: &str) -> Result<Reply, Refusal> {
    call.require(MANAGES)?;
    let held = held(call).await?;
    let found = held.into_iter().find(|credential| credential.id.as_str() == id).ok_or_else(missing)?;
    if !KINDS.iter().any(|kind| kind.name == found.kind && kind.removable) {
        let sentence = "Credential type cannot be removed".to_owned();
        return Err(Refusal::Plain(StatusCode::BAD_REQUEST, sentence));
    }
    call.core.delete_credential(&call.bearer.realm, &call.bearer.user.user.id, &found.id).await?;
    Ok(Reply::Nothing)
}

async fn held(call: &Call) -> Result<Vec<Credential>, Error> {
    call.core.credentials(&call.bearer.realm.realm.id, &call.bearer.user.user.id).await
}

fn missing() -> Refusal {
    Refusal::Plain(StatusCode::NOT_FOUND, "Credential not found".to_owned())
}
