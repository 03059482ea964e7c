//! The design: corners and order to sections.

use std::f64::consts::PI;

/// Which frequencies pass, by the corners in Hz (-3 dB of one pass, -6 dB of both).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Corner {
    /// Below the corner.
    Low(f64),
    /// Above the corner.
    High(f64),
    /// Between the two.
    Band(f64, f64),
    /// Outside the two.
    Stop(f64, f64),
}

/// Why a filter cannot be designed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Design {
    /// A filter of order 0 does nothing.
    #[error("order: found 0, expected 1 or more")]
    Order,
    /// A corner is not below the Nyquist frequency, or not above zero.
    #[error(
        "corner: found {found} Hz, expected above 0 and below {nyquist} Hz, half the sampling rate"
    )]
    Corner {
        /// The corner, in Hz.
        found: f64,
        /// Half the sampling rate, in Hz.
        nyquist: f64,
    },
    /// The corners of a band are not in ascending order.
    #[error("corners: found {low} and {high} Hz, expected the lower one first")]
    Band {
        /// The first corner, in Hz.
        low: f64,
        /// The second corner, in Hz.
        high: f64,
    },
}

/// One section: a state-variable filter with integrators of gain `g`, of which one output is tapped.
///
/// A second-order section has poles of natural frequency `g = tan(pi f / rate)` and damping `k = 1/Q`; per sample, with
/// states `s1` and `s2`,
/// `hp = (x - s2 - (g + k) s1) / (1 + g (g + k))`, `bp = s1 + g hp`, `lp = s2 + g bp`, `s1 = bp + g hp`, `s2 = lp + g bp`.
/// A first-order section has one state: `hp = (x - s2) / (1 + g)`, `lp = s2 + g hp`, `s2 = lp + g hp`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// Integrator gain: the pre-warped natural frequency.
    pub g: f64,
    /// Damping `1/Q` of a second-order section; `None` for a first-order one.
    pub damping: Option<f64>,
    /// Which output goes on to the next section.
    pub tap: Tap,
}

/// An output of a section, with its gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tap {
    /// `gain lp`.
    Low(f64),
    /// `gain hp`.
    High(f64),
    /// `gain bp`.
    Band(f64),
    /// `hp + gain lp`: a notch at `sqrt(gain) g`.
    Notch(f64),
}

impl Tap {
    /// Gain of a constant.
    pub fn at_zero(self) -> f64 {
        match self {
            Tap::Low(gain) | Tap::Notch(gain) => gain,
            Tap::High(_) | Tap::Band(_) => 0.0,
        }
    }
}

/// A designed filter: sections in the order in which a signal goes through them.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade {
    pub(super) sections: Vec<Section>,
    /// Samples by which rows are extended on each side.
    pub(super) pad: usize,
}

impl Cascade {
    /// A Butterworth filter for data sampled at `rate` Hz.
    ///
    /// `order` is that of the low-pass prototype, as in scipy: a band filter has twice as many poles.
    ///
    /// # Errors
    /// For order 0, a corner outside 0 to `rate / 2` (both excluded), corners that do not ascend.
    pub fn butter(order: usize, corner: Corner, rate: f64) -> Result<Self, Design> {
        if order == 0 {
            return Err(Design::Order);
        }
        let warp = |found: f64| {
            let nyquist = rate / 2.0;
            if found > 0.0 && found < nyquist {
                Ok((PI * found / rate).tan())
            } else {
                Err(Design::Corner { found, nyquist })
            }
        };
        let pad = match corner {
            Corner::Low(_) | Corner::High(_) => 3 * (order + 1),
            Corner::Band(..) | Corner::Stop(..) => 3 * (2 * order + 1),
        };
        let sections = match corner {
            Corner::Low(f) => one_sided(order, warp(f)?, Tap::Low(1.0)),
            Corner::High(f) => one_sided(order, warp(f)?, Tap::High(1.0)),
            Corner::Band(low, high) | Corner::Stop(low, high) => {
                let (w1, w2) = (warp(low)?, warp(high)?);
                if w1 >= w2 {
                    return Err(Design::Band { low, high });
                }
                let band = Band {
                    centre: (w1 * w2).sqrt(),
                    width: w2 - w1,
                };
                match corner {
                    Corner::Band(..) => band_pass(order, &band),
                    _ => band_stop(order, &band),
                }
            }
        };
        Ok(Self { sections, pad })
    }

    /// The sections, in the order in which a signal goes through them.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// Dampings of the prototype's complex pole pairs, `2 sin(pi (2 i + 1) / (2 order))`, lowest first; an odd order has a real
/// pole besides.
fn dampings(order: usize) -> impl DoubleEndedIterator<Item = f64> {
    (0..order / 2).map(move |i| 2.0 * (PI * (2 * i + 1) as f64 / (2 * order) as f64).sin())
}

fn one_sided(order: usize, g: f64, tap: Tap) -> Vec<Section> {
    let section = |damping| Section { g, damping, tap };
    let real = (order % 2 == 1).then_some(section(None));
    // Sharp resonances last, when the rest of the filter has removed most of the signal.
    real.into_iter()
        .chain(dampings(order).rev().map(|k| section(Some(k))))
        .collect()
}

/// The band in the pre-warped domain.
struct Band {
    centre: f64,
    width: f64,
}

impl Band {
    /// A prototype pole pair of damping `k` becomes two pairs of equal damping, at `centre / w` and `centre * w`: this gives
    /// `w >= 1` and their damping (Geffe, "Designers' guide to active band-pass filters", 1974).
    fn split(&self, k: f64) -> (f64, f64) {
        let relative = self.width / self.centre;
        let d = k * relative;
        let e = 4.0 + relative * relative;
        let q = ((e + ((e - 2.0 * d) * (e + 2.0 * d)).sqrt()) / 2.0).sqrt() / d;
        let half = k * q * relative / 2.0;
        (half + (half * half - 1.0).max(0.0).sqrt(), 1.0 / q)
    }

    /// Damping of the pair that the prototype's real pole becomes, at the centre.
    fn middle(&self) -> f64 {
        self.width / self.centre
    }
}

/// Half of the zeros at zero frequency and half at infinity: the lower pairs are high-passes and the upper ones low-passes. Band
/// taps throughout would be the same filter, but lose two digits in single precision. The gains share out the overall
/// `width^order` so that no intermediate signal grows or fades away.
fn band_pass(order: usize, band: &Band) -> Vec<Section> {
    let pairs: Vec<(f64, f64)> = dampings(order).map(|k| band.split(k)).collect();
    let high = pairs.iter().map(|&(w, damping)| Section {
        g: band.centre / w,
        damping: Some(damping),
        tap: Tap::High(band.width / band.centre),
    });
    let middle = (order % 2 == 1).then(|| Section {
        g: band.centre,
        damping: Some(band.middle()),
        tap: Tap::Band(band.width / band.centre),
    });
    let low = pairs.iter().rev().map(|&(w, damping)| {
        let g = band.centre * w;
        Section {
            g,
            damping: Some(damping),
            tap: Tap::Low(band.width * band.centre / (g * g)),
        }
    });
    high.chain(middle).chain(low).collect()
}

/// The same poles as the band-pass, all zeros at the centre.
fn band_stop(order: usize, band: &Band) -> Vec<Section> {
    let notch = |g: f64, damping| Section {
        g,
        damping: Some(damping),
        tap: Tap::Notch((band.centre / g).powi(2)),
    };
    let middle = (order % 2 == 1).then(|| notch(band.centre, band.middle()));
    let pairs = dampings(order).rev().flat_map(|k| {
        let (w, damping) = band.split(k);
        [
            notch(band.centre / w, damping),
            notch(band.centre * w, damping),
        ]
    });
    middle.into_iter().chain(pairs).collect()
}
