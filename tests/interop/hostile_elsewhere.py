"""Files that name other files, large values, and hidden characters."""
import pathlib
import struct
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])

# With a superblock that is marked while somebody has the file open for writing.
with h5py.File(folder / "source.h5", "w", libver="latest") as f:
    f.create_dataset("s", (7,), maxshape=(None,), chunks=(2,), dtype="i4")
with h5py.File(folder / "links.h5", "w", libver="latest") as f:
    f.create_dataset("raw", (10,), dtype="i4", external=[(str(folder / "canary.raw"), 0, 40)], fillvalue=5)
    layout = h5py.VirtualLayout(shape=(4,), maxshape=(None,), dtype="i4")
    source = h5py.VirtualSource("source.h5", "s", shape=(4,), maxshape=(None,), dtype="i4")
    layout[0:h5py.h5s.UNLIMITED] = source[0:h5py.h5s.UNLIMITED]
    f.create_virtual_dataset("virtual", layout)
    f["out"] = h5py.ExternalLink("source.h5", "/")
    f["group/out"] = h5py.ExternalLink("source.h5", "/")
    f["soft"] = h5py.SoftLink("/out/s")
    f["middle"] = h5py.SoftLink("/group/out")
    f["data"] = [1, 2, 3]
    f["a"], f["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    for i in range(20):
        f[f"hop{i}"] = h5py.SoftLink(f"/hop{i + 1}" if i < 19 else "/data")

# A thousand elements that lead to one text of 3 MB.
with h5py.File(folder / "long.h5", "w") as f:
    f.attrs.create("t", ["y" * 3_000_000] + ["zz"] * 999, dtype=h5py.string_dtype())
    f.attrs["small"] = 1
data = bytearray((folder / "long.h5").read_bytes())
long, short = struct.pack("<I", 3_000_000), struct.pack("<I", 2)
at = next(i for i in range(len(data)) if data[i:i + 4] == long and data[i + 16:i + 20] == short)
data[at:at + 16_000] = data[at:at + 16] * 1000
(folder / "long.h5").write_bytes(data)

# Characters that drive terminals, or turn text around, wherever a text can stand.
bad = "a\u202eb\u2028c\x1b[31md\x85e\u2066f\x7f"
with h5py.File(folder / "hidden.h5", "w") as f:
    d = f.create_dataset(f"g{bad}/d{bad}", data=np.array([bad.encode()], dtype="S40"))
    d.attrs["at" + bad] = bad
    d.attrs["bytes"] = b"\xff\xfe\x1b]0;x\x07"
    f["texts"] = np.array([bad, "x"], dtype=h5py.string_dtype())
    f["soft" + bad] = h5py.SoftLink("/t" + bad)
    f["external"] = h5py.ExternalLink("f" + bad, "/p" + bad)
    f.create_dataset("enum", data=np.array([1], "i4"), dtype=h5py.enum_dtype({bad: 1}, "i4"))
    f["compound"] = np.zeros(2, dtype=[(bad, "i4")])
    opaque = h5py.h5t.create(h5py.h5t.OPAQUE, 4)
    opaque.set_tag(bad.encode())
    h5py.h5d.create(f.id, b"opaque", opaque, h5py.h5s.create_simple((1,)))
    f.create_dataset("raw", shape=(2,), dtype="i4", external=[("n" + bad, 0, 8)])
