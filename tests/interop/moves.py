"""Moves, in h5py's and netCDF's eyes.

    moves.py make FILE      writes the file that is to be changed
    moves.py order FILE     prints the root's links in the order in which they were made
    moves.py check FILE     after `apply`: everything is what it was, under its new names
    moves.py netcdf-make FILE, netcdf-check FILE
"""
import sys

import h5py
import netCDF4
import numpy as np

X = np.arange(12, dtype="i4").reshape(3, 4)


def make(path):
    with h5py.File(path, "w", track_order=True) as f:
        x = f.create_dataset("old/deep/x", data=X, chunks=(2, 2), compression=4)
        x.attrs["unit"] = "K"
        f["old/deep"].attrs["note"] = "n"
        time = f.create_dataset("time", data=np.arange(4.0))
        time.make_scale("time")
        x.dims[1].attach_scale(time)
        f["alias"] = x
        f["abs"] = h5py.SoftLink("/old/deep/x")
        f["old/rel"] = h5py.SoftLink("deep/x")
        f["old/ext"] = h5py.ExternalLink("other.h5", "/p")
        f["refs"] = np.array([x.ref], dtype=h5py.ref_dtype)
        f["z"] = 1
        f["a"] = 2
        f["gone/kept"] = [1, 2]
        f["gone/lost"] = [3]


def order(path):
    with h5py.File(path) as f:
        print(" ".join(f))


def check(path):
    with h5py.File(path) as f:
        for gone in ["old", "time", "gone"]:
            assert gone not in f, gone
        x = f["new/home/deep/x"]
        wanted = X.copy()
        wanted[0, 1:3] = 9
        assert (x[:] == wanted).all() and x.chunks == (2, 2) and x.compression_opts == 4
        assert x.attrs["unit"] == "kelvin" and f["new/home/deep"].attrs["note"] == "n"
        assert x == f["alias"] and f[f["refs"][0]] == x
        assert x.dims[1][0] == f["new/t"] and len(x.dims[0]) == 0
        assert f[f["new/t"].attrs["REFERENCE_LIST"][0][0]] == x
        assert f["new"].attrs["a"] == 1 and list(f["new/home/deep/y"]) == [1, 1]
        assert f.get("abs", getlink=True).path == "/old/deep/x"
        assert f.get("new/home/rel", getlink=True).path == "deep/x"
        assert f.get("new/home/ext", getlink=True).filename == "other.h5"
        assert f.get("z", getlink=True).path == "/zz" and f["zz"][()] == 1 and f["a"][()] == 2
        assert list(f["kept"]) == [1, 2]


def netcdf_make(path):
    with netCDF4.Dataset(path, "w") as f:
        g = f.createGroup("data")
        g.createDimension("time", None)
        g.createDimension("lat", 3)
        g.createVariable("time", "f8", ("time",))[:] = np.arange(2)
        g.createVariable("lat", "f4", ("lat",))[:] = [-45, 0, 45]
        g.createVariable("t", "i2", ("time", "lat"))[:] = np.arange(6).reshape(2, 3)


def netcdf_check(path):
    with netCDF4.Dataset(path, "a") as f:
        g = f["archive/data"]
        assert list(g.dimensions) == ["time", "lat"] and g.dimensions["time"].isunlimited()
        t = g.variables["temperature"]
        assert t.dimensions == ("time", "lat") and (t[:] == np.arange(6).reshape(2, 3)).all()
        t[2, :] = [7, 8, 9]
        assert len(g.dimensions["time"]) == 3


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](sys.argv[2])
