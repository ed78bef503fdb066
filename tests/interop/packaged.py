"""The HDF5 files that Python packages ship, a line each: `yes` or `no` (can h5py open it?), a tab, and its path."""
import pathlib

import h5py
import netCDF4
import tables

for package in (h5py, netCDF4, tables):
    folder = pathlib.Path(package.__file__).parent
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".h5", ".hdf5", ".nc", ".mat"}):
        try:
            h5py.File(path, "r").close()
            print(f"yes\t{path}")
        except OSError:
            print(f"no\t{path}")
