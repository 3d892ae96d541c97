//! Flows without a store.

use super::*;

fn new(alias: &str) -> NewFlow<'_> {
    NewFlow { alias, provider_id: "basic-flow", top_level: true, ..NewFlow::default() }
}

fn step(name: &str) -> Execution {
    Execution { authenticator: Some(name.to_owned()), ..Execution::default() }
}

fn config(alias: &str) -> AuthenticatorConfig {
    AuthenticatorConfig { alias: alias.to_owned(), ..AuthenticatorConfig::default() }
}

/// `door` with a step that is configured, and a sub-flow `room` with a step.
fn door() -> (Flows, FlowId) {
    let mut flows = Flows::default();
    let door = flows.add(&new("door")).expect("is free");
    let lock = flows.add_step(&door, step("lock"), None).expect("is open");
    flows.configure(&lock, config("key")).expect("is there");
    let room = NewFlow { top_level: false, ..new("room") };
    let room = flows.add_sub_flow(&door, &room, None, None).expect("is free");
    flows.add_step(&room, step("chair"), None).expect("is open");
    (flows, door)
}

fn names(flows: &Flows) -> Vec<&str> {
    flows.flows.iter().map(|flow| flow.alias.as_str()).collect()
}

#[test]
fn a_copy_has_everything_anew_under_its_own_name() {
    let (mut flows, door) = door();

    let copy = flows.copy("door", "gate").expect("is free");

    assert_eq!(names(&flows), ["door", "room", "gate", "gate room"]);
    let (old, copy) = (flows.flow(&door).expect("is there"), flows.flow(&copy).expect("is there"));
    assert!(old.executions.iter().zip(&copy.executions).all(|(old, new)| old.id != new.id));
    assert_ne!(old.executions[1].flow, copy.executions[1].flow);
    assert_eq!(
        flows.configs.iter().map(|config| config.alias.as_str()).collect::<Vec<_>>(),
        ["key", "gate key"]
    );
    assert!(matches!(flows.copy("door", "gate"), Err(FlowError::Taken)));
    assert!(matches!(flows.copy("nope", "other"), Err(FlowError::NoFlow)));
}

#[test]
fn what_is_deleted_takes_along_what_was_its_alone() {
    let (mut flows, door) = door();

    flows.delete(&door).expect("is not built in");

    assert_eq!(flows, Flows::default());
}

#[test]
fn steps_change_places_with_their_neighbours_and_no_further() {
    let (mut flows, door) = door();
    let order = |flows: &Flows| {
        let flow = flows.flow(&door).expect("is there");
        flow.executions.iter().map(|step| step.authenticator.is_some()).collect::<Vec<_>>()
    };
    let lock = flows.flow(&door).expect("is there").executions[0].id.clone();

    flows.shift(&lock, false).expect("is there");
    assert_eq!(order(&flows), [true, false]);
    flows.shift(&lock, true).expect("is there");
    flows.shift(&lock, true).expect("is there");
    assert_eq!(order(&flows), [false, true]);
    let priorities = flows.flow(&door).expect("is there").executions.iter().map(|step| step.priority);
    assert_eq!(priorities.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_configuration_is_replaced_and_its_name_is_unique() {
    let (mut flows, door) = door();
    let (lock, room) = {
        let steps = &flows.flow(&door).expect("is there").executions;
        (steps[0].id.clone(), steps[1].id.clone())
    };

    let again = flows.configure(&lock, config("key")).expect("may have its own name again");
    assert_eq!(flows.configs.len(), 1);
    assert!(matches!(flows.configure(&room, config("key")), Err(FlowError::Taken)));
    assert!(matches!(flows.configure(&room, config("")), Err(FlowError::NoAlias)));
    flows.unconfigure(&again).expect("is there");
    assert_eq!(flows.execution(&lock).expect("is there").1.config, None);
    assert!(matches!(flows.unconfigure(&again), Err(FlowError::NoConfig)));
}

#[test]
fn what_came_with_the_realm_stays_as_it_is() {
    let (mut flows, door) = door();
    flows.flows[0].built_in = true;
    let lock = flows.flows[0].executions[0].id.clone();

    assert!(matches!(flows.delete(&door), Err(FlowError::BuiltIn)));
    assert!(matches!(flows.add_step(&door, step("x"), None), Err(FlowError::BuiltIn)));
    assert!(matches!(flows.add_sub_flow(&door, &new("x"), None, None), Err(FlowError::BuiltIn)));
    assert!(matches!(flows.remove_step(&lock), Err(FlowError::BuiltIn)));
    assert!(matches!(flows.shift(&lock, true), Err(FlowError::BuiltIn)));
}

#[test]
fn a_circle_of_flows_is_neither_copied_nor_walked_for_ever() {
    let (mut flows, door) = door();
    let room = flows.flows[1].id.clone();
    flows.flows[1].executions[0].flow = Some(door.clone());

    assert!(flows.copy("door", "gate").is_err());
    flows.delete(&door).expect("is not built in");
    assert!(flows.flow(&room).is_err());
}
