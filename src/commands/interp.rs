//! `interp`: looks each sample up in a table of points, with straight lines between them.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "interp",
    summary: "Maps values through a curve given by points, straight between them, as `numpy.interp`: a calibration, a gain curve.",
    notes: "\
            Beyond the ends the value of the nearest point is taken. A NaN stays.\n\n\
            distpy has the command's code but does not know its name, so that its result is the input: in compat mode.",
    family: Family::Arithmetic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(12.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"xp": [0, 1, 3], "fp": [0, 10, 20]}"#,
        inputs: &["-1 0.5; 2 9"],
        output: "0 5; 15 20",
    }],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Values of the data at the points, ascending.
    xp: Vec<f64>,
    /// What they become.
    fp: Vec<f64>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            xp: vec![0.0, 1.0],
            fp: vec![0.0, 1.0],
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let (points, values) = (args.xp.len(), args.fp.len());
    if points == 0 {
        return Err(ArgProblem::new(
            "xp",
            "found no points, expected at least one",
        ));
    }
    if points != values {
        let found = format!("found {values} values, expected {points}, one for each of `xp`");
        return Err(ArgProblem::new("fp", found));
    }
    if let Some(k) = args.xp.windows(2).position(|pair| pair[0] >= pair[1]) {
        let (a, b) = (args.xp[k], args.xp[k + 1]);
        let found = format!("found {b} after {a}, expected ascending values");
        return Err(ArgProblem::new(&format!("xp[{}]", k + 1), found));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let signature = inputs[0].of_kind(Kind::Real);
        let prepared = Prepared::new(signature, Rows::Independent, self.clone());
        Ok(prepared.near(Axis::Time, 0, 0))
    }
}

impl Args {
    fn at(&self, x: f64) -> f64 {
        let last = self.xp.len() - 1;
        match self.xp.partition_point(|&point| point <= x) {
            _ if x.is_nan() => x,
            0 => self.fp[0],
            after if after > last => self.fp[last],
            after => {
                let (a, b) = (after - 1, after);
                let slope = (self.fp[b] - self.fp[a]) / (self.xp[b] - self.xp[a]);
                slope * (x - self.xp[a]) + self.fp[a]
            }
        }
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (xp, fp) = (rec.table_real(&self.xp), rec.table_real(&self.fp));
        let pairs = || self.xp.windows(2).zip(self.fp.windows(2));
        let mut slopes: Vec<f64> = pairs()
            .map(|(x, f)| (f[1] - f[0]) / (x[1] - x[0]))
            .collect();
        slopes.push(0.0);
        let slopes = rec.table_real(&slopes);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let x = a(i, j);
    let last = b_cols() - 1u;
    if is_nan(x) {
        return x;
    }
    if x < b(0u, 0u) {
        return c(0u, 0u);
    }
    if x >= b(0u, last) {
        return c(0u, last);
    }
    var low = 0u;
    var high = last;
    while high - low > 1u {
        let middle = (low + high) / 2u;
        if b(0u, middle) <= x {
            low = middle;
        } else {
            high = middle;
        }
    }
    return d(0u, low) * (x - b(0u, low)) + c(0u, low);
}";
        let rule = Rule::new(rule, [inputs[0], xp, fp, slopes]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        Block::real(rows::each(
            x,
            x.ncols(),
            || (),
            |row, out, ()| {
                out.iter_mut()
                    .zip(row)
                    .for_each(|(to, v)| *to = T::of(self.at(v.wide())));
            },
        ))
    }
}
