"""Peaks and clusters, against scipy and scikit-learn."""
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import signal
from sklearn.cluster import KMeans

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

warnings.simplefilter("ignore")
vectors = Vectors(__file__, "find_peaks_cwt of scipy 1.10.1 and KMeans of scikit-learn 1.2.2.")
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
vectors.save()
