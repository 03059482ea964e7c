"""Makes seeds of the test fixtures: seeds.py FOLDER writes FOLDER/TARGET/NAME for each fuzz target."""

import struct
import sys
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden"
ENDINGS = {"segy": ".sgy", "tdms": ".tdms", "hdf5_bytes": ".h5", "npy": ".npy", "csv": ".csv", "las": ".las", "witsml": ".fbe", "json": ".json", "onnx": ".onnx"}
LARGEST = 32 << 10


def zarr(folder):
    """The header, with its length before it, and the first chunk."""
    header = next(folder / name for name in ["zarr.json", ".zarray"] if (folder / name).is_file()).read_bytes()
    chunks = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] not in ".z")
    return struct.pack("<H", len(header)) + header + (chunks[0].read_bytes() if chunks else b"")


def main(out):
    seeds = [(target, path, path.read_bytes()) for target, end in ENDINGS.items() for path in sorted(GOLDEN.rglob(f"*{end}"))]
    arrays = {path.parent for name in ["zarr.json", ".zarray"] for path in (GOLDEN / "zarr").rglob(name)}
    seeds += [("zarr", folder, zarr(folder)) for folder in sorted(arrays)]
    for target, path, content in seeds:
        if len(content) <= LARGEST:
            name = "-".join(path.relative_to(GOLDEN).parts)
            (out / target).mkdir(parents=True, exist_ok=True)
            (out / target / name).write_bytes(content)


main(Path(sys.argv[1]))
