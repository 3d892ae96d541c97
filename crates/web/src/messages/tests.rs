use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn realm(settings: Value) -> Realm {
    serde_json::from_value(settings).unwrap()
}

fn wishes(chosen: &str, client: &str, browser: &[&str]) -> Locales {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Locales {
        chosen: text(chosen),
        client: text(client),
        browser: browser.iter().map(|tag| (*tag).to_owned()).collect(),
        ..Locales::default()
    }
}

fn places(text: &str) -> BTreeSet<String> {
    (0..4).filter(|at| text.contains(&format!("{{{at}"))).map(|at| at.to_string()).collect()
}

#[test]
fn every_language_says_everything_with_the_same_arguments() {
    let english = Bundle::of("en");
    for tag in LOCALES {
        let bundle = Bundle::of(tag);
        for key in english.keys() {
            let text = bundle.find(key).unwrap_or_else(|| panic!("{tag} lacks {key}"));
            assert_eq!(places(text), places(english.find(key).unwrap()), "{tag} {key}");
            assert!(!text.trim().is_empty(), "{tag} {key}");
        }
        assert_eq!(bundle.keys().count(), english.keys().count(), "{tag} has keys of its own");
    }
}

#[test]
fn translations_are_translated() {
    let english = Bundle::of("en");
    for tag in ["de", "ar"] {
        let same = |key: &&str| Bundle::of(tag).find(key) == english.find(key);
        let same: Vec<_> = english.keys().filter(same).collect();
        assert!(same.len() <= 12, "{tag}: {same:?}");
    }
}

#[test]
fn the_sentences_that_clients_look_for_are_keycloaks() {
    let t = Messages::of_tag("en");
    for (key, sentence) in [
        ("usernameOrEmail", "Username or email"),
        ("password", "Password"),
        ("doLogIn", "Sign In"),
        ("invalidUserMessage", "Invalid username or password."),
        ("accountDisabledMessage", "Account is disabled, contact your administrator."),
        ("clientNotFoundMessage", "Client not found."),
        ("successLogout", "You are logged out"),
        ("notMatchPasswordMessage", "Passwords don't match."),
        ("expiredActionMessage", "Action expired. Please continue with login now."),
        ("reauthenticate", "Please re-authenticate to continue"),
        ("invalidTotpMessage", "Invalid authenticator code."),
    ] {
        assert_eq!(t.get(key), sentence);
    }
    assert_eq!(t.with("invalidParameterMessage", &["redirect_uri"]), "Invalid parameter: redirect_uri");
    assert_eq!(
        t.with("differentUserAuthenticated", &["alice"]),
        "You are already authenticated as different user 'alice' in this session. Please sign out first."
    );
}

#[test]
fn a_choice_of_the_person_beats_the_clients_wish_and_the_browsers() {
    let realm = realm(json!({
        "internationalizationEnabled": true, "supportedLocales": ["en", "de", "ar"], "defaultLocale": "en",
    }));
    let lang = |wishes: &Locales| Messages::for_locale(&realm, wishes).lang().to_owned();
    assert_eq!(lang(&wishes("ar", "de", &["en"])), "ar");
    assert_eq!(lang(&wishes("", "fr de-CH", &["en"])), "de");
    assert_eq!(lang(&wishes("xx", "", &["de-at", "en"])), "de");
    assert_eq!(lang(&wishes("", "", &["fr"])), "en");
}

#[test]
fn a_realm_without_internationalization_speaks_english() {
    let realm = realm(
        json!({ "internationalizationEnabled": false, "supportedLocales": ["de"], "defaultLocale": "de" }),
    );
    assert_eq!(Messages::for_locale(&realm, &wishes("de", "de", &["de"])).lang(), "en");
}

#[test]
fn a_realms_own_text_replaces_ours_and_cannot_be_markup() {
    let realm = realm(json!({ "localizationTexts": { "en": { "loginTitle": "<b>{0}</b> & co" } } }));
    let t = Messages::for_locale(&realm, &Locales::default());
    assert_eq!(t.html("loginTitle", &["<Shop>"]).to_string(), "&lt;b&gt;&lt;Shop&gt;&lt;/b&gt; &amp; co");
    assert_eq!(t.get("password"), "Password");
}

#[test]
fn a_name_that_may_run_the_other_way_is_isolated() {
    assert_eq!(Messages::of_tag("en").html("loginTitle", &["Shop"]).to_string(), "Sign in to Shop");
    assert!(Messages::of_tag("en").html("loginTitle", &["متجر"]).to_string().contains("<bdi>متجر</bdi>"));
    assert!(Messages::of_tag("ar").html("loginTitle", &["Shop"]).to_string().contains("<bdi>Shop</bdi>"));
}

#[test]
fn an_administrators_text_may_name_a_key() {
    let t = Messages::of_tag("en");
    assert_eq!(t.resolve("${client_account}"), "Account");
    assert_eq!(t.resolve("Shop ${client_account}"), "Shop ${client_account}");
    assert_eq!(t.resolve("${unknown}"), "unknown");
}

#[test]
fn the_pseudo_language_changes_every_text_and_keeps_its_places() {
    let t = Messages::pseudo();
    assert_eq!(t.with("loginTitle", &["Shop"]), "Šígñ íñ tö Shop····");
    for key in Bundle::of("en").keys() {
        assert_ne!(t.find(key), Messages::of_tag("en").find(key), "{key}");
    }
}
