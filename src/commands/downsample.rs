//! `downsample`: every n-th sample, without a filter before: what lies above the new Nyquist frequency folds back.

use crate::block::mapped;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "downsample",
    summary: "Every `xsample`-th channel and every `tsample`-th time, unfiltered.",
    notes: "\
            Every n-th sample, without a filter before: what lies above the new Nyquist frequency folds back. `decimate` \
            filters.\n\n\
            Times are counted from the first sample of the recording, or from the first after a gap, so that the chunks of a run have \
            one grid; where a chunk has no more than `tsample` samples, and in compat mode, from the chunk's first.",
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
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if (self.xsample, self.tsample) == (1, 1) {
            return Ok(Prepared::same(x));
        }
        let lattice = env.lattice(x).filter(|_| self.tsample < x.cols());
        let (first, period) = lattice.map_or((0, 1), |it| it.start(1, self.tsample));
        let signature = Signature {
            depth: every(&x.depth, 0, self.xsample),
            time: every(&x.time, first, self.tsample),
            ..x.clone()
        };
        let rows = if self.xsample == 1 {
            Rows::Independent
        } else {
            Rows::Coupled
        };
        let kernel = Every { args: *self, first };
        let prepared = Prepared::new(signature, rows, kernel);
        Ok(prepared.near(Axis::Time, 0, 0).with_period(period))
    }
}

fn every(axis: &Coords, first: usize, step: usize) -> Coords {
    let kept = axis.values[first..].iter().copied().step_by(step);
    Coords::new(axis.unit, kept.collect::<Vec<f64>>())
}

#[derive(Debug)]
struct Every {
    args: Args,
    /// The first time that is kept.
    first: usize,
}

impl Kernel for Every {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let Args { xsample, tsample } = self.args;
        let shape = (
            x.rows().div_ceil(xsample),
            (x.cols() - self.first).div_ceil(tsample),
        );
        let rule =
            "fn value(i: u32, j: u32) -> Y { return a(i * word(0u), word(2u) + j * word(1u)); }";
        let rule = Rule::new(rule, [x]).words([xsample, tsample, self.first]);
        Some(map(rec, &rule, shape, x.element()))
    }
}

impl<T: Real> Cpu<T> for Every {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let (depth, time) = (self.args.xsample, self.args.tsample);
        let samples = mapped!(&inputs[0].samples, a => {
            let shape = (a.nrows().div_ceil(depth), (a.ncols() - self.first).div_ceil(time));
            let mut out = Vec::with_capacity(shape.0 * shape.1);
            let whole = a.as_slice().expect("blocks are contiguous");
            let channels = whole.chunks_exact(a.ncols()).step_by(depth);
            channels.for_each(|row| out.extend(row[self.first..].iter().copied().step_by(time)));
            Array2::from_shape_vec(shape, out).expect("a sample for each place")
        });
        Block { samples }
    }
}
