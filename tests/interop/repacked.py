"""What other programs see of files before and after: prints what they see no more, a line each; nothing where all is well.

    repacked.py BEFORE AFTER [PROGRAM]
    repacked.py --make FOLDER
    repacked.py --outside|--numbers|--scales|--scaled|--regions FOLDER

Each program that opens BEFORE must open AFTER, and see the same there; then it adds something to AFTER, and finds it again.
"""

import os
import pathlib
import pickle
import signal
import sys

import h5py
import netCDF4
import numpy as np
import tables


def netcdf(path):
    """All variables and attributes, by their paths."""
    out = {}

    def group(at, prefix):
        out[prefix] = {name: repr(at.getncattr(name)) for name in at.ncattrs()}
        out[prefix + "#"] = {name: (len(d), d.isunlimited()) for name, d in at.dimensions.items()}
        for name, variable in at.variables.items():
            variable.set_auto_maskandscale(False)
            attrs = {a: repr(variable.getncattr(a)) for a in variable.ncattrs()}
            out[f"{prefix}{name}"] = (str(variable.dtype), variable.dimensions, attrs, repr(variable[...]))
        for name, member in at.groups.items():
            group(member, f"{prefix}{name}/")

    with netCDF4.Dataset(path) as file:
        group(file, "/")
    return out


def pytables(path):
    out = {}
    with tables.open_file(str(path)) as file:
        for node in file.walk_nodes("/"):
            names = node._v_attrs._f_list("all")
            out[node._v_pathname] = (type(node).__name__, repr([(n, node._v_attrs[n]) for n in names]))
            if hasattr(node, "read") and not isinstance(node, tables.UnImplemented):
                out[node._v_pathname] += (repr(node.read()),)
    return out


def h5(path):
    out = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: out.update({name: (type(item).__name__, sorted(item.attrs))}))
    return out


def add_netcdf(path):
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("added by netCDF", 7)
    with netCDF4.Dataset(path) as file:
        assert file.getncattr("added by netCDF") == 7


def add_pytables(path):
    with tables.open_file(str(path), "a") as file:
        file.create_array("/", "added_by_pytables", [1, 2])
    with tables.open_file(str(path)) as file:
        assert file.root.added_by_pytables.read() == [1, 2]


def add_h5(path):
    with h5py.File(path, "r+") as file:
        file["added by h5py/new"] = np.arange(1000)
        file.attrs["added by h5py"] = "x" * 1000
    with h5py.File(path) as file:
        assert file["added by h5py/new"][999] == 999


def attempt(do, path):
    """What it sees, or how it ends, in a process of its own: some of these files end a program."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(60)
        try:
            told = (do(path), None)
        except Exception as error:  # whatever it is: with the other file it must be the same
            told = (None, type(error).__name__)
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(told, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    status = os.waitpid(child, 0)[1]
    return pickle.loads(told) if status == 0 else (None, f"ends with {status}")


PROGRAMS = [("netCDF", netcdf, add_netcdf), ("PyTables", pytables, add_pytables), ("h5py", h5, add_h5)]


def compare(before, after, programs):
    tables.parameters.PYTABLES_SYS_ATTRS = True
    able = []
    for name, look, add in programs:
        (old, why_old), (new, why_new) = attempt(look, before), attempt(look, after)
        if why_old != why_new:
            print(f"{name}: {why_old} -> {why_new}")
        elif why_old is None:
            again = attempt(look, before)[0]  # padding, for example, is never the same
            differing = [k for k in old if old[k] != new.get(k) and old[k] == again[k]] + [k for k in new if k not in old]
            if differing:
                print(f"{name} sees something else: {differing}")
            able.append((name, add))
    for name, add in able:
        copy = pathlib.Path(str(after) + ".untouched")
        copy.write_bytes(pathlib.Path(before).read_bytes())
        could, can = attempt(add, copy)[1], attempt(add, after)[1]
        copy.unlink()
        if could is None and can is not None:
            print(f"{name} cannot add to it: {can}")


def make(folder):
    """holes.h5: much of it is dead, and what is left refers to itself in every way."""
    with h5py.File(folder / "holes.h5", "w", userblock_size=1024) as file:
        for n in range(40):
            file.create_dataset(f"dead{n}", data=np.full(5000, n))
        data = file.create_dataset("data", data=np.arange(1000).reshape(20, 50), chunks=(7, 9), compression="gzip", maxshape=(None, 50))
        group = file.create_group("group", track_order=True)
        for name in "zma":
            group.create_group(name)
        group["data again"] = data
        group["root"] = file["/"]
        file["soft"] = h5py.SoftLink("/group/z")
        file["out"] = h5py.ExternalLink("other.h5", "/x")
        file["type"] = np.dtype([("name", h5py.string_dtype()), ("at", h5py.ref_dtype)])
        file.create_dataset("records", shape=(3,), dtype=file["type"])
        file["records"][0] = ("first", data.ref)
        file["records"][2] = ("third", file.ref)
        file.attrs["region"] = data.regionref[2:5, ::3]
        file.attrs["lists"] = np.array([np.array([data.ref, file.ref], dtype=h5py.ref_dtype), np.array([], dtype=h5py.ref_dtype)],
                                       dtype=h5py.vlen_dtype(h5py.ref_dtype))
        for n in range(40):
            del file[f"dead{n}"]
    with open(folder / "holes.h5", "r+b") as file:
        file.write(b"#!/bin/sh\necho a userblock\n")


def outside(folder):
    """Elements in raw files; those of texts, sequences and references lead back into the HDF5 file."""
    os.chdir(folder)
    kinds = {"text": (h5py.string_dtype(), ["one", "two", "three"]), "sequence": (h5py.vlen_dtype("i4"), [[1], [2, 3], []]),
             "reference": (h5py.ref_dtype, None), "numbers": (np.dtype("i8"), [0, 1, 2])}
    for name, (dtype, values) in kinds.items():
        pathlib.Path(f"{name}.raw").touch()
        with h5py.File(f"{name}.h5", "w") as file:
            file["dead"] = np.zeros(10000)
            data = file.create_dataset("d", (3,), dtype, external=[(f"{name}.raw", 0, 48)])
            for n, value in enumerate(values or [file.ref] * 3):
                data[n] = value
            del file["dead"]
    with h5py.File("itself.h5", "w", userblock_size=1024) as file:
        file["dead"] = np.zeros(10000)
        file.create_dataset("d", (10,), "u1", external=[("itself.h5", 100, 10)])
        del file["dead"]


def numbers(folder):
    os.chdir(folder)
    with h5py.File("numbers.h5") as file:
        print(file["d"][:].tolist())


def scales(folder):
    with netCDF4.Dataset(folder / "n.nc", "w") as file:
        file.createDimension("t", 10000)
        for name in "t", "big", "b":
            file.createVariable(name, "f8", ("t",))
        file["big"][:] = 1


def scaled(folder):
    with h5py.File(folder / "n.nc") as file:
        to = [file[entry[0]].name if entry[0] else None for entry in file["t"].attrs["REFERENCE_LIST"]]
    with netCDF4.Dataset(folder / "n.nc") as file:
        print(to, sorted(file.variables), file["b"].dimensions)


def regions(folder):
    with h5py.File(folder / "r.h5", "w") as file:
        file["dead"] = np.zeros(50000)
        data = file.create_dataset("a", (1000,), "i4")
        distinct = [data.regionref[n : n + 5] for n in range(10)]
        file.create_dataset("d", data=np.array([distinct[n % 10] for n in range(4000)], dtype=h5py.regionref_dtype))
        del file["dead"]


SCENES = {"--make": make, "--outside": outside, "--numbers": numbers, "--scales": scales, "--scaled": scaled, "--regions": regions}

if __name__ == "__main__":
    if sys.argv[1] in SCENES:
        SCENES[sys.argv[1]](pathlib.Path(sys.argv[2]))
    else:
        chosen = [program for program in PROGRAMS if program[0] in (sys.argv[3:] or [name for name, _, _ in PROGRAMS])]
        compare(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), chosen)
