//! Bluestein's transform: a DFT of any length as a convolution of a smooth one.
//!
//! With c[k] = exp(-pi i k^2 / n), X[k] = c[k] sum_j (x[j] c[j]) c*[k - j]. The index k^2 is reduced modulo 2n in integers and
//! the tables come from f64: in f32 the chirp alone would cost three to six digits.
//! (L. Bluestein, A linear filtering approach to the computation of discrete Fourier transform, 1970.)

use std::f64::consts::PI;

use num_complex::Complex;
use rustfft::FftPlanner;

use super::stages::is_smooth;

/// Length of the convolution: the least smooth one that keeps the ends of a cyclic convolution apart.
pub fn convolution_length(length: usize) -> usize {
    (2 * length - 1..)
        .find(|&n| is_smooth(n))
        .expect("powers of two are smooth")
}

/// The chirp `c[k]`, k = 0..length.
pub fn chirp(length: usize) -> Vec<Complex<f64>> {
    let period = 2 * length as u64;
    (0..length as u64)
        .map(|k| Complex::cis(-PI * (k * k % period) as f64 / length as f64))
        .collect()
}

/// DFT of the filter `c*[|j|]`, laid out cyclically in `padded` points, over `padded`, so that the unscaled inverse fits.
pub fn filter(length: usize, padded: usize) -> Vec<Complex<f64>> {
    let mut filter = vec![Complex::ZERO; padded];
    for (j, c) in chirp(length).into_iter().enumerate() {
        filter[j] = c.conj() / padded as f64;
        filter[(padded - j) % padded] = filter[j];
    }
    FftPlanner::new()
        .plan_fft_forward(padded)
        .process(&mut filter);
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_hold_the_convolution() {
        assert_eq!(convolution_length(1), 1);
        assert_eq!(convolution_length(11), 21);
        assert_eq!(convolution_length(10007), 20160);
        assert_eq!(convolution_length(1 << 20), 1 << 21);
    }

    #[test]
    fn the_chirp_is_exact_for_long_rows() {
        let n = (1 << 20) - 3;
        let last = (n - 1) as u128;
        let angle = -PI * (last * last % (2 * n as u128)) as f64 / n as f64;
        assert!((chirp(n)[n - 1] - Complex::cis(angle)).norm() < 1e-15);
    }
}
