//! Element-wise commands, for both backends: one sample in, one sample out.
//!
//! A rule is written twice side by side, as a WGSL expression and as a Rust closure, so that neighbouring commands fuse into
//! one pass on either backend. The macros expand the closure into slice loops for f32 and f64, which the compiler vectorises.

use num_complex::Complex;

use crate::block::{Block, Kind, Real, Samples};

/// Parameters of a rule, `p.x` to `p.w` in WGSL.
pub type Params = [f64; 4];

/// An element-wise command with its parameters.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// What it does to each kind of input; the first rule that accepts the kind applies.
    pub rules: &'static [Rule],
    /// Its numbers.
    pub p: Params,
}

impl Point {
    /// Every sample as it is.
    pub const IDENTITY: Point = Point {
        rules: &[real!("x", |x, _p| x), complex!("x", |x, _p| x)],
        p: [0.0; 4],
    };

    /// The rule for a kind of input.
    pub fn rule(&self, kind: Kind) -> Option<&'static Rule> {
        self.rules.iter().find(|rule| rule.input == kind)
    }

    /// Applies it to a block whose kind has a rule.
    pub fn apply<T: Looped>(&self, block: Block<T>) -> Block<T> {
        let rule = self
            .rule(block.kind())
            .expect("the plan checked that a rule takes this kind");
        match (T::of_rule(rule), block.samples) {
            (Loop::RealReal(run), Samples::Real(mut array)) => {
                run(
                    array.as_slice_mut().expect("blocks are contiguous"),
                    &self.p,
                );
                Block::real(array)
            }
            (Loop::ComplexComplex(run), Samples::Complex(mut array)) => {
                run(
                    array.as_slice_mut().expect("blocks are contiguous"),
                    &self.p,
                );
                Block::complex(array)
            }
            (Loop::ComplexReal(run), Samples::Complex(array)) => {
                let mut out = ndarray::Array2::zeros(array.dim());
                run(
                    array.as_slice().expect("blocks are contiguous"),
                    out.as_slice_mut().expect("a new array is contiguous"),
                    &self.p,
                );
                Block::real(out)
            }
            _ => unreachable!("a rule's loop takes the kind that the rule names"),
        }
    }
}

/// A precision that rules have loops for.
pub trait Looped: Real {
    /// The rule's loop in this precision.
    fn of_rule(rule: &Rule) -> Loop<Self>;
}

impl Looped for f32 {
    fn of_rule(rule: &Rule) -> Loop<f32> {
        rule.f32
    }
}

impl Looped for f64 {
    fn of_rule(rule: &Rule) -> Loop<f64> {
        rule.f64
    }
}

/// What an element-wise command does to one kind of input.
#[derive(Debug)]
pub struct Rule {
    /// Kind of sample that it takes.
    pub input: Kind,
    /// Kind of sample that it gives.
    pub output: Kind,
    /// A WGSL expression of `x` (`real` or `vec2<real>`) and `p` (`vec4<real>`).
    pub wgsl: &'static str,
    /// The loops in single precision.
    pub f32: Loop<f32>,
    /// The loops in double precision.
    pub f64: Loop<f64>,
}

/// A rule's loop over contiguous samples.
#[derive(Debug, Clone, Copy)]
pub enum Loop<T> {
    /// Real to real, in place.
    RealReal(fn(&mut [T], &Params)),
    /// Complex to complex, in place.
    ComplexComplex(fn(&mut [Complex<T>], &Params)),
    /// Complex to real.
    ComplexReal(fn(&[Complex<T>], &mut [T], &Params)),
}

/// A rule from real to real samples: `real!("min(x, p.x)", |x, p| x.min(p[0]))`.
#[macro_export]
macro_rules! real {
    ($wgsl:literal, |$x:ident, $p:ident| $body:expr) => {
        $crate::point::Rule {
            input: $crate::block::Kind::Real,
            output: $crate::block::Kind::Real,
            wgsl: $wgsl,
            f32: $crate::point::Loop::RealReal($crate::point_loop!(in f32, f32, $x, $p, $body)),
            f64: $crate::point::Loop::RealReal($crate::point_loop!(in f64, f64, $x, $p, $body)),
        }
    };
}

/// A rule from complex to complex samples; in WGSL `x` is `vec2<real>`.
#[macro_export]
macro_rules! complex {
    ($wgsl:literal, |$x:ident, $p:ident| $body:expr) => {
        $crate::point::Rule {
            input: $crate::block::Kind::Complex,
            output: $crate::block::Kind::Complex,
            wgsl: $wgsl,
            f32: $crate::point::Loop::ComplexComplex($crate::point_loop!(
                in f32, num_complex::Complex<f32>, $x, $p, $body
            )),
            f64: $crate::point::Loop::ComplexComplex($crate::point_loop!(
                in f64, num_complex::Complex<f64>, $x, $p, $body
            )),
        }
    };
}

/// A rule from complex to real samples: `complex_to_real!("length(x)", |x, _p| x.re.hypot(x.im))`.
#[macro_export]
macro_rules! complex_to_real {
    ($wgsl:literal, |$x:ident, $p:ident| $body:expr) => {
        $crate::point::Rule {
            input: $crate::block::Kind::Complex,
            output: $crate::block::Kind::Real,
            wgsl: $wgsl,
            f32: $crate::point::Loop::ComplexReal($crate::point_loop!(out f32, $x, $p, $body)),
            f64: $crate::point::Loop::ComplexReal($crate::point_loop!(out f64, $x, $p, $body)),
        }
    };
}

/// The loops behind the rule macros.
#[doc(hidden)]
#[macro_export]
macro_rules! point_loop {
    (in $real:ty, $sample:ty, $x:ident, $p:ident, $body:expr) => {
        |samples: &mut [$sample], params: &$crate::point::Params| {
            let $p = params.map(|v| v as $real);
            let _ = $p;
            let apply = |$x: $sample| $body;
            for sample in samples {
                *sample = apply(*sample);
            }
        }
    };
    (out $real:ty, $x:ident, $p:ident, $body:expr) => {
        |samples: &[num_complex::Complex<$real>],
         out: &mut [$real],
         params: &$crate::point::Params| {
            let $p = params.map(|v| v as $real);
            let _ = $p;
            let apply = |$x: num_complex::Complex<$real>| $body;
            for (sample, to) in samples.iter().zip(out) {
                *to = apply(*sample);
            }
        }
    };
}

pub use crate::complex;
pub use crate::complex_to_real;
pub use crate::real;
