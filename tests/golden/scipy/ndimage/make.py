"""Filters over a neighbourhood in every edge mode, against scipy.ndimage."""
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

MODES = ["constant", "nearest", "reflect", "mirror", "wrap"]
vectors = Vectors(__file__, "scipy.ndimage filters in every edge mode, on arrays shorter and longer than the kernel.")

for seed, (rows, cols) in enumerate([(7, 33), (2, 5), (1, 1)]):
    x = noise(seed, rows, cols)
    for mode in MODES:
        kernel = noise(9, 3, 4)
        vectors.case({"name": "convolve", "coeffs": kernel.tolist(), "mode": mode}, x, ndimage.convolve(x, kernel, mode=mode))
        vectors.case({"name": "correlate", "coeffs": kernel.tolist(), "mode": mode}, x, ndimage.correlate(x, kernel, mode=mode))
        for axis in (0, 1):
            vectors.case({"name": "sobel", "axis": axis, "mode": mode}, x, ndimage.sobel(x, axis=axis, mode=mode))
        # The kernel of a wide blur reaches beyond a short axis several times.
        vectors.case({"name": "gaussian", "xsigma": 0.9, "tsigma": 2.2, "mode": mode}, x,
                     ndimage.gaussian_filter(x, (0.9, 2.2), mode=mode))
        vectors.case({"name": "gaussian", "xsigma": 1.0, "tsigma": 1.5, "xorder": 1, "torder": 2, "mode": mode}, x,
                     ndimage.gaussian_filter(x, (1.0, 1.5), order=(1, 2), mode=mode))
vectors.save()
