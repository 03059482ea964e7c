"""Filters and transforms along time and depth, against scipy.signal."""
import sys
from pathlib import Path

import numpy as np
from scipy import integrate, signal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

vectors = Vectors(__file__, "Filters and transforms along time and depth by scipy.signal's definitions.")
case = vectors.case
PRF = 1000.0
x = noise(1, 5, 240)
z = x + 1j * noise(2, 5, 240)
tall = noise(3, 97, 4)
depth = 100.0 + 0.5 * np.arange(97)


def both(args, f, x=x, tall=tall, **kw):
    """Along time, and along depth of an array with channels 0.5 m apart."""
    case(args, x, f(x, 1, PRF), **kw)
    case({**args, "axis": 0}, tall, f(tall, 0, 2.0), depth=depth, **kw)


for trend in ("constant", "linear"):
    both({"name": "detrend", "type": trend}, lambda v, axis, _: signal.detrend(v, axis=axis, type=trend))
drift = np.round(x * 16) + np.arange(240) * 64
case({"name": "detrend"}, drift, signal.detrend(drift, axis=1), f32=2e-5)
case({"name": "detrend", "breakpoints": [0.05, 0.1]}, x, signal.detrend(x, axis=1, bp=[50, 100]))
# scipy takes no breakpoints for means.
parts = [signal.detrend(part, axis=1, type="constant") for part in (x[:, :100], x[:, 100:])]
case({"name": "detrend", "type": "constant", "breakpoints": [0.1]}, x, np.hstack(parts))
for n in (240, 239, 7, 1):
    for fraction in (0.0, 0.1, 0.37, 1.0):
        case({"name": "taper", "fraction": fraction}, z[:, :n], z[:, :n] * signal.windows.tukey(n, fraction))
window = signal.windows.tukey(240, 0.5)
case({"name": "taper", "fraction": 0.5, "side": "left"}, x, x * np.where(np.arange(240) < 120, window, 1))
case({"name": "taper", "fraction": 0.5, "side": "right"}, x, x * np.where(np.arange(240) < 120, 1, window))
case({"name": "taper", "fraction": 0.2, "axis": 0}, tall, tall * signal.windows.tukey(97, 0.2)[:, None])

for axis in (0, 1, None):
    def norm(v):
        return np.sqrt((np.abs(v) ** 2).sum(axis=axis, keepdims=True))
    for v in (x, z):
        args = {"name": "normalize", "axis": axis}
        count = v.size if axis is None else v.shape[axis]
        case({**args, "method": "max"}, v, v / np.abs(v).max(axis=axis, keepdims=True))
        case({**args, "method": "l1"}, v, v / np.abs(v).sum(axis=axis, keepdims=True))
        case({**args, "method": "l2"}, v, v / norm(v))
        case({**args, "method": "rms"}, v, v / (norm(v) / np.sqrt(count)))
        case({**args, "method": "zscore"}, v, (v - v.mean(axis=axis, keepdims=True)) / v.std(axis=axis, keepdims=True))
case({"name": "normalize"}, np.zeros((2, 4)), np.zeros((2, 4)))

case({"name": "integrate"}, x, integrate.cumulative_trapezoid(x, dx=1 / PRF, axis=1, initial=0))
uneven = np.cumsum(0.5 + np.abs(noise(4, 1, 97)[0]))
case({"name": "integrate", "axis": 0}, tall, integrate.cumulative_trapezoid(tall, uneven, axis=0, initial=0), depth=uneven)
strain = integrate.cumulative_trapezoid(x, dx=1 / PRF, axis=1, initial=0)
case({"name": "strain_rate_to_velocity", "method": "slowness", "apparent_velocity": 2500}, x, -2500 * strain)
along = integrate.cumulative_trapezoid(tall, uneven, axis=0, initial=0)
case({"name": "strain_rate_to_velocity"}, tall, along, depth=uneven)
case({"name": "strain_rate_to_velocity", "reference_depth": uneven[40] + 0.01}, tall, along - along[40], depth=uneven)
for axis in (0, 1):
    for v in (x, x[:, :239], tall):
        case({"name": "median_subtract", "axis": axis}, v, v - np.median(v, axis=axis, keepdims=True))
for n in (240, 239, 2, 1):
    case({"name": "envelope"}, x[:, :n], np.abs(signal.hilbert(x[:, :n], axis=1)))
case({"name": "envelope", "axis": 0}, tall, np.abs(signal.hilbert(tall, axis=0)))


def filtered(sos, v, axis, padtype="odd"):
    return signal.sosfiltfilt(sos, v, axis=axis, padtype=padtype, **({"padlen": 0} if padtype is None else {}))


DESIGNS = {
    "butterworth": lambda n, wn, kind, fs: signal.butter(n, wn, kind, fs=fs, output="sos"),
    "chebyshev1": lambda n, wn, kind, fs: signal.cheby1(n, 1.0, wn, kind, fs=fs, output="sos"),
    "bessel": lambda n, wn, kind, fs: signal.bessel(n, wn, kind, fs=fs, output="sos", norm="phase"),
}
for design, make in DESIGNS.items():
    for order in (1, 2, 3, 4, 7, 8):
        low, high = 60.0, 180.0
        args = {"name": "bandpass", "design": design, "order": order}
        case({**args, "low_freq": None, "high_freq": high}, x, filtered(make(order, high, "low", PRF), x, 1))
        case({**args, "low_freq": low, "high_freq": None}, x, filtered(make(order, low, "high", PRF), x, 1))
        case({**args, "low_freq": low, "high_freq": high}, x, filtered(make(order, [low, high], "band", PRF), x, 1))
    case({"name": "bandpass", "design": design, "low_freq": 0.2, "high_freq": 0.5, "axis": 0, "order": 3}, tall,
         filtered(make(3, [0.2, 0.5], "band", 2.0), tall, 0), depth=depth)
for padtype in ("even", "constant", None):
    case({"name": "bandpass", "low_freq": 40, "high_freq": 200, "order": 3, "padtype": padtype}, z,
         filtered(DESIGNS["butterworth"](3, [40, 200], "band", PRF), z, 1, padtype))
case({"name": "bandpass", "design": "bessel", "order": 10, "low_freq": None, "high_freq": 150}, x,
     filtered(DESIGNS["bessel"](10, 150, "low", PRF), x, 1))
case({"name": "bandpass", "design": "chebyshev1", "ripple": 0.1, "order": 5, "low_freq": None, "high_freq": 100}, x,
     filtered(signal.cheby1(5, 0.1, 100, "low", fs=PRF, output="sos"), x, 1))


def notches(freqs, quality, fs):
    return np.vstack([signal.tf2sos(*signal.iirnotch(f, quality, fs=fs)) for f in freqs])


case({"name": "notch", "quality": 5}, x, filtered(notches([50], 5, PRF), x, 1))
case({"name": "notch", "freq": 60, "quality": 10, "harmonics": 3}, z, filtered(notches([60, 120, 180], 10, PRF), z, 1))
case({"name": "notch", "freq": 180, "quality": 4, "harmonics": 9}, x, filtered(notches([180, 360], 4, PRF), x, 1))
case({"name": "notch", "freq": 0.25, "quality": 3, "axis": 0}, tall, filtered(notches([0.25], 3, 2.0), tall, 0), depth=depth)
for factor in (2, 3, 5, 8):
    sos = signal.cheby1(8, 0.05, 0.8 / factor, output="sos")
    case({"name": "decimate", "factor": factor}, x, filtered(sos, x, 1)[:, ::factor], f32=3e-5)
sos = signal.cheby1(8, 0.05, 0.8 / 3, output="sos")
case({"name": "decimate", "factor": 3, "axis": 0}, tall, filtered(sos, tall, 0)[::3], depth=depth, f32=3e-5)
for up, down in ((2, 1), (1, 2), (3, 2), (2, 3), (5, 7), (4, 2), (1, 1), (10, 3)):
    case({"name": "resample", "up": up, "down": down}, z[:, :57], signal.resample_poly(z[:, :57], up, down, axis=1))
case({"name": "resample", "rate": 800}, x, signal.resample_poly(x, 4, 5, axis=1))
case({"name": "resample", "rate": 3, "axis": 0}, tall, signal.resample_poly(tall, 3, 2, axis=0), depth=depth)
vectors.save()
