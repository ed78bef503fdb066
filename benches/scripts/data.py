"""Builds one large dataset with h5py, in slabs of 32 planes: `data.py KIND FILE PLANES [sync]`. Prints its seconds without the imports.

Slabs of 32 planes (32 MiB of float64) are large enough that no call's own cost shows. Values are made in place where NumPy can.
"""
import os
import sys
import time

import h5py
import numpy as np

kind, path, planes, *sync = sys.argv[1:]
planes, slab = int(planes), 32
begun = time.perf_counter()
random = np.random.default_rng(1)
shape = (planes, 1024, 128)
block = np.full((slab, *shape[1:]), 1.5)

with h5py.File(path, "w") as f:
    if kind in ("uniform", "normal"):
        d = f.create_dataset("a", shape, "f8")
        draw = random.random if kind == "uniform" else random.standard_normal
        for i in range(0, planes, slab):
            part = block[: min(slab, planes - i)]
            draw(out=part)
            d[i : i + slab] = part
    elif kind == "constant":
        d = f.create_dataset("a", shape, "f8", chunks=(8, 128, 128))
        for i in range(0, planes, slab):
            d[i : i + slab] = block[: min(slab, planes - i)]
    elif kind == "deflate":
        d = f.create_dataset("a", shape, "i4", chunks=(8, 128, 128), compression="gzip", compression_opts=4, shuffle=True)
        for i in range(0, planes, slab):
            d[i : i + slab] = random.integers(0, 99, (min(slab, planes - i), *shape[1:]), dtype="i4")
    else:
        raise ValueError(kind)
if sync:
    fd = os.open(path, os.O_RDWR)
    os.fsync(fd)
    os.close(fd)
print(time.perf_counter() - begun)
