"""Writes chunked recordings of 40 times and 7 channels (of whole numbers), by h5py 3.8: every filter, and chunks that are odd.

Sample (time t, channel k) is 100 t + k - 7; where a chunk was never written, it is the fill value -5.
"""

import zlib

import h5py
import numpy as np

NT, NX = 40, 7
t, k = np.mgrid[0:NT, 0:NX]
samples = 100 * t + k - 7


def recording(name, dtype="i4", chunks=(16, 3), channels_first=False, fill=None, direct=None, userblock=0, libver=None, maxshape=None, **filters):
    """`direct` stores chunks itself, instead of the samples."""
    with h5py.File(name, "w", userblock_size=userblock, libver=libver) as f:
        data = (samples.T if channels_first else samples).astype(dtype)
        d = f.create_dataset("raw", shape=data.shape, dtype=dtype, chunks=chunks, fillvalue=fill, maxshape=maxshape, **filters)
        if direct:
            direct(d, data)
        else:
            d[...] = data
        f["timestamp"] = 1_695_407_366.5 + 0.002 * np.arange(NT)
        f["distance"] = 3.0 * np.arange(NX)


def shuffled(block):
    return np.frombuffer(block.tobytes(), "u1").reshape(-1, block.dtype.itemsize).T.tobytes()


def masks(d, data):
    """Each chunk with other filters left out: bit 0 is the shuffle, bit 1 deflate."""
    for n, at in enumerate(np.ndindex(3, 3)):
        block = np.zeros((16, 3), data.dtype)
        part = data[16 * at[0]:16 * at[0] + 16, 3 * at[1]:3 * at[1] + 3]
        block[:part.shape[0], :part.shape[1]] = part
        mask = n % 4
        stored = block.tobytes() if mask & 1 else shuffled(block)
        stored = stored if mask & 2 else zlib.compress(stored)
        d.id.write_direct_chunk((16 * at[0], 3 * at[1]), stored, mask)


def holes(d, data):
    d[16:32, 0:3] = data[16:32, 0:3]
    d[32:40, 6:7] = data[32:40, 6:7]


def absurd(d, data):
    """A chunk of a gigabyte of which ten bytes are there."""
    d.id.write_direct_chunk((0, 0), b"0123456789", 0)


if __name__ == "__main__":
    recording("gzip.h5", compression="gzip")
    recording("gzip-shuffle-fletcher.h5", dtype="f4", compression="gzip", shuffle=True, fletcher32=True)
    recording("fletcher.h5", dtype="i2", fletcher32=True)
    recording("shuffle.h5", dtype="f8", shuffle=True)
    recording("lzf.h5", dtype="i2", compression="lzf", chunks=(40, 7))
    recording("lzf-shuffle.h5", dtype="f4", compression="lzf", shuffle=True)
    recording("channels.h5", channels_first=True, chunks=(3, 16), compression="gzip", shuffle=True)
    recording("one.h5", chunks=(1, 1), compression="gzip")
    recording("large.h5", chunks=(64, 16), maxshape=(None, None), compression="gzip", shuffle=True)
    recording("masks.h5", direct=masks, compression="gzip", shuffle=True)
    recording("holes.h5", direct=holes, fill=-5, compression="gzip", shuffle=True)
    recording("latest.h5", libver="latest", maxshape=(64, 7), compression="gzip")
    recording("latest-tree.h5", libver="latest", maxshape=(None, None), compression="gzip")
    recording("latest-single.h5", libver="latest", chunks=(40, 7), compression="gzip", shuffle=True)
    recording("user-block.h5", userblock=512, compression="gzip", fletcher32=True)
    recording("big-endian.h5", dtype=">i4", compression="lzf", shuffle=True)
    recording("scale-offset.h5", scaleoffset=0)
    recording("plain.h5")
    recording("absurd.h5", dtype="f4", chunks=(1 << 14, 1 << 14), maxshape=(None, None), direct=absurd, compression="gzip")
