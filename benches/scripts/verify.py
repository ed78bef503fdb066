"""Was the work really done? `verify.py KIND FILE [ARGUMENT…]` ends with 1 and a message where it was not."""
import sys

import h5py
import numpy as np

kind, path, *rest = sys.argv[1:]


def same(what: str, found: object, expected: object) -> None:
    if isinstance(found, bytes):
        found = found.decode()
    if found != expected:
        sys.exit(f"{what} is {found!r}, not {expected!r}")


def data(f: h5py.File, kind: str, planes: int) -> None:
    """Type and storage are as they should be, and values everywhere are of the distribution."""
    d = f["a"]
    same("the shape", d.shape, (planes, 1024, 128))
    same("the dtype", d.dtype.str, "<i4" if kind == "deflate" else "<f8")
    same("the chunks", d.chunks, (8, 128, 128) if kind in ("constant", "deflate") else None)
    same("the filters", (d.compression, d.compression_opts, d.shuffle), ("gzip", 4, True) if kind == "deflate" else (None, None, False))
    low, high, mean, deviation = {"uniform": (0, 1, 0.5, 12**-0.5), "normal": (-9, 9, 0, 1), "constant": (1.5, 1.5, 1.5, 0), "deflate": (0, 98, 49, 28.58)}[kind]
    for i in range(0, planes, max(planes // 16, 1)):
        v = d[i]
        same(f"plane {i}: in bounds", bool(low <= v.min() and v.max() <= high), True)
        near = abs(v.mean() - mean) < 0.01 * (high - low + 0.01) and abs(v.std() - deviation) < 0.01 * (high - low + 0.01)
        same(f"plane {i}: mean {v.mean()}, deviation {v.std()}: near", bool(near), True)


def tree(f: h5py.File, groups: int, datasets: int, attributes: int, changed: int) -> None:
    """The first `changed` attributes of each dataset have been changed."""
    same("the groups", len(f), groups)
    names = {f"a{a}": "cm" if a < changed else "m" if a == 0 else "x" for a in range(attributes)}
    for g in range(groups):
        group = f[f"g{g}"]
        same(f"the datasets of g{g}", len(group), datasets)
        for d in range(datasets):
            found = group[f"d{d}"]
            same(f"g{g}/d{d}", (found.shape, found.dtype.str, dict(found.attrs)), ((20,), "<i4", names))


def patch(f: h5py.File, value: float, n: int) -> None:
    d = f["large"]
    step = (d.shape[0] - 8) // n
    for i in range(n):
        row, column = i * step, i * 37 % 1000
        same(f"region {i}", bool(np.all(d[row : row + 8, column : column + 8] == value)), True)
        same(f"beside region {i}", float(d[row, column + 8]), 0.0)


with h5py.File(path) as f:
    if kind == "tree":
        tree(f, *map(int, rest))
    elif kind == "patch":
        patch(f, float(rest[0]), int(rest[1]))
    elif kind == "attribute":
        same("units of /large", f["large"].attrs["units"], rest[0])
    elif kind == "fleet":
        for object, name, expected in (
            ("/", "Conventions", "CF-1.11"), ("/", "title", rest[0]), ("temperature", "units", "kelvin"), ("temperature", "valid_max", 400.0),
            ("time", "units", "days since 2026-01-01"), ("/", "institution", "somewhere"), ("temperature", "long_name", "air temperature"),
        ):
            same(f"{object} {name}", f[object].attrs[name], expected)
    else:
        data(f, kind, int(rest[0]))
