//! Folds over sliding windows, and running sums, along an axis. A fold of a long window is made of folds of shorter ones, twice as
//! long from round to round: the cost grows with the logarithm of the window, and sums are pairwise, so that they keep their digits.
//!
//! Rounds run in workgroup memory where a window fits there, with one pass over memory; else each is a pass.

use super::THREADS;
use super::map::map;
use super::rule::Rule;
use crate::dsp::edge::Edge;
use crate::dsp::window::Window;
use crate::gpu::{Dispatch, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&WINDOW];

static WINDOW: Kernel = Kernel {
    name: "window",
    source: include_str!("../../../shaders/window.wgsl"),
};

/// Workgroup memory that leaves room for several workgroups side by side on any device.
const ROOM: usize = 16 << 10;

/// How the samples of a window are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Their sum.
    Sum,
    /// The largest real one; NaN where one is.
    Largest,
    /// The smallest real one; NaN where one is.
    Smallest,
}

impl Join {
    /// Two results, of windows that begin `word(0)` apart, to one.
    fn rule(self) -> &'static str {
        match self {
            Join::Sum => {
                "fn value(i: u32, j: u32) -> Y {\n\
                 return a_at(i, j, place(i, j)) + b_at(i, j, min(place(i, j) + word(0u), b_len() - 1u));\n}"
            }
            Join::Largest => {
                "fn value(i: u32, j: u32) -> Y {\n\
                 return higher(a_at(i, j, place(i, j)), b_at(i, j, min(place(i, j) + word(0u), b_len() - 1u)));\n}"
            }
            Join::Smallest => {
                "fn value(i: u32, j: u32) -> Y {\n\
                 return lower(a_at(i, j, place(i, j)), b_at(i, j, min(place(i, j) + word(0u), b_len() - 1u)));\n}"
            }
        }
    }
}

/// The shape of `x` with another length along an axis.
fn shaped(x: Tensor, axis: usize, length: usize) -> (usize, usize) {
    match axis {
        0 => (length, x.cols()),
        _ => (x.rows(), length),
    }
}

/// Joins every window along an axis (0: depth, 1: time) of an array that goes on beyond its ends as `edge` says.
pub fn windows(
    rec: &mut Recorder,
    x: Tensor,
    window: Window,
    edge: Edge,
    join: Join,
    axis: usize,
) -> Tensor {
    if let Some(y) = (axis == 1)
        .then(|| in_workgroups(rec, x, window, edge, join))
        .flatten()
    {
        return y;
    }
    let n = [x.rows(), x.cols()][axis];
    let length = window.length;
    let long = shaped(x, axis, n + length - 1);
    let extended = "\
fn value(i: u32, j: u32) -> Y {
    let t = edge(i32(place(i, j)) - i32(word(0u)), i32(a_len()));
    if t < 0 {
        return Y();
    }
    return a_at(i, j, u32(t));
}";
    let extended = Rule::new(extended, [x])
        .words([window.before])
        .axis(axis)
        .edge(edge);
    // Results of windows of `width` samples, right for as many of them as fit the extended array.
    let mut results = map(rec, &extended, long, x.element());
    let mut width = 1;
    let pair = |rec: &mut Recorder, a: Tensor, b: Tensor, apart: usize, shape: (usize, usize)| {
        let rule = Rule::new(join.rule(), [a, b]).words([apart]).axis(axis);
        map(rec, &rule, shape, x.element())
    };
    // The part of each window that is joined already, from its beginning.
    let mut begun: Option<(Tensor, usize)> = None;
    loop {
        let last = 2 * width > length;
        if last && join != Join::Sum {
            // Two windows that overlap make a longer one: an extreme may be seen twice.
            return pair(rec, results, results, length - width, shaped(x, axis, n));
        }
        if join == Join::Sum && length & width != 0 {
            let shape = if last { shaped(x, axis, n) } else { long };
            begun = Some(match begun {
                Some((part, done)) => (pair(rec, part, results, done, shape), done + width),
                None if last => {
                    let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j); }";
                    (
                        map(rec, &Rule::new(rule, [results]), shape, x.element()),
                        width,
                    )
                }
                None => (results, width),
            });
        }
        if last {
            return begun.expect("the highest bit of a length is set").0;
        }
        results = pair(rec, results, results, width, long);
        width *= 2;
    }
}

/// The same along rows in workgroup memory; `None` for windows that are too long for it.
fn in_workgroups(
    rec: &mut Recorder,
    x: Tensor,
    window: Window,
    edge: Edge,
    join: Join,
) -> Option<Tensor> {
    let size = x.element().size(rec.precision());
    let room = ROOM.min(rec.limits().workgroup_storage) / size;
    // Two buffers of items with what lies beyond a segment, and for sums one of results.
    let beyond = window.length - 1;
    let buffers = if join == Join::Sum { 3 } else { 2 };
    let segment = (room.checked_sub(2 * beyond + 1)? / buffers).min(x.cols());
    // Short segments read more of their neighbours' samples than of their own.
    if segment < beyond.min(x.cols()) {
        return None;
    }
    let text = match join {
        Join::Sum => {
            ITEM.to_string() + "const SUMS = true;\nfn join(p: Y, q: Y) -> Y { return p + q; }\n"
        }
        Join::Largest => {
            ITEM.to_string()
                + "const SUMS = false;\nfn join(p: Y, q: Y) -> Y { return higher(p, q); }\n"
        }
        Join::Smallest => {
            ITEM.to_string()
                + "const SUMS = false;\nfn join(p: Y, q: Y) -> Y { return lower(p, q); }\n"
        }
    };
    let segments = x.cols().div_ceil(segment);
    let rule = Rule::new("", [x])
        .words([window.length, window.before, segment, segments])
        .edge(edge);
    let (extent, kept) = (
        segment + beyond,
        if join == Join::Sum { segment } else { 1 },
    );
    let threads = segment.next_power_of_two().clamp(64, THREADS);
    let y = rec.temp(x.rows(), x.cols(), x.element());
    rec.dispatch(Dispatch {
        kernel: &WINDOW,
        text: Some(rule.shader(&WINDOW, x.element()) + &text),
        constants: vec![
            ("threads", threads as f64),
            ("extent", extent as f64),
            ("kept", kept as f64),
        ],
        params: rule.params(y, &[], rec.precision()),
        inputs: vec![x],
        outputs: vec![y],
        workgroups: (x.rows() * segments) as u64,
        workgroup_bytes: (2 * extent + kept) * size,
    });
    Some(y)
}

/// What lies at a position that may be beyond the ends.
const ITEM: &str = "\
fn item(i: u32, t: i32) -> Y {
    let at = edge(t, i32(a_cols()));
    if at < 0 {
        return Y();
    }
    return a(i, u32(at));
}
";

/// Sums of the samples up to and with each one, along an axis.
pub fn running_sums(rec: &mut Recorder, x: Tensor, axis: usize) -> Tensor {
    let n = [x.rows(), x.cols()][axis];
    let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    if t < word(0u) {
        return a(i, j);
    }
    return a(i, j) + a_at(i, j, t - word(0u));
}";
    let mut sums = x;
    let mut width = 1;
    while width < n {
        let rule = Rule::new(rule, [sums]).words([width]).axis(axis);
        sums = map(rec, &rule, (x.rows(), x.cols()), x.element());
        width *= 2;
    }
    sums
}
