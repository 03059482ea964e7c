#!/usr/bin/env python3
"""A SEG-Y recording to chunk files beside a plain copy of it, and straight to a noise log beside both steps; and a large file's memory.

Usage: benches/segy.py [--runs N] [--folder FOLDER] [--seconds N] [--sparse GB] PROGRAM. The recording (5000 channels of float32, 1000 samples
a second, revision 2) is made in the folder, and lies in the page cache then. Programs take turns; a ratio is that of the medians. With
--sparse a recording of that size whose samples are a hole in the file is gone through as well: what is told of it is the most memory that
the process had, and the seconds.
"""

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import time
from pathlib import Path

CHANNELS, PRF = 5000, 1000
LOW, HIGH = [0, 10, 50, 100, 200], [10, 50, 100, 200, -1]
FLOW = [
    {"name": "fft", "uid": 1, "in_uid": 0},
    {"name": "rms_from_fft", "uid": 2, "in_uid": 1},
    {"name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "te_from_fft", "low_freq": LOW, "high_freq": HIGH},
    {"name": "write_witsml", "uid": 5, "in_uid": 3, "gather_uids": [2], "directory_out": "NoiseLog", "low_freq": LOW, "high_freq": HIGH},
]


def make(path, seconds, sparse=False):
    samples = seconds * PRF
    binary = bytearray(400)
    for form, at, value in [
        (">h", 16, 1_000_000 // PRF), (">H", 20, min(samples, 65_535)), (">h", 24, 5), (">i", 68, samples), (">I", 96, 0x01020304),
        (">B", 300, 2), (">H", 302, 1),
    ]:
        struct.pack_into(form, binary, at, value)
    noise = b"".join(struct.pack(">1000f", *((k * 7919 % 1013 - 506.0 + k // 9 for k in range(at, at + 1000)))) for at in range(0, 30_000, 1000))
    trace = (noise * (samples // 30_000 + 1))[: samples * 4]
    with open(path, "wb") as f:
        f.write(b"\x40" * 3200 + binary)
        header = bytearray(240)
        struct.pack_into(">5h", header, 156, 2020, 10, 1, 2, 3)
        for channel in range(CHANNELS):
            struct.pack_into(">i", header, 40, channel)
            f.write(header)
            if sparse:
                f.seek(samples * 4, os.SEEK_CUR)
            else:
                f.write(trace)
        f.truncate(f.tell())


def run(command, folder):
    """Seconds, seconds of processors, most megabytes of memory."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command}: {said}")
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=lambda it: Path(it).resolve())
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--sparse", type=int, metavar="GB")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm/distpy-gpu-segy"))
    options = parser.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    make(folder / "recording.sgy", options.seconds)
    (folder / "flow.json").write_text(json.dumps({"command_list": FLOW}))
    (folder / "system.json").write_text(json.dumps({"in_directory": "chunks", "out_directory": "results", "config": "flow.json", "prf": PRF}))
    own = [options.program, "-c", "system.json", "--device", "cpu"]
    cases = {
        "cp": ["cp", "recording.sgy", "copy.sgy"],
        "ingest": [*own, "-m", "segy_ingest", "-f", "recording.sgy", "-o", "chunks"],
        "process": [*own, "-m", "strainrate2summary"],
        "straight": [*own, "-m", "strainrate2summary", "-f", "recording.sgy"],
    }
    told = {name: [] for name in cases}
    for _ in range(options.runs):
        for name, command in cases.items():
            shutil.rmtree(folder / ("chunks" if name == "ingest" else "results"), ignore_errors=True)
            told[name].append(run(command, folder))
            (folder / "copy.sgy").unlink(missing_ok=True)
    seconds = {}
    for name, runs in told.items():
        taken, busy, memory = zip(*runs)
        seconds[name] = statistics.median(taken)
        print(f"{name}: median {seconds[name]:.2f} s ({min(taken):.2f} to {max(taken):.2f}), processor {statistics.median(busy):.2f} s, {max(memory):.0f} MB at most")
    print(f"ingest: {seconds['cp'] / seconds['ingest']:.0%} of the rate of cp")
    print(f"straight: {(seconds['ingest'] + seconds['process']) / seconds['straight']:.2f} times the rate of both steps")
    if options.sparse:
        length = options.sparse * 10**9 // (CHANNELS * PRF * 4)
        make(folder / "recording.sgy", length, sparse=True)
        shutil.rmtree(folder / "chunks", ignore_errors=True)
        shutil.rmtree(folder / "results", ignore_errors=True)
        taken, _, memory = run(cases["straight"], folder)
        print(f"straight, {options.sparse} GB in {length} chunks of {CHANNELS * PRF * 4 / 1e6:.0f} MB: {memory:.0f} MB at most, {taken:.0f} s")


if __name__ == "__main__":
    main()
