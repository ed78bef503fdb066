"""Reads with h5py what tests/it/pipeline.rs built: every element, against the rule computed here."""
import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1]) as f:
    for name in f:
        data = f[name]
        count = int(np.prod(data.shape))
        index = np.arange(count, dtype="i8").reshape(data.shape)
        rule = data.attrs["rule"]
        if rule == "arange":
            wanted = (3 + 2 * index).astype(data.dtype)
        elif rule == "cycle":
            wanted = np.array([5, -1, 7, 7, 0], "i8")[index % 5].astype(data.dtype)
        elif rule == "constant":
            wanted = np.full(data.shape, 77, data.dtype)
        else:
            sys.exit(f"{name}: {rule}?")
        if "patched" in name:
            wanted[..., 3:9] = 1000
        got = data[...]
        differing = int((got != wanted).sum())
        if differing:
            sys.exit(f"{name}: {differing} of {count} elements differ")
print("all is well")
with h5py.File(sys.argv[1], "r+") as f:
    # What stands beyond the edge shows now.
    for name in f:
        data = f[name]
        if data.chunks and data.maxshape[0] is None:
            before = data.shape[0]
            data.resize(before + 3, axis=0)
            if not (data[before:] == data.fillvalue).all():
                sys.exit(f"{name}: beyond the edge stands {data[before:].ravel()[:4]}, not {data.fillvalue}")
print("edges are filled")
