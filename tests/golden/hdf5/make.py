"""Writes small recordings in the layouts of several makers, by h5py 3.8.

Sample (time t, channel k) is 100 t + k - 7 in every file, the start 2023-09-22T18:29:26.5Z, unless the layout says otherwise.
"""

import h5py
import numpy as np

START = 1_695_407_366.5
NT, NX = 12, 5
t, k = np.mgrid[0:NT, 0:NX]
samples = 100 * t + k - 7


def terra15(name, version, group):
    with h5py.File(name, "w", libver="latest") as f:
        f.attrs.update(file_version=version, data_product="strainrate", data_product_units="1/s", dx=1.5, sensing_range_start=30.25,
                       dt_computer=0.0021, nx=NX, gauge_length=2.4)
        g = f.create_group(group)
        g.create_dataset("data", data=samples.astype("f4"), chunks=(4, NX), maxshape=(64, NX))
        # The last two rows were allocated, and not written.
        times = START + 0.002 * np.arange(NT)
        times[-2:] = 0
        g.create_dataset("gps_time", data=np.zeros(NT))
        g.create_dataset("posix_time", data=times)


def optodas(name):
    with h5py.File(name, "w") as f:
        f["fileVersion"] = 12
        f.create_group("acqSpec")
        f.create_group("cableSpec")
        f["data"] = samples.astype("i4")
        h = f.create_group("header")
        h["dimensionNames"] = np.array(["time", "distance"], dtype=h5py.string_dtype())
        h["time"], h["dt"], h["dx"] = START, 0.002, 1.0
        h["channels"] = np.array([400, 450, 500, 550, 600], "i4")
        h["dataScale"], h["unit"] = 0.25, "rad/m/s"
        h["sensitivities"] = np.array([[8.0]])
        h["sensitivityUnits"] = np.array(["rad/m/strain"], dtype=h5py.string_dtype())
        h["dataType"], h["gaugeLength"] = 3, 10.0


def ap_sensing(name):
    def one(group, key, value):
        group.create_dataset(key, data=np.array([value], dtype=h5py.string_dtype("ascii") if isinstance(value, str) else None))

    with h5py.File(name, "w") as f:
        f.attrs.update(AppVersion="1", FileVersion="10")
        f["DAS"] = samples.astype("i4")
        for group in ("DAQ", "Interrogator", "Metadata", "ProcessingServer"):
            f.create_group(group)
        one(f["DAQ"], "PulseRate", 2000.0)
        one(f["DAQ"], "PositionStart", -12.5)
        one(f["ProcessingServer"], "DataRate", 500.0)
        one(f["ProcessingServer"], "SpatialSampling", 1.25)
        one(f["ProcessingServer"], "DataType", "SCALED_DIFFERENTIAL_PHASE_32")
        one(f["Metadata"], "Timestamp", "2023-09-22T18:29:26.5Z")
        one(f["Metadata"], "Timezone", "UTC")


def silixa(name):
    with h5py.File(name, "w") as f:
        d = f.create_dataset("Acoustic", data=samples.astype("i2"))
        texts = {
            "SamplingFrequency[Hz]": "500", "Precise Sampling Frequency (Hz)": "5499.945", "Time Decimation": "11",
            "SpatialResolution[m]": "2", "Fibre Length Multiplier": "1.02", "Start Distance (m)": "-120.4", "GaugeLength": "10",
            "GPSTimeStamp": "22/09/2023 18:06:00.000 (UTC)", "CPUTimeStamp": "22/09/2023 18:29:26.500 (UTC)",
            "SystemInfomation.GPS.Status": "Uninitialized",
        }
        d.attrs.update(texts)


def neubrex(name):
    with h5py.File(name, "w") as f:
        d = f.create_dataset("Acoustic", data=samples.astype("f4"))
        d.attrs.update({
            "NEUBRESCOPE.DAS.Model": "NBX", "TimeSamplingInterval(seconds)": 0.002, "StartPosition": 10.0, "SpatialSamplingInterval": 0.5,
            "GPSTimeStamp(UTC)": "", "CPUTimeStamp(UTC)": "2023-09-22 18:29:26.5000000", "DataPhysicalUnit": "micro-strain/second",
            "GaugeLength": 5.0, "TimeDecimationFilter": 1,
        })


def febus(name, version, chunks=None, **filters):
    """Blocks of 8 rows, of which 6 are a period, every 60 ms; row t of the recording is in the middle of its block."""
    period, rows, blocks = 6, 8, 2
    with h5py.File(name, "w") as f:
        source = f.create_group("fa1-1/Source1")
        source.attrs.update(AmpliPower=[27.0], Hostname=b"fa1-1", WholeExtent=[0.0, 9, 0, 7, 0, 0], SamplingRate=[2.5e8 if version else 100.0])
        zone = source.create_group("Zone1")
        zone.attrs.update(Extent=[20.0, 24, 0, 7, 0, 0], Spacing=[0.8, 10.0 if version else 5.0, 1.0], BlockOverlap=[33.0],
                          Origin=[4.0, -40.0 if version else 0.0, 0], SamplingRate=[2.5e8 if version else 100.0], GaugeLength=[5.0])
        if version:
            zone.attrs["Version"] = "2.3.21"
            zone.attrs["BlockRate"] = [1000 / 0.06]
        stored = np.full((blocks, rows, NX), -999.0, "f4")
        for b in range(blocks):
            stored[b, 1:7] = samples[b * period : (b + 1) * period]
        zone.create_dataset("StrainRate", data=stored, chunks=chunks or (1, rows, NX), **filters)
        # A block's time is that of its middle: its first kept row is 30 ms before.
        source["time"] = (START + 0.03 + 0.06 * np.arange(blocks)).reshape(1, -1)


def gdr(name):
    with h5py.File(name, "w") as f:
        a = f.create_group("DasMetadata/Interrogator/Acquisition")
        a.attrs.update(AcquisitionSampleRate="500", SpatialSamplingInterval="1.021", GaugeLength="10", UnitOfMeasure="NaN")
        raw = f.create_group("DasRawData")
        d = raw.create_dataset("RawData", data=samples.T.astype("f4"))
        d.attrs["DasDimensions"] = np.array(["locus", "time step"], dtype=h5py.string_dtype())
        raw["DasTimeArray"] = (int(START * 1e9) + 2_000_000 * np.arange(NT)).astype("u8")


def plain(name):
    with h5py.File(name, "w") as f:
        f["raw"] = samples.T.astype("f8")
        f["raw"].attrs["units"] = "nm/s"
        f["timestamp"] = START + 0.002 * np.arange(NT)
        f["distance"] = 3.0 * np.arange(NX)


def prodml(name, vendor, unit, dtype, times_first, extra):
    with h5py.File(name, "w") as f:
        a = f.create_group("Acquisition")
        a.attrs.update(VendorCode=vendor, NumberOfLoci=NX, StartLocusIndex=-2, SpatialSamplingInterval=2.0, GaugeLength=10.0, PulseRate=4000.0,
                       MeasurementStartTime="2023-09-22T18:29:26.500000+00:00", **extra)
        raw = a.create_group("Raw[0]")
        raw.attrs.update(RawDataUnit=unit, OutputDataRate=500.0, NumberOfLoci=NX)
        d = raw.create_dataset("RawData", data=(samples if times_first else samples.T).astype(dtype), compression="gzip", shuffle=True)
        d.attrs["Dimensions"] = np.array(["time", "locus"] if times_first else ["locus", "time"], dtype=h5py.string_dtype())
        raw["RawDataTime"] = (int(START * 1e6) + 2000 * np.arange(NT)).astype("i8")



def fbe(name):
    """Energy of three bands every four seconds; the raw data are elsewhere, and were of more channels. Band m is m above the samples."""
    with h5py.File(name, "w") as f:
        a = f.create_group("Acquisition")
        a.attrs.update(VendorCode="OptaSense Inc", NumberOfLoci=1000, StartLocusIndex=0, SpatialSamplingInterval=1.0, GaugeLength=10.0,
                       PulseRate=2000.0, MeasurementStartTime="2023-09-22T18:29:26.500000+00:00")
        a.create_group("Raw[0]/Custom").attrs["Data Width (Bits)"] = 16
        g = a.create_group("Processed/Fbe[0]")
        g.attrs.update(FbeDataUnit="rad2/Hz", OutputDataRate=0.25, NumberOfLoci=NX, StartLocusIndex=10, SpatialSamplingInterval=2.0,
                       WindowSize=16384)
        bands = [(-0.061, 0.061), (0.061, 10.0), (10.0, 100.0)]
        for m, (low, high) in enumerate(bands):
            d = g.create_dataset(f"FbeData[{m}]", data=(samples + m).astype("f4"))
            d.attrs.update(StartFrequency=low, EndFrequency=high, Dimensions=np.array(["time", "locus"], dtype=h5py.string_dtype()))
        times = g.create_dataset("FbeDataTime", (NT,), "i8", chunks=(20,), maxshape=(None,), compression="gzip", compression_opts=1, shuffle=True)
        times[:] = int(START * 1e6) + 4_000_000 * np.arange(NT)


terra15("terra15-v5.h5", 5, "data_product")
terra15("terra15-v4.h5", 4, "strainrate")
optodas("optodas.h5")
ap_sensing("ap-sensing.h5")
silixa("silixa.h5")
neubrex("neubrex.h5")
febus("febus-v1.h5", False)
febus("febus-v2.h5", True)
febus("febus-packed.h5", True, compression="gzip", shuffle=True)
# A chunk has rows of both blocks.
febus("febus-packed-odd.h5", True, chunks=(2, 3, 2), compression="gzip")
gdr("gdr.h5")
plain("plain.h5")
prodml("prodml-silixa.h5", "Silixa Ltd", "(nm/m)/s * Hz/m", "i2", True, {})
prodml("prodml-optasense.h5", "OptaSense Inc", "rad * 2PI/2^16", "i4", False, {})
prodml("prodml-sintela.h5", "Sintela", "", "f4", True, {})
fbe("prodml-fbe.h5")
