//! `hash`: 64 samples of each channel as the bits of a number, to look up or compare patterns.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "hash",
    summary: "The 64 samples from `offset` on as the bits of one 64-bit number for each channel: 1 where a sample is above 0.5.",
    notes: "\
            The sample at `offset` is the highest of the bits; a sample above 0.5 is 1. A channel that ends earlier gives \
            fewer bits. distpy has the command's code but does not know its name, so that its result is the input: in compat \
            mode.",
    family: Family::Statistic,
    kinds: &[(Kind::Real, Kind::Hash)],
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"offset": 1}"#,
        inputs: &["1 1 0 1; 1 0 0 0"],
        output: "5; 0",
    }],
};

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The first sample.
    #[schemars(range(min = 0), extend("unit" = "samples"))]
    offset: usize,
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if self.offset >= x.cols() {
            let found = format!(
                "found {}, expected less than the {} samples of a channel",
                self.offset,
                x.cols()
            );
            return Err(Mismatch::argument("offset", found));
        }
        let signature = Signature {
            time: Coords::index(1),
            ..x.of_kind(Kind::Hash)
        };
        Ok(Prepared::new(signature, Rows::Independent, *self))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        // Two words of a number, the lower one first.
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    var bits = 0u;
    let count = min(a_cols() - word(0u), 64u);
    // The last sample is the lowest bit.
    for (var k = 0u; k < count; k++) {
        let place = count - 1u - k;
        let bit = select(0u, 1u, a(i, word(0u) + k) > 0.5);
        bits |= select(0u, bit << (place % 32u), place / 32u == j);
    }
    return bits;
}";
        let x = inputs[0];
        let rule = Rule::new(rule, [x]).words([self.offset]);
        Some(map(rec, &rule, (x.rows(), 2), Element::Index))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let half = T::of(0.5);
        let bits = |row: &[T]| {
            let samples = row[self.offset..].iter().take(64);
            samples.fold(0_u64, |bits, &v| bits << 1 | u64::from(v > half))
        };
        Block {
            samples: Samples::Hash(rows::column(inputs[0].as_real(), bits)),
        }
    }
}
