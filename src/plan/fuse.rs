//! Fusion: steps that go together become one. A rule looks at kinds and roles, never at a command's name; plans with and
//! without a rule give the same numbers.

use super::infer::{Draft, DraftStep};
use super::{Op, Output, Slot, Step};
use crate::command::{Role, Rows};
use crate::dsp::bands::BandSums;

/// A transform whose every user takes bands becomes one step without a spectrum.
pub fn bands(mut draft: Draft) -> Draft {
    let spectra: Vec<usize> = (0..draft.steps.len())
        .filter(|&k| matches!(draft.steps[k].role, Role::Fft))
        .collect();
    for k in spectra {
        let spectrum = draft.steps[k].step.outputs[0];
        if draft
            .sinks
            .iter()
            .any(|sink| sink.inputs.contains(&spectrum))
        {
            continue;
        }
        let users: Vec<usize> = (0..draft.steps.len())
            .filter(|&u| draft.steps[u].step.inputs.contains(&spectrum))
            .collect();
        let sums: Option<Vec<BandSums>> = users
            .iter()
            .map(|&u| match &draft.steps[u].role {
                Role::Bands(sums) => Some(sums.clone()),
                _ => None,
            })
            .collect();
        if let Some(groups) = sums.filter(|groups| !groups.is_empty()) {
            draft.steps[k] = fused(&draft.steps, k, &users, groups);
            // The users are the fused step's now; an empty step is pruned, as nothing needs its outputs.
            users
                .iter()
                .for_each(|&u| draft.steps[u].step.outputs.clear());
        }
    }
    draft
}

fn fused(steps: &[DraftStep], k: usize, users: &[usize], groups: Vec<BandSums>) -> DraftStep {
    let labels = users.iter().map(|&u| steps[u].step.label.as_str());
    let step = Step {
        label: std::iter::once(steps[k].step.label.as_str())
            .chain(labels)
            .collect::<Vec<_>>()
            .join(" + "),
        nodes: std::iter::once(k)
            .chain(users.iter().copied())
            .flat_map(|step| steps[step].step.nodes.iter().copied())
            .collect(),
        op: Op::FftBands(groups),
        inputs: steps[k].step.inputs.clone(),
        outputs: users.iter().map(|&u| steps[u].step.outputs[0]).collect(),
        rows: Rows::Independent,
        guard: None,
        hint: steps[k].step.hint,
    };
    DraftStep {
        step,
        role: Role::Opaque,
    }
}

/// Element-wise steps that only feed each other become one chain.
pub fn points(steps: Vec<Step>, sinks: &[Output]) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    let users = |slot: Slot| {
        let by_steps = steps.iter().filter(|s| s.inputs.contains(&slot)).count();
        by_steps + sinks.iter().filter(|s| s.inputs.contains(&slot)).count()
    };
    for step in &steps {
        if let Op::Points(next) = &step.op
            && users(step.inputs[0]) == 1
            && let Some(before) = out.iter_mut().find(|s| s.outputs.contains(&step.inputs[0]))
            && let Op::Points(chain) = &mut before.op
        {
            chain.extend(next);
            before.label = format!("{} + {}", before.label, step.label);
            before.nodes.extend(&step.nodes);
            before.outputs.clone_from(&step.outputs);
            continue;
        }
        out.push(step.clone());
    }
    out
}
