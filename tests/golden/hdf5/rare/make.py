"""Writes small recordings in layouts that were seen rarely, by h5py 3.8.

Sample (time t, channel k) is 100 t + k - 7 in every file, the start 2023-09-22T18:29:26.5Z, the rate 500 Hz.
"""

import h5py
import numpy as np

START = 1_695_407_366.5
ISO = "2023-09-22T18:29:26.5"
NT, NX = 12, 5
t, k = np.mgrid[0:NT, 0:NX]
samples = 100 * t + k - 7

for name, dims in [("dasdae.h5", "time,distance"), ("dasdae-channels.h5", "distance,time")]:
    with h5py.File(name, "w") as f:
        f.attrs["__format__"] = "DASDAE"
        g = f.create_group("waveforms/DAS___2023")
        g["data"] = (samples if dims == "time,distance" else samples.T).astype("f4")
        g["_coord_time"] = (int(START * 1e9) + 2_000_000 * np.arange(NT)).astype("i8")
        g["_coord_distance"] = 30.0 + 2.5 * np.arange(NX)
        g.attrs.update(_dims=dims, _attrs_data_units="rad" if dims == "time,distance" else "")

with h5py.File("ai4eps.h5", "w") as f:
    d = f.create_dataset("data", data=samples.T.astype("f4"))
    d.attrs.update(dx_m=2.5, dt_s=0.002, begin_time=ISO + "00+00:00", unit="microstrain/s")

with h5py.File("odh3.h5", "w") as f:
    f["data"] = samples.T.astype("f4")
    f["t_axis"] = START + 0.002 * np.arange(NT)
    f["x_axis"] = 30.0 + 2.5 * np.arange(NX)

with h5py.File("odh4.h5", "w") as f:
    f["raw_data"] = samples.T.astype("i4")
    f.attrs.update({"channel spacing m": 2.5, "channel_start": 12, "GL m": 10.0, "sampling rate Hz": 500.0, "starttime": ISO,
                    "scale factor to strain": 1.25e-10})

header = np.zeros(200)
header[[1, 6, 11, 15, 98, 100]] = 2.5, 4000.0, 30.0, 4.0, 2.0, START
with h5py.File("hdas1.h5", "w") as f:
    f["HDAS_DATA"] = samples.astype("f4")
    f["File_Header"] = header[None, :]

with h5py.File("hdas2.h5", "w") as f:
    f["data"] = samples.T.astype("f4")
    f["hdas_header"] = header.astype("f4")
    f.attrs["start_time"] = ISO

for name, turned in [("nec.h5", False), ("nec-channels.h5", True)]:
    with h5py.File(name, "w") as f:
        d = f.create_dataset("data", data=(samples.T if turned else samples).astype("i2"))
        d.attrs.update({"Interval of monitor point": 2.5, "Interval time of data": 2.0, "Number of requested location points": NX,
                        "Time of sending request": START * 1e3, "Gauge length": 10.0, "Radians peer digital value": 0.125})

with h5py.File("puniu.h5", "w") as f:
    d = f.create_dataset("default", data=samples.astype("i4"))
    d.attrs.update(row_major_order="time, channel", sampling_rate=500.0, spatial_sampling_rate=1.25, step=2, start_channel=24,
                   epoch=int(START), ns=500_000_000, format="differential")

with h5py.File("neubrex-rfs.h5", "w") as f:
    d = f.create_dataset("data", data=samples.astype("f4"), compression="gzip")
    d.attrs.update(DataUnitLabel="micro-strain", StartDateTime="09/22/2023 12:29:26.500000")
    f["depth"] = (30.0 + 2.5 * np.arange(NX)).astype("f4")
    f["stamps_unix"] = (START + 0.002 * np.arange(NT)) * 1e6
    f["stamps"] = np.array(["09/22/2023 12:29:26.500000"] * NT, dtype=h5py.string_dtype())

with h5py.File("carina.h5", "w") as f:
    f["Fiber"] = samples.astype("i2")
    f["ChannelMap"] = np.array([-1, -1, 0, 1, 2, 3, 4, -1, -1, -1], "i4")
    for name in ["cm", "t", "x"]:
        f[name] = np.zeros(0)
    # 8192 / 116 nanometres times gauge length and gain make one nanostrain/s of each count at 1000 Hz.
    f.attrs.update({"Samplerate": [500.0], "SamplingFrequency[Hz]": [1000.0], "FilterGain": [2.0], "GaugeLength": [10.0],
                    "StartTime": [int(START * 1e6)], "Start Distance (m)": [25.0], "Stop Distance (m)": [50.0]})

with h5py.File("uptech.h5", "w") as f:
    d = f.create_dataset("Acquisition/StrainRate", data=samples.astype("f4"))
    d.attrs.update(acquisition_frequency=500.0, fiber_length=12.5, gauge_length=10.0, sampling_interval=2.5, spatial_resolution=2.0)
    f["Acquisition/Time"] = START + 0.002 * np.arange(NT)

with h5py.File("t8.h5", "w") as f:
    d = f.create_dataset("ProcessedData/DAS", data=samples.astype("f4"))
    d.attrs.update({"record/channel_spacing_m": "1.25", "record/pulse_repetition_rate_hz": "2000.0", "record/line_offset_m": "30.0",
                    "record/start_time": "20230922T182926500000", "record/gauge_length_m": "10.0",
                    "downsampling/decimation_in_length": "2", "downsampling/decimation_in_time": "4"})

for name, turned in [("das-hdf5.h5", False), ("das-hdf5-channels.h5", True)]:
    with h5py.File(name, "w") as f:
        f.attrs["Conventions"] = np.array(["CF-1.7", "DAS-HDF5-1.0"], dtype=h5py.string_dtype())
        f["das"] = (samples.T if turned else samples).astype("f4")
        f["das"].attrs["units"] = "radians"
        f["t"] = START + 0.002 * np.arange(NT) if turned else 26.5e6 + 2000.0 * np.arange(NT)
        if not turned:
            f["t"].attrs["units"] = "microseconds since 2023-09-22T18:29:00"
        f["channel"], f["trace"] = np.arange(NX), np.arange(NT)
        # Steps of 2.5 m: 1.5 east, 2 north.
        f["x"], f["y"], f["z"] = 1000.0 + 1.5 * np.arange(NX), 5000.0 - 2.0 * np.arange(NX), np.full(NX, 7.0)
