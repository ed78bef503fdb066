"""What NumPy writes and means: `make FOLDER` writes input files and a manifest, `check FOLDER` compares what was built.

Every array is a fill's source in every form NumPy can save it; every selection is a patch that NumPy itself can make.
"""
import pathlib
import sys

import h5py
import numpy as np

ARRAYS = {
    **{t: np.arange(24).reshape(2, 3, 4).astype(t) for t in "i1 i4 u8 f2 f4 f8 c8 c16 >i2 >f8 >c16 ?".split()},
    "nan": np.array([[np.nan, np.inf], [-np.inf, -0.0]]),
    "extremes": np.array([-(2**63), 2**63 - 1]),
    "text": np.array([b"a", b"", b"four"]),
    "scalar": np.float32(2.5),
    "empty": np.zeros((0, 3), "i2"),
}
SHAPE = (6, 5, 4)
SELECTIONS = [
    *(":", "...", "0", "-1", "2:4", "::2", "1::3", ":-2", "-3:", "-3:-1, 1", "..., 0", "0, ..., -1", ":, 1:2, ::3"),
    *("1:6:2, ..., ::2", "5:6, 3:4, 2:4", "3, 2, 1", "4:, :, -2:", "::4, ::4, ::3"),
]


def dtype_name(array):
    kinds = {"b": "bool", "S": array.dtype.str.lstrip("|")}
    return kinds.get(array.dtype.kind, array.dtype.str.lstrip("|"))


def make(folder):
    manifest = ["version = 1"]

    def dataset(path, array, fill):
        manifest.append(f'[dataset."{path}"]\ndtype = "{dtype_name(array)}"\nshape = {list(array.shape)}\n{fill}')

    for number, (name, array) in enumerate(ARRAYS.items()):
        np.save(folder / f"c{number}.npy", array)
        np.save(folder / f"f{number}.npy", np.copy(array, order="F"))
        np.savez(folder / f"z{number}.npz", first=np.zeros(3), wanted=array)
        np.savez_compressed(folder / f"d{number}.npz", wanted=array)
        (folder / f"r{number}.bin").write_bytes(b"header" + array.tobytes())
        dataset(f"/npy/{name}", array, f'fill.npy = "c{number}.npy"')
        dataset(f"/fortran/{name}", array, f'fill.npy = "f{number}.npy"')
        dataset(f"/npz/{name}", array, f'fill.npz = {{ file = "z{number}.npz", name = "wanted" }}')
        dataset(f"/deflated/{name}", array, f'fill.npz = {{ file = "d{number}.npz", name = "wanted" }}')
        dataset(f"/raw/{name}", array, f'fill.raw = {{ file = "r{number}.bin", offset = 6 }}')
    table = np.arange(12).reshape(4, 3) / 8
    np.savetxt(folder / "t.csv", table, delimiter=",", header="a,b,c", comments="")
    dataset("/csv", table, 'fill.csv = { file = "t.csv", header = true }')
    whole = np.arange(120, dtype="i4").reshape(SHAPE)
    for number, select in enumerate(SELECTIONS):
        dataset(f"/select/{number}", whole, f'fill.arange = {{}}\nchunks = [{1 + number % 6}, 2, 3]')
        manifest.append(f'[[patch]]\npath = "/select/{number}"\nselect = "{select}"\nfill.arange = {{ start = 1000 }}')
    (folder / "m.toml").write_text("\n".join(manifest))


def check(folder):
    with h5py.File(folder / "m.h5") as f:
        for name, array in ARRAYS.items():
            for form in ("npy", "fortran", "npz", "deflated", "raw"):
                d = f[f"/{form}/{name}"]
                assert d.dtype == array.dtype and d.shape == array.shape, d
                assert np.asarray(d[()], array.dtype).tobytes() == array.tobytes(), (d, d[()], array)
        assert (f["csv"][()] == np.arange(12).reshape(4, 3) / 8).all()
        for number, select in enumerate(SELECTIONS):
            expected = np.arange(120).reshape(SHAPE)
            region = eval(f"expected[{select}]")
            numbers = np.arange(1000, 1000 + np.size(region)).reshape(np.shape(region))
            exec(f"expected[{select}] = numbers")
            found = f[f"/select/{number}"][()]
            assert (found == expected).all(), (select, found, expected)


{"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
