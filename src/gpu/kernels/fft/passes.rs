//! The passes of a transform through global memory: how a length is split, and what each pass gets.

use num_complex::Complex;

use super::stages::{Stages, is_smooth, root};

/// How the rows of an input become complex rows: the numbers of `import/fft_load.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pairs of reals; also real rows of even length, taken as half as many complex numbers.
    Complex = 0,
    /// Reals with imaginary parts of 0.
    Real = 1,
    /// Two real rows as real and imaginary part of one.
    Pairs = 2,
}

/// Lanes that read neighbours in a pass over more than one part: 4 complex f32 fill a 32-byte sector of memory.
const MIN_LANES: usize = 4;
/// Fills the 128-byte lines of most GPUs; more lanes only take workgroup memory.
const MAX_LANES: usize = 16;
/// Slots that keep a workgroup busy when transforms are short.
const BUSY_SLOTS: usize = 1024;
/// More workgroup memory than this is not used: shaders count elements in f32.
const MAX_SLOTS: usize = 16384;

/// One pass: DFTs of `stages.length` points, the Rust side of `fft_pass.wgsl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The transform in workgroup memory.
    pub stages: Stages,
    /// Product of the radices of later passes.
    pub part: usize,
    /// Product of the radices of earlier passes, times the length behind the axis.
    pub step: usize,
    /// Neighbouring columns in a workgroup, a power of two, as its exponent.
    pub shift: u32,
    /// Sets of such columns in a workgroup.
    pub groups: usize,
}

impl Pass {
    /// Complex numbers of workgroup memory.
    pub fn slots(&self) -> usize {
        (self.groups * self.stages.length) << self.shift
    }

    /// The factors of the stages, then `exp(-2 pi i p j / L)`, j = 0..length, in a row per p = 0..part; L is what is left to combine.
    pub fn twiddles(&self) -> Vec<Complex<f64>> {
        let mut twiddles = self.stages.twiddles();
        if self.part > 1 {
            let left = self.stages.length * self.part;
            for p in 0..self.part {
                twiddles.extend((0..self.stages.length).map(|j| root(p * j, left)));
            }
        }
        if twiddles.is_empty() {
            // A transform of one point has no factor, but the shader binds the table.
            twiddles.push(Complex::ONE);
        }
        twiddles
    }
}

/// The passes of a transform of `length` points whose neighbours lie `inner` numbers apart, in workgroups of at most `slots`
/// complex numbers: as few as possible, of lengths as equal as possible. `None` if a prime factor beyond 7 is in it.
pub fn passes(length: usize, inner: usize, slots: usize) -> Option<Vec<Pass>> {
    if !is_smooth(length) {
        return None;
    }
    let slots = slots.min(MAX_SLOTS);
    let lanes = |count: usize| {
        if count == 1 {
            inner.min(MIN_LANES)
        } else {
            MIN_LANES
        }
    };
    let lengths = (1..=length.ilog2().max(1) as usize)
        .find_map(|count| split(length, count, slots / lanes(count)))?;

    let (mut part, mut step) = (length, inner);
    let passes = lengths.into_iter().map(|radix| {
        let stages = Stages::new(radix)?;
        part /= radix;
        let lanes = (slots / radix)
            .min(MAX_LANES)
            .min((part * step).next_power_of_two());
        let shift = lanes.ilog2();
        let groups = (BUSY_SLOTS.min(slots) / (radix << shift)).max(1);
        let pass = Pass {
            stages,
            part,
            step,
            shift,
            groups,
        };
        step *= radix;
        Some(pass)
    });
    passes.collect()
}

/// `count` factors of a length, none above `limit`, with the least largest one; descending.
fn split(length: usize, count: usize, limit: usize) -> Option<Vec<usize>> {
    if count == 1 {
        return (length <= limit && Stages::new(length).is_some()).then(|| vec![length]);
    }
    let divisors = (2..=limit.min(length))
        .rev()
        .filter(|d| length.is_multiple_of(*d) && Stages::new(*d).is_some());
    let splits = divisors.filter_map(|first| {
        let mut rest = split(length / first, count - 1, first)?;
        rest.insert(0, first);
        Some(rest)
    });
    splits.min_by_key(|factors| factors[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(length: usize, inner: usize, slots: usize) -> Vec<usize> {
        let passes = passes(length, inner, slots).expect("smooth");
        passes.iter().map(|pass| pass.stages.length).collect()
    }

    #[test]
    fn few_equal_passes() {
        assert_eq!(lengths(4096, 1, 4096), [4096]);
        assert_eq!(lengths(4096, 1, 2048), [64, 64]);
        assert_eq!(lengths(5000, 1, 4096), [100, 50]);
        assert_eq!(lengths(1 << 20, 1, 4096), [1024, 1024]);
        assert_eq!(lengths(1 << 20, 1, 2048), [128, 128, 64]);
        assert_eq!(lengths(1 << 21, 1, 2048), [128, 128, 128]);
        assert_eq!(lengths(4096, 1000, 4096), [64, 64]);
        assert_eq!(lengths(1000, 1000, 4096), [1000]);
        assert_eq!(lengths(1, 1, 2048), [1]);
        assert_eq!(passes(11, 1, 2048), None);
    }

    #[test]
    fn workgroups_fit_every_limit() {
        for slots in [2048, 4096, 6144, 8192] {
            for inner in [1, 3, 500] {
                for length in
                    (1..=1_usize << 21).filter(|&n| n < 600 || n.is_power_of_two() || n % 9800 == 0)
                {
                    for pass in passes(length, inner, slots).into_iter().flatten() {
                        assert!(
                            pass.slots() <= slots,
                            "{length} behind {inner} in {slots}: {pass:?}"
                        );
                    }
                }
            }
        }
    }
}
