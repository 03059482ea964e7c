//! `velocity_mask`: marks the velocities inside an interval, with softened edges where wanted.

use super::bounded_select::select;
use crate::command::prelude::*;
use crate::dsp::sos::{Cascade, Corner, Padding};
use crate::dsp::transfer::{Side, TransferFunction};

/// The command.
pub static SPEC: Spec = Spec {
    name: "velocity_mask",
    summary: "1 where a velocity lies above `min_velocity` and not above `max_velocity`, else 0; smoothed along time where wanted.",
    notes: "\
            The mask is smoothed along time by a zero-phase low-pass (Butterworth of order 5, its corner at `1 / smooth` of \
            the Nyquist frequency, ends mirrored) and its modulus taken.",
    family: Family::Wave,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1400 1500 1600; 1700 0 1401"],
        output: "0 1 1; 0 0 1",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Lower end, excluded.
    #[schemars(extend("unit" = "m/s"))]
    min_velocity: f64,
    /// Upper end, included.
    #[schemars(extend("unit" = "m/s"))]
    max_velocity: f64,
    /// Length over which the edges are smoothed along time; up to 1 for none.
    #[schemars(range(min = 0.0), extend("unit" = "samples"))]
    smooth: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            min_velocity: 1400.0,
            max_velocity: 1600.0,
            smooth: 0.0,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let ends = (
            ("min_velocity", self.min_velocity),
            ("max_velocity", self.max_velocity),
        );
        let mask = select(env, x, ends.0, ends.1)?;
        if self.smooth <= 1.0 {
            return Ok(mask);
        }
        let Role::Point(point) = mask.role else {
            unreachable!("a selection is element-wise")
        };
        let corner = 1.0 / self.smooth;
        let filter = match env.compat {
            Compat::Exact => None,
            Compat::Distpy => Some(TransferFunction::butter(5, corner, Side::Low)),
        };
        // Wherever the row is long enough for distpy's filter.
        let filter = filter.filter(|filter| x.cols() > filter.extension(Padding::Even));
        let sections = Cascade::butter(5, Corner::Low(corner), 2.0)
            .map_err(|e| Mismatch::argument("smooth", e.to_string()))?;
        let kernel = Smoothed {
            point,
            sections,
            filter,
        };
        let reach = kernel.sections.decay();
        let prepared = Prepared::new(mask.signature, Rows::Independent, kernel);
        Ok(prepared.near(Axis::Time, reach, reach))
    }
}

#[derive(Debug)]
struct Smoothed {
    point: crate::point::Point,
    sections: Cascade,
    filter: Option<TransferFunction>,
}

impl Kernel for Smoothed {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        if self.filter.is_some() {
            return None;
        }
        let mask = kernels::point::chain(rec, inputs[0], &[self.point]);
        let mask = kernels::filter::filtfilt(rec, mask, &self.sections, Padding::Even, 1)?;
        let rule = "fn value(i: u32, j: u32) -> Y { return abs(a(i, j)); }";
        Some(map_like(rec, &Rule::new(rule, [mask]), Element::Real))
    }
}

impl<T: crate::point::Looped> Cpu<T> for Smoothed {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let mut mask = self.point.apply(inputs[0].clone()).as_real().clone();
        let cols = mask.ncols();
        match &self.filter {
            Some(filter) => {
                for mut row in mask.rows_mut() {
                    let wide: Vec<f64> = row.iter().map(|v| v.wide()).collect();
                    let done = filter.filtfilt(&wide, Padding::Even);
                    row.iter_mut().zip(done).for_each(|(to, y)| *to = T::of(y));
                }
            }
            None => {
                let samples = mask.as_slice_mut().expect("blocks are contiguous");
                self.sections
                    .filtfilt_rows(samples, cols, Padding::Even, &mut Vec::new());
            }
        }
        mask.mapv_inplace(|v| v.abs());
        Block::real(mask)
    }
}
