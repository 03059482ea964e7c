//! Which tensors share a buffer: by first and last use, in the order of the dispatches.

use super::{Dispatch, Origin, Tensor};

/// Slots of a recording.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slots {
    /// Slot of each tensor.
    pub of: Vec<Option<usize>>,
    /// Bytes of each slot.
    pub bytes: Vec<u64>,
    /// Tensors whose last use is each dispatch.
    pub freed: Vec<Vec<usize>>,
}

/// Assigns slots front to back. A tensor takes the smallest free slot that holds it, else the largest free one grows, else
/// it gets a new one. What a dispatch reads is freed after it, so no kernel reads and writes one buffer.
pub(super) fn assign(
    tensors: &[(Tensor, Origin)],
    dispatches: &[Dispatch],
    outputs: &[Tensor],
) -> Slots {
    let freed = last_uses(tensors, dispatches, outputs);
    let mut slots = Slots {
        of: vec![None; tensors.len()],
        bytes: Vec::new(),
        freed: Vec::new(),
    };
    let mut free: Vec<usize> = Vec::new();
    // Inputs are uploaded before the first dispatch, so all of them live from the start.
    for (tensor, origin) in tensors {
        if matches!(origin, Origin::Input) {
            slots.take(*tensor, &mut free);
        }
    }
    for (dispatch, dead) in dispatches.iter().zip(&freed) {
        for output in &dispatch.outputs {
            slots.take(tensors[output.id].0, &mut free);
        }
        free.extend(dead.iter().filter_map(|&id| slots.of[id]));
    }
    Slots { freed, ..slots }
}

impl Slots {
    fn take(&mut self, tensor: Tensor, free: &mut Vec<usize>) {
        if self.of[tensor.id].is_some() {
            return;
        }
        let need = tensor.binding_bytes();
        let fits = |slot: &usize| self.bytes[*slot] >= need;
        let chosen = free
            .iter()
            .copied()
            .filter(fits)
            .min_by_key(|&slot| self.bytes[slot])
            .or_else(|| free.iter().copied().max_by_key(|&slot| self.bytes[slot]));
        let slot = chosen.unwrap_or_else(|| {
            self.bytes.push(0);
            self.bytes.len() - 1
        });
        free.retain(|&other| other != slot);
        self.bytes[slot] = self.bytes[slot].max(need);
        self.of[tensor.id] = Some(slot);
    }
}

/// For each dispatch, the tensors that nothing needs after it.
fn last_uses(
    tensors: &[(Tensor, Origin)],
    dispatches: &[Dispatch],
    outputs: &[Tensor],
) -> Vec<Vec<usize>> {
    let mut needed = vec![false; tensors.len()];
    for (tensor, origin) in tensors {
        needed[tensor.id] = matches!(origin, Origin::Table(_));
    }
    for output in outputs {
        needed[output.id] = true;
    }
    let mut freed: Vec<Vec<usize>> = dispatches
        .iter()
        .rev()
        .map(|dispatch| {
            let uses = dispatch.inputs.iter().chain(&dispatch.outputs);
            uses.map(|t| t.id)
                .filter(|&id| !std::mem::replace(&mut needed[id], true))
                .collect()
        })
        .collect();
    freed.reverse();
    freed
}
