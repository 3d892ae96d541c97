//! A flow from its first step to its last, steps of sub-flows among them.

use keyraft_model::{Execution, Flow};

use crate::RealmView;

/// Deeper nesting is cut off: a damaged row must not make a reader run for ever.
const MAX_DEPTH: usize = 64;

/// A step of a flow, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The step.
    pub execution: &'a Execution,
    /// The sub-flow that it stands for.
    pub flow: Option<&'a Flow>,
    /// How many sub-flows are around it.
    pub level: usize,
    /// Its place among its siblings.
    pub index: usize,
}

/// All steps of a flow in their order, a sub-flow before what is in it.
pub fn walk<'a>(realm: &'a RealmView, flow: &'a Flow) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    descend(realm, flow, 0, &mut steps);
    steps
}

fn descend<'a>(realm: &'a RealmView, flow: &'a Flow, level: usize, steps: &mut Vec<Step<'a>>) {
    if level > MAX_DEPTH {
        return;
    }
    for (index, execution) in flow.executions.iter().enumerate() {
        let below = execution.flow.as_ref();
        let below = below.and_then(|id| realm.flows.iter().find(|flow| flow.id == *id));
        steps.push(Step { execution, flow: below, level, index });
        if let Some(below) = below {
            descend(realm, below, level + 1, steps);
        }
    }
}
