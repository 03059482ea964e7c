//! Blocks of a row that are filtered side by side: what passes from one to the next.

use super::design::{Cascade, Section};

impl Section {
    /// One sample through the section.
    fn step(&self, state: &mut [f64], x: f64) -> f64 {
        use super::Tap;
        let g = self.g;
        let (hp, bp, lp) = match self.damping {
            Some(k) => {
                let hp = (x - state[1] - (g + k) * state[0]) / (1.0 + g * (g + k));
                let bp = state[0] + g * hp;
                let lp = state[1] + g * bp;
                state[0] = bp + g * hp;
                state[1] = lp + g * bp;
                (hp, bp, lp)
            }
            None => {
                let hp = (x - state[1]) / (1.0 + g);
                let lp = state[1] + g * hp;
                state[1] = lp + g * hp;
                (hp, 0.0, lp)
            }
        };
        match self.tap {
            Tap::Low(gain) => gain * lp,
            Tap::High(gain) => gain * hp,
            Tap::Band(gain) => gain * bp,
            Tap::Notch(gain) => hp + gain * lp,
        }
    }
}

impl Cascade {
    /// Two for each section.
    pub fn states(&self) -> usize {
        2 * self.sections.len()
    }

    /// One sample through all sections.
    pub(super) fn respond(&self, states: &mut [f64], x: f64) -> f64 {
        let sections = self.sections.iter().zip(states.chunks_exact_mut(2));
        sections.fold(x, |x, (section, state)| section.step(state, x))
    }

    /// What `steps` samples of zero make of the states: row `i` has what each state adds to state `i`.
    pub fn transition(&self, steps: usize) -> Vec<Vec<f64>> {
        let n = self.states();
        let columns = (0..n).map(|k| {
            let mut states = vec![0.0; n];
            states[k] = 1.0;
            for _ in 0..steps {
                self.respond(&mut states, 0.0);
            }
            states
        });
        let columns: Vec<Vec<f64>> = columns.collect();
        let row = |i: usize| columns.iter().map(|column| column[i]).collect();
        (0..n).map(row).collect()
    }

    /// The states for an input that has been one for ever.
    pub fn steady(&self) -> Vec<f64> {
        let mut level = 1.0;
        let sections = self.sections.iter().flat_map(|section| {
            let state = level;
            level *= section.tap.at_zero();
            [0.0, state]
        });
        sections.collect()
    }

    /// Whether a constant leaves nothing.
    pub fn removes_constants(&self) -> bool {
        let gains = self.sections.iter().map(|section| section.tap.at_zero());
        gains.product::<f64>() == 0.0
    }
}
