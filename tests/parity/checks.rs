//! The ring proves that it can fail before it says that nothing differs.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::compare::{Comparison, Difference};
use crate::http::Answer;
use crate::judge::{Manner, Read, judge};
use crate::lists::{List, Subject};
use crate::pattern::Place;
use crate::report::{Lists, Verdict};

/// Every sentence must hold.
pub(crate) fn run() -> Result<()> {
    let place = Place { base: "http://localhost:1".into(), host: "localhost:1".into() };
    let id = "0d7f1c4e-6f3a-4d6b-9c55-0a1b2c3d4e5f";
    for (sentence, holds) in [
        ("an id stands where one was recorded", place.matches("users/{{uuid}}", &format!("users/{id}"))),
        ("a word is no id", !place.matches("users/{{uuid}}", "users/alice")),
        ("the server's address is its own", place.matches("{{base}}/x", "http://localhost:1/x")),
        ("another address is not", !place.matches("{{base}}/x", "http://evil.test/x")),
        ("an opaque token is no JWT", !place.matches("{{jwt}}", "abc")),
        ("a missing member differs", differ(&place, false, &json!({"a": 1, "b": 2}), &json!({"a": 1}))),
        ("a further member differs", differ(&place, false, &json!({"a": 1}), &json!({"a": 1, "b": 2}))),
        ("null is not absence", differ(&place, false, &json!({"a": null}), &json!({}))),
        (
            "order counts where it is documented",
            differ(&place, true, &json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})),
        ),
        (
            "order counts nowhere else",
            !differ(&place, false, &json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})),
        ),
        (
            "a second is no difference",
            !differ(&place, false, &json!({"expires_in": 60}), &json!({"expires_in": 59})),
        ),
        ("two seconds are", differ(&place, false, &json!({"expires_in": 60}), &json!({"expires_in": 58}))),
        (
            "a scope is a set of words",
            !differ(&place, false, &json!({"scope": "a b"}), &json!({"scope": "b a"})),
        ),
        ("a lost word differs", differ(&place, false, &json!({"scope": "a b"}), &json!({"scope": "a"}))),
        (
            "a lost role differs",
            differ(&place, false, &json!({"roles": ["a", "b"]}), &json!({"roles": ["a", "a"]})),
        ),
        ("a cookie without HttpOnly differs", has(&answers(&place, "c=v; Path=/"), "cookie:c.httponly")),
        ("a header too many differs", has(&answers(&place, "c=v; Path=/; HttpOnly"), "header:pragma")),
        ("an error that is not said differs", has(&answers(&place, ""), "page.message")),
        ("a rule that covers nothing is stale", stale()),
        ("what no rule covers fails", verdict("n = \"8\"") == Verdict::Failed),
        ("what a rule covers does not", verdict("n = \"7\"") == Verdict::Different),
    ] {
        ensure!(holds, "the ring is broken: it no longer holds that {sentence}");
    }
    Ok(())
}

fn differ(place: &Place, ordered: bool, expected: &Value, got: &Value) -> bool {
    let mut comparison = Comparison::new(place, ordered);
    comparison.value("body", expected, got);
    !comparison.found.is_empty()
}

/// An error page with `cookie` and a header too many, judged against one that says what is wrong.
fn answers(place: &Place, cookie: &str) -> Vec<Difference> {
    let mut headers = vec![
        ("content-type".to_owned(), "text/html".to_owned()),
        ("pragma".to_owned(), "no-cache".to_owned()),
    ];
    if !cookie.is_empty() {
        headers.push(("set-cookie".to_owned(), cookie.to_owned()));
    }
    let got = Answer { status: 400, headers, body: b"<html><body>Something.</body></html>".to_vec() };
    let recorded = json!({
        "status": 400,
        "headers": {"content-type": "text/html", "set-cookie": [{"name": "c", "value": "v", "path": "/", "httponly": true}]},
        "body": {"page": {"by_id": {"kc-error-message": "Invalid parameter: redirect_uri"}}},
    });
    judge(place, &recorded, &Read::new(&got), Manner::default())
}

fn has(found: &[Difference], fact: &str) -> bool {
    found.iter().any(|d| d.fact == fact && !d.soft)
}

fn list(rule: &str) -> Result<List> {
    List::parse(&format!("[[rule]]\nreason = \"a reason\"\nfacts = [\"status\"]\n{rule}"), "a list")
}

fn stale() -> bool {
    list("n = \"1\"").is_ok_and(|list| list.stale("a list").len() == 1)
}

fn verdict(rule: &str) -> Verdict {
    let (Ok(differences), Ok(pending), Ok(unreplayable)) = (list(rule), list("n = \"1\""), list("n = \"1\""))
    else {
        return Verdict::Same;
    };
    let lists = Lists { differences, pending, unreplayable };
    let subject = Subject { n: 7, area: "token".into(), name: "a name".into(), request: "GET /".into() };
    let status = Difference { fact: "status".into(), expected: "200".into(), got: "500".into(), soft: false };
    lists.verdict(subject, vec![status]).verdict
}
