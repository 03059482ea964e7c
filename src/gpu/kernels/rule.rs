//! Rules: what a command writes in WGSL, and the frames of shaders that it goes into.
//!
//! A rule is one or more functions, as the frame wants them (see [`super::map`] and [`super::fold`]). They may use, for the input `a`
//! (and likewise `b`, `c`, `d`, in the order of the inputs):
//! - `a(i, j)`, the sample at row `i` and column `j`, of the type `A`: `real`, `vec2<real>` or `u32`; `a_rows()` and `a_cols()`;
//! - `a_wide(i, j)`: where an axis of length 1 counts for every position; `a_y(i, j)` and `a_c(i, j)`: the same as the result's type `Y`
//!   (of complex samples the real part) and as a complex number;
//! - `a_at(i, j, t)`: at position `t` along the axis, otherwise at row `i` and column `j`; `a_len()`;
//! - `a_power(i, j)` and `a_size(i, j)`: squared modulus and modulus;
//!
//! and `place(i, j)` and `across(i, j)`, the position along the axis and along the other one; `rows()` and `cols()` of the result;
//! `number(k)` and `word(k)`, its parameters; `times(p, q)`, `conj(p)` and `power(p)`: product, conjugate and squared modulus of values
//! of the type `Y`; what `import/complex.wgsl` and `import/number.wgsl` have; and `edge(at, n)`, the sample that stands at position `at` of an axis of `n`, -1
//! where zeros stand, if [`Rule::edge`] said how arrays go on.

use super::word;
use crate::block::Precision;
use crate::dsp::edge::Edge;
use crate::gpu::{Element, Kernel, Recorder, Steps, Tensor};

/// A rule with its inputs and parameters.
#[derive(Debug, Clone)]
pub struct Rule {
    text: &'static str,
    inputs: Vec<Tensor>,
    numbers: Vec<f64>,
    words: Vec<u32>,
    axis: usize,
    edge: Option<Edge>,
    /// Applied to the samples of `a` as they are read, and what they are then.
    steps: Option<(Steps, Element)>,
}

impl Rule {
    /// A rule without parameters, along time, of at least one input and at most four.
    pub fn new<const N: usize>(text: &'static str, inputs: [Tensor; N]) -> Self {
        const { assert!(N > 0 && N <= 4) };
        Self {
            text,
            inputs: inputs.to_vec(),
            numbers: Vec::new(),
            words: Vec::new(),
            axis: 1,
            edge: None,
            steps: None,
        }
    }

    /// With real parameters.
    pub fn numbers(self, numbers: impl Into<Vec<f64>>) -> Self {
        let numbers = numbers.into();
        Self { numbers, ..self }
    }

    /// With whole parameters.
    pub fn words<const N: usize>(self, words: [usize; N]) -> Self {
        let words = words.map(word).to_vec();
        Self { words, ..self }
    }

    /// Along an axis: 0 (depth) or 1 (time).
    pub fn axis(self, axis: usize) -> Self {
        Self { axis, ..self }
    }

    /// With arrays that go on beyond their ends.
    pub fn edge(self, edge: Edge) -> Self {
        Self {
            edge: Some(edge),
            ..self
        }
    }

    /// What is read.
    pub(super) fn inputs(&self) -> &[Tensor] {
        &self.inputs
    }

    /// The same rule of other inputs.
    pub(super) fn of(&self, text: &'static str, inputs: Vec<Tensor>) -> Self {
        Self {
            text,
            inputs,
            steps: None,
            ..self.clone()
        }
    }

    /// The rule that reads what its first input is made from, where that waits for a reader, and applies the steps itself. For
    /// rules that read each sample once.
    pub(super) fn inlined(&self, rec: &Recorder) -> Self {
        let a = self.inputs[0];
        let alone = self.inputs.iter().filter(|x| x.id() == a.id()).count() == 1;
        let (Some((from, steps)), true) = (rec.steps_of(a), alone) else {
            return self.clone();
        };
        let mut rule = self.clone();
        rule.inputs[0] = from.view(a.rows(), a.cols(), from.element());
        rule.steps = Some((steps.clone(), a.element()));
        // The steps' parameters begin with a vector of their own.
        let zeros = rule.numbers.len().next_multiple_of(4);
        rule.numbers.resize(zeros, 0.0);
        rule.numbers.extend(&steps.numbers);
        rule
    }

    /// The shader: the kernel's frame with the rule.
    pub(super) fn shader(&self, kernel: &Kernel, element: Element) -> String {
        let (frame, _) = kernel
            .source
            .split_once("// Generated:\n")
            .expect("the frame ends with this line");
        let inputs = self.inputs.iter().enumerate();
        let accessors: String = inputs
            .map(|(k, input)| {
                let steps = self.steps.as_ref().filter(|_| k == 0);
                let read = steps.map_or(input.element(), |(_, element)| *element);
                let stored = input.element();
                accessors(k, (stored, read), steps.is_some(), element, self.axis)
            })
            .collect();
        let steps = self.steps.as_ref().map_or(String::new(), |(steps, read)| {
            let count = steps.numbers.len() / 4;
            let first = self.numbers.len() / 4 - count;
            let call = (0..count).fold("x".to_string(), |call, k| {
                format!("step{k}({call}, params.numbers[{}])", first + k)
            });
            let (from, to) = (wgsl(self.inputs[0].element()), wgsl(*read));
            format!(
                "{}fn steps(x: {from}) -> {to} {{ return {call}; }}\n",
                steps.functions
            )
        });
        format!(
            "{frame}const NUMBERS = {numbers}u;\n\
             const WORDS = {words}u;\n\
             alias Y = {to};\n\
             {accessors}\
             @group(0) @binding({binding}) var<storage, read_write> y: array<Y>;\n\
             fn rows() -> u32 {{ return params.shapes[2].x; }}\n\
             fn cols() -> u32 {{ return params.shapes[2].y; }}\n\
             fn number(k: u32) -> real {{ return params.numbers[k / 4u][k % 4u]; }}\n\
             fn word(k: u32) -> u32 {{ return params.words[k / 4u][k % 4u]; }}\n\
             fn place(i: u32, j: u32) -> u32 {{ return {place}; }}\n\
             fn across(i: u32, j: u32) -> u32 {{ return {across}; }}\n\
             {arithmetic}{edge}{steps}{rule}\n",
            numbers = self.numbers.len().div_ceil(4).max(1),
            words = self.words.len().div_ceil(4).max(1),
            to = wgsl(element),
            binding = self.inputs.len() + 1,
            place = ["i", "j"][self.axis],
            across = ["j", "i"][self.axis],
            arithmetic = match element {
                Element::Complex => COMPLEX,
                _ => REAL,
            },
            edge = self.edge.map_or(String::new(), edge),
            rule = self.text,
        )
    }

    /// `Params` of the shader, with more words behind the shapes.
    pub(super) fn params(&self, y: Tensor, more: &[u32], precision: Precision) -> Vec<u8> {
        let padded = |n: usize| n.div_ceil(4).max(1) * 4;
        let zeros = std::iter::repeat(0.0);
        let numbers = self.numbers.iter().copied().chain(zeros);
        let numbers = numbers.take(padded(self.numbers.len()));
        let mut bytes: Vec<u8> = match precision {
            Precision::F32 => numbers.flat_map(|p| (p as f32).to_ne_bytes()).collect(),
            Precision::F64 => numbers.flat_map(f64::to_ne_bytes).collect(),
        };
        let words = self.words.iter().copied().chain(std::iter::repeat(0));
        let mut sizes = [0; 12];
        for (k, tensor) in self.inputs.iter().enumerate() {
            sizes[2 * k] = word(tensor.rows());
            sizes[2 * k + 1] = word(tensor.cols());
        }
        (sizes[8], sizes[9]) = (word(y.rows()), word(y.cols()));
        let words = words.take(padded(self.words.len())).chain(sizes);
        let words = words.chain(more.iter().copied());
        bytes.extend(words.flat_map(u32::to_ne_bytes));
        // A structure is as long as a number of its longest vectors.
        let step = match precision {
            Precision::F32 => 16,
            Precision::F64 => 32,
        };
        bytes.resize(bytes.len().next_multiple_of(step), 0);
        bytes
    }
}

const REAL: &str = "\
    fn times(p: Y, q: Y) -> Y { return p * q; }\n\
    fn conj(p: Y) -> Y { return p; }\n\
    fn power(p: Y) -> Y { return p * p; }\n";
const COMPLEX: &str = "\
    fn times(p: Y, q: Y) -> Y { return complex_mul(p, q); }\n\
    fn conj(p: Y) -> Y { return complex_conj(p); }\n\
    fn power(p: Y) -> real { return dot(p, p); }\n";

fn wgsl(element: Element) -> &'static str {
    match element {
        Element::Real => "real",
        Element::Complex => "vec2<real>",
        Element::Index => "u32",
        Element::Stored(dtype) => panic!("found stored {}, expected numbers", dtype.name()),
    }
}

/// Binding and functions of an input: what is stored, and what is read of it, if it goes through `steps`.
fn accessors(
    k: usize,
    (stored, element): (Element, Element),
    steps: bool,
    to: Element,
    axis: usize,
) -> String {
    let name = ["a", "b", "c", "d"][k];
    let (upper, binding) = (name.to_uppercase(), k + 1);
    let (vector, first, second) = (k / 2, ["x", "z"][k % 2], ["y", "w"][k % 2]);
    let along = ["t, j", "i, t"][axis];
    let len = ["rows", "cols"][axis];
    let wide = format!("{name}_wide(i, j)");
    let converted = match (element, to) {
        (from, to) if from == to => wide.clone(),
        (Element::Complex, _) => format!("Y({wide}.x)"),
        (_, Element::Complex) => format!("Y(real({wide}), 0.0)"),
        _ => format!("Y({wide})"),
    };
    let (complex, power, size) = match element {
        Element::Complex => (wide, "dot(v, v)", "modulus(v)"),
        Element::Real => (format!("vec2<real>({wide}, 0.0)"), "v * v", "abs(v)"),
        _ => (
            format!("vec2<real>(real({wide}), 0.0)"),
            "real(v * v)",
            "real(v)",
        ),
    };
    let (upper_type, stored) = (wgsl(element), wgsl(stored));
    let steps = if steps { "steps" } else { "" };
    format!(
        "alias {upper} = {upper_type};\n\
         @group(0) @binding({binding}) var<storage, read> {name}_data: array<{stored}>;\n\
         fn {name}_rows() -> u32 {{ return params.shapes[{vector}].{first}; }}\n\
         fn {name}_cols() -> u32 {{ return params.shapes[{vector}].{second}; }}\n\
         fn {name}_len() -> u32 {{ return {name}_{len}(); }}\n\
         fn {name}(i: u32, j: u32) -> {upper} {{ return {steps}({name}_data[i * {name}_cols() + j]); }}\n\
         fn {name}_wide(i: u32, j: u32) -> {upper} {{ return {name}(min(i, {name}_rows() - 1u), min(j, {name}_cols() - 1u)); }}\n\
         fn {name}_y(i: u32, j: u32) -> Y {{ return {converted}; }}\n\
         fn {name}_c(i: u32, j: u32) -> vec2<real> {{ return {complex}; }}\n\
         fn {name}_at(i: u32, j: u32, t: u32) -> {upper} {{ return {name}({along}); }}\n\
         fn {name}_power(i: u32, j: u32) -> real {{ let v = {name}(i, j); return {power}; }}\n\
         fn {name}_size(i: u32, j: u32) -> real {{ let v = {name}(i, j); return {size}; }}\n"
    )
}

/// The function `edge`.
fn edge(edge: Edge) -> String {
    let beyond = match edge {
        Edge::Constant => "return -1;",
        Edge::Nearest => "return clamp(at, 0, n - 1);",
        Edge::Wrap => "return ((at % n) + n) % n;",
        Edge::Reflect => {
            "let k = ((at % (2 * n)) + 2 * n) % (2 * n); return select(2 * n - 1 - k, k, k < n);"
        }
        Edge::Mirror => {
            "if n == 1 { return 0; } let m = 2 * n - 2; let k = ((at % m) + m) % m; return select(m - k, k, k < n);"
        }
    };
    format!(
        "fn edge(at: i32, n: i32) -> i32 {{ if at >= 0 && at < n {{ return at; }} {beyond} }}\n"
    )
}
