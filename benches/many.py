#!/usr/bin/env python3
"""Runs one flow over very many small chunks and prints speed and memory along the way: neither may depend on the number of chunks.

    benches/many.py target/release/distpy-gpu [--chunks 100000]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHANNELS, SAMPLES = 16, 200
FLOW = [
    {"name": "fft", "uid": 1, "in_uid": 0},
    {"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "rms_from_fft", "low_freq": [5, 20], "high_freq": [20, 80]},
    {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "bands"},
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where chunks and results go (default: a temporary folder)")
    parser.add_argument("options", nargs="*", help="further options of the program, after --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        measure(args.binary.resolve(), Path(folder), args.chunks, args.options)


def measure(binary, folder, chunks, options):
    source = folder / "chunks"
    source.mkdir()
    random = np.random.default_rng(1)
    for k in range(chunks):
        np.save(source / f"{1_500_000_000 + k}.npy", random.integers(-1000, 1000, (CHANNELS, SAMPLES), dtype=np.int16))
    (folder / "flow.json").write_text(json.dumps({"command_list": FLOW}))
    system = {"in_directory": "chunks", "out_directory": "results", "config": "flow.json", "prf": 200}
    (folder / "system.json").write_text(json.dumps(system))
    command = [binary, "-m", "strainrate2summary", "-c", "system.json", "--device", "cpu", "-q", *options]
    for name in ["the run", "the same once more"]:
        run(name, command, folder, chunks)
    made = sum(name.startswith("15") for name in os.listdir(folder / "results" / "bands"))
    if made != chunks:
        sys.exit(f"found {made} results, expected {chunks}")


def run(name, command, folder, chunks):
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder)
    resident = []
    while process.poll() is None:
        try:
            text = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if "RssAnon" in fields:
            resident.append(int(fields["RssAnon"].split()[0]) / 1024)
        time.sleep(0.05)
    if process.wait() != 0:
        sys.exit(f"{name} ended with {process.returncode}")
    seconds = time.perf_counter() - begin
    parts = [resident[min(len(resident) - 1, len(resident) * part // 10)] for part in range(1, 11)]
    print(f"{name}: {chunks} chunks in {seconds:.1f} s, {chunks / seconds:.0f} chunks/s; MB of memory after each tenth of the time:")
    print("  " + " ".join(f"{it:.0f}" for it in parts))


if __name__ == "__main__":
    main()
