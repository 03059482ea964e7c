"""Writes small SEG-Y files: two by segyio 1.9, the others by struct alone, from the tables of the standard.

Sample (channel k, time t) is 100 k + t - 7 in every file, the start 2021-03-04T05:06:07Z (day 63), the interval 2000 us, unless
a file is about something else.
"""

import struct

import numpy as np
import segyio

NX, NT = 3, 8


def value(k, t):
    return 100 * k + t - 7


def by_segyio(name, code, endian, texts):
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount, spec.ext_headers, spec.endian = code, 2.0 * np.arange(NT), NX, texts, endian
    with segyio.create(name, spec) as f:
        f.text[0] = segyio.tools.create_text_header({1: "A CABLE"})
        for n in range(1, texts + 1):
            f.text[n] = segyio.tools.create_text_header({1: f"EXTENDED {n}"})
        f.bin.update({3217: 2000, 3221: NT, 3225: code, 3501: 256, 3503: 1, 3505: texts})
        for k in range(NX):
            f.header[k] = {1: k + 1, 5: k + 1, 41: -150 * k, 69: -100, 115: NT, 117: 2000,
                           157: 2021, 159: 63, 161: 5, 163: 6, 165: 7}
            f.trace[k] = np.array([value(k, t) for t in range(NT)], dtype=f.dtype)


class Writer:
    """A file put together field by field; `order` is > or <."""

    def __init__(self, order=">", text=None):
        self.order, self.text, self.middle, self.traces, self.end = order, text, b"", b"", b""
        self.binary = bytearray(400)

    def put(self, header, at, kind, number):
        struct.pack_into(self.order + kind, header, at, number)

    def fields(self, code, rev, **wide):
        for at, kind, number in [(16, "h", 2000), (20, "H", NT), (24, "h", code)]:
            self.put(self.binary, at, kind, number)
        self.binary[300:302] = bytes(rev)
        for at, (kind, number) in wide.items():
            self.put(self.binary, int(at[1:]), kind, number)
        return self

    def trace(self, k, samples, count=NT, blocks=(), **more):
        header = bytearray(240)
        numbers = [(0, "i", k + 1), (40, "i", 25 * k), (68, "h", 10), (114, "H", count), (116, "h", 2000), (156, "h", 2021),
                   (158, "h", 63), (160, "h", 5), (162, "h", 6), (164, "h", 7)]
        for at, kind, number in numbers + [(int(at[1:]), *it) for at, it in more.items()]:
            self.put(header, at, kind, number)
        self.traces += bytes(header) + b"".join(blocks) + samples

    def block(self, name, *numbers):
        block = bytearray(240)
        block[232:240] = name
        for at, kind, number in numbers:
            self.put(block, at, kind, number)
        return bytes(block)

    def row(self, kind, k, count=NT):
        return struct.pack(f"{self.order}{count}{kind}", *(value(k, t) for t in range(count)))

    def bytes(self):
        text = self.text if self.text is not None else "C 1 MADE BY STRUCT".ljust(3200).encode("cp500")
        assert len(text) == 3200
        return text + bytes(self.binary) + self.middle + self.traces + self.end

    def save(self, name):
        with open(name, "wb") as f:
            f.write(self.bytes())


def gain(name, rev):
    """Format 4: the mantissa is the value times 4 or the value; the gain undoes that, each revision in its own sense."""
    w = Writer().fields(4, rev)
    for k in range(NX):
        words = []
        for t in range(NT):
            # value = m * 2^g in revisions 0 and 1, m * 2^-g from revision 2 on: odd values need g = 0 in the former.
            v = value(k, t)
            if rev[0] >= 2:
                words.append((4 * v, 2))
            elif v % 2 == 0:
                words.append((v // 2, 1))
            else:
                words.append((v, 0))
        w.trace(k, b"".join(struct.pack(">BBh", 0, g, m) for m, g in words))
    w.save(name)


def everything(name):
    """Revision 2.1, little-endian: UTF-8 text, an extended text, extensions by the 16-bit count, 24 bits, a trailer."""
    line = "C 1 CÂBLE DE MESURE À TROIS VOIES, TIEFE 3 m, 光ファイバ"
    text = line.encode("utf-8").ljust(3200)
    w = Writer("<", text).fields(7, (2, 1), b96=("I", 0x01020304), b304=("h", -1), b306=("h", 2), b308=("h", 5), b312=("Q", NX),
                                 b320=("Q", 3600 + 6400), b328=("i", 1), b68=("i", NT), b72=("d", 400.0), b20=("H", 0))
    w.middle = ("((SEG: Location Data))".ljust(3200) + "((SEG: EndText))".ljust(3200)).encode("ascii")
    for k in range(NX):
        one = w.block(b"SEG00001", (32, "d", -1.5 * k), (40, "d", 1.5 * k), (136, "I", NT), (140, "i", 250_000_000), (144, "d", 400.0))
        two = w.block(b"MAKER001")
        w.trace(k, b"".join(struct.pack("<i", value(k, t))[:3] for t in range(NT)), blocks=(one, two))
    w.end = "((SEG: Data Trailer))".ljust(3200).encode("ascii")
    w.save(name)


def pairs(name):
    """Revision 2.0, a big-endian file whose bytes behind the text are swapped in pairs."""
    w = Writer().fields(6, (2, 0), b96=("I", 0x01020304), b312=("Q", NX))
    for k in range(NX):
        w.trace(k, w.row("d", k))
    whole = bytearray(w.bytes())
    whole[3200::2], whole[3201::2] = whole[3201::2], whole[3200::2]
    with open(name, "wb") as f:
        f.write(whole)


def extensions_that_differ(name):
    """Revision 2.0: 0 to 2 additional headers, each trace says how many."""
    w = Writer().fields(5, (2, 0), b306=("i", 2))
    for k in range(NX):
        blocks = [w.block(b"SEG00001", (136, "I", NT), (156, "h", k)), w.block(b"MAKER001")][:k]
        w.trace(k, w.row("f", k), blocks=blocks)
    w.save(name)


def lengths_that_differ(name):
    w = Writer().fields(3, (1, 0))
    for k, count in enumerate([8, 6, 9]):
        w.trace(k, w.row("h", k, count), count)
    w.save(name)


by_segyio("segyio-ibm-two-texts.sgy", 1, "big", 2)
by_segyio("segyio-little.sgy", 3, "little", 0)
gain("gain-revision-1.sgy", (1, 0))
gain("gain-revision-2.sgy", (2, 1))
everything("revision-2.1.sgy")
pairs("pairs.sgy")
extensions_that_differ("extensions-differ.sgy")
lengths_that_differ("lengths-differ.sgy")
