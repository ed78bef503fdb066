"""Writes, into a folder, files with everything that h5py can make."""
import pathlib
import sys

import h5py
import numpy as np
from h5py import h5d, h5o, h5p, h5s, h5t


def fill(f, folder, track):
    plain = f.create_dataset("plain", data=np.arange(60, dtype="i4").reshape(6, 10))
    plain.attrs["units"] = "m"
    f.create_dataset("grid", data=np.arange(200, dtype=">f8").reshape(10, 20), chunks=(3, 7), compression="gzip", fletcher32=True)
    f.create_dataset("lzf", data=np.arange(100), chunks=(10,), compression="lzf", shuffle=True)
    f.create_dataset("scaled", data=np.arange(100.0), chunks=(10,), scaleoffset=2)
    f.create_dataset("growing", data=np.arange(6), maxshape=(None,), chunks=(4,), fillvalue=-1)
    f.create_dataset("compact", data=np.arange(4), dcpl=layout(h5d.COMPACT))
    f.create_dataset("null", data=h5py.Empty("f4"))
    f.create_dataset("scalar", data=3)
    f.create_dataset("late", shape=(5,), dtype="f4")

    compound = np.dtype([("x", "f4"), ("name", "S5"), ("text", h5py.string_dtype()), ("inner", [("a", "i1", (2, 3))])])
    rows = np.zeros(3, compound)
    rows["text"] = ["one", "", "Grüße"]
    f.create_dataset("compound", data=rows)
    f.create_dataset("enum", data=[0, 1, 0], dtype=h5py.enum_dtype({"NO": 0, "YES": 1}, basetype="u1"))
    vlen = f.create_dataset("vlen", (3,), dtype=h5py.vlen_dtype("i4"))
    vlen[0], vlen[2] = [1, 2, 3], [4]
    nested = f.create_dataset("text", (2, 2), dtype=h5py.string_dtype(), chunks=(1, 2), compression="gzip")
    nested[...] = [["a", "b"], ["long " * 50, ""]]
    f.create_dataset("opaque", data=np.array([b"ab", b"cd"], "S2").view("V2"))
    f.create_dataset("array", (2,), dtype=np.dtype(("f8", (3,))))[...] = np.ones((2, 3))
    f.create_dataset("half", data=np.array([1, 2], "f2"))
    f.create_dataset("bool", data=[True, False])
    f.create_dataset("complex", data=[1 + 2j])
    f.create_dataset("when", data=np.array(["2020-02-16"], "M8[D]").astype(h5py.opaque_dtype("M8[D]")))
    odd = h5t.STD_I32LE.copy()
    odd.set_precision(20)
    odd.set_offset(4)
    h5d.create(f.id, b"odd", odd, h5s.create_simple((2,)))
    h5d.create(f.id, b"bits", h5t.STD_B16LE, h5s.create_simple((2,)))

    f.create_dataset("references", data=[plain.ref, f["grid"].ref, f.ref], dtype=h5py.ref_dtype)
    f.create_dataset("regions", data=[plain.regionref[1:3, 2:4], plain.regionref[0, 0]], dtype=h5py.regionref_dtype)
    f["committed"] = np.dtype([("x", "f4"), ("y", "f4")])
    f["committed"].attrs["on a type"] = 1
    f.create_dataset("typed", (2,), dtype=f["committed"])

    f["soft"] = h5py.SoftLink("/plain")
    f["dangling"] = h5py.SoftLink("/nowhere")
    f["external"] = h5py.ExternalLink("elsewhere.h5", "/a")
    f["second name"] = plain
    g = f.create_group("group", track_order=track)
    g["up"], g["self"], g["again"] = f["/"], g, plain
    g.create_group("empty")
    h5o.set_comment(g.id, b"a comment")
    names = f.create_group("names")
    for name in ("with space", "ünïcode", "a.b", "*", b"\xff\xfe"):
        names.create_dataset(name, data=1)

    raw = folder / f"{pathlib.Path(f.filename).stem}.raw"
    f.create_dataset("outside", (4,), "i4", external=[(str(raw), 0, 16)])[...] = 5
    virtual = h5py.VirtualLayout((2, 10), "i4")
    virtual[0] = h5py.VirtualSource(".", "plain", (6, 10))[0]
    virtual[1] = h5py.VirtualSource("elsewhere.h5", "a", (10,))
    f.create_virtual_dataset("virtual", virtual, fillvalue=-5)

    many = f.create_group("many", track_order=track)
    for i in reversed(range(100)):
        many.create_group(f"g{i}").attrs["i"] = i
    dense = f.create_dataset("dense", data=np.arange(3), track_order=track)
    for i in reversed(range(40)):
        dense.attrs[f"attribute {i}"] = np.arange(i)
    attrs = f.create_group("attributes", track_order=track).attrs
    for name in ("compound", "enum", "vlen", "references", "regions", "array", "bool", "half", "null", "when"):
        attrs.create(name, f[name][()], dtype=f[name].dtype)
    attrs["text"], attrs["texts"], attrs["fixed"] = "Grüße", ["a", "b"], np.bytes_("abc")


def layout(kind):
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_layout(kind)
    return plist


def main(folder):
    for name, options in {
        "earliest": dict(libver=("earliest", "v110")),
        "v108": dict(libver=("v108", "v110")),
        "latest": dict(libver="latest"),
        "userblock": dict(userblock_size=2048),
        "ordered": dict(libver=("v108", "v110"), track_order=True),
        "paged": dict(fs_strategy="page", fs_page_size=4096),
    }.items():
        path = folder / f"{name}.h5"
        with h5py.File(path, "w", **options) as f:
            fill(f, folder, track=name == "ordered")
        if "userblock_size" in options:
            with open(path, "r+b") as f:
                f.write(b"a userblock")


main(pathlib.Path(sys.argv[1]))
