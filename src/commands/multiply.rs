//! `multiply`: products of samples at the same place, or with one factor for each row or column.

use super::add::Pair;
use crate::command::prelude::*;
use crate::dsp::broadcast;

/// The command.
pub static SPEC: Spec = Spec {
    name: "multiply",
    summary: "Multiplies by the gathered array: sample by sample, or with its values as factors of columns (axis 1) or rows (axis 0).",
    notes: "\
            distpy computes the product along depth and drops it, so that its result is the raw chunk; without an axis it \
            gives its input.",
    family: Family::Arithmetic,
    kinds: NUMBERS,
    gathers: Gathers::One,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2; 3 4", "10 20; 30 40"],
            output: "10 40; 90 160",
        },
        Example {
            args: r#"{"axis": 0}"#,
            inputs: &["1 2; 3 4", "2 3"],
            output: "2 4; 9 12",
        },
    ],
};

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 1: a factor for each column, 0: a factor for each row; null: samples at the same place, a single row or column for all.
    axis: Option<Axis>,
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let (x, y) = (inputs[0], inputs[1]);
        let same = (x.rows(), x.cols()) == (y.rows(), y.cols()) && x.rank == y.rank;
        let (Some(axis), false) = (self.axis, same) else {
            if !same && env.compat == Compat::Distpy {
                let warning = "distpy gives the input where shapes differ and no axis is named";
                return Ok(Prepared::same(x).warn(warning));
            }
            let pair = Pair::new(x, y)?;
            let prepared = Prepared::new(pair.signature.clone(), pair.rows, Product(pair));
            return Ok(prepared.near(Axis::Time, 0, 0));
        };
        if axis == Axis::Depth && env.compat == Compat::Distpy {
            let warning = "distpy gives the raw chunk for a product along depth";
            return Ok(Prepared::raw_chunk(env).warn(warning));
        }
        let (found, expected) = (y.rows() * y.cols(), axis.of(x).len());
        if found != expected || (y.rows() > 1 && y.cols() > 1) {
            let what = match axis {
                Axis::Depth => "row",
                Axis::Time => "column",
            };
            let found = format!("found {y}, expected {expected} factors, one for each {what}");
            return Err(Mismatch::argument("gather_uids", found));
        }
        let complex = x.kind == Kind::Complex || y.kind == Kind::Complex;
        let signature = x.of_kind(if complex { Kind::Complex } else { Kind::Real });
        // Factors of columns are wanted whole; a tile of rows would cut them where there are as many as rows.
        let cut = axis == Axis::Time && y.rows() == x.rows() && x.rows() > 1;
        let whole = axis == Axis::Depth && y.rows() == 1;
        let rows = if cut || whole {
            Rows::Coupled
        } else {
            Rows::Independent
        };
        // Factors for times are an input with another axis than time.
        Ok(Prepared::new(signature, rows, Factors(axis)).across(axis))
    }
}

#[derive(Debug)]
struct Product(Pair);

impl Kernel for Product {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let rule = "fn value(i: u32, j: u32) -> Y { return times(a_y(i, j), b_y(i, j)); }";
        Some(self.0.record(rec, rule, inputs[0], inputs[1]))
    }
}

impl<T: Real> Cpu<T> for Product {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.0
            .apply(inputs[0], inputs[1], |a, b| a * b, |a, b| a * b)
    }
}

/// Products with the values of the second input, whatever its shape.
#[derive(Debug)]
struct Factors(Axis);

impl Kernel for Factors {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (x, y) = (inputs[0], inputs[1]);
        let factors = match self.0 {
            Axis::Depth => y.view(y.len(), 1, y.element()),
            Axis::Time => y.view(1, y.len(), y.element()),
        };
        let complex = [x, y].iter().any(|t| t.element() == Element::Complex);
        let element = if complex {
            Element::Complex
        } else {
            Element::Real
        };
        let rule = Rule::new(
            "fn value(i: u32, j: u32) -> Y { return times(a_y(i, j), b_y(i, j)); }",
            [x, factors],
        );
        Some(map_like(rec, &rule, element))
    }
}

impl<T: Real> Cpu<T> for Factors {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let (x, y) = (inputs[0], inputs[1]);
        let factors = |n: usize| match self.0 {
            Axis::Depth => (n, 1),
            Axis::Time => (1, n),
        };
        let fits = "as many factors as rows or columns";
        match (&x.samples, &y.samples) {
            (Samples::Real(x), Samples::Real(y)) => {
                let y = y
                    .view()
                    .into_shape_with_order(factors(y.len()))
                    .expect(fits);
                Block::real(broadcast::zip(x.view(), y, |a, b| a * b))
            }
            _ => {
                let (x, y) = (x.to_complex(), y.to_complex());
                let y = y
                    .view()
                    .into_shape_with_order(factors(y.len()))
                    .expect(fits);
                Block::complex(broadcast::zip(x.view(), y, |a, b| a * b))
            }
        }
    }
}
