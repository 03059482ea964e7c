//! The Ricker wavelet, and its average over a gauge length.

use std::f64::consts::PI;

/// The Ricker wavelet of peak frequency `f`: `(1 - 2 a t^2) exp(-a t^2)`, `a = (pi f)^2` (Ricker, 1953).
pub fn ricker(t: f64, f: f64) -> f64 {
    let square = (PI * f * t).powi(2);
    (1.0 - 2.0 * square) * (-square).exp()
}

/// The wavelet as a gauge sees it that it takes `2 half` seconds to cross: its mean from `t - half` to `t + half`.
///
/// `t exp(-a t^2)` is its antiderivative. In frequency the mean is a factor `sinc(2 f half)`.
pub fn averaged(t: f64, f: f64, half: f64) -> f64 {
    // Below this the difference would lose digits, and the mean is the wavelet to one part in 10^8.
    if half * f < 1e-4 {
        return ricker(t, f);
    }
    let primitive = |t: f64| t * (-(PI * f * t).powi(2)).exp();
    (primitive(t + half) - primitive(t - half)) / (2.0 * half)
}

/// Seconds from its centre beyond which the wavelet is less than 10^-9 of its peak.
pub fn reach(f: f64) -> f64 {
    1.6 / f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_is_the_mean_of_the_wavelet() {
        for (t, half) in [(0.0, 0.01), (0.013, 0.004), (-0.02, 0.03), (0.005, 1e-5)] {
            let steps = 20_000;
            let mean = (0..steps)
                .map(|k| {
                    ricker(
                        t - half + 2.0 * half * (k as f64 + 0.5) / steps as f64,
                        25.0,
                    )
                })
                .sum::<f64>()
                / steps as f64;
            // The midpoint rule with these steps is off by less than 1e-8.
            assert!((averaged(t, 25.0, half) - mean).abs() < 1e-7, "{t} {half}");
        }
    }
}
