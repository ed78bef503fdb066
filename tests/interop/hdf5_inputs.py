"""Datasets of other files as contents: `make FOLDER` writes source files and a manifest, `check FOLDER` compares what was built."""
import pathlib
import sys

import h5py
import numpy as np

PAIR = np.dtype([("x", "<f8"), ("n", ">i2"), ("s", "S3")])
NANS = np.array([0x7FF0000000000001, 0xFFF00000DEADBEEF, 1 << 63, 0, 0x7FF8000000000000], "u8")
ENUM = h5py.enum_dtype({"OFF": 0, "ON": 1}, basetype="u1")
GRID = np.arange(6000, dtype="i4").reshape(100, 60) ** 2
# Name, array, manifest dtype, how h5py stores it, what the manifest says of the storage.
PACKED = {"chunks": (13, 7), "compression": "gzip", "shuffle": True}
SAME = 'chunks = [13, 7]\nfilters = ["shuffle", { deflate = 4 }]'
CASES = {
    "same": (GRID, "i4", PACKED, SAME),
    "sums": (GRID, "i4", {**PACKED, "fletcher32": True}, 'chunks = [13, 7]\nfilters = ["shuffle", { deflate = 4 }, "fletcher32"]'),
    "unpacked": (GRID, "i4", PACKED, ""),
    "rechunked": (GRID, "i4", PACKED, "chunks = [20, 20]\nfilters = [{ deflate = 1 }]"),
    "level": (GRID, "i4", PACKED, 'chunks = [13, 7]\nfilters = ["shuffle", { deflate = 5 }]'),
    "contiguous": (np.arange(105.0).reshape(7, 5, 3), "f8", {}, ""),
    "packed": (np.arange(105.0).reshape(7, 5, 3), "f8", {}, "chunks = [2, 5, 3]"),
    "bits": (NANS.view("f8"), "f8", {}, ""),
    "big": (np.arange(-3, 9, dtype=">i2"), ">i2", {}, ""),
    "wider": (np.arange(-3, 9, dtype=">i2"), "f4", {}, ""),
    "flags": (np.array([True, False, True]), "bool", {}, ""),
    "complex": (np.array([1 + 2j, -3j], "c8"), "complex128", {}, ""),
    "enum": (np.array([0, 1, 1], ENUM), 'dtype.enum = { base = "u1", members = { OFF = 0, ON = 1 } }', {"dtype": ENUM}, ""),
    "pairs": (
        np.array([(1.5, 2, b"ab"), (-0.0, -7, b"xyz")], PAIR),
        'dtype.compound = [{ name = "x", dtype = "f8" }, { name = "n", dtype = ">i2" }, { name = "s", dtype = "S3" }]',
        {},
        "",
    ),
    "texts": (np.array(["Oslo", "", "Zürich"], object), "str", {"dtype": h5py.string_dtype()}, "chunks = [2]\nfilters = [{ deflate = 3 }]"),
    "fixed": (np.array(["Oslo", "", "Bergen"], object), "S8", {"dtype": h5py.string_dtype()}, ""),
    "looser": (np.array([b"Oslo", b"", b"Bergen"], "S6"), "str", {}, ""),
    "scalar": (np.array(2.5), "f8", {}, ""),
    "empty": (np.zeros((0, 3), "i2"), "i2", {}, ""),
}
SELECTIONS = {
    '"0:10, ::2"': np.s_[0:10, ::2],
    '"-3:, 5"': np.s_[-3:, 5],
    '"7, 8"': np.s_[7, 8],
    '["::30", "40:"]': np.s_[::30, 40:],
    "3": np.s_[3],
    "{ start = [1, 2], stride = [10, 9], count = [3, 2], block = [4, 3] }": None,
    "{ points = [[99, 59], [0, 0], [5, 7]] }": ([99, 0, 5], [59, 0, 7]),
}
SPARSE = {3: 1, 2**39 // 65536: 2, 2**40 // 65536 - 1: 3}


def selected(select):
    if select is not None:
        return GRID[select]
    rows = [1 + 10 * k + i for k in range(3) for i in range(4)]
    columns = [2 + 9 * k + i for k in range(2) for i in range(3)]
    return GRID[np.ix_(rows, columns)]


def dtype_line(dtype):
    return dtype if dtype.startswith("dtype") else f'dtype = "{dtype}"'


def make(folder):
    manifest = ["version = 1"]

    def dataset(path, dtype, shape, rest):
        manifest.append(f'[dataset."{path}"]\n{dtype_line(dtype)}\nshape = {list(shape)}\n{rest}')

    for version, libver in [("old", "earliest"), ("new", "latest")]:
        with h5py.File(folder / f"{version}.h5", "w", libver=libver) as f:
            for name, (array, dtype, stored, storage) in CASES.items():
                f.create_dataset(f"g/{name}", data=array, **stored)
                dataset(f"/{version}/{name}", dtype, array.shape, f'fill.hdf5 = {{ file = "{version}.h5", path = "/g/{name}" }}\n{storage}')
            never = f.create_dataset("never", (1000, 1000), "f4")
            assert never.id.get_storage_size() == 0
            dataset(f"/{version}/never", "f4", (1000, 1000), f'fill.hdf5 = {{ file = "{version}.h5", path = "never" }}')
            partly = f.create_dataset("partly", (100,), "i4", chunks=(10,), fillvalue=5)
            partly[20:30] = range(10)
            dataset(f"/{version}/partly", "i4", (100,), f'chunks = [10]\nfill_value = 5\nfill.hdf5 = {{ file = "{version}.h5", path = "partly" }}')
            dataset(f"/{version}/filled", "i4", (100,), f'chunks = [10]\nfill_value = 6\nfill.hdf5 = {{ file = "{version}.h5", path = "partly" }}')
            f["soft"] = h5py.SoftLink("g")
            f["g/up"] = h5py.SoftLink("/soft")
    for number, (text, select) in enumerate(SELECTIONS.items()):
        array = selected(select)
        rule = f'fill.hdf5 = {{ file = "old.h5", path = "/g/up/same", select = {text} }}'
        dataset(f"/select/{number}", "i4", array.shape, rule)
        manifest.append(f'[dataset."/patched/{number}"]\ndtype = "i4"\nshape = [70, 60, 24]\nchunks = [9, 9, 9]')
        where = ", ".join([f"1:{1 + n}" for n in array.shape] + ["3"] * (3 - array.ndim))
        manifest.append(f'[[patch]]\npath = "/patched/{number}"\nselect = "{where}"\n{rule}')
    with h5py.File(folder / "sparse.h5", "w") as f:
        sparse = f.create_dataset("s", (2**40,), "i4", chunks=(65536,), compression="gzip", compression_opts=2, fillvalue=7)
        for chunk, value in SPARSE.items():
            sparse[chunk * 65536 + 5] = value
    rule = 'fill_value = 7\nfill.hdf5 = { file = "sparse.h5", path = "s" }'
    dataset("/sparse/raw", "i4", (2**40,), f"chunks = [65536]\nfilters = [{{ deflate = 2 }}]\n{rule}")
    dataset("/sparse/other", "i4", (2**40,), f"chunks = [100000]\n{rule}")
    members = 'dtype.compound = [{ name = "a", dtype = "i4" }, { name = "b", dtype.array = { base = "i4", shape = [3] } }]'
    rules = 'a = { hdf5 = { file = "old.h5", path = "/g/same", select = "0" } }, b = { hdf5 = { file = "old.h5", path = "/g/same", select = ":60, 3:6" } }'
    dataset("/members", members, (60,), f"fill.fields = {{ {rules} }}")
    (folder / "m.toml").write_text("\n".join(manifest))


def same(a, b, what):
    if a.dtype.kind == "O" or b.dtype.kind == "O":
        text = lambda v: [x.decode() if isinstance(x, bytes) else x for x in v.ravel().tolist()]
        assert text(a) == text(b), what
    elif a.dtype == b.dtype:
        assert a.tobytes() == b.tobytes(), what
    else:
        assert (a == b).all(), what


def check(folder):
    with h5py.File(folder / "m.h5") as f:
        for version in ["old", "new"]:
            with h5py.File(folder / f"{version}.h5") as source:
                for name, (array, _, _, _) in CASES.items():
                    built = f[f"{version}/{name}"]
                    same(built[()], source[f"g/{name}"][()], (version, name))
                a, b = source["g/same"].id, f[f"{version}/same"].id
                assert a.get_num_chunks() == b.get_num_chunks() == 72
                for i in range(72):
                    at = a.get_chunk_info(i).chunk_offset
                    assert a.read_direct_chunk(at) == b.read_direct_chunk(at)
            assert f[f"{version}/never"].id.get_storage_size() == 0
            partly, filled = f[f"{version}/partly"], f[f"{version}/filled"]
            assert partly.id.get_num_chunks() == 1 and filled.id.get_num_chunks() == 10
            assert (partly[:] == filled[:]).all() and partly[19:32].tolist() == [5, *range(10), 5, 5]
        for number, select in enumerate(SELECTIONS.values()):
            array = selected(select)
            same(f[f"select/{number}"][()], array, number)
            where = tuple([slice(1, 1 + n) for n in array.shape] + [3] * (3 - array.ndim))
            same(f[f"patched/{number}"][where], array, number)
        assert f["sparse/raw"].id.get_num_chunks() == 3 and f["sparse/other"].id.get_num_chunks() < 20
        for name in ["raw", "other"]:
            for chunk, value in SPARSE.items():
                assert f[f"sparse/{name}"][chunk * 65536 + 4 : chunk * 65536 + 7].tolist() == [7, value, 7]
            assert f[f"sparse/{name}"][10**9] == 7
        assert (f["members"]["a"] == GRID[0]).all() and (f["members"]["b"] == GRID[:60, 3:6]).all()


def lacking(folder):
    """A dataset compressed with a codec that nobody has, its copy, one that differs, and sources that are refused."""
    with h5py.File(folder / "source.h5", "w") as f:
        unknown = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        unknown.set_chunk((10,))
        unknown.set_filter(300, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        x = h5py.h5d.create(f.id, b"x", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((100,)), unknown)
        x.write_direct_chunk((30,), b"what nobody reads")
        x.write_direct_chunk((40,), b"and neither this")
        f.copy("x", "y")
        f.create_dataset("group/d", data=[1.5, 2.5])
        f["out"] = h5py.ExternalLink("other.h5", "/x")
        f["loop"] = h5py.SoftLink("loop")
        layout = h5py.VirtualLayout((100,), "i4")
        layout[:] = h5py.VirtualSource(f["x"])
        f.create_virtual_dataset("virtual", layout)
        f.create_dataset("null", data=h5py.Empty("i4"))
        f.create_dataset("latin", data=np.array([b"ok", b"caf\xe9"], "S4"))
    for name in ["copy", "changed", "more"]:
        with h5py.File(folder / "source.h5") as source, h5py.File(folder / f"{name}.h5", "w") as f:
            source.copy("x", f)
            if name == "changed":
                f["x"].id.write_direct_chunk((40,), b"something else")
            if name == "more":
                f["x"].id.write_direct_chunk((90,), b"one more")


if __name__ == "__main__":
    {"make": make, "check": check, "lacking": lacking}[sys.argv[1]](pathlib.Path(sys.argv[2]))
