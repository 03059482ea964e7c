//! Folds along an axis: sums, extremes, positions of the largest.
//!
//! The order in which items are joined is fixed, so results repeat bit by bit. Sums are pairwise at every level: in single precision
//! the error stays below 1e-6 of the sum of magnitudes.

use super::rule::Rule;
use super::{THREADS, word};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&ROWS, &COLUMNS];

static ROWS: Kernel = Kernel {
    name: "fold_rows",
    source: include_str!("../../../shaders/fold_rows.wgsl"),
};

static COLUMNS: Kernel = Kernel {
    name: "fold_columns",
    source: include_str!("../../../shaders/fold_columns.wgsl"),
};

/// Items that one thread joins one after the other.
const RUN: usize = 64;

/// How items are joined, in WGSL.
#[derive(Debug, Clone, Copy)]
pub struct Fold {
    /// `fn nothing(i: u32, j: u32) -> Y`, what changes nothing in a fold that begins with the item at row `i` and column `j`, and
    /// `fn join(p: Y, q: Y) -> Y`.
    pub join: &'static str,
    /// `fn finish(p: Y) -> Y`, applied to what all items make.
    pub finish: &'static str,
}

/// A sum.
pub const SUM: Fold = Fold {
    join: "fn nothing(i: u32, j: u32) -> Y { return Y(); }\nfn join(p: Y, q: Y) -> Y { return p + q; }\n",
    finish: AS_IT_IS,
};

/// A sum divided by the first number.
pub const MEAN: Fold = Fold {
    finish: "fn finish(p: Y) -> Y { return p / number(0u); }\n",
    ..SUM
};

/// The largest of real items; NaN where one is.
pub const HIGHEST: Fold = Fold {
    join: "fn nothing(i: u32, j: u32) -> Y { return item(i, j); }\nfn join(p: Y, q: Y) -> Y { return higher(p, q); }\n",
    finish: AS_IT_IS,
};

/// The smallest first part and the largest second part of items that are pairs; NaN where one is.
const EXTREMES: Fold = Fold {
    join: "fn nothing(i: u32, j: u32) -> Y { return item(i, j); }\n\
           fn join(p: Y, q: Y) -> Y { return Y(lower(p.x, q.x), higher(p.y, q.y)); }\n",
    finish: AS_IT_IS,
};

const AS_IT_IS: &str = "fn finish(p: Y) -> Y { return p; }\n";
/// Items of later levels.
const ITEM: &str = "fn item(i: u32, j: u32) -> Y { return a(i, j); }\n";

/// Folds the rows (`axis` 1: rows x 1) or the columns (0: 1 x cols) of an array of rows x cols items: the rule has
/// `fn item(i: u32, j: u32) -> Y`.
pub fn fold(
    rec: &mut Recorder,
    rule: &Rule,
    fold: Fold,
    (rows, cols): (usize, usize),
    axis: usize,
    element: Element,
) -> Tensor {
    // A sample is read once, so what makes it may be done here.
    let mut rule = rule.inlined(rec);
    let mut length = [rows, cols][axis];
    loop {
        // A short row needs few threads.
        let threads = length.next_power_of_two().clamp(32, THREADS);
        let segment = if axis == 1 { threads * RUN } else { RUN };
        let segments = length.div_ceil(segment);
        let (shape, kernel, threads) = match axis {
            1 => ((rows, segments), &ROWS, threads),
            _ => ((segments, cols), &COLUMNS, THREADS),
        };
        let y = rec.temp(shape.0, shape.1, element);
        let finish = if segments == 1 { fold.finish } else { AS_IT_IS };
        let text = rule.shader(kernel, element) + fold.join + finish;
        let workgroup_bytes = match axis {
            1 => threads * element.size(rec.precision()),
            _ => 0,
        };
        rec.dispatch(Dispatch {
            kernel,
            text: Some(text),
            constants: vec![("threads", threads as f64)],
            params: rule.params(y, &[word(length), word(segment)], rec.precision()),
            inputs: rule.inputs().to_vec(),
            outputs: vec![y],
            workgroups: match axis {
                1 => y.len() as u64,
                _ => y.len().div_ceil(THREADS) as u64,
            },
            workgroup_bytes,
        });
        if segments == 1 {
            return y;
        }
        rule = rule.of(ITEM, vec![y]);
        length = segments;
    }
}

/// Folds the samples of one tensor along depth (`Some(0)`: 1 x cols), along time (`Some(1)`: rows x 1), or all of them (`None`: 1 x 1);
/// `text` has `fn item(i: u32, j: u32) -> Y`. Numbers are the fold's and the rule's.
pub fn samples(
    rec: &mut Recorder,
    text: &'static str,
    x: Tensor,
    numbers: &[f64],
    how: Fold,
    axis: Option<usize>,
    element: Element,
) -> Tensor {
    let (x, axis) = match axis {
        None => (x.view(1, x.len(), x.element()), 1),
        // A single column is one contiguous row.
        Some(0) if x.cols() == 1 => (x.view(1, x.rows(), x.element()), 1),
        Some(axis) => (x, axis),
    };
    let rule = Rule::new(text, [x]).numbers(numbers);
    fold(rec, &rule, how, (x.rows(), x.cols()), axis, element)
}

/// The sum of samples.
pub fn sum(rec: &mut Recorder, x: Tensor, axis: Option<usize>) -> Tensor {
    samples(rec, ITEM, x, &[], SUM, axis, x.element())
}

/// The mean of samples.
pub fn mean(rec: &mut Recorder, x: Tensor, axis: Option<usize>) -> Tensor {
    let count = match axis {
        None => x.len(),
        Some(0) => x.rows(),
        _ => x.cols(),
    };
    samples(rec, ITEM, x, &[count as f64], MEAN, axis, x.element())
}

/// The smallest and the largest of all real samples, as one pair: 1 x 1.
pub fn extremes(rec: &mut Recorder, x: Tensor) -> Tensor {
    let item = "fn item(i: u32, j: u32) -> Y { return Y(a(i, j), a(i, j)); }\n";
    samples(rec, item, x, &[], EXTREMES, None, Element::Complex)
}

/// `factor` times the largest squared modulus: 1 x 1.
pub fn highest_power(rec: &mut Recorder, x: Tensor, factor: f64) -> Tensor {
    let item = "fn item(i: u32, j: u32) -> Y { return a_power(i, j); }\n";
    let scaled = Fold {
        finish: "fn finish(p: Y) -> Y { return p * number(0u); }\n",
        ..HIGHEST
    };
    samples(rec, item, x, &[factor], scaled, None, Element::Real)
}
