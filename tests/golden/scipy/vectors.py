"""Writes golden vectors: what numpy and scipy give for a command's definition.

A family of commands has a folder beside this file with a `make.py`; running it writes the folder's `manifest.json` and
`arrays/`. Made with numpy 1.23.5 and scipy 1.10.1 (benches/requirements.txt); the numbers do not depend on the version.
"""
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np


def noise(seed, rows, cols, scale=1.0):
    """Gaussian noise, rounded so that single precision holds it exactly."""
    x = np.random.default_rng(seed).standard_normal((rows, cols)) * scale
    return x.astype(np.float32).astype(np.float64)


class Vectors:
    def __init__(self, script, about):
        self.folder = Path(script).resolve().parent
        self.about = about
        self.cases = []
        shutil.rmtree(self.folder / "arrays", ignore_errors=True)
        (self.folder / "arrays").mkdir()

    def array(self, values):
        """Stores an array under the hash of its content: equal ones share a file."""
        values = np.asarray(values)
        name = hashlib.sha1(repr((values.dtype.str, values.shape)).encode() + values.tobytes()).hexdigest()[:12] + ".npy"
        np.save(self.folder / "arrays" / name, values)
        return name

    def case(self, args, x, want, gather=(), prf=1000.0, depth=None, f32=None, f64=None, compare=None):
        """`f32`, `f64`: bounds relative to the largest value in that precision; left out, 1e-5 and 1e-9. `compare="partition"`: labels up to their names."""
        same = sum(c["args"]["name"] == args["name"] for c in self.cases)
        self.cases.append({
            "id": f"{args['name']}-{same:02}", "args": args, "prf": prf, "in": self.array(x),
            "gather": [self.array(g) for g in gather],
            "depth": None if depth is None else self.array(np.asarray(depth, dtype=np.float64)),
            "output": self.array(want), **({} if f32 is None else {"f32_bound": f32}), **({} if f64 is None else {"f64_bound": f64}), **({} if compare is None else {"compare": compare}),
        })

    def save(self):
        text = json.dumps({"about": self.about, "cases": self.cases}, indent=1)
        (self.folder / "manifest.json").write_text(text + "\n")
