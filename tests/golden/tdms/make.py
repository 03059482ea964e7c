"""Writes small TDMS recordings: some by npTDMS 1.13, whose samples lie channel by channel, the others by struct alone.

Sample (time t, channel k) is 100 t + k - 7 in every file, the start 2023-09-22T18:29:26.5Z, unless a name says otherwise. npTDMS reads
what struct wrote, to hold one writer against the other.
"""

import struct
from pathlib import Path

import numpy as np
from nptdms import ChannelObject, GroupObject, RootObject, TdmsFile, TdmsWriter

HERE = Path(__file__).parent
NT, NX = 12, 5
t, k = np.mgrid[0:NT, 0:NX]
samples = (100 * t + k - 7).astype("i2")

START = np.datetime64("2023-09-22T18:29:26.500000")
SILIXA = {
    "name": "UTC_20230922_182926.500", "SamplingFrequency[Hz]": 500.0, "Precise Sampling Frequency (Hz)": 5499.945, "Time Decimation": 11,
    "SpatialResolution[m]": 2.0, "Fibre Length Multiplier": 1.02, "Start Distance (m)": -120.4, "Stop Distance (m)": -112.2,
    "StreamTime[s]": float("inf"), "Continuous Mode": True, "GaugeLength": 10.0, "Unit Calibration (nm)": 116.0, "GPSTimeStamp": START,
    "CPUTimeStamp": START + np.timedelta64(1479427, "us"), "ISO8601 Timestamp": "2023-09-22T19:29:26.500+01:00",
    "SystemInfomation.GPS.Status": "Self Survey Complete", "Tags": "",
}


# By npTDMS.

def channels(rows):
    return [ChannelObject("Measurement", str(c), rows[:, c]) for c in range(NX)]


def measurement(name, rows=samples, version=4712, properties=SILIXA):
    with TdmsWriter(HERE / name, version=version) as file:
        file.write_segment([RootObject(properties), GroupObject("Measurement"), *channels(rows)])


measurement("nptdms.tdms", version=4713)
for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"):
    measurement(f"type-{kind}.tdms", (10 * t + k).astype(kind))
with TdmsWriter(HERE / "nptdms-segments.tdms") as file:
    file.write_segment([RootObject(SILIXA), GroupObject("Measurement"), *channels(samples[:5])])
    file.write_segment([ChannelObject("Log", "text", ["a", "longer"])])
    file.write_segment([RootObject({"GPSTimeStamp": START + np.timedelta64(10, "ms")}), *channels(samples[5:9])])
    file.write_segment(channels(samples[9:]))
TdmsWriter.defragment(HERE / "nptdms.tdms", HERE / "nptdms-defragmented.tdms")
with TdmsWriter(HERE / "flat.tdms") as file:
    about = {"Total Channels": NX, "Time Base": 0.002, "Initial Channel": 40, "Trigger Time": START, "Spatial Resolution": 1.5}
    flat = samples.ravel()
    # Neither segment ends with a time's last channel.
    file.write_segment([GroupObject("DAS", about), ChannelObject("DAS", "Raw", flat[:23])])
    file.write_segment([ChannelObject("DAS", "Raw", flat[23:])])


# By struct.

NO_DATA, AS_BEFORE, OPEN = 0xFFFFFFFF, 0, 0xFFFFFFFFFFFFFFFF
META, NEW, RAW, INTERLEAVED, BIG, DAQMX = 0x02, 0x04, 0x08, 0x20, 0x40, 0x80


class Writer:
    def __init__(self, order="<"):
        self.order = order

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def text(self, text):
        raw = text.encode()
        return self.pack("I", len(raw)) + raw

    def value(self, value):
        if isinstance(value, bool):
            return self.pack("IB", 0x21, value)
        if isinstance(value, int):
            return self.pack("Ii", 3, value)
        if isinstance(value, float):
            return self.pack("Id", 10, value)
        if isinstance(value, str):
            return self.pack("I", 0x20) + self.text(value)
        micro = (value - np.datetime64("1904-01-01T00:00:00.000000")).astype(int)
        seconds, rest = divmod(int(micro), 10**6)
        fraction = (rest << 64) // 10**6
        return self.pack("I", 0x44) + (self.pack("Qq", fraction, seconds) if self.order == "<" else self.pack("qQ", seconds, fraction))

    def object(self, path, index=NO_DATA, properties={}):
        """An index is NO_DATA, AS_BEFORE or (type, number of samples)."""
        raw = self.text(path)
        raw += self.pack("I", index) if isinstance(index, int) else self.pack("IIIQ", 20, index[0], 1, index[1])
        raw += self.pack("I", len(properties))
        return raw + b"".join(self.text(name) + self.value(value) for name, value in properties.items())

    def segment(self, toc, objects, data, pad=1, size=None, version=4713):
        toc |= RAW if len(data) else 0
        toc |= BIG if self.order == ">" else 0
        meta = b""
        if objects is not None:
            toc |= META
            meta = self.pack("I", len(objects)) + b"".join(objects)
            meta += bytes(-(28 + len(meta)) % pad)
        size = len(meta) + len(data) if size is None else size
        return b"TDSm" + struct.pack("<I", toc) + self.pack("IQQ", version, size, len(meta)) + meta + data

    def all(self, index, properties=SILIXA):
        """The file, its group, and channels with an index each."""
        heads = [self.object("/", properties=properties), self.object("/'Measurement'")]
        return heads + [self.object(f"/'Measurement'/'{c}'", index) for c in range(NX)]

    def rows(self, rows):
        return rows.astype(self.order + "i2").tobytes()

    def runs(self, rows):
        return self.rows(rows.T)


def save(name, *segments, check=samples):
    (HERE / name).write_bytes(b"".join(segments))
    if check is not None:
        read = TdmsFile.read(HERE / name)
        got = np.array([read["Measurement"][str(c)][:] for c in range(NX)])
        assert np.array_equal(got, check.T), name


for suffix, w in (("", Writer("<")), ("-big", Writer(">"))):
    # As iDAS writes: padded metadata, a chunk size that the rows are no multiple of.
    save(f"interleaved{suffix}.tdms", w.segment(NEW | INTERLEAVED, w.all((2, 12)), w.rows(samples), pad=512))
    save(f"chunks{suffix}.tdms", w.segment(NEW, w.all((2, 4)), b"".join(w.runs(samples[f : f + 4]) for f in (0, 4, 8))))

w = Writer()
save(
    "segments.tdms",
    w.segment(NEW | INTERLEAVED, w.all((2, 2)), w.rows(samples[:2])),
    # No metadata: the same layout.
    w.segment(INTERLEAVED, None, w.rows(samples[2:4])),
    # No samples.
    w.segment(0, [w.object("/", properties={"Tags": "changed"})], b""),
    # Runs by the same list.
    w.segment(0, None, w.runs(samples[4:6])),
    # As many as before, by an index that says so.
    w.segment(NEW, [w.object(f"/'Measurement'/'{c}'", AS_BEFORE) for c in range(NX)], w.runs(samples[6:8])),
    # The old list with another channel, then without it.
    w.segment(
        0,
        [w.object("/'Log'/'temperature'", (10, 3))],
        w.runs(samples[8:10]) + struct.pack("<3d", 1, 2, 3),
    ),
    w.segment(0, [w.object("/'Log'/'temperature'", NO_DATA)], w.runs(samples[10:])),
)
# Another order of channels in the list than that of their numbers, and another channel among them.
order = [3, 1, 4, 0, 2]
listed = [w.object("/", properties=SILIXA), w.object("/'Log'/'state'", (5, 12))]
listed += [w.object(f"/'Measurement'/'{c}'", (2, 12)) for c in order]
state = np.arange(NT, dtype="u1")[:, None]
row = np.hstack([state, samples[:, order].copy().view("u1").reshape(NT, -1)])
save("unordered.tdms", w.segment(NEW | INTERLEAVED, listed, row.tobytes()))

# Cut files. Interleaved: 9 rows and three bytes; runs: a chunk, the second one up to three samples of its last channel.
whole = w.segment(NEW | INTERLEAVED, w.all((2, 12)), w.rows(samples))
short = 2 * 2 * NX + 7
save("cut.tdms", whole[:-short], check=None)
save("crashed.tdms", w.segment(NEW | INTERLEAVED, w.all((2, 3)), w.rows(samples), size=OPEN))
whole = w.segment(NEW, w.all((2, 6)), w.runs(samples[:6]) + w.runs(samples[6:]))
save("cut-chunks.tdms", whole[:-6], check=None)
# One that is complete, with a last chunk of 2 in place of 5.
save("short-chunk.tdms", w.segment(NEW, w.all((2, 5)), b"".join(w.runs(samples[f : f + 5]) for f in (0, 5, 10))))
# A second segment whose metadata were not finished.
first = w.segment(NEW | INTERLEAVED, w.all((2, 12)), w.rows(samples))
second = w.segment(NEW | INTERLEAVED, w.all((2, 12)), w.rows(samples), size=OPEN)
save("cut-metadata.tdms", first, second[:300], check=None)
save("daqmx.tdms", w.segment(NEW | DAQMX, w.all((2, 12)), w.rows(samples)), check=None)
# No GPS, no start distance, no gauge.
old = {name: SILIXA[name] for name in ("SamplingFrequency[Hz]", "SpatialResolution[m]", "CPUTimeStamp")}
old["StartPosition[m]"] = 240.0
save("old.tdms", w.segment(NEW | INTERLEAVED, w.all((2, 12), old), w.rows(samples), version=4712))
