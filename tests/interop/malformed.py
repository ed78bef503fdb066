"""Files that are well formed and unreasonable, and files to break: `malformed.py FOLDER`. The file `canary` beside them must never change."""
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])
canary = folder / "canary"
canary.write_bytes(b"canary" * 100)
h5py.File(folder / "canary.h5", "w").create_dataset("t", data=np.arange(600))


def fill(f):
    numbers = np.random.default_rng(2)
    f.attrs["title"] = "before"
    f["t"] = numbers.random((30, 30))
    f["t"].attrs["x"] = "text"
    f["t"].attrs.create("texts", ["one", "two"], dtype=h5py.string_dtype())
    f.create_dataset("z", data=numbers.integers(0, 99, (64, 64)), chunks=(16, 16), compression="gzip", fletcher32=True)
    f.create_dataset("u", data=np.arange(50), maxshape=(None,), chunks=(10,))
    f["s"] = ["one", "two"]
    f.create_dataset("c", data=np.zeros(4, dtype=[("a", "f4"), ("b", "S5"), ("e", h5py.enum_dtype({"x": 1, "y": 2}))]))
    f["r"] = np.array([f["t"].ref, f["z"].regionref[1:3]], dtype=h5py.ref_dtype)[:1]
    f["named"] = np.dtype("f8")
    for i in range(12):
        f[f"g{i}/h"] = i
    for i in range(12):
        f["u"].attrs[f"a{i}"] = i
    f["soft"], f["hard"], f["ext"] = h5py.SoftLink("/t"), f["t"], h5py.ExternalLink("canary.h5", "/t")


# To be cut and flipped.
with h5py.File(folder / "to-break-v0.h5", "w", libver="earliest") as f:
    fill(f)
with h5py.File(folder / "to-break-v3.h5", "w", libver="latest", track_order=True) as f:
    fill(f)
with h5py.File(folder / "to-break-paged.h5", "w", fs_strategy="page", fs_persist=True, userblock_size=0) as f:
    fill(f)
with h5py.File(folder / "to-break-userblock.h5", "w", userblock_size=512) as f:
    fill(f)

# Links in circles, and through each other.
with h5py.File(folder / "cyclic.h5", "w") as f:
    f["t"] = np.arange(9.0)
    g = f.create_group("g")
    g["self"], f["root"], g["up"] = g, f["/"], f["/"]
    f["a"], f["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    f["deep"] = h5py.SoftLink("/g/self/self/self/up/root/g/up/a")
    for i in range(40):
        f[f"hop{i}"] = h5py.SoftLink(f"/hop{i + 1}")
    f["e"] = h5py.ExternalLink("cyclic.h5", "/e")
    for i in range(30):
        inner = f.create_group(f"n{i}")
        inner["g"], inner["root"] = g, f["/"]

# Sizes that nobody has.
with h5py.File(folder / "huge.h5", "w") as f:
    f.create_dataset("t", (2**40, 2**20), "f8", chunks=(1024, 1024))
    f.create_dataset("z", (2**62,), "u1", chunks=(1 << 20,), compression="gzip")
    f.create_dataset("text", (2**30, 2**30), h5py.string_dtype(), chunks=(10, 10))
    f.create_dataset("wide", (2,), np.dtype(("V", 1 << 30)), chunks=(1,))
    f.create_dataset("ranks", (2,) * 32, "u1", chunks=(2,) * 32)

# A few bytes that are a lot when they are decompressed.
with h5py.File(folder / "bomb.h5", "w") as f:
    f.create_dataset("z", (1 << 26,), "u1", chunks=(1 << 24,), compression="gzip", compression_opts=9)
    f["z"][...] = 0
    f["t"] = np.arange(9.0)

# Storage and links that lead to the canary.
with h5py.File(folder / "outside.h5", "w") as f:
    f.create_dataset("z", (600,), "u1", external=[(str(canary), 0, 600)])
    f.create_dataset("new", (600,), "u1", external=[(str(folder / "made by reading"), 0, 600)])
    f["t"] = h5py.ExternalLink("canary.h5", "/t")
    layout = h5py.VirtualLayout((600,), "i8")
    layout[:] = h5py.VirtualSource("canary.h5", "t", (600,))
    f.create_virtual_dataset("v", layout)
