"""Files that no library writes: broken in one place, nested without end, with names that are paths."""
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])


def patch(name, *changes):
    path = folder / name
    data = bytearray(path.read_bytes())
    for at, new in changes:
        data[at:at + len(new)] = new
    path.write_bytes(data)


def address(item):
    return h5py.h5o.get_info(item.id).addr


# Two objects whose headers are gone, among others.
with h5py.File(folder / "broken.h5", "w", libver="latest") as f:
    broken = [f.create_group("a/broken"), f.create_dataset("b/tmp_broken", data=1)]
    for name in ["a/tmp1", "b/tmp2", "c/keep"]:
        f[name] = [1, 2]
    places = [address(item) for item in broken]
patch("broken.h5", *((at, b"\xff" * 16) for at in places))

# Groups in groups.
with h5py.File(folder / "deep.h5", "w", libver="latest") as f:
    f["tmp"] = 1
    group = h5py.h5g.open(f.id, b"/")
    for _ in range(60_000):
        group = h5py.h5g.create(group, b"g")

# A link whose name is a path through an external link.
with h5py.File(folder / "other.h5", "w") as f:
    f["sub"] = [1, 2, 3]
with h5py.File(folder / "slash.h5", "w") as f:
    f["ext"] = h5py.ExternalLink("other.h5", "/")
    f["ext@sub"] = [4, 5, 6]
    f["tmp"] = 1
data = (folder / "slash.h5").read_bytes()
assert data.count(b"ext@sub") == 1
patch("slash.h5", (data.index(b"ext@sub"), b"ext/sub"))

# 2000 elements that all lead to one text of a MiB.
with h5py.File(folder / "texts.h5", "w", libver="latest") as f:
    d = f.create_dataset("texts", (2000,), dtype=h5py.string_dtype())
    d[0] = "x" * (1 << 20)
    few = f.create_dataset("few", (300,), dtype=h5py.string_dtype())
    few[...] = ["text %d" % i if i % 7 else "" for i in range(300)]
    f.flush()
    at = d.id.get_offset()
    size = d.id.get_storage_size()
element = (folder / "texts.h5").read_bytes()[at:at + size // 2000]
patch("texts.h5", (at, element * 2000))

# A virtual dataset whose source is broken: HDF5 itself cannot tell its extent.
with h5py.File(folder / "source.h5", "w", libver="latest") as f:
    source = f.create_dataset("s", (7,), maxshape=(None,), chunks=(2,), dtype="i4")
    at = address(source)
with h5py.File(folder / "virtual.h5", "w", libver="latest") as f:
    layout = h5py.VirtualLayout(shape=(4,), maxshape=(None,), dtype="i4")
    source = h5py.VirtualSource("source.h5", "s", shape=(4,), maxshape=(None,), dtype="i4")
    layout[0:h5py.h5s.UNLIMITED] = source[0:h5py.h5s.UNLIMITED]
    f.create_virtual_dataset("v", layout)
patch("source.h5", (at, b"\xff" * 16))

# Names to be mistaken for.
with h5py.File(folder / "names.h5", "w") as f:
    f["data/temperature"] = np.zeros(3)
    f["data/pressure"] = np.zeros(3)
