#!/usr/bin/env python3
"""The cost of results that survive a power failure: runs with and without --no-sync in turns, as ratios of medians.

Usage: benches/sync.py [--runs N] [--folder FOLDER] PROGRAM. FOLDER must be on the disk to measure. The cases are ingest of a recording
(2000 channels of int16 at 1 kHz, 60 s: chunks of 4 MB) and a flow with results of some kilobytes for each of 600 chunks.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

FLOW = [
    {"name": "fft", "uid": 1, "in_uid": 0},
    {"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "te_from_fft", "low_freq": [0, 20], "high_freq": [20, -1]},
    {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "te"},
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", default=None)
    parser.add_argument("program")
    args = parser.parse_args()
    program = str(Path(args.program).resolve())
    folder = Path(tempfile.mkdtemp(dir=args.folder))

    def run(*arguments):
        begin = time.perf_counter()
        subprocess.run([program, *arguments], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begin

    try:
        start = "2026-01-01T00:00:00Z"
        large = {"channels": 2000, "seconds": 60, "prf": 1000, "seed": 1, "start": start}
        small = {"channels": 100, "seconds": 600, "prf": 100, "seed": 1, "start": start}
        system = {"in_directory": "small", "out_directory": "results", "config": "flow.json", "distpy_gpu": {"device": "cpu"}}
        for name, content in [("large.json", large), ("small.json", small), ("system.json", system), ("flow.json", {"command_list": FLOW})]:
            (folder / name).write_text(json.dumps(content))
        run("-m", "synthesize", "-c", "large.json", "-o", "large.sgy")
        run("-m", "synthesize", "-c", "small.json", "-o", "small")
        cases = {
            "ingest, 60 chunks of 4 MB": ["-m", "segy_ingest", "-c", "system.json", "-f", "large.sgy", "-o", "out"],
            "a flow, 600 results of 2 KB": ["-m", "strainrate2summary", "-c", "system.json", "-o", "out"],
        }
        print("| files | with the disk, s | with `--no-sync`, s | ratio |\n|---|---|---|---|")
        for name, arguments in cases.items():
            seconds = {(): [], ("--no-sync",): []}
            for _ in range(args.runs):
                for more, taken in seconds.items():
                    shutil.rmtree(folder / "out", ignore_errors=True)
                    # Data of earlier runs that is not on the disk yet must not count.
                    subprocess.run(["sync"], check=True)
                    taken.append(run(*arguments, *more))
            synced, fast = (statistics.median(taken) for taken in seconds.values())
            print(f"| {name} | {synced:.2f} | {fast:.2f} | {synced / fast:.2f} |")
    finally:
        shutil.rmtree(folder)


main()
