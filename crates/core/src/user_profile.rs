//! The user profile: which attributes the users of a realm have, who may see and edit them, and what they must be.
//!
//! A realm's configuration is Keycloak's `UPConfig`, stored as a component once it was changed. A change of a
//! user's attributes passes through [`UserProfile::check`], whoever makes it: what the editor may not see or
//! edit keeps its stored value, what breaks a rule is reported with Keycloak's message keys and parameters, in
//! Keycloak's order.

mod config;
mod email;
mod metadata;
mod store;
mod validators;

use indexmap::IndexMap;
use keyraft_model::{Component, MultiAttributes, Rest, User, component::USER_PROFILE_PROVIDER};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use email::is_email;

/// A realm's user profile, as Keycloak's `UPConfig`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserProfile {
    /// The managed attributes, in the order of forms.
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Vec<Attribute>>,
    /// Headings that attributes stand under.
    pub groups: Vec<Group>,
    /// What happens to attributes that no entry names; absent: they are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmanaged_attribute_policy: Option<Unmanaged>,
}

/// A managed attribute, as Keycloak's `UPAttribute`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's UPAttribute members by name")]
pub struct Attribute {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub validations: IndexMap<String, Rest>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Rest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<Required>,
    pub permissions: Permissions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub multivalued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
}

/// When an attribute must be there; without roles and scopes always.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are Keycloak's UPAttributeRequired members by name")]
pub struct Required {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Who may see and edit an attribute: `admin`, `user`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are Keycloak's UPAttributePermissions members by name")]
pub struct Permissions {
    pub view: Vec<String>,
    pub edit: Vec<String>,
}

/// Client scopes that must be asked for, or the attribute is not there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are Keycloak's UPAttributeSelector members by name")]
pub struct Selector {
    pub scopes: Vec<String>,
}

/// A heading, as Keycloak's `UPGroup`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's UPGroup members by name")]
pub struct Group {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_description: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Rest,
}

/// Who may see and edit attributes that the profile does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unmanaged {
    /// Everyone.
    Enabled,
    /// Administrators see them.
    AdminView,
    /// Administrators see and edit them.
    AdminEdit,
}

/// Who edits a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Editor {
    /// An administrator.
    Admin,
    /// The person himself.
    User,
}

impl Editor {
    fn role(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    fn is_among(self, who: &[String]) -> bool {
        who.iter().any(|role| role == self.role())
    }
}

/// A change of a user's attributes, user name, e-mail and names among them.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Who makes it.
    pub editor: Editor,
    /// The attributes as they are; `None` for a new user.
    pub stored: Option<&'a MultiAttributes>,
    /// The attributes as they shall be, all of them: one that is left out is cleared.
    pub given: &'a MultiAttributes,
    /// Whether the user name may change (`editUsernameAllowed`).
    pub username_editable: bool,
    /// Whether the e-mail address is the user name (`registrationEmailAsUsername`).
    pub email_as_username: bool,
    /// Client scopes asked for, for attributes that depend on them.
    pub scopes: &'a [String],
}

/// A rule that an attribute breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The attribute; empty for `User name is missing`.
    pub field: String,
    /// Keycloak's message key, or the one that the realm configured.
    pub message: String,
    /// The message's parameters after the attribute's name.
    pub params: Vec<Value>,
}

impl Fault {
    fn new(field: &str, message: &str, params: Vec<Value>) -> Self {
        Self { field: field.to_owned(), message: message.to_owned(), params }
    }
}

/// Attributes that administrators set through other members, or that a directory owns: never by name.
const READ_ONLY: [&str; 10] = [
    "KERBEROS_PRINCIPAL",
    "LDAP_ID",
    "LDAP_ENTRY_DN",
    "CREATED_TIMESTAMP",
    "createTimestamp",
    "modifyTimestamp",
    "userCertificate",
    "ENABLED",
    "EMAIL_VERIFIED",
    "disabledReason",
];

/// Attributes that are members of a user of their own.
pub const ROOT: [&str; 4] = ["username", "email", "firstName", "lastName"];

/// Longest value of an attribute without a length of its own, in characters.
const MAX_VALUE: usize = 2048;

impl UserProfile {
    /// The profile of a realm with these components: the stored one, else Keycloak's default.
    pub fn of(components: &[Component]) -> Self {
        let stored = components.iter().find(|component| component.provider_type == USER_PROFILE_PROVIDER);
        let text = stored.and_then(|component| component.config("kc.user.profile.config"));
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(Self::standard)
    }

    /// Keycloak's default profile.
    ///
    /// # Panics
    /// Never: the profile is part of the program.
    pub fn standard() -> Self {
        serde_json::from_str(include_str!("user_profile/standard.json"))
            .expect("the default profile is part of the program and tested")
    }

    /// Reads a `UPConfig` that shall be stored.
    ///
    /// # Errors
    /// Keycloak's sentence in brackets.
    pub fn parse(document: &Rest, scopes: &[&str]) -> Result<Self, String> {
        let profile: Self = serde_json::from_value(without_nulls(Value::Object(document.clone())))
            .map_err(|_| "[UserProfile configuration is invalid]".to_owned())?;
        let faults = config::faults(&profile, scopes);
        if faults.is_empty() { Ok(profile) } else { Err(format!("[{}]", faults.join(", "))) }
    }

    /// The managed attributes. A profile without any (`{}`) has the four that every user has, without rules.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().flatten()
    }

    /// The managed attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes().find(|attribute| attribute.name == name)
    }

    /// Whether `editor` sees an attribute.
    pub fn may_view(&self, name: &str, editor: Editor) -> bool {
        match self.attribute(name) {
            Some(attribute) => editor.is_among(&attribute.permissions.view) || attribute.may_edit(editor),
            None if ROOT.contains(&name) => true,
            // What the server itself writes, an administrator sees whatever the policy says.
            None if is_read_only(name) || name == "is_temporary_admin" => editor == Editor::Admin,
            None => match self.unmanaged_attribute_policy {
                Some(Unmanaged::Enabled) => true,
                Some(Unmanaged::AdminEdit | Unmanaged::AdminView) => editor == Editor::Admin,
                None => false,
            },
        }
    }

    fn may_edit(&self, name: &str, change: &Change<'_>) -> bool {
        if name == "username" && change.stored.is_some() && !change.username_editable {
            return false;
        }
        match self.attribute(name) {
            Some(attribute) => attribute.may_edit(change.editor),
            None if ROOT.contains(&name) => true,
            None => match self.unmanaged_attribute_policy {
                Some(Unmanaged::Enabled) => true,
                Some(Unmanaged::AdminEdit) => change.editor == Editor::Admin,
                Some(Unmanaged::AdminView) | None => false,
            },
        }
    }

    /// The attributes to store after a change.
    ///
    /// # Errors
    /// Every rule that it breaks, in Keycloak's order.
    pub fn check(&self, change: &Change<'_>) -> Result<MultiAttributes, Vec<Fault>> {
        let mut faults = Vec::new();
        let given = normal(change.given, change.email_as_username);
        let is_blank = |values: &Vec<String>| values.iter().all(|value| value.trim().is_empty());
        if given.get("username").is_none_or(is_blank)
            && !(change.email_as_username && self.attribute("email").is_some())
        {
            return Err(vec![Fault::new("", "User name is missing", vec![])]);
        }
        let mut kept = MultiAttributes::new();
        for name in names(self, &given, change.stored) {
            let stored = change.stored.and_then(|stored| stored.get(name));
            let value = given.get(name).cloned().or_else(|| self.default_value(name, change));
            if !self.may_edit(name, change) {
                if let Some(fault) = self.keeps(name, stored, value.as_ref(), change) {
                    faults.push(fault);
                    // What is wrong with the value itself is said beside it.
                    faults.extend(self.faults_of(name, stored, value.as_deref().unwrap_or_default(), change));
                }
                kept.extend(stored.map(|stored| (name.to_owned(), stored.clone())));
                continue;
            }
            faults.extend(self.faults_of(name, stored, value.as_deref().unwrap_or_default(), change));
            kept.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
        }
        if faults.is_empty() { Ok(kept) } else { Err(ordered(faults)) }
    }

    /// The fault of trying to change what the editor may not; what he does not even see is dropped unsaid.
    fn keeps(
        &self,
        name: &str,
        stored: Option<&Vec<String>>,
        value: Option<&Vec<String>>,
        change: &Change<'_>,
    ) -> Option<Fault> {
        let changed = value.is_some_and(|value| !value.is_empty()) && value != stored;
        if self.attribute(name).is_none() && !ROOT.contains(&name) {
            let guarded = changed && self.unmanaged_attribute_policy.is_some() && is_read_only(name);
            return guarded.then(|| Fault::new(name, "updateReadOnlyAttributesRejectedMessage", vec![]));
        }
        let by_email = name == "username" && change.email_as_username;
        (changed && change.stored.is_some() && !by_email)
            .then(|| Fault::new(name, "error-user-attribute-read-only", vec![]))
    }

    fn faults_of(
        &self,
        name: &str,
        stored: Option<&Vec<String>>,
        value: &[String],
        change: &Change<'_>,
    ) -> Vec<Fault> {
        if name == "email" && change.email_as_username && value.is_empty() {
            return vec![Fault::new(name, "error-user-attribute-required", vec![])];
        }
        let Some(attribute) = self.attribute(name) else {
            if is_read_only(name) && stored.map(Vec::as_slice) != Some(value) {
                return vec![Fault::new(name, "updateReadOnlyAttributesRejectedMessage", vec![])];
            }
            return too_long(name, value);
        };
        if !attribute.is_selected(change.scopes) {
            return vec![];
        }
        let required = attribute.is_required(change.editor, change.scopes);
        if required && value.is_empty() {
            return vec![Fault::new(name, "error-user-attribute-required", vec![])];
        }
        let mut faults = validators::faults(attribute, required, value);
        if !attribute.validations.contains_key("length") {
            faults.extend(too_long(name, value));
        }
        faults
    }

    fn default_value(&self, name: &str, change: &Change<'_>) -> Option<Vec<String>> {
        let default = self.attribute(name)?.default_value.clone()?;
        (change.stored.is_none() && !default.is_empty()).then(|| vec![default])
    }

    /// The attributes of a user that `editor` sees, the four of every user left out.
    pub fn visible(&self, user: &User, editor: Editor) -> MultiAttributes {
        let visible = user.attributes.iter().filter(|(name, _)| self.may_view(name, editor));
        visible.map(|(name, values)| (name.clone(), values.clone())).collect()
    }

    /// The attributes of a user that no entry names and `editor` sees.
    pub fn unmanaged(&self, user: &User, editor: Editor) -> MultiAttributes {
        let mut visible = self.visible(user, editor);
        visible.retain(|name, _| self.attribute(name).is_none());
        visible
    }
}

impl Attribute {
    /// Whether `editor` may edit it.
    pub fn may_edit(&self, editor: Editor) -> bool {
        editor.is_among(&self.permissions.edit)
    }

    /// Whether it must be there when `editor` saves.
    pub fn is_required(&self, editor: Editor, scopes: &[String]) -> bool {
        self.name == "username"
            || self.required.as_ref().is_some_and(|required| {
                (required.roles.is_empty() && required.scopes.is_empty())
                    || required.roles.iter().any(|role| role == editor.role())
                    || required.scopes.iter().any(|scope| scopes.contains(scope))
            })
    }

    /// Whether it is there at all for the client scopes that were asked for.
    pub fn is_selected(&self, scopes: &[String]) -> bool {
        let wanted = self.selector.as_ref().map(|selector| selector.scopes.as_slice()).unwrap_or_default();
        wanted.is_empty() || scopes.is_empty() || wanted.iter().any(|scope| scopes.contains(scope))
    }
}

/// The attributes of a user as one map, user name, e-mail and names among them.
pub fn values_of(user: &User) -> MultiAttributes {
    let roots = [
        ("username", Some(&user.username)),
        ("email", user.email.as_ref()),
        ("firstName", user.first_name.as_ref()),
        ("lastName", user.last_name.as_ref()),
    ];
    let roots = roots.into_iter().filter_map(|(name, value)| Some((name.to_owned(), vec![value?.clone()])));
    roots.chain(user.attributes.clone()).collect()
}

/// Writes one map of attributes into a user.
pub fn set_values(user: &mut User, mut values: MultiAttributes) {
    let mut take = |name: &str| values.shift_remove(name).and_then(|values| values.into_iter().next());
    let (username, email) = (take("username"), take("email"));
    (user.first_name, user.last_name, user.email) = (take("firstName"), take("lastName"), email);
    if let Some(username) = username {
        user.username = username;
    }
    user.attributes = values;
}

/// Writes what a user changed of himself: an address that is new is not confirmed.
pub fn set_own_values(user: &mut User, values: MultiAttributes) {
    let before = user.email.clone();
    set_values(user, values);
    if user.email != before {
        user.email_verified = false;
    }
}

/// Lower-cases what identifies a user, drops empty values, and lets the e-mail address be the user name.
fn normal(given: &MultiAttributes, email_as_username: bool) -> MultiAttributes {
    let mut normal = MultiAttributes::new();
    for (name, values) in given {
        let lower = name == "username" || name == "email";
        let values = values.iter().filter(|value| !value.is_empty());
        let values: Vec<_> = values
            .map(|value| if lower { keyraft_model::text::lower(value) } else { value.clone() })
            .collect();
        if !values.is_empty() {
            normal.insert(name.clone(), values);
        }
    }
    if email_as_username && let Some(email) = normal.get("email").cloned() {
        normal.insert("username".to_owned(), email);
    }
    normal
}

/// Every attribute that a change may touch, each once.
fn names<'a>(
    profile: &'a UserProfile,
    given: &'a MultiAttributes,
    stored: Option<&'a MultiAttributes>,
) -> indexmap::IndexSet<&'a str> {
    let managed = profile.attributes().map(|attribute| attribute.name.as_str());
    let given = given.keys().map(String::as_str);
    let stored = stored.into_iter().flat_map(|stored| stored.keys().map(String::as_str));
    managed.chain(given).chain(stored).collect()
}

/// Jackson takes `null` for "not there" everywhere.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn is_read_only(name: &str) -> bool {
    READ_ONLY.iter().any(|guarded| guarded.eq_ignore_ascii_case(name))
        || name.starts_with("saml.persistent.name.id.for.")
}

fn too_long(name: &str, value: &[String]) -> Vec<Fault> {
    let long = value.iter().any(|value| value.chars().count() > MAX_VALUE);
    long.then(|| Fault::new(name, "error-invalid-length", vec![0.into(), MAX_VALUE.into()]))
        .into_iter()
        .collect()
}

/// Keycloak keeps its errors in a hash map by message: scripts see them in its order.
fn ordered(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| crate::java_order::bucket(&fault.message, 16));
    faults
}

#[cfg(test)]
mod tests;
