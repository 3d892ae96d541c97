use std::collections::BTreeSet;

use super::*;

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and tests name those that hold"
)]
#[derive(Default)]
struct Person {
    known: bool,
    cookie: bool,
    holds: bool,
    may_set_up: bool,
    credentials: BTreeSet<&'static str>,
}

impl Facts for Person {
    fn is_user_known(&self) -> bool {
        self.known || self.cookie
    }
    fn has_credential(&self, kind: &str) -> bool {
        self.credentials.contains(kind)
    }
    fn is_passively_proven(&self, authenticator: Authenticator) -> bool {
        self.cookie && authenticator == Authenticator::Cookie
    }
    fn sets_up(&self, authenticator: Authenticator) -> Option<Action> {
        (self.may_set_up && authenticator == Authenticator::OtpForm).then_some(Action::ConfigureTotp)
    }
    fn holds(&self, _: Condition, _: Option<&AuthenticatorConfig>, _: &Progress) -> bool {
        self.holds
    }
}

fn step(id: &str, authenticator: &str, requirement: Requirement) -> Execution {
    Execution {
        id: id.into(),
        authenticator: Some(authenticator.into()),
        requirement,
        ..Execution::default()
    }
}

fn sub(id: &str, flow: &str, requirement: Requirement) -> Execution {
    Execution { id: id.into(), flow: Some(flow.into()), requirement, ..Execution::default() }
}

fn flow(alias: &str, mut executions: Vec<Execution>) -> Flow {
    for (priority, execution) in (0..).zip(&mut executions) {
        execution.priority = priority * 10;
    }
    Flow {
        id: alias.into(),
        alias: alias.into(),
        provider_id: "basic-flow".into(),
        executions,
        ..Flow::default()
    }
}

/// The flow `browser` of a fresh realm, as far as it matters here.
fn browser() -> Vec<Flow> {
    use Requirement::{Alternative, Conditional, Disabled, Required};
    vec![
        flow(
            "browser",
            vec![
                step("c", "auth-cookie", Alternative),
                step("k", "auth-spnego", Disabled),
                step("i", "identity-provider-redirector", Alternative),
                sub("f", "forms", Alternative),
            ],
        ),
        flow(
            "forms",
            vec![step("p", "auth-username-password-form", Required), sub("s", "second", Conditional)],
        ),
        flow(
            "second",
            vec![
                step("u", "conditional-user-configured", Required),
                step("o", "auth-otp-form", Alternative),
                step("w", "webauthn-authenticator", Alternative),
            ],
        ),
    ]
}

fn proven(ids: &[&str]) -> Progress {
    Progress { proven: ids.iter().map(|id| (FlowId::from(*id), String::new())).collect() }
}

fn ask(flows: &[Flow], progress: &Progress, person: &Person) -> Result<Option<String>, Refusal> {
    match next(Flows::new(flows, &[]), "browser", progress, person)? {
        Step::Ask(execution, _) => Ok(Some(execution.id.to_string())),
        Step::Done => Ok(None),
    }
}

#[test]
fn a_stranger_is_asked_for_name_and_password() {
    assert_eq!(ask(&browser(), &proven(&[]), &Person::default()), Ok(Some("p".into())));
}

#[test]
fn a_live_session_is_enough() {
    let person = Person { cookie: true, ..Person::default() };

    assert_eq!(ask(&browser(), &proven(&[]), &person), Ok(None));
}

#[test]
fn a_password_is_enough_without_a_second_factor() {
    let person = Person { known: true, ..Person::default() };

    assert_eq!(ask(&browser(), &proven(&["p"]), &person), Ok(None));
}

#[test]
fn who_holds_a_code_is_asked_for_it() {
    let person = Person { known: true, credentials: ["otp"].into(), ..Person::default() };

    assert_eq!(ask(&browser(), &proven(&["p"]), &person), Ok(Some("o".into())));
    assert_eq!(ask(&browser(), &proven(&["p", "o"]), &person), Ok(None));
}

#[test]
fn a_second_factor_that_cannot_be_checked_refuses_by_name() {
    let person = Person { known: true, credentials: ["webauthn"].into(), ..Person::default() };

    let refusal = ask(&browser(), &proven(&["p"]), &person);

    assert_eq!(refusal, Err(Refusal::NotBuilt("webauthn-authenticator".into())));
}

#[test]
fn an_unknown_required_step_refuses_although_the_rest_is_proven() {
    let mut flows = browser();
    flows[1].executions.push(step("x", "acme-risk", Requirement::Required));
    flows[1].executions[2].priority = 30;
    let person = Person { known: true, ..Person::default() };

    assert_eq!(ask(&flows, &proven(&["p"]), &person), Err(Refusal::NotBuilt("acme-risk".into())));
}

#[test]
fn a_conditional_flow_without_conditions_does_not_run() {
    let mut flows = browser();
    flows[2].executions.remove(0);
    let person = Person { known: true, credentials: ["otp"].into(), ..Person::default() };

    assert_eq!(ask(&flows, &proven(&["p"]), &person), Ok(None));
}

#[test]
fn an_unknown_condition_refuses() {
    let mut flows = browser();
    flows[2].executions[0].authenticator = Some("conditional-acme".into());
    let person = Person { known: true, ..Person::default() };

    assert_eq!(ask(&flows, &proven(&["p"]), &person), Err(Refusal::NotBuilt("conditional-acme".into())));
}

#[test]
fn a_required_factor_that_is_not_set_up_refuses() {
    let mut flows = browser();
    flows[1].executions[1] = step("o", "auth-otp-form", Requirement::Required);
    let person = Person { known: true, ..Person::default() };

    assert_eq!(ask(&flows, &proven(&["p"]), &person), Err(Refusal::NotConfigured("auth-otp-form".into())));
}

#[test]
fn a_required_factor_that_may_be_set_up_is_owed() {
    let mut flows = browser();
    flows[1].executions[1] = step("o", "auth-otp-form", Requirement::Required);
    let person = Person { known: true, may_set_up: true, ..Person::default() };
    let holder = Person { known: true, may_set_up: true, credentials: ["otp"].into(), ..Person::default() };
    let owes =
        |person: &Person| owed(Flows::new(&flows, &[]), "browser", &proven(&["p"]), person).expect("walks");

    assert_eq!(ask(&flows, &proven(&["p"]), &person), Ok(None));
    assert_eq!(owes(&person), [Action::ConfigureTotp]);
    assert_eq!(ask(&flows, &proven(&["p"]), &holder), Ok(Some("o".into())));
    assert!(owes(&holder).is_empty());
}

/// The flow `reset credentials` of a fresh realm.
fn reset() -> Vec<Flow> {
    use Requirement::{Conditional, Required};
    vec![
        flow(
            "browser",
            vec![
                step("u", "reset-credentials-choose-user", Required),
                step("m", "reset-credential-email", Required),
                step("p", "reset-password", Required),
                sub("s", "otp", Conditional),
            ],
        ),
        flow(
            "otp",
            vec![step("c", "conditional-user-configured", Required), step("o", "reset-otp", Required)],
        ),
    ]
}

#[test]
fn a_forgotten_password_takes_a_name_and_a_mail_and_owes_what_the_flow_says() {
    let flows = reset();
    let person = Person { known: true, ..Person::default() };
    let holder = Person { known: true, credentials: ["otp"].into(), ..Person::default() };
    let owes =
        |person| owed(Flows::new(&flows, &[]), "browser", &proven(&["u", "m"]), person).expect("walks");

    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Ok(Some("u".into())));
    assert_eq!(ask(&flows, &proven(&["u"]), &person), Ok(Some("m".into())));
    assert_eq!(ask(&flows, &proven(&["u", "m"]), &person), Ok(None));
    assert_eq!(owes(&person), [Action::UpdatePassword]);
    assert_eq!(owes(&holder), [Action::UpdatePassword, Action::ConfigureTotp]);
}

#[test]
fn a_form_is_asked_for_if_all_its_parts_can_be_run() {
    use Requirement::{Disabled, Required};
    let mut form = sub("r", "form", Required);
    form.authenticator = Some("registration-page-form".into());
    let mut parts = flow(
        "form",
        vec![
            step("c", "registration-user-creation", Required),
            step("w", "registration-password-action", Required),
            step("x", "registration-recaptcha-action", Disabled),
        ],
    );
    parts.provider_id = "form-flow".into();
    let mut flows = vec![flow("browser", vec![form]), parts];

    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Ok(Some("r".into())));
    assert_eq!(
        form_actions(Flows::new(&flows, &[]), &"r".into()),
        [FormAction::UserCreation, FormAction::Password]
    );
    flows[1].executions[2].requirement = Required;
    assert_eq!(
        ask(&flows, &proven(&[]), &Person::default()),
        Err(Refusal::NotBuilt("registration-recaptcha-action".into()))
    );
}

#[test]
fn alternatives_beside_a_required_step_are_ignored() {
    let mut flows = browser();
    flows[0].executions.push(step("d", "deny-access-authenticator", Requirement::Required));

    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Err(Refusal::Denied));
}

#[test]
fn a_flow_that_contains_itself_is_refused() {
    let flows = vec![flow("browser", vec![sub("s", "browser", Requirement::Required)])];

    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Err(Refusal::Broken("browser".into())));
}

#[test]
fn the_way_that_was_taken_counts_before_the_way_that_was_not() {
    use Requirement::Alternative;
    let flows = vec![flow(
        "browser",
        vec![
            step("a", "auth-username-form", Alternative),
            step("b", "auth-username-password-form", Alternative),
        ],
    )];

    assert_eq!(ask(&flows, &proven(&["b"]), &Person::default()), Ok(None));
    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Ok(Some("a".into())));
}

#[test]
fn user_name_first_then_password() {
    use Requirement::Required;
    let flows = vec![flow(
        "browser",
        vec![step("n", "auth-username-form", Required), step("p", "auth-password-form", Required)],
    )];
    let person = Person { known: true, ..Person::default() };

    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Ok(Some("n".into())));
    assert_eq!(ask(&flows, &proven(&["n"]), &person), Ok(Some("p".into())));
}

#[test]
fn an_alternative_whose_conditions_do_not_hold_lets_nobody_in() {
    use Requirement::{Alternative, Conditional, Required};
    let mut flows = browser();
    flows[0].executions.insert(3, sub("o", "organization", Alternative));
    flows.push(flow("organization", vec![sub("oc", "organization if configured", Conditional)]));
    let inner =
        vec![step("u", "conditional-user-configured", Required), step("g", "organization", Alternative)];
    flows.push(flow("organization if configured", inner));

    let next = next(Flows::new(&flows, &[]), "browser", &Progress::default(), &Person::default());

    assert!(matches!(next, Ok(Step::Ask(execution, _)) if execution.id.as_str() == "p"), "{next:?}");
}

#[test]
fn a_flow_of_nothing_but_a_conditional_that_is_off_proves_nothing() {
    use Requirement::{Alternative, Conditional, Required};
    let mut flows = browser();
    flows[0].executions.insert(2, sub("org", "organization", Alternative));
    flows.push(flow("organization", vec![sub("cond", "conditional organization", Conditional)]));
    flows.push(flow(
        "conditional organization",
        vec![
            step("u2", "conditional-user-configured", Required),
            step("org-form", "organization", Alternative),
        ],
    ));

    assert_eq!(ask(&flows, &proven(&[]), &Person::default()), Ok(Some("p".into())));
}
