#!/usr/bin/env python3
"""HDF5 in packed chunks to chunk files: distpy-gpu on one core and with two threads, and h5py on its one, in turns.

Processor time is that of the whole process, of h5py with interpreter and imports; it says more than seconds where others use the machine.

Usage: benches/hdf5.py [--runs N] [--folder FOLDER] PROGRAM, in an environment with h5py and numpy. The recording (5000 channels of
30000 float32, deflated at level 4 with the bytes shuffled, in h5py's own choice of chunks) is made once in the folder.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

CHANNELS, SAMPLES, PRF, START = 5000, 30_000, 1000, 1_700_000_000


def make(path):
    import h5py
    import numpy as np

    noise = np.random.default_rng(1)
    x = np.arange(CHANNELS)[None, :]
    with h5py.File(path.with_suffix(".part"), "w") as f:
        d = f.create_dataset("raw", (SAMPLES, CHANNELS), "f4", chunks=True, compression="gzip", compression_opts=4, shuffle=True)
        step = 50 * d.chunks[0]
        for at in range(0, SAMPLES, step):
            t = np.arange(at, min(at + step, SAMPLES))[:, None]
            # Counts, as interrogators give them.
            wave = 1000 * np.sin(2 * np.pi * (t / 37 + x / 91)) + 100 * noise.standard_normal((len(t), CHANNELS), "f4")
            d[t[0, 0]:t[-1, 0] + 1] = wave.round()
        f["timestamp"] = START + np.arange(SAMPLES) / PRF
        f["distance"] = 2.0 * np.arange(CHANNELS)
        print(f"chunks of {d.chunks}, packed to {d.id.get_storage_size() / d.size / 4:.0%}")
    path.with_suffix(".part").rename(path)


def peer(path, out):
    """What the program writes, by h5py."""
    import h5py
    import numpy as np

    begin = time.perf_counter()
    with h5py.File(path, "r") as f:
        raw = f["raw"]
        for k in range(SAMPLES // PRF):
            np.save(out / f"{START + k}.npy", np.ascontiguousarray(raw[k * PRF:(k + 1) * PRF].T))
    print(time.perf_counter() - begin)


def timed(command, out, **environment):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    took = time.perf_counter() - begin
    if command[0] == sys.executable:
        # Without interpreter and imports.
        took = float(done.stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm/distpy-gpu-hdf5"))
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    path, out = options.folder / "recording.h5", options.folder / "out"
    if options.peer:
        return peer(path, options.peer)
    options.folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        make(path)
    system = options.folder / "system.json"
    system.write_text("{}")
    own = [options.program, "-c", str(system), "-m", "ingest_h5", "-f", str(path), "-o", str(out)]
    here = [sys.executable, __file__, options.program, "--folder", str(options.folder), "--peer", str(out)]
    cases = {
        "h5py": lambda: timed(here, out),
        "distpy-gpu, one core": lambda: timed(["taskset", "-c", "0", *own], out, RAYON_NUM_THREADS="1"),
        "distpy-gpu, two threads": lambda: timed(own, out, RAYON_NUM_THREADS="2"),
    }
    times = {name: [] for name in cases}
    for _ in range(options.runs):
        for name, run in cases.items():
            times[name].append(run())
    size = CHANNELS * SAMPLES * 4 / 1e6
    base = None
    for name, runs in times.items():
        seconds, busy = zip(*runs)
        median, processor = statistics.median(seconds), statistics.median(busy)
        base = base or (median, processor)
        print(f"{name}: median {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), {size / median:.0f} MB/s, "
              f"{base[0] / median:.2f} of h5py; processor {processor:.2f} s, {base[1] / processor:.2f} of h5py")
    return None


if __name__ == "__main__":
    main()
