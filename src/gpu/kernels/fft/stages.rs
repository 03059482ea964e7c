//! The stages of a transform in workgroup memory: radices, factors and where results lie.

use std::f64::consts::TAU;

use num_complex::Complex;

/// Radices in the order of their stages, which is the shader's.
const RADICES: [usize; 5] = [4, 2, 3, 5, 7];

/// A complex DFT of `length` points, in place, one radix after another: the Rust side of `import/fft_stages.wgsl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stages {
    /// Points of the transform.
    pub length: usize,
    /// Radices of the stages, 4 before 2, 3, 5, 7; their product is the length.
    pub radices: Vec<usize>,
}

impl Stages {
    /// The stages for a length, `None` if it has a prime factor beyond 7.
    pub fn new(length: usize) -> Option<Self> {
        let mut rest = length;
        let mut radices = Vec::new();
        for radix in RADICES {
            while rest > 0 && rest.is_multiple_of(radix) {
                radices.push(radix);
                rest /= radix;
            }
        }
        (rest == 1).then_some(Self { length, radices })
    }

    /// The constants of `import/fft_stages.wgsl` for a workgroup of so many slots and threads.
    pub fn constants(&self, slots: usize, threads: usize) -> Vec<(&'static str, f64)> {
        vec![
            ("threads", threads as f64),
            ("slot_count", slots as f64),
            ("points", self.length as f64),
            ("fours", self.count(4) as f64),
            ("twos", self.count(2) as f64),
            ("threes", self.count(3) as f64),
            ("fives", self.count(5) as f64),
            ("sevens", self.count(7) as f64),
        ]
    }

    /// Stages of a radix.
    pub fn count(&self, radix: usize) -> usize {
        self.radices.iter().filter(|&&r| r == radix).count()
    }

    /// Where each bin lies after the stages: its digits in reverse.
    pub fn places(&self) -> Vec<u32> {
        (0..self.length)
            .map(|bin| {
                let (mut rest, mut block, mut place) = (bin, self.length, 0);
                for radix in &self.radices {
                    block /= radix;
                    place += rest % radix * block;
                    rest /= radix;
                }
                place as u32
            })
            .collect()
    }

    /// The factors between the stages, `length - 1` in all: for every stage of block length L and radix r the rows
    /// `exp(-2 pi i k q / L)`, k = 0..L/r, of q = 1..r.
    pub fn twiddles(&self) -> Vec<Complex<f64>> {
        let mut twiddles = Vec::with_capacity(self.length);
        let mut block = self.length;
        for radix in &self.radices {
            let part = block / radix;
            for q in 1..*radix {
                twiddles.extend((0..part).map(|k| root(k * q, block)));
            }
            block = part;
        }
        twiddles
    }
}

/// Whether 2, 3, 5 and 7 are the only prime factors.
pub fn is_smooth(length: usize) -> bool {
    Stages::new(length).is_some()
}

/// `exp(-2 pi i k / n)`.
pub fn root(k: usize, n: usize) -> Complex<f64> {
    Complex::cis(-TAU * (k % n) as f64 / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radices_in_order() {
        let stages = Stages::new(2 * 4 * 3 * 5 * 7).expect("smooth");
        assert_eq!(stages.radices, [4, 2, 3, 5, 7]);
        assert_eq!(stages.twiddles().len(), 839);
        assert_eq!(Stages::new(1).map(|s| s.radices), Some(vec![]));
        assert_eq!(Stages::new(0), None);
        assert_eq!(Stages::new(11), None);
    }

    #[test]
    fn places_are_a_permutation() {
        for length in (1..=512).filter(|&n| is_smooth(n)) {
            let mut places = Stages::new(length).expect("smooth").places();
            places.sort_unstable();
            assert!(places.into_iter().eq(0..length as u32), "length {length}");
        }
    }
}
