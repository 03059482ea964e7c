//! Zero-phase filters by second-order sections: forward and backward, parallel over blocks of time as well as over channels.
//!
//! Each block is filtered twice: from states of zero, for the states at its end, and again once the states at its beginning are known.
//! That doubles the arithmetic and fills a device with few channels. Arrays lie as samples x lanes, so that neighbouring threads read
//! neighbouring samples.

use std::fmt::Write;

use super::map::map;
use super::rule::Rule;
use super::transpose::{transposed, transposed_later};
use super::{THREADS, fold, word};
use crate::block::Precision;
use crate::dsp::sos::{Cascade, Padding, Tap};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&ENDS, &CHAIN, &RUN];

static ENDS: Kernel = Kernel {
    name: "filter_ends",
    source: include_str!("../../../shaders/filter_ends.wgsl"),
};
static CHAIN: Kernel = Kernel {
    name: "filter_chain",
    source: include_str!("../../../shaders/filter_chain.wgsl"),
};
static RUN: Kernel = Kernel {
    name: "filter_run",
    source: include_str!("../../../shaders/filter_run.wgsl"),
};

/// States that `filter_chain.wgsl` has room for.
const MOST_STATES: usize = 64;
/// Threads that fill any device.
const ENOUGH: usize = 1 << 17;
/// Shortest block: shorter ones leave more to the one thread that passes states on.
const SHORTEST: usize = 64;

/// Filters real or complex samples along an axis (0: depth, 1: time), forward and backward, each from the steady state of its first
/// sample. `None` for more sections than a device has room for.
pub fn filtfilt(
    rec: &mut Recorder,
    x: Tensor,
    cascade: &Cascade,
    padding: Padding,
    axis: usize,
) -> Option<Tensor> {
    if cascade.states() > MOST_STATES {
        return None;
    }
    let element = x.element();
    let parts = if element == Element::Complex { 2 } else { 1 };
    let (n, lanes) = if axis == 1 {
        (x.cols(), x.rows())
    } else {
        (x.rows(), x.cols())
    };
    let pad = cascade.extension(n, padding);
    let kind = match padding {
        Padding::Even => 0,
        Padding::Odd => 1,
        Padding::Constant | Padding::None => 2,
    };
    // What a filter before this one left upright need not be turned twice.
    let upright = rec.upright(x).filter(|_| axis == 1);
    let (from, first, along) = upright.map_or((x, 0, axis), |(from, first)| (from, first, 0));
    // What a filter removes anyway would only cost digits.
    let extended = if cascade.removes_constants() {
        let rule = "fn item(i: u32, j: u32) -> Y { return a_at(i, j, place(i, j) + word(0u)); }\n";
        let rule = Rule::new(rule, [from]).words([first]).numbers([n as f64]);
        let shape = if along == 1 { (lanes, n) } else { (n, lanes) };
        let mean = fold::fold(rec, &rule.axis(along), fold::MEAN, shape, along, element);
        Rule::new(extension!(" - b_wide(i, j)"), [from, mean])
    } else {
        Rule::new(extension!(""), [from])
    };
    let extended = extended.words([pad, kind, first, n]).axis(along);
    let cropped = "fn value(i: u32, j: u32) -> Y { return a(i + word(0u), j); }";
    let long = n + 2 * pad;
    let upright = if along == 1 {
        transposed(rec, &extended, (lanes, long), element)
    } else {
        map(rec, &extended, (long, lanes), element)
    };
    let mut y = upright.view(long, lanes * parts, Element::Real);
    for backward in [false, true] {
        y = pass(rec, y, cascade, backward);
    }
    let y = y.view(long, lanes, element);
    let cropped = Rule::new(cropped, [y]).words([pad]);
    if axis == 0 {
        return Some(map(rec, &cropped, (n, lanes), element));
    }
    let flat = transposed_later(rec, &cropped, (n, lanes), element);
    rec.lies_upright(flat, y, pad);
    Some(flat)
}

/// A rule for word(3) samples from word(2) of the axis on, each less something, which go on beyond their ends by word(0) samples:
/// mirrored (word(1) is 0), mirrored in sign too (1), or with the end's sample (2).
macro_rules! extension {
    ($less:literal) => {
        concat!(
            "fn sample(i: u32, j: u32, t: u32) -> Y { return a_at(i, j, word(2u) + t)",
            $less,
            "; }\n",
            "fn value(i: u32, j: u32) -> Y {
    let last = i32(word(3u)) - 1;
    let t = i32(place(i, j)) - i32(word(0u));
    if t >= 0 && t <= last {
        return sample(i, j, u32(t));
    }
    let end = select(last, 0, t < 0);
    if word(1u) == 2u {
        return sample(i, j, u32(end));
    }
    let inner = sample(i, j, u32(2 * end - t));
    if word(1u) == 1u {
        return 2.0 * sample(i, j, u32(end)) - inner;
    }
    return inner;
}"
        )
    };
}
use extension;

fn pass(rec: &mut Recorder, x: Tensor, cascade: &Cascade, backward: bool) -> Tensor {
    let (length, lanes) = (x.rows(), x.cols());
    let states = cascade.states();
    let wanted = ENOUGH.div_ceil(lanes).clamp(1, length.div_ceil(SHORTEST));
    let block = length.div_ceil(wanted);
    let blocks = length.div_ceil(block);
    let backward = u32::from(backward);
    let sizes = [
        word(lanes),
        word(length),
        word(block),
        word(blocks),
        backward,
    ];
    let params = params(rec.precision(), &coefficients(cascade), &sizes);
    let launch =
        |kernel: &'static Kernel, more: &str, inputs: Vec<Tensor>, output: Tensor| Dispatch {
            kernel,
            text: Some(text(kernel, cascade) + more),
            constants: vec![("threads", THREADS as f64)],
            params: params.clone(),
            inputs,
            outputs: vec![output],
            workgroups: (blocks * lanes).div_ceil(THREADS) as u64,
            workgroup_bytes: 0,
        };
    let ends = rec.temp(blocks * states, lanes, Element::Real);
    rec.dispatch(launch(&ENDS, &moves(cascade, Move::Store), vec![x], ends));

    let transition: Vec<f64> = cascade.transition(block).concat();
    let matrix = rec.table_real(&transition);
    let starts = rec.temp(blocks * states, lanes, Element::Real);
    let mut steady = cascade.steady();
    steady.resize(MOST_STATES, 0.0);
    let sizes = [
        word(lanes),
        word(length),
        word(blocks),
        word(states),
        backward,
    ];
    rec.dispatch(Dispatch {
        kernel: &CHAIN,
        text: None,
        constants: vec![("threads", THREADS as f64)],
        params: self::params(rec.precision(), &steady, &sizes),
        inputs: vec![x, ends, matrix],
        outputs: vec![starts],
        workgroups: lanes.div_ceil(THREADS) as u64,
        workgroup_bytes: 0,
    });

    let y = rec.temp(length, lanes, Element::Real);
    rec.dispatch(launch(
        &RUN,
        &moves(cascade, Move::Load),
        vec![x, starts],
        y,
    ));
    y
}

/// Eight numbers for each section, as `sections.wgsl` has them.
fn coefficients(cascade: &Cascade) -> Vec<f64> {
    let sections = cascade.sections().iter();
    let numbers = sections.flat_map(|section| {
        let g = section.g;
        let k = section.damping.unwrap_or(0.0);
        let den = match section.damping {
            Some(k) => 1.0 + g * (g + k),
            None => 1.0 + g,
        };
        let (Tap::Low(gain) | Tap::High(gain) | Tap::Band(gain) | Tap::Notch(gain)) = section.tap;
        [
            g / den,
            g * g / den,
            -g * (g + k) / den,
            k,
            gain,
            0.0,
            0.0,
            0.0,
        ]
    });
    numbers.collect()
}

fn params(precision: Precision, numbers: &[f64], sizes: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = match precision {
        Precision::F32 => numbers
            .iter()
            .flat_map(|&p| (p as f32).to_ne_bytes())
            .collect(),
        Precision::F64 => numbers.iter().flat_map(|p| p.to_ne_bytes()).collect(),
    };
    bytes.extend(sizes.iter().flat_map(|size| size.to_ne_bytes()));
    let step = match precision {
        Precision::F32 => 16,
        Precision::F64 => 32,
    };
    bytes.resize(bytes.len().next_multiple_of(step), 0);
    bytes
}

/// The frame with the sections, written out one after the other: a loop over them would keep states in an array, which some
/// compilers take minutes for.
fn text(kernel: &Kernel, cascade: &Cascade) -> String {
    let (frame, _) = kernel
        .source
        .split_once("// Generated:\n")
        .expect("the frame ends with this line");
    let count = cascade.sections().len();
    let mut text = format!(
        "{frame}const COEFFICIENTS = {}u;\nconst STATES = {}u;\n",
        2 * count,
        2 * count
    );
    let mut body = String::new();
    for (k, section) in cascade.sections().iter().enumerate() {
        let (c, gain) = (2 * k, 2 * k + 1);
        let steps = match section.damping {
            Some(_) => format!(
                "let v{k} = x{k} - q{k};\n\
                 let d{k} = params.coefficients[{c}].z * p{k} + params.coefficients[{c}].x * v{k};\n\
                 let e{k} = params.coefficients[{c}].x * p{k} + params.coefficients[{c}].y * v{k};\n\
                 let bp{k} = p{k} + d{k};\n\
                 let lp{k} = q{k} + e{k};\n\
                 let hp{k} = v{k} - e{k} - params.coefficients[{c}].w * bp{k};\n\
                 p{k} += 2.0 * d{k};\n\
                 q{k} += 2.0 * e{k};\n"
            ),
            None => format!(
                "let v{k} = x{k} - q{k};\n\
                 let e{k} = params.coefficients[{c}].x * v{k};\n\
                 let bp{k} = real(0.0);\n\
                 let lp{k} = q{k} + e{k};\n\
                 let hp{k} = v{k} - e{k};\n\
                 q{k} += 2.0 * e{k};\n"
            ),
        };
        let tapped = match section.tap {
            Tap::Low(_) => format!("params.coefficients[{gain}].x * lp{k}"),
            Tap::High(_) => format!("params.coefficients[{gain}].x * hp{k}"),
            Tap::Band(_) => format!("params.coefficients[{gain}].x * bp{k}"),
            Tap::Notch(_) => format!("hp{k} + params.coefficients[{gain}].x * lp{k}"),
        };
        writeln!(text, "var<private> p{k}: real;\nvar<private> q{k}: real;").expect("a string");
        writeln!(body, "{steps}let x{} = {tapped};", k + 1).expect("a string");
    }
    text + &format!("fn sections(x0: real) -> real {{\n{body}return x{count};\n}}\n")
}

/// Which way states go.
#[derive(Clone, Copy, PartialEq)]
enum Move {
    Store,
    Load,
}

/// The function that moves states from or to memory.
fn moves(cascade: &Cascade, how: Move) -> String {
    let states = (0..cascade.sections().len())
        .flat_map(|k| [(2 * k, format!("p{k}")), (2 * k + 1, format!("q{k}"))]);
    let lines = states.map(|(k, name)| {
        let at = format!("[(first + {k}u) * params.lanes + lane]");
        match how {
            Move::Store => format!("ends{at} = {name};\n"),
            Move::Load => format!("{name} = starts{at};\n"),
        }
    });
    let name = if how == Move::Store { "store" } else { "load" };
    format!(
        "fn {name}(first: u32, lane: u32) {{\n{}}}\n",
        lines.collect::<String>()
    )
}
