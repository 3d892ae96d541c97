//! The answers here are those of the original for the same changes.

use serde_json::json;

use super::*;

fn attributes(values: &[(&str, &[&str])]) -> MultiAttributes {
    values
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
        .collect()
}

fn by<'a>(given: &'a MultiAttributes, stored: Option<&'a MultiAttributes>) -> Change<'a> {
    Change {
        editor: Editor::Admin,
        stored,
        given,
        username_editable: false,
        email_as_username: false,
        scopes: &[],
    }
}

fn faults(profile: &UserProfile, given: &[(&str, &[&str])]) -> Vec<(String, String, Value)> {
    let given = attributes(given);
    let faults = profile.check(&by(&given, None)).expect_err("something is wrong with it");
    faults.into_iter().map(|fault| (fault.field, fault.message, Value::Array(fault.params))).collect()
}

fn fault(field: &str, message: &str, params: Value) -> (String, String, Value) {
    (field.to_owned(), message.to_owned(), params)
}

fn with_x(x: &Value) -> UserProfile {
    let mut profile = serde_json::to_value(UserProfile::standard()).expect("it serialises");
    let mut attribute =
        json!({"name": "x", "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}});
    for (name, value) in x.as_object().expect("members of an attribute") {
        attribute[name] = value.clone();
    }
    profile["attributes"].as_array_mut().expect("a list").push(attribute);
    UserProfile::parse(profile.as_object().expect("an object"), &["email"]).expect("it is right")
}

#[test]
fn the_default_profile_reads_and_writes_as_keycloaks() {
    let document: Value = serde_json::from_str(include_str!("standard.json")).expect("JSON");

    assert_eq!(serde_json::to_value(UserProfile::standard()).expect("JSON"), document);
}

#[test]
fn several_faults_come_in_keycloaks_order() {
    let long = "z".repeat(256);
    let given: &[(&str, &[&str])] =
        &[("username", &["a<"]), ("email", &["nope"]), ("firstName", &["x<y"]), ("lastName", &[&long])];

    let expected = [
        fault("username", "error-invalid-length", json!([3, 255])),
        fault("lastName", "error-invalid-length-too-long", json!([null, 255])),
        fault("email", "error-invalid-email", json!(["nope"])),
        fault("username", "error-username-invalid-character", json!([])),
        fault("firstName", "error-person-name-invalid-character", json!([])),
    ];
    assert_eq!(faults(&UserProfile::standard(), given), expected);
}

#[test]
fn a_user_name_is_needed_and_of_latin_letters() {
    let standard = UserProfile::standard();

    assert_eq!(faults(&standard, &[("email", &["x@y.test"])])[0].1, "User name is missing");
    assert_eq!(faults(&standard, &[("username", &["\u{430}lice"])])[0].1, "error-username-invalid-character");
    for right in ["abé", "ab+-._@1", "ab＠cd", "ab😀d"] {
        let given = attributes(&[("username", &[right])]);
        assert!(standard.check(&by(&given, None)).is_ok(), "{right}");
    }
}

#[test]
fn validators_answer_as_keycloaks() {
    let cases = [
        (
            json!({"validations": {"length": {"min": 3}}}),
            "  a  ",
            "error-invalid-length-too-short",
            json!([3, null]),
        ),
        (
            json!({"validations": {"integer": {"min": 2, "max": 5}}}),
            "6",
            "error-number-out-of-range",
            json!([2, 5]),
        ),
        (
            json!({"validations": {"integer": {"max": 2}}}),
            "3",
            "error-number-out-of-range-too-big",
            json!([null, 2]),
        ),
        (json!({"validations": {"integer": {}}}), "1.5", "error-invalid-number", json!([])),
        (
            json!({"validations": {"double": {"min": 2, "max": 5}}}),
            "1",
            "error-number-out-of-range",
            json!([2.0, 5.0]),
        ),
        (
            json!({"validations": {"uri": {}}}),
            "ftp://x/",
            "error-invalid-uri-scheme",
            json!(["ftp://x/", "ftp"]),
        ),
        (json!({"validations": {"uri": {}}}), "a", "error-invalid-uri", json!(["a", "URI is not absolute"])),
        (
            json!({"validations": {"pattern": {"pattern": "^[a-z]+$"}}}),
            "A",
            "error-pattern-no-match",
            json!(["^[a-z]+$"]),
        ),
        (json!({"validations": {"options": {"options": ["a"]}}}), "c", "error-invalid-value", json!([])),
        (json!({"validations": {"local-date": {}}}), "2020-01-01", "error-invalid-date", json!([])),
        (json!({"validations": {"iso-date": {}}}), "2020-13-01", "error-invalid-date", json!(["2020-13-01"])),
        (
            json!({"validations": {"person-name-prohibited-characters": {"error-message": "zz"}}}),
            "a<",
            "zz",
            json!([]),
        ),
    ];

    for (x, value, message, params) in cases {
        let found = faults(&with_x(&x), &[("username", &["upx"]), ("x", &[value])]);
        assert_eq!(found, [fault("x", message, params)], "{x}");
    }
}

#[test]
fn a_single_value_is_one_and_a_required_one_is_there() {
    let two: &[(&str, &[&str])] = &[("username", &["upx"]), ("x", &["a", "b"])];

    assert_eq!(
        faults(&with_x(&json!({})), two),
        [fault("x", "error-invalid-multivalued-size", json!([0, 1]))]
    );
    let required = with_x(&json!({"required": {"roles": ["admin"]}}));
    assert_eq!(faults(&required, two), [fault("x", "error-invalid-multivalued-size", json!([1, 1]))]);
    assert_eq!(
        faults(&required, &[("username", &["upx"])]),
        [fault("x", "error-user-attribute-required", json!([]))]
    );
    let many = with_x(&json!({"multivalued": true, "validations": {"multivalued": {"max": "2"}}}));
    let three: &[(&str, &[&str])] = &[("username", &["upx"]), ("x", &["a", "b", "c"])];
    assert_eq!(faults(&many, three), [fault("x", "error-invalid-multivalued-size", json!([0, 2]))]);
}

#[test]
fn what_the_editor_may_not_touch_keeps_its_value() {
    let profile = with_x(&json!({"permissions": {"view": ["admin"], "edit": ["user"]}}));
    let stored = attributes(&[("username", &["upx"]), ("x", &["b"]), ("hidden", &["h"])]);

    let cleared = attributes(&[("username", &["upx"])]);
    assert_eq!(profile.check(&by(&cleared, Some(&stored))), Ok(stored.clone()));

    let changed = attributes(&[("username", &["upx"]), ("x", &["c"])]);
    let faults = profile.check(&by(&changed, Some(&stored))).expect_err("it is read-only");
    assert_eq!(faults, [Fault::new("x", "error-user-attribute-read-only", vec![])]);
}

#[test]
fn a_user_name_changes_only_where_it_may() {
    let standard = UserProfile::standard();
    let (stored, renamed) =
        (attributes(&[("username", &["min"])]), attributes(&[("username", &["Renamed"])]));

    let faults = standard.check(&by(&renamed, Some(&stored))).expect_err("it may not");
    assert_eq!(faults, [Fault::new("username", "error-user-attribute-read-only", vec![])]);

    let short = attributes(&[("username", &["u1"])]);
    let faults = standard.check(&by(&short, Some(&stored))).expect_err("and this is too short besides");
    let said: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(said, ["error-user-attribute-read-only", "error-invalid-length"]);

    let may = Change { username_editable: true, ..by(&renamed, Some(&stored)) };
    assert_eq!(standard.check(&may), Ok(attributes(&[("username", &["renamed"])])));
}

#[test]
fn unmanaged_attributes_follow_the_policy() {
    let given = attributes(&[("username", &["upx"]), ("y", &["1", ""]), ("LDAP_ID", &["1"])]);
    let mut profile = UserProfile::standard();

    assert_eq!(profile.check(&by(&given, None)), Ok(attributes(&[("username", &["upx"])])));

    profile.unmanaged_attribute_policy = Some(Unmanaged::AdminEdit);
    let faults = profile.check(&by(&given, None)).expect_err("a directory's attribute");
    assert_eq!(faults, [Fault::new("LDAP_ID", "updateReadOnlyAttributesRejectedMessage", vec![])]);
    let given = attributes(&[("username", &["upx"]), ("y", &["1", ""])]);
    assert_eq!(profile.check(&by(&given, None)), Ok(attributes(&[("username", &["upx"]), ("y", &["1"])])));
    let names: [(&str, &[&str]); 4] =
        [("username", &["upx"]), ("email", &["u@x.y"]), ("firstName", &["U"]), ("lastName", &["X"])];
    let given = attributes(&[&names[..], &[("y", &["1"])]].concat());
    let own = Change { editor: Editor::User, ..by(&given, None) };
    assert_eq!(profile.check(&own), Ok(attributes(&names)));
}

#[test]
fn a_new_user_gets_default_values() {
    let given = attributes(&[("username", &["upx"])]);

    let values = with_x(&json!({"defaultValue": "dv"})).check(&by(&given, None)).expect("it is right");

    assert_eq!(values, attributes(&[("username", &["upx"]), ("x", &["dv"])]));
}

#[test]
fn an_address_may_be_the_name() {
    let standard = UserProfile::standard();
    let given = attributes(&[("username", &["aa1"]), ("email", &["EU@x.y"])]);
    let named_by_email = |given| Change { email_as_username: true, ..by(given, None) };

    let expected = attributes(&[("username", &["eu@x.y"]), ("email", &["eu@x.y"])]);
    assert_eq!(standard.check(&named_by_email(&given)), Ok(expected));
    let nameless = attributes(&[("username", &["upx"])]);
    let faults = standard.check(&named_by_email(&nameless)).expect_err("no address");
    assert_eq!(faults, [Fault::new("email", "error-user-attribute-required", vec![])]);
}

#[test]
fn a_bad_configuration_is_refused_in_keycloaks_words() {
    let refused = |x: &str| {
        let mut profile = serde_json::to_value(UserProfile::standard()).expect("JSON");
        let x: Value = serde_json::from_str(x).expect("JSON");
        profile["attributes"].as_array_mut().expect("a list").push(x);
        UserProfile::parse(profile.as_object().expect("an object"), &["email"]).expect_err("it is wrong")
    };

    assert_eq!(
        refused(r#"{"name":"email"}"#),
        "[Attribute configuration already exists with 'name':'email']"
    );
    assert_eq!(
        refused(r#"{"name":"x","validations":{"nope":{}}}"#),
        "[Validator 'nope' defined for attribute 'x' doesn't exist]"
    );
    assert_eq!(refused(r#"{"name":"x","group":"nope"}"#), "[Attribute 'x' references unknown group 'nope']");
    assert_eq!(
        refused(r#"{"name":"x","validations":{"length":{"min":"a"}}}"#),
        "[Validator 'length' defined for attribute 'x' has incorrect configuration: ValidationError{validatorId='length', \
         inputHint='min', message='error-validator-config-invalid-number-value', messageParameters=[a]}, ]"
    );
    assert_eq!(
        refused(r#"{"name":"x","required":{"scopes":["nope"]}}"#),
        "['required.scopes' configuration for attribute 'x' contains unsupported scope 'nope']"
    );
    let empty = UserProfile::parse(&Rest::new(), &[]).expect("an empty profile is taken");
    assert_eq!(serde_json::to_value(empty).expect("JSON"), json!({"groups": []}));
}
