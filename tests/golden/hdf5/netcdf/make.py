"""Writes small recordings in netCDF-4 by the CF conventions: by xdas 0.2.10 (h5netcdf 1.8.2), xarray 2026.9 and, for what these do not
write, h5py 3.16.

Sample (time t, channel k) is 100 t + k - 7 in every file, the start 2023-09-22T18:29:26.5Z, the rate 500 Hz.
"""

import h5py
import numpy as np
import xarray
import xdas

START = np.datetime64("2023-09-22T18:29:26.500000000")
STEP = np.timedelta64(2_000_000, "ns")
NT, NX = 12, 5
t, k = np.mgrid[0:NT, 0:NX]
samples = (100 * t + k - 7).astype("f4")
times, places = START + np.arange(NT) * STEP, 30.0 + 2.5 * np.arange(NX)


def tied(ties, values):
    return {"tie_indices": ties, "tie_values": values}


def runs(first, lengths, step):
    return {"tie_values": first, "tie_lengths": lengths, "sampling_interval": step}


ends = {"time": tied([0, NT - 1], times[[0, -1]]), "distance": tied([0, NX - 1], places[[0, -1]])}
xdas.DataArray(samples, ends, name="strain").to_netcdf("ties.nc")
xdas.DataArray(samples, ends, name="strain").T.to_netcdf("ties-channels.nc")
# Every channel a tie, and a gap of a second before row 9.
late = times + np.where(np.arange(NT) < 9, 0, 1_000_000_000).astype("m8[ns]")
gap = {"time": tied([0, 8, 9, NT - 1], late[[0, 8, 9, -1]]), "distance": tied(range(NX), places)}
xdas.DataArray(samples, gap).to_netcdf("gap.nc")
xdas.DataArray(samples.astype("f8"), {"time": times, "distance": places}).to_netcdf("all.nc")
even = {"time": runs([START, times[7]], [7, NT - 7], STEP), "distance": runs([30.0], [NX], 2.5)}
xdas.DataArray(samples, even).to_netcdf("runs.nc")
# A square array: only the names of its dimensions tell time from place.
square = {"time": tied([0, NX - 1], times[[0, NX - 1]]), "distance": ends["distance"]}
xdas.DataArray(samples[:NX], square).to_netcdf("square.nc")

array = xarray.DataArray(samples.astype("i4"), {"time": times.astype("M8[ns]"), "distance": places / 1000}, ("time", "distance"), "das")
array.distance.attrs["units"] = "km"
array.attrs.update(units="nanostrain/s", scale_factor=0.125)
dataset = array.to_dataset().assign(quality=("time", np.ones(NT)))
dataset.to_netcdf("xarray.nc", engine="h5netcdf", encoding={"time": {"units": "nanoseconds since 1970-01-01", "dtype": "i8"}})

with h5py.File("names.nc", "w") as f:
    f.attrs["Conventions"] = "CF-1.8"
    f["das"] = samples.T
    f["time"] = 0.002 * np.arange(NT) + 26.5
    f["time"].attrs.update(units="seconds since 2023-09-22 18:29", calendar="standard")
    f["channel"] = np.array(["a", "b", "c", "d", "e"], dtype=h5py.string_dtype())
    for axis, name in enumerate(["channel", "time"]):
        f[name].make_scale(name)
        f["das"].dims[axis].attach_scale(f[name])
