#!/usr/bin/env python3
"""Compares distpy-gpu on the CPU with distpy 1.32.3 and with a fast scipy program, on the same files in one run.

    python3.11 -m venv venv && venv/bin/pip install -r benches/requirements.txt
    venv/bin/python benches/peer.py --binary target/release/distpy-gpu

Cases: the noise log (RMS and three bands) of one large float64 chunk, the same of a small one, where starting up
counts, and SEG-Y ingest, where `cp` of the recording is the yardstick.

How it is timed: engines take turns (A B C A B C ..) after one uncounted round, with the input in the page cache. Python
engines run in a process that lives through the case and times itself, so interpreter and imports are not counted;
distpy-gpu and cp are timed from outside, start-up counted. The scipy program writes its energies as npy, the others
an .fbe file. Peak memory counts a mapped input file, as far as it was in memory.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# numpy is imported by the child processes only: a process's peak memory counts what its parent had when it was started.

PRF = 10000
BANDS = [200, 600, 1000]
UNIXTIME = 1500000000
SEGY_SECONDS, SEGY_PRF = 30, 2000
FLOW = {"command_list": [
    {"name": "fft", "uid": 1, "in_uid": 0},
    {"name": "rms_from_fft", "uid": 2, "in_uid": 1, "low_freq": 0, "high_freq": -1},
    {"name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "te_from_fft", "low_freq": BANDS, "high_freq": [-1] * 3},
    {"name": "write_witsml", "uid": 4, "in_uid": 3, "gather_uids": [2], "low_freq": BANDS, "high_freq": [-1] * 3,
     "directory_out": "NoiseLog", "data_style": "NoiseLog"}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--binary", default="target/release/distpy-gpu", help="the program (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each engine (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads of distpy-gpu and scipy (default: %(default)s)")
    parser.add_argument("--large", default="5000x10000", help="channels x samples (default: %(default)s)")
    parser.add_argument("--small", default="500x1000", help="channels x samples (default: %(default)s)")
    parser.add_argument("--traces", type=int, default=1000, help="traces of the SEG-Y file (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=["large", "small", "ingest"], default=["large", "small", "ingest"])
    parser.add_argument("--work", help="folder for inputs and outputs (default: a new one in the system's)")
    parser.add_argument("--json", help="also write every time to this file")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.threads)

    programs = available(options.binary)
    work = pathlib.Path(tempfile.mkdtemp(prefix="peer-", dir=options.work))
    report = {"machine": machine(), "threads": options.threads, "cases": []}
    try:
        for name in options.only:
            case = ingest_case(work, options) if name == "ingest" else noise_log_case(work, name, options)
            engines = [make for engine, make in case["engines"] if engine in programs]
            result = measure(case, [make() for make in engines], options.runs)
            print_case(result)
            report["cases"].append(result)
            shutil.rmtree(case["folder"])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


def available(binary):
    """Which engines can run; says which cannot, and why."""
    found = {"cp"}
    if shutil.which(binary):
        found.add("distpy-gpu")
    else:
        print(f"distpy-gpu is left out: {binary} is not there; build it with: cargo build --release")
    for engine, modules in (("scipy", "numpy, scipy.fft"), ("distpy", "distpy.workers.strainrate2summary, distpy.io_help.sgy")):
        tried = subprocess.run([sys.executable, "-c", f"import {modules}"], capture_output=True, text=True)
        if tried.returncode == 0:
            found.add(engine)
        else:
            reason = (tried.stderr.strip().splitlines() or ["unknown reason"])[-1]
            print(f"{engine} is left out: {reason}; install benches/requirements.txt on Python 3.11")
    if "scipy" not in found:
        sys.exit("numpy and scipy are needed to make the inputs")
    return found


def machine():
    model = platform.processor()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as cpus:
        model = next((line.split(":", 1)[1].strip() for line in cpus if line.startswith("model name")), model)
    return {"cpu": model, "cores": os.cpu_count(), "load": os.getloadavg(), "date": time.strftime("%Y-%m-%d")}


# Cases ------------------------------------------------------------------------------------------------------------


def noise_log_case(work, name, options):
    channels, samples = (int(n) for n in getattr(options, name).split("x"))
    folder = work / name
    data, flow = folder / "data", folder / "flow.json"
    data.mkdir(parents=True)
    chunk = data / f"{UNIXTIME}.npy"
    flow.write_text(json.dumps(FLOW))
    system = folder / "system.json"
    system.write_text(json.dumps({"in_directory": str(data), "out_directory": str(folder / "out"), "prf": PRF,
                                  "config": str(flow)}))
    with Child("make", options.threads) as child:
        child.call(kind="chunk", path=str(chunk), channels=channels, samples=samples)
    job = {"path": str(chunk), "flow": str(flow)}

    def program(precision):
        arguments = [options.binary, "-q", "-m", "strainrate2summary", "-f", str(chunk), "-c", str(system),
                     "--device", "cpu", "--precision", precision, "--threads", str(options.threads), "-o"]
        return lambda: Program(f"distpy-gpu {precision}", arguments)

    return {"name": f"noise log, {channels} x {samples} float64", "folder": folder, "input": chunk, "engines": [
        ("distpy", lambda: Child("distpy", options.threads, job)),
        ("scipy", lambda: Child("scipy", options.threads, job)),
        ("distpy-gpu", program("f32")),
        ("distpy-gpu", program("f64"))]}


def ingest_case(work, options):
    folder = work / "ingest"
    folder.mkdir()
    recording, system = folder / "recording.sgy", folder / "system.json"
    system.write_text(json.dumps({"out_directory": str(folder / "out"), "prf": SEGY_PRF}))
    with Child("make", options.threads) as child:
        child.call(kind="segy", path=str(recording), traces=options.traces)
    arguments = [options.binary, "-q", "-m", "segy_ingest", "-f", str(recording), "-c", str(system), "-o"]
    name = f"SEG-Y ingest, {options.traces} traces x {SEGY_SECONDS * SEGY_PRF} int16"
    return {"name": name, "folder": folder, "input": recording, "engines": [
        ("distpy", lambda: Child("distpy-ingest", options.threads, {"path": str(recording)})),
        ("cp", lambda: Program("cp", ["cp", str(recording)])),
        ("distpy-gpu", lambda: Program("distpy-gpu", arguments))]}


def measure(case, engines, runs):
    """Runs the engines in turn, each into a new folder."""
    with open(case["input"], "rb") as source:
        while source.read(1 << 24):
            pass
    for run in range(runs + 1):
        for engine in engines:
            out = tempfile.mkdtemp(prefix="out-", dir=case["folder"])
            seconds = engine.run(out)
            shutil.rmtree(out)
            if run > 0:
                engine.seconds.append(seconds)
    size = os.path.getsize(case["input"])
    rows = []
    for engine in engines:
        engine.close()
        rows.append({"engine": engine.name, "median": statistics.median(engine.seconds), "min": min(engine.seconds),
                     "MB_per_s": size / 1e6 / statistics.median(engine.seconds), "peak_rss_MB": engine.peak_rss,
                     "seconds": engine.seconds})
    nothing = Program("true", ["true"])
    nothing.run("")
    return {"case": case["name"], "input_MB": size / 1e6, "rss_floor_MB": nothing.peak_rss, "rows": rows}


def print_case(result):
    rows = result["rows"]
    reference = [row for row in rows if row["engine"] in ("distpy", "scipy f32", "cp")]
    floor = f"; memory below {result['rss_floor_MB']:.0f} MB cannot be told from this script's"
    print(f"\n{result['case']} ({result['input_MB']:.0f} MB), medians of {len(rows[0]['seconds'])} runs{floor}\n")
    print(f"{'engine':<16}{'median s':>10}{'min s':>10}{'MB/s':>8}{'RSS MB':>8}"
          + "".join(f"{'x ' + row['engine']:>12}" for row in reference))
    for row in rows:
        ratios = "".join(f"{other['median'] / row['median']:>12.2f}" for other in reference)
        print(f"{row['engine']:<16}{row['median']:>10.4f}{row['min']:>10.4f}{row['MB_per_s']:>8.0f}"
              f"{row['peak_rss_MB']:>8.0f}{ratios}", flush=True)


# Engines ----------------------------------------------------------------------------------------------------------


class Program:
    """A program that is started for every run, with the output folder as its last argument."""

    def __init__(self, name, arguments):
        self.name, self.arguments = name, arguments
        self.seconds, self.peak_rss = [], 0.0

    def run(self, out):
        start = time.perf_counter()
        process = subprocess.Popen(self.arguments + [out], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(self.arguments + [out])}\nended with {process.returncode}")
        self.peak_rss = max(self.peak_rss, usage.ru_maxrss / 1024)
        return seconds

    def close(self):
        pass


class Child:
    """This script in another process, which does one kind of job when told to and answers with the seconds it took."""

    NAMES = {"scipy": "scipy f32", "distpy-ingest": "distpy"}

    def __init__(self, kind, threads, job=None):
        self.name, self.job = self.NAMES.get(kind, kind), job or {}
        self.seconds, self.peak_rss = [], 0.0
        # One thread for each of numpy's own loops: scipy's rows are spread over threads here, distpy uses none.
        single = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = subprocess.Popen([sys.executable, __file__, "--serve", kind, "--threads", str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **single, "TZ": "UTC", "MPLBACKEND": "Agg"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} failed")
        return json.loads(answer)["seconds"]

    def run(self, out):
        return self.call(out=out, **self.job)

    def close(self):
        self.process.stdin.close()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.process.stdout.close()
        self.peak_rss = usage.ru_maxrss / 1024


# In the child processes -------------------------------------------------------------------------------------------


def serve(kind, threads):
    work = {"make": maker, "scipy": scipy_noise_log, "distpy": distpy_noise_log, "distpy-ingest": distpy_ingest}[kind]
    do = work(threads)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)        # distpy prints
    for line in sys.stdin:
        job = json.loads(line)
        start = time.perf_counter()
        do(**job)
        answers.write(json.dumps({"seconds": time.perf_counter() - start}) + "\n")
        answers.flush()


def maker(_threads):
    import numpy as np

    def chunk(path, channels, samples):
        rng = np.random.default_rng(7)
        data = np.lib.format.open_memmap(path, mode="w+", dtype="<f8", shape=(channels, samples))
        time = np.arange(samples) / PRF
        for first in range(0, channels, 250):
            rows = data[first:first + 250]
            rows[:] = rng.standard_normal(rows.shape)
            rows += np.sin(2 * np.pi * np.outer(np.linspace(50, 2000, len(rows)), time))
        data.flush()
        depth = os.path.join(os.path.dirname(path), "measured_depth.npy")
        np.save(depth, np.arange(channels, dtype=float))

    def segy(path, traces):
        rng = np.random.default_rng(7)
        samples = SEGY_SECONDS * SEGY_PRF
        head = bytearray(3600)
        head[:3200] = "".join(f"C{k + 1:2d}".ljust(80) for k in range(40)).encode("cp500")

        def put(buffer, at, size, value):
            buffer[at - 1:at - 1 + size] = value.to_bytes(size, "big")

        put(head, 3213, 2, traces % 65536)
        put(head, 3217, 2, 1000000 // SEGY_PRF)
        put(head, 3221, 2, samples)
        put(head, 3225, 2, 3)
        put(head, 3501, 2, 0x0100)
        put(head, 3503, 2, 1)
        with open(path, "wb") as out:
            out.write(head)
            for trace in range(traces):
                header = bytearray(240)
                put(header, 1, 4, trace + 1)
                put(header, 5, 4, trace + 1)
                put(header, 29, 2, 1)
                put(header, 41, 4, 2 * trace)
                put(header, 69, 2, 1)
                put(header, 71, 2, 1)
                put(header, 115, 2, samples)
                put(header, 117, 2, 1000000 // SEGY_PRF)
                for at, value in ((157, 2020), (159, 1), (161, 0), (163, 0), (165, 0)):
                    put(header, at, 2, value)
                out.write(header)
                out.write((1000 * rng.standard_normal(samples, dtype=np.float32)).astype(">i2").tobytes())

    return lambda kind, **job: {"chunk": chunk, "segy": segy}[kind](**job)


def distpy_noise_log(_threads):
    import numpy as np
    from distpy.workers.strainrate2summary import strainrate2summary

    def run(path, flow, out):
        with open(flow) as file:
            commands = json.load(file)
        depth = np.load(os.path.join(os.path.dirname(path), "measured_depth.npy"))
        strainrate2summary(path, depth, PRF, out, commands, [], None)

    return run


def distpy_ingest(_threads):
    import distpy.io_help.sgy as sgy
    return lambda path, out: sgy.ingest(path, out)


def scipy_noise_log(threads):
    """Rows in blocks that stay in the cache, real FFT in single precision, squares summed in double precision."""
    import concurrent.futures
    import numpy as np
    import scipy.fft
    pool = concurrent.futures.ThreadPoolExecutor(threads)

    def run(path, flow, out):
        data = np.load(path, mmap_mode="r")
        channels, samples = data.shape
        # Bands end at the Nyquist frequency, so disjoint ones are summed once each and then accumulated from above.
        edges = [0] + [int(f * samples / PRF) for f in BANDS] + [samples // 2 + 1]
        energy = np.empty((channels, len(BANDS) + 1))
        # The fastest of 2^16 to 2^20 samples, and of four ways to square and sum.
        step = max(1, min((1 << 19) // samples, -(-channels // threads)))

        def block(first):
            rows = slice(first, first + step)
            spectrum = scipy.fft.rfft(data[rows].astype(np.float32), axis=1)
            power = spectrum.real ** 2
            power += spectrum.imag ** 2
            power[:, 0] *= 0.5
            if samples % 2 == 0:
                power[:, -1] *= 0.5
            parts = [power[:, a:b].sum(axis=1, dtype=np.float64) for a, b in zip(edges, edges[1:])]
            energy[rows] = 2 * np.cumsum(parts[::-1], axis=0)[::-1].T

        list(pool.map(block, range(0, channels, step)))
        energy[:, 0] = np.sqrt(energy[:, 0]) / samples
        np.save(os.path.join(out, "energy.npy"), energy)

    return run


if __name__ == "__main__":
    main()
