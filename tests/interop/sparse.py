"""A sparse file of 10 GiB, and what the change of one attribute in it costs by r+.

`sparse.py make FILE [GIB]` makes the file within a second, and FILE.toml beside it: the manifest that changes one attribute. One contiguous
dataset of 10 GiB was never written but for its last element; small ones with attributes stand before and behind it.
`sparse.py change FILE VALUE` sets the attribute by r+ and then syncs FILE four times, as a transaction in place does; prints the seconds
from the opening to the last sync.
"""
import os
import sys
import time

import h5py
import numpy as np

mode, path, *rest = sys.argv[1:]
if mode == "make":
    gib = float(rest[0]) if rest else 10
    with h5py.File(path, "w", libver=("earliest", "v110")) as f:
        f.attrs["title"] = "before"
        for i in range(50):
            f[f"small/{i}"] = np.arange(i + 10)
            f[f"small/{i}"].attrs["units"] = "K"
        # No fill values are written where no element is.
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_layout(h5py.h5d.CONTIGUOUS)
        create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        n = int(gib * (1 << 30)) // 8
        large = h5py.Dataset(h5py.h5d.create(f.id, b"large", h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((n,)), create))
        large[n - 1] = 1.0
        large.attrs["units"] = "degC"
        f["behind"] = np.arange(10)
        f["behind"].attrs["units"] = "K"
    stat = os.stat(path)
    assert stat.st_size > gib * (1 << 30) and stat.st_blocks * 512 < 1 << 20, (stat.st_size, stat.st_blocks)
    with open(path + ".toml", "w") as manifest:
        manifest.write('version = 1\n[vars]\nunits = "K"\n[dataset."/large".attrs]\nunits = "${units}"\n')
elif mode == "change":
    begun = time.perf_counter()
    with h5py.File(path, "r+") as f:
        f["large"].attrs.modify("units", rest[0])
    fd = os.open(path, os.O_RDWR)
    os.fdatasync(fd)
    # Each waits for something: one byte that is as it was.
    for _ in range(3):
        os.pwrite(fd, os.pread(fd, 1, 8), 8)
        os.fdatasync(fd)
    print(time.perf_counter() - begun)
