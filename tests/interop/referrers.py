"""What leads to datasets that are made anew, moved or removed.

    referrers.py make CASE FILE     writes the file of a case
    referrers.py look CASE FILE     after `apply`: looks at it
"""

import sys

import h5py
import numpy as np


def data(f, name="d", count=10):
    return f.create_dataset(name, data=np.arange(float(count)))


class fill_value:
    """Datasets that h5mason makes: h5py cannot make a reference a fill value."""

    def make(f):
        data(f)

    def look(f):
        print([f[r].name for r in f["r"][:]])


class deep:
    """An attribute with a reference, deeper than is searched."""

    def make(f):
        d, g = data(f), f
        for _ in range(1100):
            g = g.create_group("g")
        g.attrs["r"] = d.ref


class chunk:
    """Raw chunks in datasets whose filter nobody has: such as h5mason makes them."""

    def make(f):
        data(f)
        f["d"].attrs["text"] = "no reference"

    def look(f):
        for name in ["r", "n"]:
            if name in f:
                f[name].id.write_direct_chunk((0,), b"12345678")


class external:
    """Elements in other files: with references, and without."""

    def make(f):
        data(f)
        for name, dtype in [("r", h5py.ref_dtype), ("n", np.dtype("f8"))]:
            dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            dcpl.set_external(b"elsewhere.raw", 0, 80)
            if name in sys.argv[4:]:
                h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(dtype, logical=True), h5py.h5s.create_simple((10,)), dcpl)


class region:
    """Region references in what goes, by all of its names or by one."""

    def make(f):
        d = data(f)
        r = f.create_dataset("a/r", (1,), dtype=h5py.regionref_dtype)
        r[0] = d.regionref[2:4]
        if "again" in sys.argv[4:]:
            f["z"] = r
        if "object" in sys.argv[4:]:
            del f["a/r"]
            f["a/o"] = np.array([d.ref], dtype=h5py.ref_dtype)
            f["a/o"].attrs["d"] = d.ref
            f["z"] = f["a/o"]

    def look(f):
        print(f[f["z"][0]] == f["d"], f["d"].chunks, f[f["z"].attrs["d"]] == f["d"])


class alias:
    """A group by two names, of which the first goes."""

    def make(f):
        d = data(f, "g/d")
        f["h"] = f["g"]
        f["g/r"] = np.array([d.ref], dtype=h5py.ref_dtype)
        f["old/too"] = d

    def look(f):
        d = f["h/d"]
        print(list(f), d.chunks, f[f["h/r"][0]] == d, h5py.h5o.get_info(d.id).rc)


class scale:
    """One dimension scale of many datasets, in a group that keeps the order of its links."""

    def make(f):
        g = f.create_group("g", track_order=True)
        x = g.create_dataset("x", data=np.arange(3.0), track_order=True)
        x.make_scale("X")
        for i in [5, 1, 9, 3, 7]:
            d = g.create_dataset(f"v{i}", data=np.full(3, i, "f4"), track_order=True)
            d.dims[0].attach_scale(x)
            g[f"s{i}"] = h5py.SoftLink("/g/x")
            d.attrs["next"] = g[f"v{i}"].ref

    def look(f):
        x = f["g/x"]
        values = [f["g"][f"v{i}"] for i in [5, 1, 9, 3, 7]]
        print(list(f["g"]), x.chunks, {d.chunks for d in values})
        assert all(d.dims[0][0] == x and f[d.attrs["next"]] == d and (d[:] == int(d.name[-1])).all() for d in values)
        listed = [(f[r].name, i) for r, i in x.attrs["REFERENCE_LIST"]]
        assert listed == [(d.name, 0) for d in values], listed


class virtual:
    """A virtual dataset of this file's, by each way there is to a source."""

    def make(f):
        data(f, "g/a", 4)
        f["same"] = f["g"]
        f["soft"] = h5py.SoftLink("/same")
        data(f, "block-0", 2), data(f, "other", 4)
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(".", "/soft/a", shape=(4,))
        f.create_virtual_dataset("v", layout)
        if "named" in sys.argv[4:]:
            # h5py's own layouts say "." instead.
            four, dcpl = h5py.h5s.create_simple((4,)), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            dcpl.set_virtual(four, sys.argv[3].rsplit("/", 1)[1].encode(), b"other", four)
            h5py.h5d.create(f.id, b"named", h5py.h5t.NATIVE_DOUBLE, four, dcpl)
        blocks = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        there = h5py.h5s.create_simple((2,), (h5py.h5s.UNLIMITED,))
        there.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (2,), (2,))
        blocks.set_virtual(there, b".", b"/block-%b", h5py.h5s.create_simple((2,)))
        h5py.h5d.create(f.id, b"blocks", h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((2,), (h5py.h5s.UNLIMITED,)), blocks)
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource("another.h5", "/g/a", shape=(4,))
        f.create_virtual_dataset("far", layout)

    def look(f):
        print(f["v"][:].tolist(), f["blocks"][:].tolist())


case = globals()[sys.argv[2]]
with h5py.File(sys.argv[3], "a" if case is chunk else {"make": "w", "look": "r"}[sys.argv[1]]) as f:
    getattr(case, sys.argv[1])(f)
