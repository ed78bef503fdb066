"""The metadata rows with h5py. Prints its seconds without the imports.

    tree.py build FILE GROUPS DATASETS ATTRIBUTES
    tree.py walk FILE
    tree.py change FILE GROUPS DATASETS ATTRIBUTES
"""
import sys
import time

import h5py

mode, path, *numbers = sys.argv[1:]
groups, datasets, attributes = map(int, numbers or (0, 0, 0))
names = [f"a{a}" for a in range(attributes)]
begun = time.perf_counter()
if mode == "build":
    with h5py.File(path, "w") as f:
        for g in range(groups):
            group = f.create_group(f"g{g}")
            for d in range(datasets):
                attrs = group.create_dataset(f"d{d}", (20,), "i4").attrs
                for name in names:
                    attrs.create(name, "x" if name != "a0" else "m")
elif mode == "walk":
    seen = []
    with h5py.File(path) as f:
        f.visititems(lambda name, o: seen.append((name, getattr(o, "shape", None), getattr(o, "dtype", None), dict(o.attrs))))
else:
    with h5py.File(path, "r+") as f:
        for g in range(groups):
            group = f[f"g{g}"]
            for d in range(datasets):
                attrs = group[f"d{d}"].attrs
                for name in names:
                    # The same type and shape: the value is written where it stands.
                    attrs.modify(name, "cm")
print(time.perf_counter() - begun)
