"""Files for each_operation.rs: `each_operation.py FOLDER` makes FOLDER/KIND/old.h5."""
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])
for kind, options in {
    "earliest": {"libver": "earliest"},
    "latest": {"libver": "latest"},
    "userblock": {"libver": "v110", "userblock_size": 512},
    "trailing": {"libver": "v110"},
}.items():
    (folder / kind).mkdir()
    with h5py.File(folder / kind / "old.h5", "w", **options) as f:
        f.attrs["title"] = "before"
        f["t"] = np.random.default_rng(2).random((300, 30))
        f["t"].attrs["x"] = "y" * 200
        for i in range(10):
            f.create_group(f"g{i}").attrs["i"] = i
    if kind == "trailing":
        with open(folder / kind / "old.h5", "ab") as f:
            f.write(b"somebody's own " * 6)
