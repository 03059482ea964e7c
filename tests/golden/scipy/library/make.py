"""Functions of distpy's library that its command list forgot, by their corrected definitions in numpy and scipy."""
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage, signal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

vectors = Vectors(__file__, "What distpy's library has and its command list forgot.")
case = vectors.case
PRF = 1000.0
x, y = noise(1, 7, 45), noise(2, 7, 45)
z, w = x + 1j * noise(3, 7, 45), y + 1j * noise(4, 7, 45)

case({"name": "log_abs_sq"}, z, np.log(np.abs(z) ** 2))
case({"name": "log_abs_sq", "floor": 0.25}, x, np.log(np.maximum(x * x, 0.25)))
case({"name": "intensity"}, x, (x - x.min()) / np.ptp(x))
case({"name": "intensity"}, np.full((2, 3), 4.0), np.zeros((2, 3)))
for m in (1.0, 2.0, 3.5):
    median = np.median(x, axis=1, keepdims=True)
    deviation = np.median(np.abs(x - median), axis=1, keepdims=True)
    case({"name": "despike", "m": m}, x, np.where(np.abs(x - median) > m * deviation, median, x))
even = x[:, :44]
median = np.median(even, axis=1, keepdims=True)
deviation = np.median(np.abs(even - median), axis=1, keepdims=True)
case({"name": "despike"}, even, np.where(np.abs(even - median) > 2 * deviation, median, even))
holed = x.copy()
holed[1, 3] = np.nan
fine = np.where(np.isnan(holed), np.nanmedian(holed, axis=1, keepdims=True), holed)
spread = np.nanmedian(np.abs(holed - np.nanmedian(holed, axis=1, keepdims=True)), axis=1, keepdims=True)
far = np.abs(fine - np.nanmedian(holed, axis=1, keepdims=True)) > 3 * spread
case({"name": "despike", "m": 3.0}, holed, np.where(far, np.nanmedian(holed, axis=1, keepdims=True), fine))
points, values = [-1.5, -0.25, 0.5, 0.75, 2.0], [3.0, -1.0, 0.5, 0.5, 8.0]
case({"name": "interp", "xp": points, "fp": values}, x, np.interp(x, points, values))
case({"name": "interp", "xp": [0.5], "fp": [2.0]}, x, np.full(x.shape, 2.0))
for length in (1, 2, 5, 6):
    for axis in (0, 1):
        size = (length, 1) if axis == 0 else (1, length)
        # scipy's origin moves the window; its even windows lie as ours, one sample more before than after.
        for align, origin in (("centred", 0), ("forward", -(length // 2)), ("trailing", (length - 1) // 2)):
            shift = (origin, 0) if axis == 0 else (0, origin)
            args = {"window_length": length, "axis": axis, "align": align}
            case({"name": "running_max", **args}, x, ndimage.maximum_filter(x, size, mode="nearest", origin=shift))
            case({"name": "running_min", **args}, x, ndimage.minimum_filter(x, size, mode="nearest", origin=shift))
for channel in (0, 3, -2):
    case({"name": "virtual_source", "channel": channel}, z, z * z[channel].conj())
case({"name": "source"}, z, np.abs(z * w.conj()), gather=[w])
case({"name": "source"}, x, np.abs(x * y), gather=[y])
level = 1e-3 * np.max(np.abs(w) ** 2)
case({"name": "reflection", "tolerance": 1e-3}, z, np.abs(z * w.conj() / (np.abs(w) ** 2 + level)), gather=[w])
case({"name": "reflection", "tolerance": 1e-3}, z * 1e-9, np.abs(z * w.conj() / (np.abs(w) ** 2 + level)), gather=[w * 1e-9])


def scattering(up, down, span, tolerance):
    before_up, before_down = np.roll(up, span, axis=0), np.roll(down, span, axis=0)
    q = down * before_down.conj() - up.conj() * before_up
    inverse = q.conj() / (np.abs(q) ** 2 + tolerance * np.max(np.abs(q) ** 2))
    return {
        "rdown": (up * before_down.conj() - down.conj() * before_up) * inverse,
        "tup": (np.abs(down) ** 2 - np.abs(up) ** 2) * inverse,
        "tdown": (np.abs(before_down) ** 2 - np.abs(before_up) ** 2) * inverse,
        "rup": (down * before_up.conj() - up.conj() * before_down) * inverse,
    }


for span in (1, 3):
    entries = scattering(z, w, span, 0.05)
    for component, value in entries.items():
        case({"name": "scattering_matrix", "span": span, "component": component, "tolerance": 0.05}, z, value, gather=[w], f32=2e-5)
    s = np.array([[entries["rdown"], entries["tup"]], [entries["tdown"], entries["rup"]]])
    s = np.moveaxis(s, (0, 1), (2, 3))
    eigenvalues = np.linalg.eigvalsh(np.eye(2) - np.conj(np.swapaxes(s, 2, 3)) @ s)
    for which, value in (("first", eigenvalues[..., 1]), ("second", eigenvalues[..., 0])):
        case({"name": "acoustic_properties", "span": span, "eigenvalue": which, "tolerance": 0.05}, z, value, gather=[w], f32=5e-5)
for n in (45, 44):
    for axis in (0, 1):
        v = x[:, :n] if axis == 1 else x[:, :n].T
        analytic = signal.hilbert(v[:7, :] if axis == 1 else v, axis=axis)
        a = np.moveaxis(analytic, axis, 1)
        turn = np.angle(a[:, 1:] * a[:, :-1].conj())
        turn = 0.5 * (np.column_stack([turn[:, :1], turn]) + np.column_stack([turn, turn[:, -1:]]))
        rate = PRF if axis == 1 else 1 / 0.5
        want = np.abs(a) / np.sqrt(np.maximum(np.abs(turn) / (2 * np.pi) * rate, rate / 1000))
        # The frequency stands under a root: where it is small, rounding counts.
        case({"name": "sweetness", "axis": axis, "floor": rate / 1000}, v, np.moveaxis(want, 1, axis),
             depth=0.5 * np.arange(v.shape[0]), f32=1e-4)
vectors.save()
