//! Folds over sliding windows, and running sums, along an axis. A fold of a long window is made of folds of shorter ones, twice as
//! long from round to round: the cost grows with the logarithm of the window, and sums are pairwise, so that they keep their digits.
//!
//! Rounds run in workgroup memory where a window along time fits there, with one pass over memory; longer ones are put together
//! from a few such windows in a second pass. Along depth a thread joins a few samples in one pass, and a few of those windows in a
//! second. Beyond that each round is a pass.

use super::THREADS;
use super::map::map;
use super::rule::Rule;
use crate::dsp::edge::Edge;
use crate::dsp::window::Window;
use crate::gpu::{Dispatch, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&WINDOW, &SCAN];

static SCAN: Kernel = Kernel {
    name: "scan_rows",
    source: include_str!("../../../shaders/scan_rows.wgsl"),
};

static WINDOW: Kernel = Kernel {
    name: "window",
    source: include_str!("../../../shaders/window.wgsl"),
};

/// Workgroup memory that leaves room for several workgroups side by side on any device.
const ROOM: usize = 16 << 10;

/// More parts than this are joined in rounds.
const MOST_PARTS: usize = 16;

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
    let n = [x.rows(), x.cols()][axis];
    let short = in_one_pass(rec, x, window, edge, join, axis, n);
    if let Some(y) = short.or_else(|| in_two_passes(rec, x, window, edge, join, axis)) {
        return y;
    }
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

/// The first `count` windows in one pass over memory; `None` for windows that are too long for it.
fn in_one_pass(
    rec: &mut Recorder,
    x: Tensor,
    window: Window,
    edge: Edge,
    join: Join,
    axis: usize,
    count: usize,
) -> Option<Tensor> {
    if axis == 1 {
        return in_workgroups(rec, x, window, edge, join, count);
    }
    if window.length > MOST_PARTS {
        return None;
    }
    let text = match join {
        Join::Sum => few!("sum + next"),
        Join::Largest => few!("higher(sum, next)"),
        Join::Smallest => few!("lower(sum, next)"),
    };
    let rule = Rule::new(text, [x])
        .words([window.length, window.before])
        .axis(axis)
        .edge(edge);
    Some(map(rec, &rule, shaped(x, axis, count), x.element()))
}

/// A rule that joins word(0) samples from word(1) before its own on, one after the other.
macro_rules! few {
    ($join:literal) => {
        concat!(
            "fn sample(i: u32, j: u32, at: i32) -> Y {
    let t = edge(at, i32(a_len()));
    if t < 0 {
        return Y();
    }
    return a_at(i, j, u32(t));
}
fn value(i: u32, j: u32) -> Y {
    let first = i32(place(i, j)) - i32(word(1u));
    var sum = sample(i, j, first);
    for (var k = 1u; k < word(0u); k++) {
        let next = sample(i, j, first + i32(k));
        sum = ",
            $join,
            ";
    }
    return sum;
}"
        )
    };
}
use few;

/// All windows of a few parts that [`in_one_pass`] can join.
fn in_two_passes(
    rec: &mut Recorder,
    x: Tensor,
    window: Window,
    edge: Edge,
    join: Join,
    axis: usize,
) -> Option<Tensor> {
    let longest = match axis {
        1 => longest_in_workgroups(rec, x, join)?,
        _ => MOST_PARTS,
    };
    let least = window.length.div_ceil(longest);
    if least > MOST_PARTS {
        return None;
    }
    // Equal parts need no sample by itself.
    let even = (least..=2 * least).find(|parts| window.length.is_multiple_of(*parts));
    let parts = even.unwrap_or(least);
    let part = match join {
        Join::Sum => window.length / parts,
        // Parts may overlap: an extreme may be seen twice.
        Join::Largest | Join::Smallest => longest.min(window.length),
    };
    let first = Window {
        length: part,
        ..window
    };
    // The last part of the last window begins so far beyond the end.
    let last = window.length - part;
    let n = [x.rows(), x.cols()][axis];
    let joined = in_one_pass(rec, x, first, edge, join, axis, n + last)?;
    let whole = window.length / part;
    let words = [part, whole, window.length, window.before];
    let shape = (x.rows(), x.cols());
    let rule = match join {
        Join::Sum => Rule::new(SUM_OF_PARTS, [joined, x]).edge(edge),
        Join::Largest => Rule::new(extreme_of_parts!("higher"), [joined]),
        Join::Smallest => Rule::new(extreme_of_parts!("lower"), [joined]),
    };
    let rule = rule.words(words).axis(axis);
    Some(map(rec, &rule, shape, x.element()))
}

/// Parts of word(0) samples, word(1) of them, and the samples up to word(2); windows begin word(3) samples before their own.
const SUM_OF_PARTS: &str = "\
fn value(i: u32, j: u32) -> Y {
    let first = place(i, j);
    var sum = a_at(i, j, first);
    for (var k = 1u; k < word(1u); k++) {
        sum += a_at(i, j, first + k * word(0u));
    }
    for (var k = word(1u) * word(0u); k < word(2u); k++) {
        let t = edge(i32(first + k) - i32(word(3u)), i32(b_len()));
        if t >= 0 {
            sum += b_at(i, j, u32(t));
        }
    }
    return sum;
}";

/// The same for extremes: the last part ends where the window does, over the one before.
macro_rules! extreme_of_parts {
    ($join:literal) => {
        concat!(
            "fn value(i: u32, j: u32) -> Y {
    let first = place(i, j);
    var result = a_at(i, j, first + word(2u) - word(0u));
    for (var k = 0u; k < word(1u); k++) {
        result = ",
            $join,
            "(result, a_at(i, j, first + k * word(0u)));
    }
    return result;
}"
        )
    };
}
use extreme_of_parts;

/// The longest window that is worth its workgroup: segments are no shorter than what they read beyond themselves.
fn longest_in_workgroups(rec: &Recorder, x: Tensor, join: Join) -> Option<usize> {
    let room = ROOM.min(rec.limits().workgroup_storage) / x.element().size(rec.precision());
    let longest = room.checked_sub(1)? / (buffers(join) + 2) + 1;
    (longest > 1).then_some(longest)
}

/// Buffers of items with what lies beyond a segment, and for sums one of results.
fn buffers(join: Join) -> usize {
    if join == Join::Sum { 3 } else { 2 }
}

/// The same along rows in workgroup memory, for the first `cols` windows; `None` for windows that are too long for it.
fn in_workgroups(
    rec: &mut Recorder,
    x: Tensor,
    window: Window,
    edge: Edge,
    join: Join,
    cols: usize,
) -> Option<Tensor> {
    let size = x.element().size(rec.precision());
    let room = ROOM.min(rec.limits().workgroup_storage) / size;
    let beyond = window.length - 1;
    let segment = (room.checked_sub(2 * beyond + 1)? / buffers(join)).min(cols);
    // Short segments read more of their neighbours' samples than of their own.
    if segment < beyond.min(cols) {
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
    let segments = cols.div_ceil(segment);
    let rule = Rule::new("", [x])
        .words([window.length, window.before, segment, segments])
        .edge(edge);
    let (extent, kept) = (
        segment + beyond,
        if join == Join::Sum { segment } else { 1 },
    );
    let threads = segment.next_power_of_two().clamp(64, THREADS);
    let y = rec.temp(x.rows(), cols, x.element());
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
    if axis == 1 {
        return sums_along_rows(rec, x);
    }
    let n = x.rows();
    let rule = "\
fn value(i: u32, j: u32) -> Y {
    if i < word(0u) {
        return a(i, j);
    }
    return a(i, j) + a(i - word(0u), j);
}";
    let mut sums = x;
    let mut width = 1;
    while width < n {
        let rule = Rule::new(rule, [sums]).words([width]);
        sums = map(rec, &rule, (x.rows(), x.cols()), x.element());
        width *= 2;
    }
    sums
}

/// Items that a thread sums one after the other, as `scan_rows.wgsl` has it.
const RUN: usize = 8;

/// Segments first; then each segment begins with the sum of those before it.
fn sums_along_rows(rec: &mut Recorder, x: Tensor) -> Tensor {
    let (rows, cols) = (x.rows(), x.cols());
    let size = x.element().size(rec.precision());
    // A segment, and the sums of runs twice.
    let room = rec.limits().workgroup_storage.min(ROOM) / size / (RUN + 2);
    let wanted = cols.div_ceil(RUN).next_power_of_two().max(32);
    let threads = wanted.min(room.next_power_of_two() / 2);
    let segment = threads * RUN;
    let segments = cols.div_ceil(segment);
    let rule = Rule::new("fn item(i: u32, j: u32) -> Y { return a(i, j); }", [x]).inlined(rec);
    let y = rec.temp(rows, cols, x.element());
    rec.dispatch(Dispatch {
        kernel: &SCAN,
        text: Some(rule.shader(&SCAN, x.element())),
        constants: vec![("threads", threads as f64)],
        params: rule.params(y, &[], rec.precision()),
        inputs: rule.inputs().to_vec(),
        outputs: vec![y],
        workgroups: (rows * segments) as u64,
        workgroup_bytes: (segment + 2 * threads) * size,
    });
    if segments == 1 {
        return y;
    }
    let last = "fn value(i: u32, j: u32) -> Y { return a(i, (j + 1u) * word(0u) - 1u); }";
    let last = Rule::new(last, [y]).words([segment]);
    let totals = map(rec, &last, (rows, segments - 1), x.element());
    let before = sums_along_rows(rec, totals);
    let whole = "\
fn value(i: u32, j: u32) -> Y {
    if j < word(0u) {
        return a(i, j);
    }
    return a(i, j) + b(i, j / word(0u) - 1u);
}";
    let whole = Rule::new(whole, [y, before]).words([segment]);
    map(rec, &whole, (rows, cols), x.element())
}
