//! The analytic signal: a real signal with its Hilbert transform for imaginary part (Marple 1999; `scipy.signal.hilbert`).

use ndarray::Array2;
use num_complex::Complex;

use super::fft::{self, Direction, Planned};
use super::rows;

/// The analytic signal of each row: its spectrum without the negative frequencies, the positive ones doubled.
pub fn rows<T: Planned>(x: &Array2<T>) -> Array2<Complex<T>> {
    let n = x.ncols();
    let mut spectrum = fft::real_rows(x);
    rows::in_place(
        &mut spectrum,
        || (),
        |_, row, ()| {
            row[1..n.div_ceil(2)].iter_mut().for_each(|v| *v = *v + *v);
            row[n / 2 + 1..].fill(Complex::new(T::zero(), T::zero()));
        },
    );
    fft::complex_rows(&mut spectrum, Direction::Inverse);
    spectrum
}
