#!/usr/bin/env python3
"""Times distpy 1.32.3's thumbnail of a 5000 x 10000 chunk in memory against ours, 1200 x 800 pixels as PNG, in one run.

    python3.11 -m venv venv && venv/bin/pip install -r benches/requirements.txt
    cargo bench --bench pictures --no-run          # prints the path of the program
    venv/bin/python benches/pictures.py --bench target/release/deps/pictures-...

The sides take turns after one uncounted round; medians are compared. distpy writes its file to a folder in memory, where there is one.
"""
import os

os.environ["MPLBACKEND"] = "Agg"

import argparse  # noqa: E402
import contextlib  # noqa: E402
import io  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

import numpy as np  # noqa: E402
from distpy.io_help import io_helpers  # noqa: E402

warnings.simplefilter("ignore")
CHANNELS, SAMPLES = 5000, 10_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bench", required=True, help="the program that `cargo bench --bench pictures --no-run` names")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each side (default: %(default)s)")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    rows, cols = np.ogrid[:CHANNELS, :SAMPLES]
    data = (np.sin(rows / 50 + cols / 100) + rng.uniform(-1, 1, (CHANNELS, SAMPLES))).astype(np.float32)
    arguments = {
        "xaxis": np.arange(CHANNELS) * 1.0,
        "taxis": np.arange(SAMPLES) / SAMPLES,
        "figure_size": [12, 8],
        "dpi": 100,
    }
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    ours = subprocess.Popen([options.bench, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    times = {"distpy": [], "ours": []}
    with tempfile.TemporaryDirectory(prefix="pictures-", dir=memory) as folder:
        for run in range(options.runs + 1):
            begun = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                io_helpers.thumbnail_plot(folder, "1500000000", data, xscale=[0, CHANNELS - 1], tscale=[0, 1], jsonArgs=arguments)
            seconds = time.perf_counter() - begun
            ours.stdin.write("\n")
            ours.stdin.flush()
            answer = float(ours.stdout.readline())
            if run > 0:
                times["distpy"].append(seconds)
                times["ours"].append(answer)
    ours.stdin.close()
    ours.wait()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(f"{name:8} median {medians[name] * 1e3:8.1f} ms of {len(values)} ({min(values) * 1e3:.1f} to {max(values) * 1e3:.1f})")
    print(f"ours is {medians['distpy'] / medians['ours']:.1f} times faster")


if __name__ == "__main__":
    main()
