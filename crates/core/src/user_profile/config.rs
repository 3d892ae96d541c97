//! What a profile's configuration must be before it is stored.

use std::{collections::HashSet, fmt::Write as _};

use keyraft_model::Rest;
use serde_json::Value;

use super::{Attribute, UserProfile, validators};
use crate::pattern::Pattern;

/// Keycloak's sentences about everything that is wrong with a profile.
pub(super) fn faults(profile: &UserProfile, scopes: &[&str]) -> Vec<String> {
    let Some(attributes) = &profile.attributes else { return vec![] };
    let mut faults = Vec::new();
    for name in ["username", "email"] {
        if profile.attribute(name).is_none() {
            faults.push(format!("The attribute '{name}' can not be removed"));
        }
    }
    let groups: HashSet<&str> = profile.groups.iter().map(|group| group.name.as_str()).collect();
    let mut seen = HashSet::new();
    for attribute in attributes {
        faults.extend(name_faults(attribute, &mut seen));
        faults.extend(reference_faults(attribute, &groups, scopes));
        for (validator, rules) in &attribute.validations {
            faults.extend(validator_fault(&attribute.name, validator, rules));
        }
    }
    faults
}

fn name_faults<'a>(attribute: &'a Attribute, seen: &mut HashSet<&'a str>) -> Option<String> {
    let name = attribute.name.as_str();
    if name.is_empty() {
        return Some("Attribute configuration without 'name' is not allowed".to_owned());
    }
    if !seen.insert(name) {
        return Some(format!("Attribute configuration already exists with 'name':'{name}'"));
    }
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    (!fits).then(|| {
        format!("Invalid attribute name (only letters, numbers and '.' '_' '-' special characters allowed): {name}'")
    })
}

fn reference_faults(attribute: &Attribute, groups: &HashSet<&str>, scopes: &[&str]) -> Vec<String> {
    let name = &attribute.name;
    let required = attribute.required.as_ref();
    let roles = [
        ("permissions.view", Some(&attribute.permissions.view)),
        ("permissions.edit", Some(&attribute.permissions.edit)),
        ("required.roles", required.map(|required| &required.roles)),
    ];
    let wanted_scopes = [
        ("required.scopes", required.map(|required| &required.scopes)),
        ("selector.scopes", attribute.selector.as_ref().map(|selector| &selector.scopes)),
    ];
    let unsupported = |place: &str, kind: &str, value: &str| {
        format!("'{place}' configuration for attribute '{name}' contains unsupported {kind} '{value}'")
    };
    let mut faults = Vec::new();
    for (place, role) in roles
        .iter()
        .flat_map(|(place, roles)| roles.iter().flat_map(move |r| r.iter().map(move |r| (place, r))))
    {
        if role != "admin" && role != "user" {
            faults.push(unsupported(place, "role", role));
        }
    }
    for (place, scope) in wanted_scopes
        .iter()
        .flat_map(|(place, scopes)| scopes.iter().flat_map(move |s| s.iter().map(move |s| (place, s))))
    {
        if !scopes.contains(&scope.as_str()) {
            faults.push(unsupported(place, "scope", scope));
        }
    }
    if let Some(group) =
        attribute.group.as_deref().filter(|group| !group.is_empty() && !groups.contains(group))
    {
        faults.push(format!("Attribute '{name}' references unknown group '{group}'"));
    }
    faults
}

fn validator_fault(attribute: &str, validator: &str, rules: &Rest) -> Option<String> {
    if !validators::NAMES.contains(&validator) {
        return Some(format!("Validator '{validator}' defined for attribute '{attribute}' doesn't exist"));
    }
    let wrong = rule_faults(validator, rules);
    if wrong.is_empty() {
        return None;
    }
    let mut sentence =
        format!("Validator '{validator}' defined for attribute '{attribute}' has incorrect configuration: ");
    for (hint, message, parameter) in wrong {
        let parameter = parameter.unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(
            sentence,
            "ValidationError{{validatorId='{validator}', inputHint='{hint}', \
             message='error-validator-config-{message}', messageParameters=[{parameter}]}}, "
        );
    }
    Some(sentence)
}

type RuleFault = (&'static str, &'static str, Option<String>);

fn rule_faults(validator: &str, rules: &Rest) -> Vec<RuleFault> {
    let missing = |hint| (hint, "missing-value", None);
    match validator {
        "length" => bounds(rules, true, true),
        "integer" | "double" => bounds(rules, false, true),
        "multivalued" => {
            let mut faults = bounds(rules, false, false);
            if rules.get("max").is_none() {
                faults.push(missing("max"));
            }
            faults
        }
        "pattern" => match rules.get("pattern").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            None => vec![missing("pattern")],
            Some(pattern) if Pattern::new(pattern).is_none() => {
                vec![("pattern", "invalid-value", Some(format!("{pattern}, unsupported regular expression")))]
            }
            Some(_) => vec![],
        },
        "options" => match rules.get("options") {
            None => vec![missing("options")],
            Some(Value::Array(_)) => vec![],
            Some(_) => vec![("options", "invalid-value", Some("must be list of values".to_owned()))],
        },
        _ => vec![],
    }
}

fn bounds(rules: &Rest, one_needed: bool, named: bool) -> Vec<RuleFault> {
    let mut faults: Vec<RuleFault> = Vec::new();
    for hint in ["min", "max"] {
        if let Some(value) = rules.get(hint).filter(|_| validators::number(rules, hint).is_none()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            faults.push((hint, "invalid-number-value", named.then_some(text)));
        } else if one_needed && rules.get("min").is_none() && rules.get("max").is_none() {
            faults.push((hint, "missing-value", None));
        }
    }
    if let (Some(least), Some(most)) = (validators::number(rules, "min"), validators::number(rules, "max"))
        && least > most
    {
        faults.push(("max", "invalid-value", None));
    }
    faults
}
