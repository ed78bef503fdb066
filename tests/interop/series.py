"""Versions of one schema, as years leave them: `series.py FOLDER` makes FOLDER/newer/* and FOLDER/older-N/*.

The files are those that Python packages ship, and some that netCDF writes. Newer ones have a title, Conventions, and for each dataset of numbers
`units`, `valid_min` in its own type and `long_name`. Older ones are made of newer ones by h5py and netCDF4, as in life:

    older-0  an attribute was called otherwise and has another spelling, each in its place; no title, other Conventions
    older-1  attributes were written by another program, so that types and order differ; an object has its former name; something obsolete
    older-2  numbers as text, other chunks and another compression
"""

import pathlib
import shutil
import subprocess
import sys

import h5py
import hdf5plugin  # noqa: F401 (registers its filters)
import netCDF4
import numpy as np
from h5py import h5a, h5d, h5t

UNITS = [("degree_Celsius", ["degC", "Celsius", "deg C"]), ("hPa", ["hpa", "mbar", "mb"]), ("1", ["none", "-", "none"])]
FORMER = ["group0", "columns", "agroup", "vlarray1", "vlarray2", "table", "table1", "array1", "test_var", "detector", "pep", "a", "i2", "profiles"]
"""What has an `old_` name in some older files: series.toml has the same names."""
TYPES = {np.dtype(order + kind) for order in "<>" for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")}


def numeric(f: h5py.File) -> list[h5py.Dataset]:
    """The datasets of the schema: of plain numbers, but not those in which PyTables keeps an index."""
    found: list[h5py.Dataset] = []

    def visit(name: str, obj: h5py.HLObject) -> None:
        if isinstance(obj, h5py.Dataset) and not name.startswith("_i_") and obj.id.get_type().get_class() in (h5t.INTEGER, h5t.FLOAT):
            try:
                if obj.dtype in TYPES and obj.shape is not None:
                    found.append(obj)
            except (TypeError, ValueError):  # a number that NumPy does not have
                pass

    for name in sorted(f):
        if f.get(name, getclass=True, getlink=True) == h5py.HardLink:
            try:
                visit(name, f[name])
                if isinstance(f[name], h5py.Group):
                    f[name].visititems(lambda below, obj, name=name: visit(f"{name}/{below}", obj))
            except (TypeError, ValueError):
                pass
    return sorted(found, key=lambda d: d.name)


def newer(f: h5py.File) -> None:
    f.attrs["title"], f.attrs["Conventions"] = "A series of files", "CF-1.11"
    for number, d in enumerate(numeric(f)):
        d.attrs["units"] = UNITS[number % 3][0]
        d.attrs.create("valid_min", 0, dtype=d.dtype)
        d.attrs["long_name"] = f"Number {number}"


def in_place(f: h5py.File) -> None:
    """older-0: no attribute is made anew."""
    del f.attrs["title"]
    f.attrs.modify("Conventions", "CF-1.6")
    for number, d in enumerate(numeric(f)):
        h5a.rename(d.id, b"units", b"unit")
        d.attrs.modify("unit", UNITS[number % 3][1][0])


def by_another_program(f: h5py.File) -> None:
    """older-1."""
    del f.attrs["Conventions"]
    f.attrs["obsolete_flag"] = [1, 2]
    for number, d in enumerate(numeric(f)):
        del d.attrs["units"]
        d.attrs["unit"] = np.bytes_(UNITS[number % 3][1][1])
        del d.attrs["valid_min"]
        d.attrs["valid_min"] = 0.0
        d.attrs["obsolete_flag"] = "old"
    former = [name for name in FORMER if f.get(name, getclass=True, getlink=True) == h5py.HardLink]
    if former and "_NCProperties" not in f.attrs:
        f.move(former[0], f"old_{former[0]}")


def stored_otherwise(f: h5py.File) -> None:
    """older-2."""
    f.attrs["Conventions"] = np.bytes_("CF-1.11")
    for number, d in enumerate(numeric(f)):
        d.attrs["units"] = UNITS[number % 3][1][2]
        d.attrs["valid_min"] = "0"
        if d.chunks and d.ndim < 3 and "DIMENSION_LIST" not in d.attrs and "REFERENCE_LIST" not in d.attrs:
            other_chunks(f, d)


def other_chunks(f: h5py.File, d: h5py.Dataset) -> None:
    """The dataset anew, with what it has, in chunks of 7 with LZF."""
    plist, name = d.id.get_create_plist(), d.name
    while plist.get_nfilters():
        plist.remove_filter(plist.get_filter(0)[0])
    plist.set_chunk(tuple(7 if limit is None else min(7, limit) for limit in d.maxshape))
    plist.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)
    made = h5py.Dataset(h5d.create(f.id, None, d.id.get_type(), d.id.get_space(), plist))
    if d.id.get_num_chunks():
        made[...] = d[...]
    for attribute in d.attrs:
        old = h5a.open(d.id, attribute.encode())
        value = np.zeros(old.shape, old.dtype)
        old.read(value, old.get_type())
        h5a.create(made.id, attribute.encode(), old.get_type(), old.get_space()).write(value, old.get_type())
    del f[name]
    f[name] = made


OLDER = [in_place, by_another_program, stored_otherwise]


def profiles(path: pathlib.Path, number: int) -> None:
    """A netCDF file: coordinate variables, packed numbers, a group, and dimensions that the group inherits."""
    with netCDF4.Dataset(path, "w") as f:
        f.setncatts({"source": "made by netCDF", "run": np.int32(number)})
        f.createDimension("time", None)
        f.createDimension("level", 5)
        time = f.createVariable("time", "f8", ("time",))
        level = f.createVariable("level", "i2", ("level",), contiguous=number % 2 == 0)
        f.createVariable("surface", "f4", ("time",), zlib=number % 4 > 1)[:] = np.arange(30)
        group = f.createGroup("profiles")
        chunks = [(4, 5), (9, 2)][number % 2]
        temp = group.createVariable("temp", "f4", ("time", "level"), fill_value=-999, chunksizes=chunks, zlib=number % 3 > 0)
        packed = group.createVariable("humidity", "i2", ("time", "level"), chunksizes=chunks, shuffle=False)
        packed.setncatts({"scale_factor": 0.5, "flags": np.array([1, 2], "i1")})
        group.createVariable("names", str, ("level",))[:] = np.array(list("abcde"), dtype=object)
        time[:], level[:] = np.arange(30), np.arange(5)
        temp[:], packed[:] = np.arange(150).reshape(30, 5) + number, np.arange(150).reshape(30, 5)


def renamed_by_netcdf(path: pathlib.Path, number: int) -> None:
    """Its own way to give a variable or a group another name."""
    with netCDF4.Dataset(path, "a") as f:
        if number % 2:
            f.renameGroup("profiles", "old_profiles")
        else:
            f.renameVariable("surface", "sfc")


def main(folder: pathlib.Path) -> None:
    for name in ("newer", *(f"older-{n}" for n in range(len(OLDER)))):
        (folder / name).mkdir(parents=True)
    listed = subprocess.run([sys.executable, "-B", pathlib.Path(__file__).with_name("packaged.py")], capture_output=True, text=True, check=True)
    shipped = [pathlib.Path(line.split("\t")[1]) for line in listed.stdout.splitlines() if line.startswith("yes")]
    for number, path in enumerate(shipped):
        shutil.copyfile(path, folder / "newer" / f"{number:02}-{path.name}")
    for number in range(8):
        profiles(folder / "newer" / f"profiles-{number}.nc", number)
    for path in sorted((folder / "newer").iterdir()):
        with h5py.File(path, "r+") as f:
            newer(f)
        for generation, make in enumerate(OLDER):
            older = folder / f"older-{generation}" / path.name
            shutil.copyfile(path, older)
            if path.suffix == ".nc" and generation == 1:
                renamed_by_netcdf(older, int(path.stem[-1]))
            with h5py.File(older, "r+") as f:
                make(f)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
