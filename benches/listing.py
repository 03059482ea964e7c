#!/usr/bin/env python3
"""How long a shard takes to start in a folder of a million chunks, with an index and without one.

    benches/listing.py --program target/release/distpy-gpu [--chunks 1000000] [--shards 100000] [--folder DIR]

A shard of ten chunks is computed: with the index of the folder, where only the shard's own files exist, and without it, where all
files exist. With strace on the path, the system calls of each way are counted, too.
"""
import argparse
import json
import re
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

START = 1_500_000_000
COLUMNS = "name,start_ns,rate_samples,rate_ns,samples,channels,type,factor,unit,source,source_bytes,source_sample,gap_ns"


def npy():
    """Two channels of eight samples, float32."""
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 8), }"
    head += " " * (117 - len(head)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<16f", *range(16))


def shard_of(chunks, shards):
    """Chunks of one size go round."""
    return range(0, chunks, shards)


def row(k):
    start = (START + k) * 10**9
    return f"{START + k},{start},1,125000000,8,2,float32,,,all.sgy,1000,{8 * k},{0 if k else ''}\n"


def run(program, folder, shards, calls):
    system = {"in_directory": str(folder / "chunks"), "out_directory": str(folder / "results"), "config": str(folder / "flow.json"), "prf": 8}
    flow = {"command_list": [{"name": "mean", "uid": 1, "in_uid": 0, "axis": 1}, {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "r"}]}
    (folder / "system.json").write_text(json.dumps(system))
    (folder / "flow.json").write_text(json.dumps(flow))
    shutil.rmtree(folder / "results", ignore_errors=True)
    command = [program, "-m", "strainrate2summary", "-c", str(folder / "system.json"), "--device", "cpu", "--shard", f"0/{shards}"]
    log = folder / "calls"
    if calls:
        command = ["strace", "-f", "-c", "-o", str(log)] + command
    begin = time.perf_counter()
    done = subprocess.run(command, text=True, capture_output=True)
    seconds = time.perf_counter() - begin
    assert done.returncode == 0, done.stderr[-1000:]
    assert "10 chunks done" in done.stderr, done.stderr[-1000:]
    if not calls:
        return seconds, None
    counts = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", log.read_text(), re.M)
    return seconds, sum(int(count) for count, name in counts if name != "total")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", required=True)
    p.add_argument("--chunks", type=int, default=1_000_000)
    p.add_argument("--shards", type=int, default=100_000)
    p.add_argument("--folder", type=Path, help="where the chunks are made (default: the system's folder for temporary files)")
    options = p.parse_args()
    program = str(Path(options.program).resolve())
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        chunks = folder / "chunks"
        chunks.mkdir()
        content = npy()
        for k in shard_of(options.chunks, options.shards):
            (chunks / f"{START + k}.npy").write_bytes(content)
        with open(chunks / "index.csv", "w") as index:
            index.write(COLUMNS + "\n")
            index.writelines(row(k) for k in range(options.chunks))
        ways = [("with the index", None)]
        for name, prepare in [*ways, ("without an index", "all")]:
            if prepare:
                (chunks / "index.csv").unlink()
                for k in range(options.chunks):
                    path = chunks / f"{START + k}.npy"
                    if not path.exists():
                        path.write_bytes(content)
            run(program, folder, options.shards, False)
            seconds = min(run(program, folder, options.shards, False)[0] for _ in range(3))
            calls = run(program, folder, options.shards, True)[1] if shutil.which("strace") else None
            counted = "" if calls is None else f", {calls / options.chunks:.3f} system calls a chunk"
            print(f"{name}: {options.chunks} chunks, a shard of ten done in {seconds:.2f} s{counted}")


if __name__ == "__main__":
    main()
