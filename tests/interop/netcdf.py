"""netCDF-4 files.

    netcdf.py make FILE     writes one as the netCDF library does
    netcdf.py append FILE   opens it for writing, after `apply`; checks what is declared, and adds to it
    netcdf.py read FILE     reads what h5mason built
"""
import sys

import netCDF4
import numpy as np


def make(path):
    with netCDF4.Dataset(path, "w") as f:
        f.title = "made by netCDF"
        f.zone = np.int32(31)
        f.setncattr_string("note", "a string attribute")
        f.aside = "goes"
        f.createDimension("time", None)
        f.createDimension("lat", 3)
        f.createDimension("layer", 2)  # without a variable
        time = f.createVariable("time", "f8", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = np.arange(5)
        lat = f.createVariable("lat", "f4", ("lat",))
        lat.units = "degree_north"
        lat.valid_range = np.array([-90, 90], "f4")
        lat[:] = [-45, 0, 45]
        t = f.createVariable("t2m", "i2", ("time", "lat"), zlib=True, shuffle=True, fill_value=-999)
        t.unit = "degC"
        t.scale_factor = 0.1
        t.long_name = "temperature"
        t.flags = np.array([1, 2], "i1")
        t.set_auto_scale(False)
        t[:] = np.arange(15).reshape(5, 3)
        names = f.createVariable("names", str, ("lat",))
        names[:] = np.array(["south", "middle", "north"], dtype=object)
        kind = f.createEnumType("u1", "kind_t", {"land": 0, "sea": 1})
        f.createVariable("kind", kind, ("lat",), fill_value=0)[:] = [0, 1, 0]
        point = f.createCompoundType(np.dtype([("x", "f4"), ("n", "i4")]), "point_t")
        f.createVariable("points", point, ("layer",))[:] = np.array([(1, 2), (3, 4)], point.dtype)
        row = f.createVLType("i4", "row_t")
        rows = f.createVariable("rows", row, ("layer",))
        rows[0], rows[1] = np.arange(3, dtype="i4"), np.arange(1, dtype="i4")
        g = f.createGroup("model")
        g.version = "1"
        g.createVariable("layers", "f4", ("layer", "lat"))[:] = 1.5


def append(path):
    with netCDF4.Dataset(path, "a") as f:
        assert f.title == "changed by h5mason, and longer than before", f.title
        assert f.ncattrs() == ["title", "zone", "note", "history"], f.ncattrs()
        assert f.zone == 32 and f.getncattr("zone").dtype == np.int32
        t = f["t2m"]
        t.set_auto_scale(False)
        assert t.units == "degree_Celsius" and "unit" not in t.ncattrs(), t.ncattrs()
        expected = np.arange(15).reshape(5, 3)
        expected[1:3, 0] = -7
        assert (t[:] == expected).all(), t[:]
        assert f["time"].units == "days since 2000-01-01"
        assert (f["added/values"][:] == np.arange(6).reshape(2, 3)).all()
        assert f["added/values"].units == "m" and f["added"].purpose == "a new group"
        assert list(f["names"][:]) == ["south", "middle", "north"] and list(f["rows"][0]) == [0, 1, 2]
        # And it is netCDF's to write to.
        f.later = "by netCDF"
        t[5, :] = 3
        f["added/values"].long_name = "added"
        f["added"].createVariable("more", "f4", ("lat",))[:] = 2
        f.createGroup("last").createDimension("d", 2)
    with netCDF4.Dataset(path) as f:
        assert f.later == "by netCDF" and f["t2m"].shape == (6, 3) and f["added/values"].long_name == "added"
        assert (f["added/more"][:] == 2).all()


def read(path):
    with netCDF4.Dataset(path) as f:
        assert f.title == "built by h5mason" and f.count == 3 and list(f.ncattrs()) == ["title", "count", "ratio"], f.ncattrs()
        assert f.ratio == 0.5 and f.ratio.dtype == np.float32
        t = f["science/t"]
        assert t.dtype == np.float32 and t.shape == (4, 6) and t.units == "K" and t.chunking() == [2, 3]
        assert t.filters()["zlib"] and t.filters()["shuffle"] and t.filters()["complevel"] == 4
        assert (t[:] == np.arange(24).reshape(4, 6)).all()
        assert (f["science/n"][:] == [7, 7, 7]).all() and f["science/n"].dtype == np.int16
        assert list(f["science/words"][:]) == ["a", "Grüße"]
        assert list(f["science"].variables) == ["t", "n", "words"]
    with netCDF4.Dataset(path, "a") as f:
        f.later = "by netCDF"
        f["science/n"].units = "1"


{"make": make, "append": append, "read": read}[sys.argv[1]](sys.argv[2])
