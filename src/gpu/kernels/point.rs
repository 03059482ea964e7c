//! Element-wise commands: a chain of them is one kernel, generated from the rules' WGSL expressions.

use std::fmt::Write;

use super::{THREADS, parts, word};
use crate::block::{Kind, Precision};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Steps, Tensor};
use crate::point::{Point, Rule};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&POINT];

static POINT: Kernel = Kernel {
    name: "point",
    source: include_str!("../../../shaders/point.wgsl"),
};

/// Applies element-wise commands one after the other, in one pass over the samples.
///
/// Panics where no rule takes what the step before gives: the plan checks kinds.
pub fn chain(rec: &mut Recorder, x: Tensor, points: &[Point]) -> Tensor {
    if points.is_empty() {
        return x;
    }
    let from = if parts(x) == 2 {
        Kind::Complex
    } else {
        Kind::Real
    };
    let mut kind = from;
    let rules: Vec<&Rule> = points
        .iter()
        .map(|point| {
            let rule = point.rule(kind).expect("the plan checked the kinds");
            kind = rule.output;
            rule
        })
        .collect();
    let element = match kind {
        Kind::Complex => Element::Complex,
        _ => Element::Real,
    };
    let y = rec.temp(x.rows(), x.cols(), element);
    let steps = Steps {
        functions: functions(&rules),
        numbers: points.iter().flat_map(|point| point.p).collect(),
    };
    let dispatch = Dispatch {
        kernel: &POINT,
        text: Some(text(from, kind, &rules)),
        constants: vec![("threads", THREADS as f64)],
        params: params(points, word(x.len()), rec.precision()),
        inputs: vec![x],
        outputs: vec![y],
        workgroups: x.len().div_ceil(THREADS) as u64,
        workgroup_bytes: 0,
    };
    rec.defer(dispatch, Some(steps));
    y
}

/// The frame of the shader, and behind it the steps.
fn text(from: Kind, to: Kind, rules: &[&Rule]) -> String {
    let (frame, _) = POINT
        .source
        .split_once("// Generated:\n")
        .expect("the frame ends with this line");
    let mut text = format!(
        "{frame}const STEPS = {}u;\nalias From = {};\nalias To = {};\n",
        rules.len(),
        wgsl(from),
        wgsl(to)
    );
    text += &functions(rules);
    let call = (0..rules.len()).fold("x".to_string(), |call, index| {
        format!("step{index}({call}, params.p[{index}])")
    });
    text + &format!("fn chain(x: From) -> To {{ return {call}; }}\n")
}

/// A function for each step.
fn functions(rules: &[&Rule]) -> String {
    let mut text = String::new();
    for (index, rule) in rules.iter().enumerate() {
        let (x, y) = (wgsl(rule.input), wgsl(rule.output));
        writeln!(
            text,
            "fn step{index}(x: {x}, p: vec4<real>) -> {y} {{ return {}; }}",
            rule.wgsl
        )
        .expect("writing to a string succeeds");
    }
    text
}

fn wgsl(kind: Kind) -> &'static str {
    match kind {
        Kind::Real => "real",
        Kind::Complex => "vec2<real>",
        other => unreachable!("element-wise rules take and give no {other}"),
    }
}

/// `Params` of the shader, whose length depends on the chain.
fn params(points: &[Point], count: u32, precision: Precision) -> Vec<u8> {
    let numbers = points.iter().flat_map(|point| point.p);
    let mut bytes: Vec<u8> = match precision {
        Precision::F32 => numbers.flat_map(|p| (p as f32).to_ne_bytes()).collect(),
        Precision::F64 => numbers.flat_map(f64::to_ne_bytes).collect(),
    };
    bytes.extend_from_slice(&count.to_ne_bytes());
    bytes
}
