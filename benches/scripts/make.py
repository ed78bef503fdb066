"""Files that rows begin with, made before anything is measured.

    make.py patch FILE GIB      a contiguous dataset of so many GiB in rows of 1024 float64, of which nothing is written
    make.py fleet FILE          a small netCDF-4 file
"""
import sys

import numpy as np

mode, path, *rest = sys.argv[1:]
if mode == "patch":
    import h5py

    rows = max(int(float(rest[0]) * 2**30) // 8192, 2000)
    with h5py.File(path, "w", libver=("earliest", "v110")) as f:
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_layout(h5py.h5d.CONTIGUOUS)
        # No fill values are written where no element is.
        create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((rows, 1024))
        d = h5py.Dataset(h5py.h5d.create(f.id, b"large", h5py.h5t.NATIVE_DOUBLE, space, create))
        d[rows - 1, 1023] = 1.0
    print(rows)
else:
    import netCDF4

    with netCDF4.Dataset(path, "w") as f:
        f.Conventions, f.title, f.institution = "CF-1.6", "before", "somewhere"
        for name, size in (("time", 10), ("lat", 18), ("lon", 36)):
            f.createDimension(name, size)
            f.createVariable(name, "f8", (name,))[:] = np.arange(size)
        f["time"].units = "days since 2000-01-01"
        temperature = f.createVariable("temperature", "f4", ("time", "lat", "lon"))
        temperature.units, temperature.valid_max, temperature.long_name = "K", 500.0, "air temperature"
        temperature[:] = 280
