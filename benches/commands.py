#!/usr/bin/env python3
"""Times every command of distpy 1.32.3 against the same command here, on one core, in one run.

    python3.11 -m venv venv && venv/bin/pip install -r benches/requirements.txt
    cargo bench --bench commands --no-run          # prints the path of the program
    venv/bin/python benches/commands.py --bench target/release/deps/commands-...

Cases are in src/modules/benchmark/commands.json: arguments, and what the input is; those that distpy lacks are left out. A run
of either side goes from the chunk's npy file in the page cache to the result in memory, which is what a flow does for each
chunk: distpy loads the file and executes the command; ours, which is planned once, converts the mapped samples and computes. The sides take turns after one uncounted round; medians are compared. numpy's threads are
limited to one, and so are ours. Gathered arrays come from `data_load`, for which distpy reads the file for each chunk.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["MPLBACKEND"] = "Agg"

import argparse  # noqa: E402
import contextlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import pathlib  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

import numpy as np  # noqa: E402

warnings.simplefilter("ignore")
PRF = 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bench", required=True, help="the program that `cargo bench --bench commands --no-run` names")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each side (default: %(default)s)")
    parser.add_argument("--channels", type=int, default=500)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--only", nargs="+", help="names of commands")
    parser.add_argument("--precision", choices=["f64", "f32"], default="f64", help="of our side (default: %(default)s)")
    parser.add_argument("--json", help="also write every time to this file")
    options = parser.parse_args()
    file = pathlib.Path(__file__).parents[1] / "src/modules/benchmark/commands.json"
    cases = [case for case in json.loads(file.read_text()) if case.get("distpy", True)]
    cases = [case for case in cases if not options.only or case["args"]["name"] in options.only]
    with tempfile.TemporaryDirectory(prefix="commands-") as folder, Ours(options.bench) as ours:
        arrays, files = inputs(options, pathlib.Path(folder))
        rows = [measure(case, ours, arrays, files, options) for case in cases]
    report(rows)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")


def inputs(options, folder):
    """Arrays by name, and the same as npy files."""
    rng = np.random.default_rng(1)
    shape = (options.channels, options.samples)
    noise = rng.standard_normal(shape)
    arrays = {
        "noise": noise,
        "other": rng.standard_normal(shape),
        "positive": np.abs(noise) + 0.1,
        "phase": np.cumsum(noise, axis=1),
        "spectrum": np.fft.fft(noise, axis=1),
        # For the commands that take minutes on a whole chunk.
        "few": np.ascontiguousarray(noise[:40, :1000]),
    }
    files = {}
    for name, array in arrays.items():
        files[name] = str(folder / f"{name}.npy")
        np.save(files[name], array)
    return arrays, files


class Ours:
    """The bench program, which runs a command for each line that it is given."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([self.program, "--serve"], text=True, **pipes)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def run(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["seconds"]


def distpy_seconds(case, files):
    import distpy.calc.extra_numpy as extra_numpy
    import distpy.calc.pub_command_set as pub
    from distpy.calc.processing_commands import CommandFactory

    extra_numpy.set_boxsize(500)
    begun = time.perf_counter()
    data = np.load(files[case["input"]])
    gathered = [np.load(files[name]) for name in case.get("gather", [])]
    loading = time.perf_counter() - begun
    nx, nt = data.shape
    commands = [pub.DataLoadCommand(data, {})]
    commands += [pub.DataLoadCommand(array, {}) for array in gathered]
    context = {"prf": PRF, "nx": nx, "nt": nt, "f_rescale": nt / PRF, "xaxis": np.arange(nx, dtype=float),
               "taxis": np.arange(nt, dtype=float), "date_dir": "0", "datestring": "1970-01-01T00:00:00+00:00"}
    args = {**case["args"], "uid": len(commands), "in_uid": 0, "gather_uids": list(range(1, len(commands))), **context}
    with contextlib.redirect_stdout(io.StringIO()):
        command = CommandFactory(commands, args)
        begun = time.perf_counter()
        command.execute()
        return loading + time.perf_counter() - begun


def measure(case, ours, arrays, files, options):
    request = {"args": case["args"], "input": files[case["input"]], "gather": [files[name] for name in case.get("gather", [])],
               "precision": options.precision}
    row = {"args": case["args"], "shape": arrays[case["input"]].shape}
    try:
        times = {"ours": [], "distpy": []}
        for turn in range(options.runs + 1):
            mine, theirs = ours.run(request), distpy_seconds(case, files)
            if turn > 0:
                times["ours"].append(mine)
                times["distpy"].append(theirs)
            # Minutes of waiting tell no more.
            if turn > 0 and theirs > 10:
                break
        row.update({side: statistics.median(values) for side, values in times.items()})
        row["ratio"] = row["distpy"] / row["ours"]
    except RuntimeError as error:
        row["error"] = str(error).splitlines()[0]
    print(line(row), flush=True)
    return row


def line(row):
    args = {key: value for key, value in row["args"].items() if key != "name"}
    text = f"{row['args']['name']:<16} "
    if "error" in row:
        return text + row["error"]
    shape = "x".join(map(str, row["shape"]))
    return text + f"{1e3 * row['ours']:10.2f} ms {1e3 * row['distpy']:10.2f} ms {row['ratio']:8.1f}   {shape} {json.dumps(args)}"


def report(rows):
    measured = [row for row in rows if "ratio" in row]
    if not measured:
        return
    mean = math.exp(statistics.fmean(math.log(row["ratio"]) for row in measured))
    print(f"\n{len(measured)} commands, geometric mean of the speed-ups: {mean:.1f}")
    print("the ten with the least:")
    for row in sorted(measured, key=lambda row: row["ratio"])[:10]:
        print(line(row))


if __name__ == "__main__":
    main()
