//! `downsample`: every n-th sample, without a filter before: what lies above the new Nyquist frequency folds back.

use crate::block::mapped;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "downsample",
    summary: "Every `xsample`-th channel and every `tsample`-th time, unfiltered.",
    notes: "\
            Every n-th sample, without a filter before: what lies above the new Nyquist frequency folds back. `decimate` \
            filters.",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"xsample": 2, "tsample": 3}"#,
        inputs: &["1 2 3 4; 5 6 7 8; 9 10 11 12"],
        output: "1 4; 9 12",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Step along depth.
    #[schemars(range(min = 1, max = 1000000000), extend("unit" = "channels"))]
    xsample: usize,
    /// Step along time.
    #[schemars(range(min = 1, max = 1000000000), extend("unit" = "samples"))]
    tsample: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            xsample: 1,
            tsample: 1,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if (self.xsample, self.tsample) == (1, 1) {
            return Ok(Prepared::same(x));
        }
        let signature = Signature {
            depth: every(&x.depth, self.xsample),
            time: every(&x.time, self.tsample),
            ..x.clone()
        };
        let rows = if self.xsample == 1 {
            Rows::Independent
        } else {
            Rows::Coupled
        };
        Ok(Prepared::new(signature, rows, *self))
    }
}

fn every(axis: &Coords, step: usize) -> Coords {
    let values: Vec<f64> = axis.values.iter().copied().step_by(step).collect();
    Coords::new(axis.unit, values)
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let shape = (
            x.rows().div_ceil(self.xsample),
            x.cols().div_ceil(self.tsample),
        );
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i * word(0u), j * word(1u)); }";
        let rule = Rule::new(rule, [x]).words([self.xsample, self.tsample]);
        Some(map(rec, &rule, shape, x.element()))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let (depth, time) = (self.xsample, self.tsample);
        let samples = mapped!(&inputs[0].samples, a => {
            let shape = (a.nrows().div_ceil(depth), a.ncols().div_ceil(time));
            let mut out = Vec::with_capacity(shape.0 * shape.1);
            let whole = a.as_slice().expect("blocks are contiguous");
            let channels = whole.chunks_exact(a.ncols()).step_by(depth);
            channels.for_each(|row| out.extend(row.iter().copied().step_by(time)));
            Array2::from_shape_vec(shape, out).expect("a sample for each place")
        });
        Block { samples }
    }
}
