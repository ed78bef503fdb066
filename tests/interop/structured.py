"""Reads what structured.toml declares: structured.py FILE"""
import sys

import h5py
import numpy as np

f = h5py.File(sys.argv[1])
assert h5py.check_enum_dtype(f["enum"].dtype) == {"RED": 0, "GREEN": 1, "BLUE": 5} and f["enum"][:].tolist() == [0, 5, 1, 0]
assert f["enum"].fillvalue == 5
assert f["enum"].attrs["c"].tolist() == [-1, 300]
assert f["comp"].dtype == np.dtype([("x", "<f4"), ("n", ">i2"), ("s", "S3"), ("c", "<c8")])
assert f["comp"][:].tolist() == [(1.5, 2, b"ab", 1 + 2j), (2.5, -3, b"xyz", 1j)]
one = f["comp"].attrs["one"]
assert one.dtype.itemsize == 32 and one.dtype.fields["b"][1] == 8 and one["b"].tolist() == [1, 2, 3]
assert f["arr"].dtype == np.dtype(("<i4", (2, 2))) and (f["arr"][...] == [[1, 2], [3, 4]]).all()
assert f["rows"][...].tolist() == [[1, 2], [3, 4], [5, 6]]
assert f["bits"][:].tolist() == [0x0F01, 3]
assert f["bf16"][:].tolist() == [1, 2.5, -0.10009765625]
assert f["x87"][:].tolist() == [1.5, np.longdouble(-3e300)]
assert f["i24"][:].tolist() == [-5, 1000]
opaque = f["opaque"].id.get_type()
assert opaque.get_class() == h5py.h5t.OPAQUE and opaque.get_tag() == b"hello" and opaque.get_size() == 4
print("ok")
