//! The design: corners and order to sections.

use std::f64::consts::PI;

use super::prototype::{Pair, Prototype};

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
        Self::new(&Prototype::butterworth(order), corner, rate)
    }

    /// A filter from an analog low-pass prototype, for data sampled at `rate` Hz.
    ///
    /// # Errors
    /// As for [`Cascade::butter`].
    pub fn new(prototype: &Prototype, corner: Corner, rate: f64) -> Result<Self, Design> {
        let order = prototype.order();
        if order == 0 {
            return Err(Design::Order);
        }
        let warp = |found: f64| warped(found, rate);
        let pad = match corner {
            Corner::Low(_) | Corner::High(_) => 3 * (order + 1),
            Corner::Band(..) | Corner::Stop(..) => 3 * (2 * order + 1),
        };
        let mut sections = match corner {
            Corner::Low(f) => one_sided(prototype, warp(f)?, Side::Low),
            Corner::High(f) => one_sided(prototype, warp(f)?, Side::High),
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
                    Corner::Band(..) => band_pass(prototype, &band),
                    _ => band_stop(prototype, &band),
                }
            }
        };
        if let Tap::Low(gain) | Tap::High(gain) | Tap::Band(gain) = &mut sections[0].tap {
            *gain *= prototype.gain;
        }
        Ok(Self { sections, pad })
    }

    /// Notches at some frequencies, each as wide at -3 dB as its frequency by `quality` (`scipy.signal.iirnotch`).
    ///
    /// # Errors
    /// For a frequency outside 0 to `rate / 2` (both excluded).
    pub fn notches(frequencies: &[f64], quality: f64, rate: f64) -> Result<Self, Design> {
        let section = |&f: &f64| {
            let g = warped(f, rate)?;
            let width = (PI * f / rate / quality).tan();
            Ok(Section {
                g,
                damping: Some(width * (1.0 + g * g) / g),
                tap: Tap::Notch(1.0),
            })
        };
        let sections: Vec<Section> = frequencies.iter().map(section).collect::<Result<_, _>>()?;
        let pad = 3 * (2 * sections.len() + 1);
        Ok(Self { sections, pad })
    }

    /// The sections, in the order in which a signal goes through them.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// The pre-warped frequency of the bilinear transform.
fn warped(found: f64, rate: f64) -> Result<f64, Design> {
    let nyquist = rate / 2.0;
    if found > 0.0 && found < nyquist {
        Ok((PI * found / rate).tan())
    } else {
        Err(Design::Corner { found, nyquist })
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Low,
    High,
}

fn one_sided(prototype: &Prototype, corner: f64, side: Side) -> Vec<Section> {
    let section = |radius: f64, damping| match side {
        Side::Low => Section {
            g: corner * radius,
            damping,
            tap: Tap::Low(1.0),
        },
        Side::High => Section {
            g: corner / radius,
            damping,
            tap: Tap::High(1.0),
        },
    };
    let real = prototype.real.map(|radius| section(radius, None));
    // Sharp resonances last, when the rest of the filter has removed most of the signal.
    let pairs = prototype.pairs.iter().rev();
    real.into_iter()
        .chain(pairs.map(|pair| section(pair.radius, Some(pair.damping))))
        .collect()
}

/// The band in the pre-warped domain.
struct Band {
    centre: f64,
    width: f64,
}

impl Band {
    /// A prototype pole pair becomes two pairs of equal damping, at `centre / w` and `centre * w`: this gives `w >= 1` and their
    /// damping (Geffe, "Designers' guide to active band-pass filters", 1974).
    fn split(&self, pair: &Pair) -> (f64, f64) {
        let k = pair.damping;
        let relative = self.relative(pair.radius);
        let d = k * relative;
        let e = 4.0 + relative * relative;
        let q = ((e + ((e - 2.0 * d) * (e + 2.0 * d)).sqrt()) / 2.0).sqrt() / d;
        let half = k * q * relative / 2.0;
        (half + (half * half - 1.0).max(0.0).sqrt(), 1.0 / q)
    }

    /// The width by the centre, for a pole of some radius; of a real pole the damping of the pair that it becomes.
    fn relative(&self, radius: f64) -> f64 {
        self.width * radius / self.centre
    }
}

/// Half of the zeros at zero frequency and half at infinity: the lower pairs are high-passes and the upper ones low-passes. Band
/// taps throughout would be the same filter, but lose two digits in single precision. The gains share out the overall
/// `width^order` so that no intermediate signal grows or fades away.
fn band_pass(prototype: &Prototype, band: &Band) -> Vec<Section> {
    let pairs: Vec<(f64, f64, f64)> = prototype
        .pairs
        .iter()
        .map(|pair| {
            let (w, damping) = band.split(pair);
            (w, damping, band.relative(pair.radius))
        })
        .collect();
    let high = pairs.iter().map(|&(w, damping, relative)| Section {
        g: band.centre / w,
        damping: Some(damping),
        tap: Tap::High(relative),
    });
    let middle = prototype.real.map(|radius| Section {
        g: band.centre,
        damping: Some(band.relative(radius)),
        tap: Tap::Band(band.relative(radius)),
    });
    let low = pairs.iter().rev().map(|&(w, damping, relative)| {
        let g = band.centre * w;
        Section {
            g,
            damping: Some(damping),
            tap: Tap::Low(relative * band.centre * band.centre / (g * g)),
        }
    });
    high.chain(middle).chain(low).collect()
}

/// The same poles as the band-pass at their inverse radii, all zeros at the centre.
fn band_stop(prototype: &Prototype, band: &Band) -> Vec<Section> {
    let notch = |g: f64, damping| Section {
        g,
        damping: Some(damping),
        tap: Tap::Notch((band.centre / g).powi(2)),
    };
    let inverse = |pair: &Pair| Pair {
        radius: 1.0 / pair.radius,
        damping: pair.damping,
    };
    let middle = prototype
        .real
        .map(|radius| notch(band.centre, band.relative(1.0 / radius)));
    let pairs = prototype.pairs.iter().rev().flat_map(|pair| {
        let (w, damping) = band.split(&inverse(pair));
        [
            notch(band.centre / w, damping),
            notch(band.centre * w, damping),
        ]
    });
    middle.into_iter().chain(pairs).collect()
}
