"""Peaks, clusters and fits, against scipy and scikit-learn."""
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import signal
from scipy.optimize import curve_fit
from sklearn.cluster import KMeans

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

warnings.simplefilter("ignore")
vectors = Vectors(__file__, "find_peaks_cwt and curve_fit of scipy 1.10.1, KMeans of scikit-learn 1.2.2.")
case = vectors.case


def peaks(x, sta, lta):
    return np.array([[len(signal.find_peaks_cwt(row, np.arange(sta, lta, 5)))] for row in x])


for seed, (rows, cols, sta, lta) in enumerate([(8, 300, 2, 20), (6, 211, 5, 6), (6, 64, 3, 40), (4, 1000, 10, 60), (3, 30, 50, 200), (5, 1, 1, 7)]):
    x = noise(seed, rows, cols)
    t = np.arange(cols)
    bumps = sum(np.exp(-((t - c) / w) ** 2) for c, w in ((0.2 * cols, 6), (0.5 * cols, 11), (0.8 * cols, 3)))
    # What is flat is left out: there scipy finds the rounding errors of its own convolution, which may be one by FFT.
    for signal_ in (x, 5 * bumps + 0.2 * x, np.round(4 * bumps) + 0.1 * x):
        signal_ = signal_.astype(np.float32).astype(np.float64)
        case({"name": "count_peaks", "sta": sta, "lta": lta}, signal_, peaks(signal_, sta, lta))

rng = np.random.default_rng(7)
for clusters, dims, spread in ((2, 1, 0.1), (4, 6, 0.3), (7, 3, 0.05)):
    centres = rng.standard_normal((clusters, dims)) * 10
    points = np.concatenate([c + spread * rng.standard_normal((9, dims)) for c in centres])
    points = points[rng.permutation(len(points))].astype(np.float32).astype(np.float64)
    labels = KMeans(clusters, n_init=10, random_state=0).fit(points).labels_
    case({"name": "kmeans", "n_clusters": clusters, "seed": 3}, points, labels[:, None], compare="partition")
first, second = np.where(noise(8, 6, 9) > 0, 5.0, -5.0) + 0.1 * noise(9, 6, 9), np.where(noise(10, 6, 9) > 0, 3.0, -3.0)
labels = KMeans(4, n_init=10, random_state=0).fit(np.column_stack([second.ravel(), first.ravel()])).labels_
case({"name": "kmeans", "n_clusters": 4}, first, labels.reshape(6, 9), gather=[second], compare="partition")
# Positions count from the first sample. A starting point near the solution, so that scipy's is the best fit too.
def line(x, a, b):
    return a * x + b


def exp(x, a, b, c):
    return a * np.exp(b * x) + c


def sum2exp(x, a, b, c, d, e):
    return a * np.exp(b * x) + c * np.exp(d * x) + e


def fitted(function, x, data, start, bounds=(-np.inf, np.inf), axis=0):
    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 20000}
    limited = any(np.isfinite(side).any() for side in np.asarray(bounds))
    rows = data.T if axis == 0 else data
    if function is line and not limited:
        return [np.polyfit(x, row, 1) for row in rows]
    return [curve_fit(function, x, row, p0=start, bounds=bounds, method="trf" if limited else "lm",
                      **({**tight, "x_scale": np.maximum(np.abs(start), 1e-3)} if limited else {"ftol": 1e-15, "xtol": 1e-15, "gtol": 0, "maxfev": 20000}))[0] for row in rows]


def outputs(args, function, x, data, start, axis=0, bounds=None, f32=1e-5):
    json_bounds = {} if bounds is None else {"bounds": [[v if np.isfinite(v) else None for v in side] for side in bounds]}
    p = fitted(function, x, data, start, bounds or (-np.inf, np.inf), axis)
    curves = np.array([function(x, *q) for q in p])
    turn = (lambda a: a.T) if axis == 0 else (lambda a: a)
    # scipy stops where a step changes nothing that it can see, about half the digits of the sum of squares.
    f64 = 1e-9 if function is line and bounds is None else 1e-6
    base = {"name": "curve_fit", **args, **json_bounds, **({"axis": axis} if axis else {})}
    case(base, data, turn(curves), depth=depth if axis == 0 else None, f32=f32, f64=f64)
    # Coefficients of a sum of exponentials lose more digits than the curve: single precision holds its samples to 6e-8.
    case({**base, "output": "coefficients"}, data, turn(np.array(p)), depth=depth if axis == 0 else None, f32=max(f32, 1e-3), f64=f64)
    case({**base, "output": "residual"}, data, data - turn(curves), depth=depth if axis == 0 else None, f32=max(f32, 1e-4), f64=f64)


def single(x):
    return x.astype(np.float32).astype(np.float64)


depth = 1200 + 2.5 * np.arange(60)
x = depth - depth[0]
t = np.arange(80) / 1000.0
lines = single(line(x[:, None], np.array([-0.5, 0.02, 3, -7e-3]), np.array([400, -1, 0.1, 9])) + noise(1, 60, 4))
outputs({}, line, x, lines, [1, 1])
outputs({"bounds": None}, line, x, lines, [-0.1, 10], bounds=([-5, 0], [0, 400]))
outputs({}, line, t, single(noise(2, 5, 80)), [1, 1], axis=1)
decays = single(exp(x[:, None], np.array([5, -2, 1e4, 0.3]), np.array([-0.02, -0.1, -0.03, 0.01]), np.array([1, 0.5, 200, -1])) + 0.02 * noise(3, 60, 4))
outputs({"method": "exp_fit"}, exp, x, decays[:, :1], [5, -0.02, 1])
outputs({"method": "exp_fit"}, exp, x, decays[:, 1:2], [-2, -0.1, 0.5])
outputs({"method": "exp_fit", "initSlopes": [-0.03]}, exp, x, decays[:, 2:3], [1e4, -0.03, 200])
outputs({"method": "exp_fit"}, exp, x, decays[:, 3:], [0.3, 0.01, -1])
outputs({"method": "exp_fit"}, exp, x, decays[:, :1], [4, -0.01, 1.5], bounds=([0, -1, 1.2], [4.5, 0, np.inf]))
outputs({"method": "exp_fit"}, exp, t, single(exp(t, 2e-9, -40.0, 1e-9) + 1e-11 * noise(5, 3, 80)), [2e-9, -40, 1e-9], axis=1)
two = single(sum2exp(x[:, None], np.array([4.0, 1.0]), np.array([-0.2, -0.15]), np.array([3.0, -2.0]), np.array([-0.02, -0.01]), np.array([1.0, 3.0])))
outputs({"method": "sum2exp_fit"}, sum2exp, x, two[:, :1], [4, -0.2, 3, -0.02, 1], f32=1e-4)
outputs({"method": "sum2exp_fit", "initSlopes": [-0.12, -0.012]}, sum2exp, x, two[:, 1:], [1, -0.15, -2, -0.01, 3], f32=1e-4)
gap = lines.copy()
gap[7, 1] = np.nan
want = np.array([line(x, *q) for q in fitted(line, x, lines, [1, 1])]).T
want[:, 1] = np.nan
case({"name": "curve_fit"}, gap, want, depth=depth)
vectors.save()
