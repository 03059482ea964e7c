"""Makes rows.f64, expected.f64 and cases.json: zero-phase Butterworth filters by scipy's second-order sections (scipy 1.10.1)."""
import json
import pathlib

import numpy as np
from scipy.signal import butter, sosfiltfilt

HERE = pathlib.Path(__file__).parent
RATE = 1000.0
N = 160

rng = np.random.default_rng(20)
walk = np.cumsum(rng.standard_normal(N))
rows = np.stack([rng.standard_normal(N), 1000 + rng.standard_normal(N), walk,
                 1000 * np.sin(2 * np.pi * 0.1 * np.arange(N) / RATE) + rng.standard_normal(N)])
rows = rows.astype(np.float32).astype(float)     # so that a single-precision run starts from the same numbers

CASES = [(order, kind, freq, "even")
         for order in (1, 2, 3, 4, 5, 8)
         for kind, freq in (("lowpass", 60), ("highpass", 60), ("bandpass", [20, 100]), ("bandstop", [20, 100]))]
CASES += [(5, kind, freq, pad) for pad in ("odd", "constant", None)
          for kind, freq in (("lowpass", 60), ("highpass", 60), ("bandpass", [20, 100]), ("bandstop", [20, 100]))]
# Where scipy itself is further off from the same filter in extended precision (numpy longdouble).
TOLERANCE = {(8, "bandpass"): 2e-11, (5, "0.5"): 5e-11, (4, "0.05"): 1e-8, (4, "bandpass"): 3e-10}
# Low corners, narrow and wide bands, corners near Nyquist.
CASES += [(5, "lowpass", 0.5, "even"), (5, "highpass", 0.5, "even"), (4, "highpass", 0.05, "odd"),
          (5, "bandpass", [0.5, 20], "even"), (5, "bandpass", [100, 110], "even"), (4, "bandpass", [1, 450], "even"),
          (6, "bandpass", [100, 450], "even"), (5, "bandstop", [49, 51], "even"), (3, "bandstop", [1, 400], "even"),
          (5, "lowpass", 490, "even"), (5, "highpass", 490, "even")]

rows.astype("<f8").tofile(HERE / "rows.f64")
expected = []
cases = []
for order, kind, freq, pad in CASES:
    sos = butter(order, freq, kind, fs=RATE, output="sos")
    expected.append(sosfiltfilt(sos, rows, axis=1, padtype=pad))
    cases.append({"order": order, "type": kind, "freq": freq, "padtype": pad,
                  "tolerance": TOLERANCE.get((order, kind)) or TOLERANCE.get((order, str(freq)), 1e-11)})
np.array(expected).astype("<f8").tofile(HERE / "expected.f64")
(HERE / "cases.json").write_text(json.dumps({"rate": RATE, "rows": len(rows), "cols": N, "cases": cases}, indent=1) + "\n")
