"""Commands that distpy has too, by their definitions: where distpy differs, what is right. Plain numpy and scipy."""
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage, signal, stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

vectors = Vectors(__file__, "distpy's commands by their definitions, in numpy and scipy.")
case = vectors.case
PRF = 1000.0

x, y = noise(1, 6, 40), noise(2, 6, 40)
z, w = x + 1j * noise(3, 6, 40), y + 1j * noise(4, 6, 40)
positive = np.abs(x) + 0.25
depth = np.array([10.0, 10.5, 12.0, 12.25, 13.0, 15.0])

# Sample by sample.
case({"name": "abs"}, z, np.abs(z))
case({"name": "angle"}, z, np.angle(z))
case({"name": "angle"}, x, np.angle(x))
case({"name": "conj"}, z, z.conj())
case({"name": "real"}, z, z.real)
case({"name": "lin_transform", "m": -1.5, "c": 0.25}, z, -1.5 * z + 0.25)
case({"name": "soft_threshold", "threshold": 0.5, "direction": "<"}, x, np.maximum(x, 0.5))
case({"name": "hard_threshold", "threshold": 0.5, "value": -2.0}, x, np.where(x > 0.5, -2.0, x))
case({"name": "bounded_select", "min_val": -0.5, "max_val": 0.5}, x, ((x > -0.5) & (x <= 0.5)).astype(float))
case({"name": "unwrap", "axis": 0}, 5 * x, np.unwrap(5 * x, axis=0), f32=1e-5)
case({"name": "unwrap"}, 5 * x, np.unwrap(5 * x, axis=1))
case({"name": "rescale"}, x, (x - x.min()) / np.ptp(x))
case({"name": "rescale"}, x, (x - y.min()) / np.ptp(y), gather=[y])
case({"name": "rescale"}, np.full((3, 4), 2.5), np.zeros((3, 4)))

# Two and more arrays.
case({"name": "add"}, x, x + y + z, gather=[y, z])
case({"name": "add"}, x, x + y[:, :1] + y[:1], gather=[y[:, :1], y[:1]])
case({"name": "add"}, x[:1], x[:1] + y, gather=[y])
case({"name": "add"}, x, x + y[0], gather=[y[0]])
case({"name": "multiply"}, x, x * w, gather=[w])
case({"name": "multiply"}, x, x * y[:, :1], gather=[y[:, :1]])
for axis, factors in ((0, y[:, 0]), (1, y[0])):
    shaped = factors[:, None] if axis == 0 else factors[None]
    for given in (factors, factors[:, None], factors[None]):
        case({"name": "multiply", "axis": axis}, z, z * shaped, gather=[given])
square = noise(5, 4, 4)
case({"name": "multiply", "axis": 1}, square, square * square[0][None], gather=[square[0]])
case({"name": "multiply", "axis": 0}, square, square * square[0][:, None], gather=[square[0]])
for divisor in (w, w * 1e-9, y, y[:1]):
    level = 1e-3 * np.max(np.abs(divisor) ** 2)
    case({"name": "deconvolve", "tolerance": 1e-3}, z, z * np.conj(divisor) / (np.abs(divisor) ** 2 + level), gather=[divisor], f32=2e-5)
case({"name": "gather"}, x, np.column_stack([x, z, y[:, 0]]), gather=[z, y[:, 0]])
case({"name": "virtual_cmp"}, z, z * np.conj(z[::-1]))
case({"name": "virtual_cmp", "axis": 1}, x, x * x[:, ::-1])

# Statistics: the axis stays.
holed = x.copy()
holed[2, 5:9] = np.nan
for axis in (0, 1):
    keep = lambda v: np.expand_dims(v, axis)  # noqa: E731
    args = {"axis": axis}
    case({"name": "kurtosis", **args}, x, keep(stats.kurtosis(x, axis=axis, bias=False)))
    case({"name": "skewness", **args}, x, keep(stats.skew(x, axis=axis, bias=False)), f32=2e-5)
    case({"name": "geometric_mean", **args}, positive, keep(stats.gmean(positive, axis=axis)))
    case({"name": "harmonic_mean", **args}, positive, keep(stats.hmean(positive, axis=axis)))
    case({"name": "argmax", **args}, x, keep(np.argmax(x, axis=axis)))
    for order in (0, 1, 2, 3, 5):
        case({"name": "moment", "moment": order, **args}, x, keep(stats.moment(x, order, axis=axis)), f32=2e-5)
    # A large mean takes no digits from the deviation: single precision holds these samples exactly.
    far = np.round(x * 8) + 1e6
    case({"name": "std_dev", **args}, far, np.std(far, axis=axis, keepdims=True))
    case({"name": "std_dev", **args}, z, np.std(z, axis=axis, keepdims=True))
case({"name": "kurtosis"}, holed, np.array([[stats.kurtosis(row[~np.isnan(row)], bias=False)] for row in holed]))
case({"name": "skewness"}, holed, np.array([[stats.skew(row[~np.isnan(row)], bias=False)] for row in holed]))
case({"name": "kurtosis"}, x[:, :3], stats.kurtosis(x[:, :3], axis=1)[:, None])
case({"name": "kurtosis"}, np.ones((2, 9)), np.full((2, 1), np.nan))
case({"name": "harmonic_mean"}, x, np.full((6, 1), np.nan))
case({"name": "argmax"}, holed, np.argmax(holed, axis=0)[None])
for length in (1, 2, 7, 8, 40):
    wide = lambda f: f(x, size=(1, length), mode="nearest")  # noqa: E731
    case({"name": "peak_to_peak", "window_length": length}, x,
         (wide(ndimage.maximum_filter) - wide(ndimage.minimum_filter)).max(axis=1)[:, None])
n = x.shape[1]
bell = np.exp(-(np.arange(n) - (n - 1) / 2) ** 2 / (2 * (0.01 * PRF) ** 2))
means = np.pad(x @ bell / bell.sum(), 1, mode="edge")
case({"name": "approx_vlf", "sigma": 0.01}, x, np.median([means[:-2], means[1:-1], means[2:]], axis=0)[:, None])
bits = (noise(6, 5, 130) > 0).astype(float)
for offset in (0, 3, 100):
    part = bits[:, offset:offset + 64].astype(int)
    case({"name": "hash", "offset": offset}, bits,
         np.array([[int("".join(map(str, row)), 2)] for row in part], dtype=np.uint64))

# Selection.
case({"name": "clip", "xmin": 12.1, "xmax": 13.2, "tmin": 0.0052, "tmax": 0.0117}, x, x[2:5, 5:13], depth=depth)
case({"name": "clip", "xmin": 13.2, "xmax": 12.1}, z, z[2:5], depth=depth)
case({"name": "clip"}, x, x, depth=depth)
case({"name": "clip", "double_ended": 0}, x, x[:3], depth=depth)
case({"name": "clip", "double_ended": 1, "xmin": 12.25, "xmax": 13}, x, x[4:2:-1], depth=depth)
case({"name": "extract", "axis": 0, "index": -2}, z, z[-2][:, None])
case({"name": "downsample", "xsample": 4, "tsample": 3}, z, z[::4, ::3])
case({"name": "roll", "window_length": -43}, z, np.roll(z, -43, axis=1))
case({"name": "roll", "window_length": 2, "axis": 0}, x, np.roll(x, 2, axis=0))
case({"name": "roll", "window_length": 45, "axis": None}, x, np.roll(x, 45))
shifts = np.array([0.4, 1.5, 2.5, -3.0, -0.6, 50.0])
turned = np.array([np.roll(row, int(np.round(s))) for row, s in zip(z, shifts)])
case({"name": "roll"}, z, turned, gather=[shifts])
case({"name": "roll"}, z, turned, gather=[shifts[:, None]])
case({"name": "roll", "axis": 0}, x.T, turned.real.T, gather=[shifts])
for lag in (1, 3, 5):
    for axis in (0, 1):
        later, now = (x[lag:], x[:-lag]) if axis == 0 else (x[:, lag:], x[:, :-lag])
        width = [(0, 0), (0, 0)]
        width[axis] = (0, lag)
        case({"name": "diff", "window_length": lag, "axis": axis}, x, np.pad(later - now, width, mode="edge"))
for order in (1, 2):
    case({"name": "gradient", "edge_order": order}, z, np.gradient(z, depth, axis=0, edge_order=order), depth=depth)
    case({"name": "gradient", "edge_order": order, "axis": 1}, x, np.gradient(x, 1 / PRF, axis=1, edge_order=order))
    case({"name": "gradient", "edge_order": order}, x[:3], np.gradient(x[:3], depth[:3], axis=0, edge_order=order), depth=depth[:3])
case({"name": "gradient"}, x[:2], np.gradient(x[:2], depth[:2], axis=0), depth=depth[:2])

# Sliding windows.
for length in (1, 2, 5, 12, 40):
    case({"name": "broaden", "window_length": length}, x, np.stack([x[:, t:t + length].max(axis=1) for t in range(n)], axis=1))
    for align, before in (("centred", length // 2), ("forward", 0), ("trailing", length - 1)):
        spans = [slice(max(0, t - before), t - before + length) for t in range(n)]
        case({"name": "running_mean", "axis": 1, "window_length": length, "align": align}, z,
             np.stack([z[:, s].mean(axis=1) for s in spans], axis=1))
        case({"name": "running_mean", "window_length": length, "align": align}, x.T,
             np.stack([x[:, s].mean(axis=1) for s in spans]))
for sta, lta, attribute in ((1, 2, "abs"), (4, 15, "square"), (5, 40, "abs")):
    a = np.abs(x) if attribute == "abs" else x * x
    short = np.stack([a[:, t:t + sta].mean(axis=1) for t in range(n)], axis=1)
    long = np.stack([a[:, max(0, t - lta + 1):t + 1].mean(axis=1) for t in range(n)], axis=1)
    floor = 1e-6 * a.mean(axis=1, keepdims=True)
    case({"name": "sta_lta", "sta": sta, "lta": lta, "attribute": attribute}, x, short / np.maximum(long, floor))
silent = np.zeros((2, 30))
silent[1, 20] = 3e-9
ratio = np.zeros((2, 30))
floor = 1e-6 * 3e-9 / 30
ratio[1] = [np.abs(silent[1, t:t + 2]).mean() / max(np.abs(silent[1, max(0, t - 9):t + 1]).mean(), floor) for t in range(30)]
case({"name": "sta_lta", "sta": 2, "lta": 10}, silent, ratio)

# Neighbourhoods.
wide = noise(7, 9, 61)
ties = np.round(wide)
for distance in (1, 2, 4, 5, 7, 9, [1, 31], [3, 2], [2, 17], [9, 1]):
    size = (distance, distance) if np.isscalar(distance) else tuple(distance)
    for values in (wide, ties):
        case({"name": "median_filter", "distance": distance}, values, ndimage.median_filter(values, size))


def wiener(x, size, noise_power=None):
    kernel = np.ones(size)
    window = lambda v: ndimage.correlate(v, kernel, mode="constant")  # noqa: E731
    count = window(np.ones_like(x))
    mean = window(x) / count
    variance = window(x * x) / count - mean ** 2
    level = variance.mean() if noise_power is None else noise_power
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance <= level, mean, mean + (x - mean) * (1 - level / variance))


case({"name": "wiener"}, wide, wiener(wide, (5, 5)))
case({"name": "wiener", "xdir": 4, "tdir": 6, "noisePower": 0.4}, wide, wiener(wide, (4, 6), 0.4))
case({"name": "wiener"}, np.full((6, 9), 3.0), np.full((6, 9), 3.0))

# Waves.
for shape in ((8, 32), (7, 31), (8, 31)):
    field = noise(8, *shape)
    f, k = np.abs(np.fft.fftfreq(shape[1])), np.abs(np.fft.fftfreq(shape[0]))[:, None]
    for axis in (0, 1):
        a, b = (f, k) if axis == 0 else (k, f)
        r = np.maximum(b * b / (a * a + b * b + 1e-6), 1e-6)
        case({"name": "destripe", "axis": axis}, field, np.fft.ifft2(np.fft.fft2(field) * r).real)
    spectrum = np.fft.fft2(field)
    sign = [np.sign(np.fft.fftfreq(m)) * (np.abs(np.fft.fftfreq(m)) < 0.5) for m in shape]
    same = sign[0][:, None] * sign[1]
    # With numpy's transforms a wave toward larger depth, g(t - x / c), has f and k of opposite sign.
    for name, way in (("up_wave", 1), ("down_wave", -1)):
        weight = np.where(same == 0, 0.5, np.where(same == way, 1.0, 0.0))
        case({"name": name}, spectrum, np.fft.ifft2(spectrum * weight), f32=2e-5)
    axis = 2.5 * np.arange(shape[0])
    frequency = np.fft.fftfreq(shape[1], 1 / PRF)
    wavenumber = np.fft.fftfreq(shape[0], 2.5)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        velocity = np.where(frequency == 0, 0.0, np.abs(frequency / wavenumber))
        signed = np.where(frequency == 0, 0.0, -frequency / wavenumber)
    case({"name": "velocity_map"}, field, velocity, depth=axis)
    case({"name": "velocity_map", "signed": True}, field, np.where(np.isinf(signed), np.inf, signed), depth=axis)
speeds = np.abs(noise(9, 4, 50, 2000.0))
mask = ((speeds > 500) & (speeds <= 2500)).astype(float)
case({"name": "velocity_mask", "min_velocity": 500, "max_velocity": 2500}, speeds, mask)
sos = signal.butter(5, 1 / 4, output="sos")
case({"name": "velocity_mask", "min_velocity": 500, "max_velocity": 2500, "smooth": 4}, speeds,
     np.abs(signal.sosfiltfilt(sos, mask, axis=1, padtype="even")))


def dip(x, velocity, shape, bandwidth, dx):
    a = np.arange(shape[0])[:, None] - shape[0] // 2
    b = np.arange(shape[1]) - shape[1] // 2
    ray = np.exp(-((b + a * dx * PRF / velocity) / bandwidth) ** 2)
    return x - ndimage.correlate(x, ray / ray.sum(), mode="nearest")


for velocity, shape, bandwidth in ((100.0, (9, 9), 1.0), (-1500.0, (5, 7), 0.4), (4000.0, (3, 1), 2.0)):
    case({"name": "dip_filter", "velocity": velocity, "shape": list(shape), "bandwidth": bandwidth}, wide,
         dip(wide, velocity, shape, bandwidth, 2.0), depth=2.0 * np.arange(9))

# Spectra.
for axis, rate, length in ((1, PRF, 16), (1, PRF, 9), (0, 1 / 0.5, 5)):
    m = z.shape[axis]
    train = np.zeros(m, dtype=complex)
    k = np.arange(length) - length / 2
    freq = 0.2 * rate
    train[:length] = np.exp(2j * np.pi * freq * k / rate) * np.hanning(length)
    estimator = np.fft.fft(np.roll(train, -round(length / 2)))
    case({"name": "analytic_signal", "freq": freq, "window_length": length, "axis": axis}, z,
         z * (estimator if axis == 1 else estimator[:, None]), depth=10.0 + 0.5 * np.arange(6))

# Steps of a macro.
steps = [{"name": "abs"}, {"name": "normalize", "axis": 1}, {"name": "gaussian_filter", "sigma": 1.2},
         {"name": "gradient", "axis": 1, "distance": 2.0}, {"name": "threshold", "threshold": 0.001},
         {"name": "gaussian_filter", "sigma": 0.7}, {"name": "median_filter", "distance": 3}, {"name": "sum", "axis": 0}]
v = np.abs(x)
v = v / np.linalg.norm(v, axis=1, keepdims=True)
v = np.gradient(ndimage.gaussian_filter(v, 1.2), 2.0, axis=1)
v = ndimage.median_filter(ndimage.gaussian_filter((v > 0.001).astype(float), 0.7), 3)
case({"name": "macro", "command_list": steps}, x, v.sum(axis=0))
case({"name": "macro", "command_list": [{"name": "abs"}, {"name": "percentage_on", "axis": 1}, {"name": "sum"}]}, z,
     np.array(np.sum(100 * np.abs(z).mean(axis=1))))
case({"name": "macro", "command_list": [{"name": "threshold", "threshold": 0.5}]}, x, x > 0.5)
vectors.save()
