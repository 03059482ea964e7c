"""Writes the Zarr arrays of this folder: the same 50 channels by 60 times in every layout that is read.

Version 3 by zarr-python 3.1 and numpy 2.4 (`make.py 3`), version 2 by zarr-python 2.18 and xarray 2024.3 (`make.py 2`).
"""

import sys

import numpy as np
import zarr

START = 1_767_225_600
ROWS, COLS = 50, 60
rows, cols = np.mgrid[0:ROWS, 0:COLS]
values = ((7 * rows + 3 * cols) % 50 / 2.0).astype("f8")
values[10:13, 20:30] = np.nan
depths = 100.0 + 10.0 * np.arange(ROWS)
ALONG = ("measured_depth", "time")


def version_3():
    group = zarr.open_group("version3.zarr", mode="w")

    def array(name, data, chunks, dimensions, attributes=None, **options):
        made = group.create_array(
            name, shape=data.shape, dtype=data.dtype, chunks=chunks, dimension_names=dimensions, attributes=attributes or {}, **options
        )
        made[...] = data

    nan = {"fill_value": np.nan}
    array("plain", values.astype("f4"), (20, 32), ALONG, compressors=None, **nan)
    array("zstd", values, (20, 32), ALONG, compressors=zarr.codecs.ZstdCodec(level=3), **nan)
    array("gzip", values.T.copy(), (32, 20), ("time", "measured_depth"), compressors=zarr.codecs.GzipCodec(), **nan)
    array("shards", values, (5, 6), ALONG, shards=(25, 30), compressors=zarr.codecs.ZstdCodec(checksum=True), **nan)
    packed = np.where(np.isnan(values), -999, values * 2 - 10).astype("i2")
    array("packed", packed, (50, 60), ALONG, {"scale_factor": 0.5, "add_offset": 5.0, "_FillValue": -999})
    array("blosc", values, (50, 60), ALONG, compressors=zarr.codecs.BloscCodec())
    array("complex", values + 0j, (50, 60), ALONG)
    array("time", (START + np.arange(COLS)) * 1_000_000_000, (COLS,), ("time",), {"units": "nanoseconds since 1970-01-01"})
    array("measured_depth", depths / 1000, (ROWS,), ("measured_depth",), {"units": "km"})


def version_2():
    import numcodecs
    import xarray

    times = np.datetime64(START, "s") + np.arange(COLS).astype("timedelta64[s]")
    axes = {"distance": ("distance", depths, {"units": "m"}), "time": times.astype("datetime64[ns]")}
    data = {
        "zlib": (("distance", "time"), values, {}),
        "turned": (("time", "distance"), values.T.astype("f4"), {}),
    }
    dataset = xarray.Dataset(data, axes)
    packing = {name: {"compressor": numcodecs.Zlib(4), "chunks": (20, 32)} for name in data}
    for name in axes:
        packing[name] = {"compressor": None}
    packing["time"] |= {"units": "milliseconds since 2026-01-01 00:00:00", "dtype": "i4"}
    dataset.to_zarr("version2.zarr", mode="w", encoding=packing, zarr_version=2)


{"2": version_2, "3": version_3}[sys.argv[1]]()
