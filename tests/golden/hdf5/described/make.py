"""Writes recordings in layouts that no reader knows, by h5py 3.8: sample (time t, channel k) is 100 t + k - 7."""

import h5py
import numpy as np

NT, NX = 12, 5
t, k = np.mgrid[0:NT, 0:NX]
samples = 100 * t + k - 7

with h5py.File("attributes.h5", "w") as f:
    d = f.create_dataset("strain", data=samples.T.astype("f4"))
    d.attrs.update(dx_m=2.5, dt_s=0.002, begin_time="2023-09-22T18:29:26.500", unit="microstrain", x0=np.array([30.0]), scale="0.25")

with h5py.File("groups.h5", "w") as f:
    g = f.create_group("fibre/one")
    g.create_dataset("counts", data=samples.astype("i2"), chunks=(5, 2), compression="gzip")
    g["when"] = (1_695_407_366_500_000_000 + 2_000_000 * np.arange(NT)).astype("i8")
    g["where"] = 30.0 + 2.5 * np.arange(NX)
    f.create_group("setup").attrs["began"] = np.int64(1_695_407_366_500)
    f["setup/rate"] = np.array([500.0])
