"""Changes of existing files with h5py. Prints its seconds without the imports.

    change.py attribute FILE VALUE       one attribute of a large dataset
    change.py patch FILE VALUE N         N regions of 8 x 8 elements
    change.py fleet VALUE FILE…          five attributes in each file
"""
import sys
import time

import h5py

mode, *rest = sys.argv[1:]
begun = time.perf_counter()
if mode == "attribute":
    path, value = rest
    with h5py.File(path, "r+") as f:
        f["large"].attrs.modify("units", value)
elif mode == "patch":
    path, value, n = rest[0], float(rest[1]), int(rest[2])
    with h5py.File(path, "r+") as f:
        d = f["large"]
        rows, step = d.shape[0], (d.shape[0] - 8) // n
        for i in range(n):
            row, column = i * step, i * 37 % 1000
            d[row : row + 8, column : column + 8] = value
else:
    value, *paths = rest
    for path in paths:
        with h5py.File(path, "r+") as f:
            f.attrs["Conventions"] = "CF-1.11"
            f.attrs["title"] = value
            temperature = f["temperature"].attrs
            temperature["units"] = "kelvin"
            temperature["valid_max"] = 400.0
            f["time"].attrs["units"] = "days since 2026-01-01"
print(time.perf_counter() - begun)
