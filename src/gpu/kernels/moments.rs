//! Moments about the mean along an axis, without NaNs. A mean of a large offset is rounded in single precision: what is left of it is
//! taken out of the differences too.

use super::fold::{self, Fold};
use super::map::map_like;
use super::rule::Rule;
use crate::gpu::{Element, Recorder, Tensor};

/// What moments are made of.
#[derive(Debug, Clone, Copy)]
pub struct Central {
    /// Differences from the mean; NaN where a sample is.
    deviations: Tensor,
    /// The mean, and how many samples are numbers.
    mean: Tensor,
    axis: usize,
}

/// Adds numbers and counts them.
fn sums(rec: &mut Recorder, x: Tensor, axis: usize) -> Tensor {
    let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j);
    return select(Y(v, 1.0), Y(0.0, 0.0), is_nan(v));
}\n";
    let mean = Fold {
        finish: "fn finish(p: Y) -> Y { return Y(p.x / p.y, p.y); }\n",
        ..fold::SUM
    };
    fold::samples(rec, item, x, &[], mean, Some(axis), Element::Complex)
}

/// Takes the mean out of real samples along an axis.
pub fn central(rec: &mut Recorder, x: Tensor, axis: usize) -> Central {
    let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) - b_wide(i, j).x; }";
    let mean = sums(rec, x, axis);
    let about = map_like(rec, &Rule::new(rule, [x, mean]), Element::Real);
    let rest = sums(rec, about, axis);
    Central {
        deviations: map_like(rec, &Rule::new(rule, [about, rest]), Element::Real),
        mean,
        axis,
    }
}

/// A WGSL function of a slice's moments: `fn formula(count: real, variance: real, power: real) -> real`, where `power` is the mean of an
/// order's power of the deviations over the standard deviation.
pub type Formula = &'static str;

impl Central {
    /// The moments of an order, put into a formula; NaN for values that are all equal, if `spread` is wanted.
    pub fn formula(self, rec: &mut Recorder, order: u32, formula: Formula, spread: bool) -> Tensor {
        let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j);
    return select(v * v, 0.0, is_nan(v));
}\n";
        let (x, axis) = (self.deviations, Some(self.axis));
        let squares = fold::samples(rec, item, x, &[], fold::SUM, axis, Element::Real);
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) / b(i, j).y; }";
        let variance = map_like(rec, &Rule::new(rule, [squares, self.mean]), Element::Real);
        // Deviations of order one: their powers neither vanish nor overflow.
        let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j) / sqrt(b_wide(i, j));
    var power = select(v, 0.0, is_nan(v));
    for (var k = 1u; k < word(0u); k++) {
        power *= v;
    }
    return select(power, 0.0, is_nan(v));
}\n";
        let rule = Rule::new(item, [x, variance]).words([order as usize]);
        let shape = (x.rows(), x.cols());
        let powers = fold::fold(rec, &rule, fold::SUM, shape, self.axis, Element::Real);
        let rule = Rule::new(formula, [powers, self.mean, variance])
            .numbers([f64::NAN])
            .words([usize::from(spread)]);
        map_like(rec, &rule, Element::Real)
    }
}

/// The frame of a formula: its text goes behind this one.
#[macro_export]
macro_rules! moment_formula {
    ($of:literal) => {
        concat!(
            "fn formula(count: real, variance: real, power: real) -> real { ",
            $of,
            " }\n",
            "fn value(i: u32, j: u32) -> Y {\n",
            "    let count = b(i, j).y;\n",
            "    let variance = c(i, j);\n",
            "    let least = 1e-12 * b(i, j).x;\n",
            "    if count == 0.0 || (word(0u) == 1u && !(variance > least * least)) {\n",
            "        return number(0u);\n",
            "    }\n",
            "    return formula(count, variance, a(i, j) / count);\n",
            "}"
        )
    };
}
pub use crate::moment_formula;
