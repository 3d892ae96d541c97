//! What forms and consoles are told about a profile, as Keycloak's `UserProfileMetadata`.

use serde_json::{Map, Value, json};

use super::{Attribute, Editor, UserProfile};

impl UserProfile {
    /// The attributes that `editor` sees with their rules. `username_editable` is false for a user whose name
    /// may not change.
    pub fn metadata(&self, editor: Editor, username_editable: bool) -> Value {
        let seen = self.attributes().filter(|attribute| self.may_view(&attribute.name, editor));
        let attributes: Vec<Value> =
            seen.map(|attribute| attribute_metadata(attribute, editor, username_editable)).collect();
        let groups: Vec<Value> = self.groups.iter().map(|group| json!(group)).collect();
        json!({"attributes": attributes, "groups": groups})
    }
}

fn attribute_metadata(attribute: &Attribute, editor: Editor, username_editable: bool) -> Value {
    let read_only = !attribute.may_edit(editor) || (attribute.name == "username" && !username_editable);
    let mut shown = Map::new();
    shown.insert("name".into(), attribute.name.clone().into());
    if let Some(name) = &attribute.display_name {
        shown.insert("displayName".into(), name.clone().into());
    }
    shown.insert("required".into(), attribute.is_required(editor, &[]).into());
    shown.insert("readOnly".into(), read_only.into());
    if !attribute.annotations.is_empty() {
        shown.insert("annotations".into(), attribute.annotations.clone().into());
    }
    shown.insert("validators".into(), validators(attribute).into());
    if let Some(group) = &attribute.group {
        shown.insert("group".into(), group.clone().into());
    }
    shown.insert("multivalued".into(), attribute.multivalued.into());
    if let Some(default) = &attribute.default_value {
        shown.insert("defaultValue".into(), default.clone().into());
    }
    shown.into()
}

fn validators(attribute: &Attribute) -> Map<String, Value> {
    let mut validators = Map::new();
    for (name, rules) in &attribute.validations {
        let mut rules = rules.clone();
        rules.insert("ignore.empty.value".into(), true.into());
        validators.insert(name.clone(), rules.into());
    }
    if !attribute.multivalued {
        validators.insert("multivalued".into(), json!({"max": "1"}));
    }
    validators
}
