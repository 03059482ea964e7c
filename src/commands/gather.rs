//! `gather`: arrays side by side.

use ndarray::{ArrayView2, Axis as Dimension, concatenate};

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "gather",
    summary: "Puts the gathered arrays beside the input, as further columns.",
    notes: "\
            An array of one dimension is a column. The result is complex as soon as one array is. distpy takes the type of \
            the first array (complex ones beside real ones lose their imaginary part, integers cut fractions off) and leaves \
            columns of zeros for arrays of one dimension: in compat mode.",
    family: Family::Shape,
    kinds: NUMBERS,
    gathers: Gathers::Many,
    cost: Cost::Sample(1.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Gather))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 2; 3 4", "5; 6"],
        output: "1 2 5; 3 4 6",
    }],
};

#[derive(Debug)]
struct Gather;

impl BlockCommand for Gather {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if let Some(other) = inputs.iter().find(|other| other.rows() != x.rows()) {
            let found = format!("found {other}, expected the input's {} rows", x.rows());
            return Err(Mismatch::argument("gather_uids", found));
        }
        let compat = env.compat == Compat::Distpy;
        let complex = |s: &&Signature| s.kind == Kind::Complex;
        let kind = match compat {
            true => x.kind,
            false if inputs.iter().any(complex) => Kind::Complex,
            false => Kind::Real,
        };
        let columns = inputs.iter().map(|s| s.cols()).sum();
        let signature = Signature {
            time: Coords::index(columns),
            held: if compat { x.held } else { Held::Double },
            ..x.of_kind(kind)
        };
        let kernel = Columns {
            kind,
            empty: inputs.iter().map(|s| compat && s.rank == 1).collect(),
            whole: compat && x.held == Held::Integer,
        };
        Ok(Prepared::new(signature, Rows::Independent, kernel))
    }
}

#[derive(Debug)]
struct Columns {
    kind: Kind,
    /// Which inputs leave zeros.
    empty: Vec<bool>,
    /// Whether samples lose their fractions.
    whole: bool,
}

impl Kernel for Columns {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        if self.whole || self.empty.contains(&true) {
            return None;
        }
        let element = match self.kind {
            Kind::Complex => Element::Complex,
            _ => Element::Real,
        };
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    if j < a_cols() {
        return a_y(i, j);
    }
    return b_y(i, j - a_cols());
}";
        let mut all = inputs[0];
        if all.element() != element {
            let rule = Rule::new("fn value(i: u32, j: u32) -> Y { return a_y(i, j); }", [all]);
            all = map_like(rec, &rule, element);
        }
        for &next in &inputs[1..] {
            let shape = (all.rows(), all.cols() + next.cols());
            all = map(rec, &Rule::new(rule, [all, next]), shape, element);
        }
        Some(all)
    }
}

impl<T: Real> Cpu<T> for Columns {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let filled = inputs.iter().zip(&self.empty).map(|(block, &empty)| {
            let (rows, cols) = block.shape();
            if empty {
                Block::zeros(self.kind, rows, cols)
            } else {
                (*block).clone()
            }
        });
        let blocks: Vec<Block<T>> = filled.collect();
        if self.kind == Kind::Complex {
            let parts: Vec<_> = blocks.iter().map(Block::to_complex).collect();
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            return Block::complex(side_by_side(&views));
        }
        let real = |block: &Block<T>| match &block.samples {
            Samples::Complex(a) => a.mapv(|v| v.re),
            _ if self.whole => block.as_real().mapv(|v| T::of(v.wide().trunc())),
            _ => block.as_real().clone(),
        };
        let parts: Vec<_> = blocks.iter().map(real).collect();
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Block::real(side_by_side(&views))
    }
}

/// The columns of all parts. `concatenate` lays them out column by column, but blocks are row-major.
fn side_by_side<V: Copy>(parts: &[ArrayView2<'_, V>]) -> Array2<V> {
    let columns = concatenate(Dimension(1), parts).expect("as many rows everywhere");
    columns.as_standard_layout().into_owned()
}
