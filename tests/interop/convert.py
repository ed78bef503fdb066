"""Datasets that are made anew: `make FILE` writes one with much around them, `look FILE` prints all of a file but storage.

The lines of `look` are the same before and after, but for what the manifest declares.
"""

import sys
import zlib

import h5py
import numpy as np


def make(path):
    with h5py.File(path, "w", libver=("v108", "latest")) as f:
        f.attrs["to"] = f.ref
        f.create_group("t", track_order=True)
        t = f["t"]
        t.create_dataset("first", data=1)
        v = t.create_dataset("v", data=np.arange(200, dtype="f4").reshape(20, 10) / 4, track_order=True)
        t["soft"] = h5py.SoftLink("/t/v")
        x = t.create_dataset("x", data=np.arange(20, dtype="i4"), track_order=True)
        y = t.create_dataset("y", data=np.arange(10, dtype=">i2"), track_order=True)
        t["far"] = h5py.ExternalLink("no.h5", "/a")
        x.make_scale("X axis")
        y.make_scale("Y axis")
        for name, value in [("z", "ü"), ("a", np.arange(3, dtype=">u2")), ("m", np.bytes_(b"abc"))]:
            v.attrs[name] = value
        v.dims[0].attach_scale(x)
        v.dims[1].attach_scale(y)
        v.attrs["strings"] = np.array(["one", "", "three"], dtype=h5py.string_dtype())
        v.attrs["empty"] = h5py.Empty("f8")
        f["type"] = np.dtype([("a", "<i4"), ("b", ">f8")])
        v.attrs.create("typed", np.array((1, 2.5), dtype=f["type"].dtype), dtype=f["type"])
        v.attrs["self"] = v.ref
        v.attrs["large"] = np.arange(20000, dtype="i8")
        w = t.create_dataset("w", data=np.zeros((20, 3), "f8"), track_order=True)
        w.dims[0].attach_scale(x)
        w.attrs["nested"] = np.array((3, v.ref), dtype=[("n", "i4"), ("r", h5py.ref_dtype)])
        refs = f.create_dataset("refs", (4,), dtype=h5py.ref_dtype)
        refs[0], refs[1], refs[3] = v.ref, x.ref, v.ref
        lists = f.create_dataset("lists", (2,), dtype=h5py.vlen_dtype(h5py.ref_dtype))
        lists[1] = np.array([x.ref, v.ref, f.ref], dtype=h5py.ref_dtype)
        other = f.create_group("other")
        other["v too"] = v
        f["again"] = v
        other["within"] = t
        sparse = f.create_dataset("sparse", (1000, 1000), dtype="i4", chunks=(10, 10), fillvalue=7)
        sparse[500, 500] = 3
        f.create_dataset("strings", data=["a", "bc", ""] * 5, dtype=h5py.string_dtype())
        h5py.h5o.set_comment(v.id, b"a comment")


def targets(f, value):
    """A value in which references are names."""
    if isinstance(value, h5py.Reference):
        return f[value].name.replace("/again", "/t/v").replace("/other/v too", "/t/v") if value else None
    if isinstance(value, np.void) and value.dtype.names:
        return tuple(targets(f, value[n]) for n in value.dtype.names)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OV":
        return [targets(f, v) for v in value.ravel()]
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()[:200].hex(), zlib.crc32(value.tobytes())
    return repr(value)


def look(path):
    with h5py.File(path, "r") as f:
        ids = {}

        def group(g, at):
            names = list(g)
            print(at, "links", names)
            for name in names:
                link = g.get(name, getlink=True)
                where = f"{at}/{name}"
                if not isinstance(link, h5py.HardLink):
                    print(where, type(link).__name__, link.path)
                    continue
                o = g[name]
                key = h5py.h5o.get_info(o.id).addr
                if key in ids:
                    print(where, "is", ids[key])
                    continue
                ids[key] = where
                print(where, type(o).__name__, h5py.h5o.get_info(o.id).rc)
                attributes(o, where)
                if isinstance(o, h5py.Group):
                    group(o, where)
                elif isinstance(o, h5py.Dataset):
                    print(where, "is", o.shape, "scale", h5py.h5ds.is_scale(o.id), [[s.name for s in d.values()] for d in o.dims] if o.shape else "")
                    print(where, "has", targets(f, o[()]))

        def attributes(o, where):
            for name in o.attrs:
                a = h5py.h5a.open(o.id, name.encode())
                kind = a.get_type()
                print(where, "@", name, kind.committed(), kind.dtype, a.shape, h5py.h5a.get_info(o.id, name.encode()).cset, targets(f, o.attrs[name]))

        attributes(f, "")
        group(f, "")


{"make": make, "look": look}[sys.argv[1]](sys.argv[2])
