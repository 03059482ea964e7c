//! Analog low-pass prototypes: their poles as radii and dampings.

use std::f64::consts::PI;

use num_complex::Complex;

/// A low-pass filter with its corner at 1, without zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct Prototype {
    /// Conjugate pairs of poles, the least damped first.
    pub pairs: Vec<Pair>,
    /// Distance of the real pole of an odd order from zero.
    pub real: Option<f64>,
    /// Gain at frequency zero.
    pub gain: f64,
}

/// A conjugate pair of poles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Distance from zero: the natural frequency.
    pub radius: f64,
    /// `1/Q`: twice the distance from the imaginary axis by the radius.
    pub damping: f64,
}

impl Prototype {
    /// Number of poles.
    pub fn order(&self) -> usize {
        2 * self.pairs.len() + usize::from(self.real.is_some())
    }

    /// Maximally flat: the poles are on the unit circle.
    pub fn butterworth(order: usize) -> Self {
        let damping = |i: usize| 2.0 * (PI * (2 * i + 1) as f64 / (2 * order) as f64).sin();
        let pair = |i| Pair {
            radius: 1.0,
            damping: damping(i),
        };
        Self {
            pairs: (0..order / 2).map(pair).collect(),
            real: (order % 2 == 1).then_some(1.0),
            gain: 1.0,
        }
    }

    /// Chebyshev's first kind: the gain swings by `ripple` dB up to the corner, and falls faster beyond.
    pub fn chebyshev1(order: usize, ripple: f64) -> Self {
        let epsilon = (10_f64.powf(0.1 * ripple) - 1.0).sqrt();
        let mu = (1.0 / epsilon).asinh() / order as f64;
        let pole = |i: usize| {
            let theta = PI * (2 * i + 1) as f64 / (2 * order) as f64;
            Complex::new(-mu.sinh() * theta.sin(), mu.cosh() * theta.cos())
        };
        let even = order.is_multiple_of(2);
        Self {
            pairs: (0..order / 2).map(|i| Pair::of(pole(i))).collect(),
            real: (!even).then_some(mu.sinh()),
            // An even order begins in a trough of the ripple.
            gain: if even {
                (1.0 + epsilon * epsilon).sqrt().recip()
            } else {
                1.0
            },
        }
    }

    /// Bessel's: the flattest delay, so that wave forms keep their shape. Normalised by phase, as `scipy.signal.bessel`: far from
    /// the corner the gain is that of a Butterworth filter. Orders up to [`Prototype::BESSEL`].
    pub fn bessel(order: usize) -> Self {
        let roots = bessel_roots(order);
        // The product of all poles is (2n)! / (n! 2^n).
        let product: f64 = (1..=order).map(|k| (order + k) as f64 / 2.0).product();
        let scale = product.powf(-1.0 / order as f64);
        let scaled = roots.into_iter().map(|root| root * scale);
        let (mut pairs, mut real) = (Vec::new(), None);
        for root in scaled {
            if root.im > 1e-6 {
                pairs.push(Pair::of(root));
            } else if root.im.abs() <= 1e-6 {
                real = Some(-root.re);
            }
        }
        pairs.sort_by(|a: &Pair, b: &Pair| a.damping.total_cmp(&b.damping));
        Self {
            pairs,
            real,
            gain: 1.0,
        }
    }

    /// Largest order of a Bessel filter whose poles double precision finds to ten digits.
    pub const BESSEL: usize = 10;
}

impl Pair {
    fn of(pole: Complex<f64>) -> Self {
        let radius = pole.norm();
        Self {
            radius,
            damping: -2.0 * pole.re / radius,
        }
    }
}

/// Roots of the reverse Bessel polynomial, all at once by Aberth's method.
///
/// The polynomial comes from its recurrence `p[k] = (2k - 1) p[k-1] + s^2 p[k-2]`, its derivative from that of the recurrence.
fn bessel_roots(order: usize) -> Vec<Complex<f64>> {
    let polynomial = |s: Complex<f64>| {
        let one = Complex::new(1.0, 0.0);
        let (mut before, mut value) = ((one, Complex::default()), (s + 1.0, one));
        for k in 2..=order {
            let factor = (2 * k - 1) as f64;
            let next = value.0 * factor + s * s * before.0;
            let slope = value.1 * factor + s * 2.0 * before.0 + s * s * before.1;
            (before, value) = (value, (next, slope));
        }
        value
    };
    let n = order as f64;
    // A half circle about the left half plane, no two conjugate, so that none is caught on the axis.
    let start = |k: usize| Complex::from_polar(n, PI / 2.0 + PI * (k as f64 + 0.6) / (n + 0.2));
    let mut roots: Vec<Complex<f64>> = (0..order).map(start).collect();
    for _ in 0..200 {
        for k in 0..order {
            let (value, slope) = polynomial(roots[k]);
            let newton = value / slope;
            let others = (0..order).filter(|&j| j != k);
            let repulsion: Complex<f64> = others.map(|j| (roots[k] - roots[j]).inv()).sum();
            roots[k] -= newton / (Complex::new(1.0, 0.0) - newton * repulsion);
        }
    }
    roots
}
