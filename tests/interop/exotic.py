"""Writes, into a folder, small files that together cover HDF5's data model, one theme each; prints what it wrote, and `skip THEME: why`.

    exotic.py FOLDER [THEME]...

The files are the same bytes every time, but for times that libraries note. What h5py lacks is called in the HDF5 library it ships.
"""

import ctypes
import glob
import os
import sys

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5o, h5p, h5r, h5s, h5t

UNLIMITED = h5s.UNLIMITED
LIBRARY = glob.glob(os.path.join(os.path.dirname(os.path.dirname(h5py.__file__)), "h5py.libs", "libhdf5-*"))
lib = ctypes.CDLL(LIBRARY[0])
lib.H5Eset_auto2.argtypes = ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p
lib.H5Eset_auto2(0, None, None)
THEMES, KEPT = {}, []


def theme(function):
    THEMES[function.__name__] = function
    return function


def skip(what, why):
    print(f"skip {what}: {why}", flush=True)


def offer(what, function, *arguments):
    """Does a part of a theme, or says that this library does not have it."""
    try:
        return function(*arguments)
    except Exception as e:
        skip(what, f"{type(e).__name__}: {' '.join(str(e).split())[:100]}")


# HDF5


def call(name, *arguments, result=ctypes.c_int):
    """A C function of HDF5: identifiers and numbers as 64 bits, bytes as their address."""
    function = getattr(lib, name)
    function.restype = result
    answer = function(*(ctypes.c_int64(getattr(a, "id", a)) if isinstance(getattr(a, "id", a), int) else a for a in arguments))
    if answer < 0:
        raise OSError(f"{name} failed")
    return answer


def new(name, *arguments):
    """The object that a C function makes."""
    return h5py.h5i.wrap_identifier(call(name, *arguments, result=ctypes.c_int64))


def predefined(name):
    return new("H5Tcopy", ctypes.c_int64.in_dll(lib, f"H5T_{name}_g").value)


def plist(kind=h5p.DATASET_CREATE, **settings):
    """A property list; settings are the arguments of set_…, in order."""
    p = h5p.create(kind)
    if kind is h5p.DATASET_CREATE or kind is h5p.GROUP_CREATE:
        p.set_obj_track_times(False)
    for name, arguments in settings.items():
        if hasattr(p, f"set_{name}") and name != "fill_value":
            getattr(p, f"set_{name}")(*arguments)
        else:
            call(f"H5Pset_{name}", p, *arguments)
    return p


def space(shape, maxshape=None):
    if shape is None:
        return h5s.create(h5s.NULL)
    return h5s.create_simple(shape, maxshape) if shape else h5s.create(h5s.SCALAR)


def make(where, name, t, shape=(2,), data=None, maxshape=None, charset=h5t.CSET_ASCII, **settings):
    """A dataset by the low-level API; `data` is memory in the dataset's own type."""
    name = name.encode() if isinstance(name, str) else name
    s, p = space(shape, maxshape), plist(**settings)
    links = plist(h5p.LINK_CREATE, char_encoding=[charset], create_intermediate_group=[True])
    d = new("H5Dcreate2", getattr(where, "id", where), name, t, s, links, p, 0)
    if data is not None:
        write(d, data)
    return d


def write(d, data):
    assert len(data) == d.get_type().get_size() * d.get_space().get_simple_extent_npoints(), "as many bytes as the dataset has"
    call("H5Dwrite", d, d.get_type(), 0, 0, 0, data)
    call("H5Dflush", d)


def attr(obj, name, t, shape=(), data=None, charset=h5t.CSET_ASCII, maxshape=None):
    name = name.encode() if isinstance(name, str) else name
    p = call("H5Pcreate", global_id("H5P_CLS_ATTRIBUTE_CREATE_ID"), result=ctypes.c_int64)
    call("H5Pset_char_encoding", p, charset)
    a = call("H5Acreate2", getattr(obj, "id", obj), name, t, space(shape, maxshape), p, 0, result=ctypes.c_int64)
    if data is not None:
        call("H5Awrite", a, t, data)
    call("H5Aclose", a)


def global_id(name):
    return ctypes.c_int64.in_dll(lib, f"{name}_g").value


def pattern(count, start=1):
    return bytes((i * 37 + start) & 255 for i in range(count))


def sequences(*items):
    """Memory of variable-length sequences: (length, elements) each."""
    words = []
    for count, data in items:
        buffer = ctypes.create_string_buffer(data or b"", max(len(data or b""), 1))
        KEPT.append(buffer)
        words += [count, ctypes.addressof(buffer) if count else 0]
    return np.array(words, "u8").tobytes()


def pointers(*texts):
    """Memory of variable-length strings; None is the null pointer."""
    KEPT.extend(buffers := [None if t is None else ctypes.create_string_buffer(t) for t in texts])
    return np.array([0 if b is None else ctypes.addressof(b) for b in buffers], "u8").tobytes()


def integer(size, order="<", sign=True, precision=None, offset=0, low=h5t.PAD_ZERO, high=h5t.PAD_ZERO):
    t = h5t.STD_I8LE.copy() if order == "<" else h5t.STD_I16BE.copy()
    t.set_size(size)
    t.set_order(h5t.ORDER_LE if order == "<" else h5t.ORDER_BE)
    t.set_sign(h5t.SGN_2 if sign else h5t.SGN_NONE)
    t.set_precision(precision or 8 * size)
    t.set_offset(offset)
    t.set_pad(low, high)
    return t


def floating(size, sign, exponent, mantissa, bias, order=h5t.ORDER_LE, norm=h5t.NORM_IMPLIED, precision=None, offset=0, inpad=h5t.PAD_ZERO):
    """`exponent` and `mantissa` are (position, size)."""
    t = h5t.IEEE_F64LE.copy()
    t.set_size(16)
    t.set_precision(128)
    t.set_fields(sign, *exponent, *mantissa)
    t.set_precision(precision or 8 * size - offset)
    t.set_offset(offset)
    t.set_size(size)
    t.set_ebias(bias)
    t.set_norm(norm)
    t.set_inpad(inpad)
    t.set_order(order)
    return t


def string(length=None, charset=h5t.CSET_ASCII, pad=h5t.STR_NULLTERM):
    t = h5t.C_S1.copy()
    t.set_size(length or h5t.VARIABLE)
    t.set_cset(charset)
    t.set_strpad(pad)
    return t


def compound(size, *members):
    t = h5t.create(h5t.COMPOUND, size)
    for name, offset, member in members:
        t.insert(name.encode() if isinstance(name, str) else name, offset, member)
    return t


def enum(base, **members):
    t = h5t.enum_create(base)
    for name, value in members.items():
        t.enum_insert(name.encode(), value)
    return t


def fill_with(d):
    write(d, pattern(d.get_type().get_size() * d.get_space().get_simple_extent_npoints()))


# Types


@theme
def integers(path):
    with h5py.File(path, "w") as f:
        for order in "LE", "BE":
            for bits in 8, 16, 32, 64:
                for sign in "IU":
                    name = f"{sign}{bits}{order}"
                    fill_with(make(f, name, getattr(h5t, f"STD_{name}"), (3, 2)))
                    attr(f, name, getattr(h5t, f"STD_{name}"), (2,), pattern(bits // 4))


@theme
def integers_odd(path):
    with h5py.File(path, "w") as f:
        for size, precision, offset in (
            (1, 1, 7),
            (1, 5, 2),
            (2, 12, 4),
            (3, 24, 0),
            (4, 17, 3),
            (5, 40, 0),
            (7, 50, 6),
            (8, 63, 1),
            (16, 128, 0),
        ):
            for order in "<>":
                for sign in False, True:
                    t = integer(size, order, sign, precision, offset, h5t.PAD_ONE if sign else h5t.PAD_ZERO, h5t.PAD_ONE)
                    make(f, f"{'iu'[not sign]}{precision}+{offset} of {size} {order}", t, (4,), pattern(4 * size))


@theme
def integers_narrow(path):
    """Few bits of many, which HDF5 2.0 takes for a broken file."""
    access = plist(h5p.FILE_ACCESS, relax_file_integrity_checks=[1], fclose_degree=[h5f.CLOSE_STRONG])
    with h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, None, access)) as f:
        for size, precision, offset in (2, 3, 0), (4, 1, 20), (8, 5, 3):
            t = integer(size, precision=precision, offset=offset)
            make(f, f"{precision}+{offset} of {size}", t, (4,), pattern(4 * size), chunk=[(4,)], nbit=[])


@theme
def floats(path):
    bits = {2: [0x7C01, 0x7E55, 0xFC00, 0x8000, 1, 0xFBFF], 4: [0x7F800001, 0xFFC12345, 0x7F800000, 0x80000000, 1, 0xFF7FFFFF]}
    bits[8] = [0x7FF0000000000001, 0xFFF8123456789ABC, 0xFFF0000000000000, 1 << 63, 1, 0x7FEFFFFFFFFFFFFF]
    with h5py.File(path, "w") as f:
        for size, words in bits.items():
            for order, at in ("LE", "<"), ("BE", ">"):
                t = getattr(h5t, f"IEEE_F{8 * size}{order}")
                make(f, f"f{size}{order}", t, (6,), np.array(words, f"{at}u{size}").tobytes(), chunk=[(4,)], deflate=[1])
                attr(f, f"f{size}{order}", t, (6,), np.array(words, f"{at}u{size}").tobytes())
        attr(f, "minus nothing", h5t.IEEE_F64LE, (), np.float64(-0.0).tobytes())


@theme
def floats_small(path):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        for order in h5t.ORDER_LE, h5t.ORDER_BE:
            t = floating(2, 15, (7, 8), (0, 7), 127, order)
            make(f, f"bf16 {order}", t, (4,), pattern(8))
            attr(f, f"bf16 {order}", t, (2,), pattern(4))
        make(f, "e4m3", floating(1, 7, (3, 4), (0, 3), 7), (16,), pattern(16))
        make(f, "e5m2", floating(1, 7, (2, 5), (0, 2), 15), (16,), pattern(16))
        make(f, "e3m2", floating(1, 5, (2, 3), (0, 2), 3, precision=6), (16,), bytes(range(16)))
        make(f, "e2m1", floating(1, 3, (1, 2), (0, 1), 1, precision=4), (16,), bytes(range(16)))


@theme
def floats_predefined(path):
    with h5py.File(path, "w", libver="latest") as f:
        for name in [
            "FLOAT_BFLOAT16LE",
            "FLOAT_BFLOAT16BE",
            "FLOAT_F8E4M3",
            "FLOAT_F8E5M2",
            "FLOAT_F6E2M3",
            "FLOAT_F6E3M2",
            "FLOAT_F4E2M1",
        ]:
            offer(f"floats_predefined {name}", lambda name=name: fill_with(make(f, name, predefined(name), (4,))))


@theme
def floats_long(path):
    with h5py.File(path, "w") as f:
        x87 = floating(16, 79, (64, 15), (0, 64), 16383, norm=h5t.NORM_NONE, precision=80)
        tens = bytes.fromhex("00000000000000c0ff3f000000000000 cdccccccccccccccfbbf000000000000")
        make(f, "x87", x87, (2,), tens)
        make(f, "native long double", h5t.NATIVE_LDOUBLE, (2,), tens)
        for order in h5t.ORDER_LE, h5t.ORDER_BE:
            make(f, f"binary128 {order}", floating(16, 127, (112, 15), (0, 112), 16383, order), (2,), pattern(32))
        make(f, "x87 in 12", floating(12, 79, (64, 15), (0, 64), 16383, norm=h5t.NORM_MSBSET, precision=80), (2,), pattern(24))
        make(f, "padded", floating(8, 33, (24, 8), (1, 23), 127, precision=35, offset=8, inpad=h5t.PAD_ONE), (2,), pattern(16))
        make(f, "no normal form", floating(4, 31, (23, 8), (0, 23), 64, norm=h5t.NORM_NONE), (2,), pattern(8))


@theme
def vax(path):
    with h5py.File(path, "w") as f:
        for name in "F32", "F64":
            make(f, f"VAX_{name}", predefined(f"VAX_{name}"), (3,), pattern(3 * int(name[1:]) // 8))
            attr(f, f"VAX_{name}", predefined(f"VAX_{name}"), (), pattern(8))
        make(f, "in a compound", compound(12, ("v", 0, predefined("VAX_F32")), ("i", 4, h5t.STD_I64LE)), (2,), pattern(24))


@theme
def complex_numbers(path):
    with h5py.File(path, "w") as f:
        for kind in "<c8", ">c8", "<c16", ">c16":
            f[kind] = np.array([1 + 2j, complex(-0.0, np.nan)], kind)
            f.attrs[kind] = f[kind][()]
        f["half"] = np.zeros(2, [("r", "f2"), ("i", "f2")])
        f["of integers"] = np.array([(1, 2)], [("r", "i4"), ("i", "i4")])
        f["real, imag"] = np.array([(1, 2)], [("real", "f8"), ("imag", "f8")])


@theme
def complex_native(path):
    with h5py.File(path, "w", libver="latest") as f:
        for name in ["F16LE", "F16BE", "F32LE", "F32BE", "F64LE", "F64BE"]:
            t = getattr(h5t, f"COMPLEX_IEEE_{name}")
            make(f, name, t, (3,), pattern(3 * t.get_size()))
            attr(f, name, t, (), pattern(t.get_size()))
        make(f, "in a compound", compound(16, ("z", 4, h5t.COMPLEX_IEEE_F32LE)), (2,), pattern(32))
        bf16 = floating(2, 15, (7, 8), (0, 7), 127)
        offer("complex_native of bf16", lambda: make(f, "bf16", new("H5Tcomplex_create", bf16), (2,), pattern(8)))


@theme
def bitfields(path):
    with h5py.File(path, "w") as f:
        for size in range(1, 9):
            for order in h5t.ORDER_LE, h5t.ORDER_BE:
                t = (h5t.STD_B64LE if order == h5t.ORDER_LE else h5t.STD_B64BE).copy()
                t.set_size(size)
                make(f, f"{size} {order}", t, (3,), pattern(3 * size))
                call("H5Tset_precision", t, 8 * size - 3)
                call("H5Tset_offset", t, 2)
                call("H5Tset_pad", t, h5t.PAD_ONE, h5t.PAD_ZERO)
                make(f, f"{size} {order} odd", t, (3,), pattern(3 * size))
        attr(f, "b", h5t.STD_B16BE, (2,), pattern(4))


@theme
def enums(path):
    with h5py.File(path, "w") as f:
        for order in "LE", "BE":
            for bits in 8, 16, 32, 64:
                for sign in "IU":
                    name = f"{sign}{bits}{order}"
                    most = 2 ** (bits - (sign == "I")) - 1
                    t = enum(getattr(h5t, f"STD_{name}"), ZERO=0, TOP=min(most, 2**63 - 1), LOW=-5 if sign == "I" else 7, ONE=1)
                    fill_with(make(f, name, t, (2,)))
                    attr(f, name, t, (), pattern(bits // 8))
        odd = enum(integer(4, precision=20, offset=4), A=1, B=2)
        make(f, "of an odd integer", odd, (2,), pattern(8))
        names = h5t.enum_create(h5t.STD_U8LE)
        for i, name in enumerate((b"a b", b"x.y", "ü".encode(), b"\xff", b'"', b"new\nline", b"A" * 300, b"0")):
            names.enum_insert(name, 200 - i)
        make(f, "names", names, (9,), bytes([200, 199, 198, 197, 196, 195, 194, 193, 0]))
        for name, dtype in (("bool", "?"), ("a bool in a compound", [("b", "?"), ("n", "i4")])):
            f[name] = np.zeros(3, dtype)
        for order in "<>":
            for sign in False, True:
                for what, value in dict(near=-5 if sign else 5, far=1 << 200, low=-(1 << 130) if sign else 1 << 127).items():
                    wide = h5t.enum_create(integer(32, order, sign))
                    raw = value.to_bytes(32, "little" if order == "<" else "big", signed=sign)
                    call("H5Tenum_insert", wide, b"A", raw)
                    make(f, f"wide{order}{sign}{what}", wide, (2,), raw + bytes(32))
        offer("enums without members", lambda: make(f, "no members", h5t.enum_create(h5t.STD_I32LE), (2,), bytes(8)))


@theme
def compounds(path):
    inner = compound(12, ("b", 8, h5t.STD_I16BE), ("a", 1, h5t.STD_I32LE))
    outer = compound(64, ("late", 60, h5t.STD_U8LE), ("inner", 20, inner), ("text", 4, string(7)), ("early", 0, h5t.STD_I8LE))
    with h5py.File(path, "w") as f:
        make(f, "gaps", outer, (3,), pattern(192))
        make(f, "trailing", compound(32, ("x", 0, h5t.IEEE_F32LE)), (2,), pattern(64))
        make(f, "leading", compound(12, ("x", 8, h5t.IEEE_F32LE)), (2, 2), pattern(48), chunk=[(1, 2)], deflate=[4])
        make(
            f,
            "names",
            compound(6, *((name, i, h5t.STD_I8LE) for i, name in enumerate((b"a.b", b"\xff", "ü".encode(), b" ", b"/", b"x\ny")))),
        )
        make(f, "one", compound(1, ("only", 0, h5t.STD_U8LE)), (), b"\7")
        attr(f, "gaps", outer, (2,), pattern(128))
        deep = h5t.STD_I8LE
        for i in range(12):
            deep = compound(deep.get_size() + 1, (f"m{i}", i & 1, deep))
        make(f, "deep", deep, (2,), pattern(2 * deep.get_size()))
        make(f, "wide", compound(600, *((f"m{i:03}", 4 * i, h5t.STD_I32LE) for i in range(150))), (2,), pattern(1200))


@theme
def compounds_of_arrays(path):
    cell = compound(40, ("grid", 4, h5t.array_create(h5t.STD_I16BE, (2, 3))), ("z", 32, h5t.IEEE_F64BE))
    with h5py.File(path, "w") as f:
        make(f, "array of compound of array", h5t.array_create(cell, (2, 2)), (2,), pattern(320))
        make(f, "compound of array of compound", compound(100, ("cells", 10, h5t.array_create(cell, (2,)))), (2,), pattern(200))
        make(f, "array of array", h5t.array_create(h5t.array_create(h5t.STD_U8LE, (3,)), (2,)), (2,), pattern(12))
        make(f, "array of one", h5t.array_create(h5t.STD_U8LE, (1,)), (2,), pattern(2))
        make(f, "array of strings", h5t.array_create(string(5), (2,)), (2,), pattern(20))
        make(f, "array of enums", h5t.array_create(enum(h5t.STD_I8LE, A=1), (2,)), (2,), pattern(4))
        attr(f, "array", h5t.array_create(cell, (3,)), (), pattern(120))


@theme
def arrays_of_many_axes(path):
    with h5py.File(path, "w") as f:
        make(f, "32 axes", h5t.array_create(h5t.STD_U8LE, (1,) * 30 + (2, 2)), (2,), pattern(8))
        make(f, "big", h5t.array_create(h5t.STD_I32BE, (50, 50)), (2,), pattern(20000))


@theme
def vlens(path):
    with h5py.File(path, "w") as f:
        for name, base in dict(i=h5t.STD_I16BE, f=h5t.IEEE_F64LE, b=h5t.STD_B8LE, o=opaque(3, b"t"), e=enum(h5t.STD_I8LE, A=1)).items():
            t, size = h5t.vlen_create(base), base.get_size()
            data = sequences((3, pattern(3 * size)), (0, None), (1, pattern(size)), (300, pattern(300 * size)))
            make(f, name, t, (4,), data)
            make(f, f"{name} in chunks", t, (4,), data, chunk=[(3,)], shuffle=[], deflate=[3])
            attr(f, name, t, (4,), data)
        offer("vlens with fletcher32", lambda: make(f, "checksum", t, (4,), data, chunk=[(3,)], fletcher32=[]))
        make(f, "never written", h5t.vlen_create(h5t.STD_I32LE), (3,))
        make(f, "scalar", h5t.vlen_create(h5t.STD_I32LE), (), sequences((2, pattern(8))))


@theme
def vlens_nested(path):
    numbers, text = h5t.vlen_create(h5t.STD_I32LE), string(charset=h5t.CSET_UTF8)
    point = compound(24, ("x", 2, h5t.IEEE_F32LE), ("list", 8, numbers))
    with h5py.File(path, "w") as f:
        pair = sequences((2, pattern(8)), (0, None))
        make(f, "vlen of vlen", h5t.vlen_create(numbers), (2,), sequences((2, pair), (1, sequences((1, pattern(4))))))
        make(
            f,
            "vlen of strings",
            h5t.vlen_create(text),
            (3,),
            sequences((3, pointers(b"a", None, b"")), (0, None), (1, pointers("ü".encode()))),
        )
        rows = b"".join(bytes(2) + pattern(4) + bytes(2) + sequences((n, pattern(4 * n))) for n in (1, 2))
        make(f, "vlen of compound", h5t.vlen_create(point), (2,), sequences((2, rows), (0, None)))
        make(f, "compound of vlens", point, (2,), rows)
        make(f, "array of vlens", h5t.array_create(numbers, (2,)), (2,), sequences(*((n, pattern(4 * n)) for n in range(4))))
        references = b"".join(np.uint64(h5o.get_info(f[n].id).addr).tobytes() for n in ("vlen of vlen", "array of vlens"))
        make(f, "vlen of references", h5t.vlen_create(h5t.STD_REF_OBJ), (2,), sequences((2, references), (0, None)))
        make(f, "vlen of fixed strings", h5t.vlen_create(string(3)), (1,), sequences((2, b"abc\0\0x")))
        make(f, "vlen of array", h5t.vlen_create(h5t.array_create(h5t.STD_I8LE, (3,))), (1,), sequences((2, pattern(6))))
        attr(f, "vlen of vlen", h5t.vlen_create(numbers), (1,), sequences((2, pair)))
        attr(f, "vlen of strings", h5t.vlen_create(text), (), sequences((2, pointers(b"one", b"two"))))


def opaque(size, tag):
    t = h5t.create(h5t.OPAQUE, size)
    t.set_tag(tag)
    return t


@theme
def opaques(path):
    with h5py.File(path, "w") as f:
        for i, tag in enumerate((b"", b"a tag", b"12345678", b"x" * 255, b'quoted "\\ tag', "ü".encode(), b"\xff\xfe")):
            make(f, f"tag {i}", opaque(i + 1, tag), (2,), pattern(2 * i + 2))
            attr(f, f"tag {i}", opaque(i + 1, tag), (), pattern(i + 1))
        make(f, "no tag", h5t.create(h5t.OPAQUE, 5), (2,), pattern(10))
        make(f, "large", opaque(5000, b"blob"), (), pattern(5000))


@theme
def times(path):
    with h5py.File(path, "w") as f:
        for name in ["UNIX_D32LE", "UNIX_D32BE", "UNIX_D64LE", "UNIX_D64BE"]:
            t = getattr(h5t, name)
            fill_with(make(f, name, t, (2,)))
            attr(f, name, t, (), pattern(8))


def targets(f):
    f.create_group("group/inner")
    f["type"] = np.dtype("f4")
    f.create_dataset("data", data=np.arange(60).reshape(6, 10))
    f["scalar"] = 1


@theme
def references(path):
    with h5py.File(path, "w") as f:
        targets(f)
        refs = [f[name].ref for name in ("/", "group", "group/inner", "type", "data", "scalar")] + [h5py.Reference()]
        f.create_dataset("references", data=refs, dtype=h5py.ref_dtype)
        f["references self"] = f["references"].ref
        f.attrs["one"], f["data"].attrs["self"] = f["data"].ref, f["data"].ref
        f.attrs.create("many", refs, dtype=h5py.ref_dtype)
        rows = np.zeros(2, [("r", h5py.ref_dtype), ("n", "i4"), ("q", h5py.regionref_dtype)])
        rows["r"], rows["q"] = f["group"].ref, f["data"].regionref[1:2]
        f["in a compound"] = rows
        f.create_dataset("chunked", (5,), h5py.ref_dtype, chunks=(2,), compression="gzip")[1] = f["type"].ref
        f.create_dataset("array", (2,), np.dtype((h5py.ref_dtype, (2,))))
        f.create_dataset("never written", (2,), h5py.ref_dtype)


@theme
def references_unlinked(path):
    """Objects that only references lead to, and references that lead nowhere."""
    with h5py.File(path, "w") as f:
        lost = h5d.create(f.id, None, h5t.STD_I32LE, space((3,)), plist())
        write(lost, pattern(12))
        group = h5g.create(f.id, None, gcpl=plist(h5p.GROUP_CREATE))
        for obj in lost, group:
            call("H5Oincr_refcount", obj)  # or it goes when it is closed
        make(group, "inside", h5t.STD_I8LE, (2,), pattern(2))
        f.attrs.create("lost", [h5r.create(lost, b".", h5r.OBJECT), h5r.create(group, b".", h5r.OBJECT)], dtype=h5py.ref_dtype)
        f["gone"] = 5
        f["to gone"] = f["gone"].ref
        del f["gone"]


@theme
def regions(path):
    with h5py.File(path, "w") as f:
        targets(f)
        d, made = f["data"], []
        for select in range(8):
            s = d.id.get_space()
            match select:
                case 0:
                    s.select_all()
                case 1:
                    s.select_none()
                case 2:
                    s.select_hyperslab((1, 2), (2, 3))
                case 3:
                    s.select_hyperslab((0, 0), (2, 3), (3, 3), (2, 1))
                case 4:
                    s.select_hyperslab((0, 0), (2, 2))
                    s.select_hyperslab((3, 5), (1, 4), op=h5s.SELECT_OR)
                    s.select_hyperslab((1, 1), (4, 1), op=h5s.SELECT_XOR)
                case 5:
                    s.select_elements([(5, 9), (0, 0), (5, 9), (2, 3)])
                case 6:
                    s.select_elements([(1, 1)])
                case 7:
                    s.select_hyperslab((5, 9), (1, 1))
            made.append(h5r.create(f.id, b"data", h5r.DATASET_REGION, s))
        f.create_dataset("regions", data=[*made, h5py.RegionReference()], dtype=h5py.regionref_dtype)
        f.create_dataset("never written", (2,), h5py.regionref_dtype)
        f.create_dataset("of a scalar", data=[f["scalar"].regionref[()]], dtype=h5py.regionref_dtype)
        f.attrs.create("regions", made[2:4], dtype=h5py.regionref_dtype)
        f.attrs["region"] = made[5]


@theme
def references_112(path):
    """References as HDF5 1.12 has them: to objects, regions and attributes."""
    with h5py.File(path, "w", libver="latest") as f:
        targets(f)
        f["data"].attrs["units"] = "m"
        s = f["data"].id.get_space()
        s.select_hyperslab((1, 2), (2, 3))
        refs = [ctypes.create_string_buffer(64) for _ in range(4)]
        call("H5Rcreate_object", f.id, b"/group/inner", 0, refs[0])
        call("H5Rcreate_region", f.id, b"/data", s, 0, refs[1])
        call("H5Rcreate_attr", f.id, b"/data", b"units", 0, refs[2])
        data = b"".join(r.raw for r in refs)
        make(f, "references", predefined("STD_REF"), (4,), data)
        attr(f, "references", predefined("STD_REF"), (4,), data)


@theme
def committed(path):
    with h5py.File(path, "w") as f:
        f["point"] = np.dtype([("x", "f4"), ("y", "f4")])
        f["types/enum"] = h5py.enum_dtype({"A": 1, "B": 2}, "u1")
        f["types/text"] = h5py.string_dtype()
        f["types/nested"] = np.dtype([("p", f["point"].dtype), ("n", "i2", (3,))])
        f["again"] = f["point"]
        f["types/int"] = np.dtype(">i2")
        for name in "point", "types/enum", "types/text", "types/nested", "types/int":
            f[name].attrs["on a type"] = name
            make(f, f"use/{name}", f[name].id, (2,))
            attr(f, f"use {name}", f[name].id, (2,), bytes(2 * f[name].id.get_size()))
        attr(f["point"], "own type", f["types/int"].id, (), b"\1\2")
        attr(f["use/point"], "typed", f["point"].id, (), pattern(8))
        make(f, "equal, not committed", f["point"].id.copy(), (2,))
        f["soft type"] = h5py.SoftLink("/point")
        h5o.set_comment(f["types/enum"].id, b"a type's comment")
        refs = [f["point"].ref]
        f.create_dataset("reference to a type", data=refs, dtype=h5py.ref_dtype)


@theme
def committed_unlinked(path):
    """A dataset's committed type that has no name left."""
    with h5py.File(path, "w") as f:
        f["gone"] = np.dtype([("x", "f4")])
        make(f, "uses it", f["gone"].id, (2,), pattern(8))
        attr(f, "uses it", f["gone"].id, (), pattern(4))
        del f["gone"]


@theme
def committed_types_of_all_classes(path):
    with h5py.File(path, "w", libver="latest") as f:
        types = dict(
            int=integer(3), float=floating(2, 15, (7, 8), (0, 7), 127), opaque=opaque(3, b"tag"), bits=h5t.STD_B16BE, text=string(5)
        )
        types |= dict(array=h5t.array_create(h5t.STD_I8LE, (2,)), vlen=h5t.vlen_create(h5t.STD_I8LE), ref=h5t.STD_REF_OBJ, vltext=string())
        types |= dict(time=h5t.UNIX_D32LE, compound=compound(9, ("x", 3, h5t.STD_I16LE)), enum=enum(h5t.STD_I8LE, A=1))
        for name, t in types.items():
            t.copy().commit(f.id, name.encode())
            make(f, f"a {name}", f[name].id, (2,))


# Strings


@theme
def strings_fixed(path):
    with h5py.File(path, "w") as f:
        for length in 1, 2, 7, 255, 256, 70000:
            for charset in h5t.CSET_ASCII, h5t.CSET_UTF8:
                for pad in h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD:
                    t = string(length, charset, pad)
                    text = ("Grüße" if charset else "plain").encode()[:length].ljust(length, b" " if pad == h5t.STR_SPACEPAD else b"\0")
                    make(f, f"{length} {charset} {pad}", t, (2,), text + bytes([b"\0 "[pad == h5t.STR_SPACEPAD]]) * length)
                    if length < 70000:
                        attr(f, f"{length} {charset} {pad}", t, (), text)


@theme
def strings_of_junk(path):
    with h5py.File(path, "w") as f:
        texts = (
            b"ab\0cd\0\0\0",
            b"\xff\xfe\x80abcd\0",
            b"full8888",
            b"\0hidden\0",
            b"  both  ",
            b"\n\t\r\x1b\x7f\"\\'",
            b"\\x41\\n\0\0",
            b"a\0 b \0  ",
        )
        for pad in h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD:
            for charset in h5t.CSET_ASCII, h5t.CSET_UTF8:
                make(f, f"{pad} {charset}", string(8, charset, pad), (8,), b"".join(texts))
                attr(f, f"{pad} {charset}", string(8, charset, pad), (8,), b"".join(texts))
        make(f, "surrogate", string(3, h5t.CSET_UTF8), (1,), b"\xed\xa0\x80")
        make(f, "characters beyond 16 bits", string(8, h5t.CSET_UTF8, h5t.STR_NULLPAD), (1,), "😀é".encode().ljust(8, b"\0"))


@theme
def strings_variable(path):
    with h5py.File(path, "w") as f:
        texts = pointers(b"a", None, b"", "Grüße 😀".encode(), b"\xff\xfe", b"long " * 1000, b" \n\t\\x41 \"'", b"trailing  ")
        for pad in h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD:
            for charset in h5t.CSET_ASCII, h5t.CSET_UTF8:
                make(f, f"{pad} {charset}", string(None, charset, pad), (8,), texts)
                make(f, f"{pad} {charset} chunked", string(None, charset, pad), (8,), texts, chunk=[(3,)], deflate=[9])
                attr(f, f"{pad} {charset}", string(None, charset, pad), (8,), texts)
        attr(f, "null", string(), (), pointers(None))
        attr(f, "empty", string(), (), pointers(b""))
        make(f, "never written", string(), (3,))
        make(f, "compact", string(), (2,), pointers(b"x", None), layout=[h5d.COMPACT])
        d = make(f, "in a compound", compound(20, ("t", 4, string()), ("n", 16, h5t.STD_I32LE)), (1,))
        write(d, bytes(4) + pointers(b"text") + bytes(8))


# Links and names


@theme
def links_hard(path):
    with h5py.File(path, "w") as f:
        g = f.create_group("a/b/c")
        f["d"] = 1
        f["a/d"], g["d"], f["a/b/other d"] = f["d"], f["d"], f["d"]
        g["root"], g["self"], f["again"], g["up"] = f["/"], g, g, f["a"]
        f["a/first"] = f["a/b"]
        f["type"] = np.dtype("i4")
        g["type"] = f["type"]


@theme
def links_soft(path):
    with h5py.File(path, "w") as f:
        f["g/d"] = 1
        targets = ["/g/d", "g/d", "/nowhere", "nowhere", ".", "/", "g/../g", "./g/./d", "//g//d/", "a" * 300, "with space", "soft 0"]
        for i, target in enumerate([*targets, "ü", b"\xff", "new\nline", '"', "\\x41", "loop"]):
            f[f"soft {i}"] = h5py.SoftLink(target)
        f["loop"] = h5py.SoftLink("/loop")
        f["g/relative"] = h5py.SoftLink("d")


@theme
def links_external(path):
    with h5py.File(path, "w") as f:
        f["d"] = 1
        pairs = [
            ("elsewhere.h5", "/a"),
            (os.path.basename(path), "/d"),
            ("/absolute/file.h5", "relative"),
            ("../up.h5", "/"),
            ("ü.h5", "/ü"),
        ]
        for i, (file, target) in enumerate(
            [*pairs, ("with space.h5", "/a b"), ("a\\b.h5", '/"'), (b"\xff.h5", b"\xfe"), ("x.h5", "/" + "n" * 400)]
        ):
            f[f"external {i}"] = h5py.ExternalLink(file, target)
        f.id.links.create_external(b"made low", b"f.h5", b"/x")


class LinkClass(ctypes.Structure):
    FUNCTIONS = ("create", "move", "copy", "traverse", "delete", "query")
    _fields_ = [("version", ctypes.c_int), ("id", ctypes.c_int), ("comment", ctypes.c_char_p), *((n, ctypes.c_void_p) for n in FUNCTIONS)]


@theme
def links_user_defined(path):
    traverse = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 6)(lambda *_: -1)
    KEPT.append(traverse)
    for number in 65, 200:
        kind = LinkClass(1, number, b"of no use", None, None, None, ctypes.cast(traverse, ctypes.c_void_p).value, None, None)
        call("H5Lregister", ctypes.byref(kind))
    with h5py.File(path, "w", libver="latest") as f:
        call("H5Lcreate_ud", f.id, b"first", 65, b"some\0bytes\xff", 11, 0, 0)
        call("H5Lcreate_ud", f.id, b"empty", 200, None, 0, 0, 0)
        f["d"] = 1


@theme
def link_order(path):
    tracked, indexed = h5p.CRT_ORDER_TRACKED, h5p.CRT_ORDER_INDEXED
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        for name, link, attribute in (
            ("neither", 0, 0),
            ("links", tracked, 0),
            ("attributes", 0, tracked),
            ("both", tracked | indexed, tracked | indexed),
            ("links indexed", tracked | indexed, 0),
            ("mixed", tracked, tracked | indexed),
        ):
            p = plist(h5p.GROUP_CREATE, link_creation_order=[link], attr_creation_order=[attribute])
            g = h5py.Group(h5g.create(f.id, name.encode(), gcpl=p))
            for i in (5, 3, 9, 1, 7):
                g[f"n{i}"] = i
                g.attrs[f"a{i}"] = i
            g["soft"], g["external"] = h5py.SoftLink("n1"), h5py.ExternalLink("x.h5", "/")
            del g["n9"], g.attrs["a9"]
            g["n0"], g.attrs["a0"] = 0, 0
            d = make(g, "data", h5t.STD_I8LE, (1,), b"\1", attr_creation_order=[attribute])
            for i in (2, 1, 3):
                attr(d, f"a{i}", h5t.STD_I8LE, (), b"\1")


@theme
def track_order(path):
    with h5py.File(path, "w", track_order=True) as f:
        for name in "zeta", "alpha", "mid":
            g = f.create_group(name, track_order=True)
            f.attrs[name] = name
            for i in reversed(range(20)):
                g[f"{i}"] = i
                g.attrs[f"{i}"] = i
        f.move("zeta", "last")


NAMES = [
    b"with space",
    b" ",
    b"  lead",
    b"trail  ",
    b"a.b",
    b"..",
    b"...",
    b".hidden",
    b'"',
    b"'",
    b"\\",
    b"\\x41",
    b"\\xff",
    b"new\nline",
    b"tab\t",
    b"\x01\x7f",
    b"$",
    b"$$",
    b"${name}",
    b"*",
    b"[a]",
    b"{b}",
    b"#",
    b"a=b",
    b"@",
    b"a@b",
    b"%b",
    b"%",
    b"~",
    b"+",
    b"-",
    b"true",
    b"1",
    b"1.5",
]
NAMES += [
    "ü".encode(),
    "u\u0308".encode(),
    "日本".encode(),
    "😀".encode(),
    b"\xff\xfe",
    b"\xe2\x28",
    b"\xed\xa0\x80",
    "\u202e".encode(),
    b"n" * 1000,
]


@theme
def names(path):
    with h5py.File(path, "w") as f:
        for name in NAMES:
            make(f, b"datasets/" + name, h5t.STD_I8LE, (), b"\1", charset=h5t.CSET_UTF8)
            attr(f, name, h5t.STD_I8LE, (), b"\2", h5t.CSET_UTF8)
            f.create_group(b"groups/" + name)
            f[b"soft/" + name] = h5py.SoftLink(b"/datasets/" + name)
        attr(f, b"a/b", h5t.STD_I8LE, (), b"\3")
        offer("names: an attribute without a name", lambda: attr(f, b"", h5t.STD_I8LE, (), b"\3"))
        f["types/\\x41"] = np.dtype("i4")


@theme
def names_charsets(path):
    ascii, utf8 = h5t.CSET_ASCII, h5t.CSET_UTF8
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        for name in b"plain", "ü".encode(), b"\xff":
            for charset in ascii, utf8:
                make(f, b"%s %d" % (name, charset), h5t.STD_I8LE, (), b"\1", charset=charset)
                attr(f, b"%s %d" % (name, charset), h5t.STD_I8LE, (), b"\2", charset)
                p = plist(h5p.LINK_CREATE, char_encoding=[charset])
                f.id.links.create_soft(b"soft %s %d" % (name, charset), b"x", p)
                f.id.links.create_external(b"external %s %d" % (name, charset), b"x.h5", b"/x", p)
                f.id.links.create_hard(b"hard %s %d" % (name, charset), f.id, b"%s %d" % (name, charset), p)
                h5g.create(f.id, b"group %s %d" % (name, charset), lcpl=p)
        d = make(f, "attributes of a dataset", h5t.STD_I8LE, (), b"\1")
        for charset in ascii, utf8:
            attr(d, f"c{charset}", string(2, 1 - charset), (), b"x\0", charset)


# Attributes


@theme
def attributes(path):
    with h5py.File(path, "w") as f:
        d = f.create_dataset("d", data=1)
        for obj in f, d, f.create_group("g"):
            a = obj.attrs
            a["text"], a["texts"], a["bytes"], a["empty text"] = "ü", ["a", "b"], np.bytes_("abc"), ""
            a["int"], a["float"], a["bool"], a["matrix"] = 1, -0.0, True, np.arange(6).reshape(2, 3)
            a["one"], a["null"], a["null text"] = [1], h5py.Empty("f4"), h5py.Empty(h5py.string_dtype())
            a["none"], a["none of two"] = np.zeros(0), np.zeros((0, 3), "i2")
            a["ref"] = d.ref
            attr(obj, "unlimited", h5t.STD_I8LE, (2,), b"\1\2", maxshape=(UNLIMITED,))
            attr(obj, "more", h5t.STD_I8LE, (2, 1), b"\1\2", maxshape=(5, 1))
            attr(obj, "never written", h5t.STD_I32LE, (3,))
            attr(obj, "32 axes", h5t.STD_I8LE, (1,) * 31 + (2,), b"\1\2")


@theme
def attributes_large(path):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        f.attrs["bytes"] = np.frombuffer(pattern(70000), "u1")
        f.attrs["numbers"] = np.arange(50000.0)
        f.attrs["string"] = np.bytes_(b"x" * 100000)
        f.attrs["texts"] = [f"text {i}" for i in range(9000)]
        d = f.create_dataset("d", data=1, track_order=True)
        d.attrs["big"], d.attrs["a"] = np.arange(20000), 1


@theme
def attributes_many(path):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        for name, order in ("untracked", False), ("tracked", True):
            d = f.create_dataset(name, data=1, track_order=order)
            for i in range(300):
                d.attrs[f"a{i * 7919 % 300}"] = i
            for i in range(0, 300, 3):
                del d.attrs[f"a{i}"]
            g = f.create_group(f"{name} group", track_order=order)
            for i in range(9):
                g.attrs[f"{9 - i}"] = f"value {i}"


@theme
def attributes_in_old_headers(path):
    with h5py.File(path, "w", libver=("earliest", "v110")) as f:
        for i in range(200):
            f.attrs[f"a{i * 7919 % 200}"] = "text" * i
        for i in range(0, 200, 5):
            f.attrs[f"a{i}"] = i


@theme
def phase_change(path):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        d = make(f, "dense at once", h5t.STD_I8LE, (), b"\1", attr_phase_change=[0, 0])
        attr(d, "a", h5t.STD_I8LE, (), b"\1")
        d = make(f, "never dense", h5t.STD_I8LE, (), b"\1", attr_phase_change=[100, 50])
        for i in range(50):
            attr(d, f"a{i}", h5t.STD_I8LE, (), b"\1")
        p = plist(h5p.GROUP_CREATE, link_phase_change=[0, 0], est_link_info=[100, 50])
        h5py.Group(h5g.create(f.id, b"dense group", gcpl=p))["x"] = 1


# Spaces, groups


@theme
def spaces(path):
    with h5py.File(path, "w") as f:
        make(f, "null", h5t.STD_I32LE, None)
        make(f, "scalar", h5t.STD_I32LE, (), pattern(4))
        make(f, "0", h5t.STD_I32LE, (0,))
        make(f, "3×0×2", h5t.STD_I32LE, (3, 0, 2))
        make(f, "0, unlimited", h5t.STD_I32LE, (0, 3), maxshape=(UNLIMITED, 3), chunk=[(2, 3)])
        make(f, "0 to 5", h5t.STD_I32LE, (0,), maxshape=(5,), chunk=[(2,)])
        make(f, "1", h5t.STD_I32LE, (1,), pattern(4))
        make(f, "all unlimited", h5t.STD_I32LE, (2, 3), pattern(24), maxshape=(UNLIMITED, UNLIMITED), chunk=[(2, 2)])
        make(f, "to 2**40", h5t.STD_I32LE, (2,), pattern(8), maxshape=(2**40,), chunk=[(2,)])
        make(f, "null text", string(), None)
        make(f, "null compound", compound(9, ("x", 1, h5t.STD_I32LE)), None)
        grown = f.create_dataset("grown and shrunk", (10,), "i4", maxshape=(None,), chunks=(3,))
        grown[...] = range(10)
        grown.resize((4,))
        grown.resize((7,))


@theme
def many_axes(path):
    with h5py.File(path, "w") as f:
        make(f, "32 axes", h5t.STD_I16LE, (1,) * 29 + (2, 3, 2), pattern(24))
        make(f, "32 axes in chunks", h5t.STD_I16LE, (1,) * 29 + (2, 3, 2), pattern(24), chunk=[(1,) * 30 + (2, 1)], deflate=[1])


def dense_groups(path, libver):
    with h5py.File(path, "w", libver=libver) as f:
        few, many = f.create_group("few"), f.create_group("many")
        for i in range(3):
            few[f"{i}"] = i
        for i in range(1000):
            many[f"{i * 7919 % 1000}"] = h5py.SoftLink(f"/few/{i % 3}") if i % 2 else few["1"]
        many.create_group("g")


@theme
def groups_old(path):
    dense_groups(path, ("earliest", "v110"))


@theme
def groups_new(path):
    dense_groups(path, "latest")


@theme
def groups_deep(path):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        g = f
        for i in range(200):
            g = g.create_group(f"level {i}", track_order=i % 2 == 0)
        g["bottom"] = 1


@theme
def groups_filtered(path):
    """Groups whose dense links are compressed."""
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        p = plist(h5p.GROUP_CREATE, link_phase_change=[0, 0], deflate=[6], fletcher32=[])
        g = h5py.Group(h5g.create(f.id, b"g", gcpl=p))
        for i in range(50):
            g[f"a long name for link {i}"] = h5py.SoftLink("/nowhere")


@theme
def comments(path):
    with h5py.File(path, "w") as f:
        for i, text in enumerate((b"plain", "Grüße".encode(), b"\xff\xfe", b"two\nlines", b"x" * 5000, b" ", b'"\\x41$')):
            h5o.set_comment(f.create_group(f"g{i}").id, text)
            h5o.set_comment(make(f, f"d{i}", h5t.STD_I8LE), text)
        h5o.set_comment(f.id, b"of the root")
        f["t"] = np.dtype("i4")
        h5o.set_comment(f["t"].id, b"of a type")


@theme
def empty(path):
    h5py.File(path, "w").close()


# Storage


@theme
def layouts(path):
    with h5py.File(path, "w") as f:
        for name, layout in ("compact", h5d.COMPACT), ("contiguous", h5d.CONTIGUOUS):
            for shape in (), (4,), (2, 3):
                fill_with(make(f, f"{name} {shape}", h5t.STD_I32LE, shape, layout=[layout]))
                make(f, f"{name} {shape} not written", h5t.STD_I32LE, shape, layout=[layout])
        fill_with(make(f, "compact, nearly too large", h5t.STD_I8LE, (65000,), layout=[h5d.COMPACT]))
        make(f, "compact, no elements", h5t.STD_I8LE, (0,), layout=[h5d.COMPACT])
        make(f, "compact null", h5t.STD_I8LE, None, layout=[h5d.COMPACT])


def chunk_index(path, libver):
    with h5py.File(path, "w", libver=libver) as f:
        for suffix, more in ("", {}), (" filtered", dict(deflate=[2])):
            fill_with(make(f, f"single{suffix}", h5t.STD_I16LE, (4, 5), chunk=[(4, 5)], **more))
            fill_with(make(f, f"fixed array{suffix}", h5t.STD_I16LE, (20, 30), chunk=[(3, 4)], **more))
            fill_with(make(f, f"extensible array{suffix}", h5t.STD_I16LE, (20, 30), maxshape=(UNLIMITED, 30), chunk=[(3, 4)], **more))
            fill_with(make(f, f"b-tree{suffix}", h5t.STD_I16LE, (20, 30), maxshape=(UNLIMITED, UNLIMITED), chunk=[(3, 4)], **more))
            fill_with(make(f, f"limited{suffix}", h5t.STD_I16LE, (20, 30), maxshape=(50, 60), chunk=[(3, 4)], **more))
            make(f, f"none{suffix}", h5t.STD_I16LE, (20, 30), chunk=[(3, 4)], **more)
        early = dict(alloc_time=[h5d.ALLOC_TIME_EARLY])
        fill_with(make(f, "implicit", h5t.STD_I16LE, (20, 30), chunk=[(3, 4)], **early))
        make(f, "implicit not written", h5t.STD_I16LE, (20, 30), chunk=[(3, 4)], **early)
        fill_with(make(f, "paged fixed array", h5t.STD_I8LE, (5000,), chunk=[(2,)]))


@theme
def chunks_btree1(path):
    chunk_index(path, ("earliest", "v108"))


@theme
def chunks_v110(path):
    chunk_index(path, ("v110", "v110"))


@theme
def chunks_latest(path):
    chunk_index(path, "latest")


@theme
def chunks_partial(path):
    """HDF5 1.10's option not to filter partial edge chunks; and chunks larger than what they hold."""
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        for option in 0, 2:
            fill_with(make(f, f"option {option}", h5t.STD_I32LE, (10, 11), chunk=[(4, 4)], chunk_opts=[option], deflate=[6]))
        fill_with(make(f, "larger than the space", h5t.STD_I32LE, (3,), maxshape=(UNLIMITED,), chunk=[(1000,)]))


@theme
def chunks_sparse(path):
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        for name, maxshape in ("fixed", (100, 100)), ("extensible", (None, 100)), ("b-tree", (None, None)):
            for filtered in None, "gzip":
                d = f.create_dataset(
                    f"{name} {filtered}", (100, 100), "i4", maxshape=maxshape, chunks=(7, 9), fillvalue=3, compression=filtered
                )
                d[50, 50], d[0, 99], d[99, 99] = 1, 2, 3
        d = f.create_dataset("text", (100,), h5py.string_dtype(), chunks=(10,))
        d[55] = "only one"


@theme
def sparse_and_large(path):
    with h5py.File(path, "w") as f:
        d = f.create_dataset("2**40", (2**40,), "i4", chunks=(2**20,), compression="gzip", fillvalue=-1)
        d[2**39] = 7
        d[-1] = 8
        d = f.create_dataset("2**60", (2**30, 2**30), "u1", chunks=(512, 512), maxshape=(None, None))
        d[2**29, 2**29] = 9
        f.create_dataset("contiguous, not written", (2**40,), "f8")
        f.create_dataset("chunked, not written", (2**62,), "f8", chunks=(2**16,), maxshape=(None,))


@theme
def times_of_fill_and_allocation(path):
    fills = dict(ifset=h5d.FILL_TIME_IFSET, alloc=h5d.FILL_TIME_ALLOC, never=h5d.FILL_TIME_NEVER)
    allocs = dict(default=h5d.ALLOC_TIME_DEFAULT, early=h5d.ALLOC_TIME_EARLY, late=h5d.ALLOC_TIME_LATE, incr=h5d.ALLOC_TIME_INCR)
    layouts = dict(contiguous=dict(layout=[h5d.CONTIGUOUS]), chunked=dict(chunk=[(2,)]), compact=dict(layout=[h5d.COMPACT]))
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        for fill, a in fills.items():
            for alloc, b in allocs.items():
                for layout, how in layouts.items():
                    for value, more in ("default", {}), ("set", dict(fill_value=[h5t.STD_I32LE, pattern(4)])):
                        name = f"{layout} {fill} {alloc} {value}"
                        d = (
                            offer(f"times {name}", lambda: make(f, name, h5t.STD_I32LE, (5,), fill_time=[a], alloc_time=[b], **how, **more))
                            if layout != "compact" or alloc in ("default", "early")
                            else None
                        )
                        if d and value == "set" and layout == "chunked":
                            call("H5Dwrite", d, h5t.STD_I32LE, space((1,)), first(d, 1), 0, pattern(4))


def first(d, count):
    s = d.get_space()
    s.select_hyperslab((0,), (count,))
    return s


@theme
def fill_values(path):
    cell = compound(16, ("a", 2, h5t.STD_I32BE), ("t", 9, string(4)))
    types = dict(
        i=h5t.STD_I64BE, f=h5t.IEEE_F64LE, text=string(5), utf8=string(6, h5t.CSET_UTF8, h5t.STR_SPACEPAD), compound=cell, odd=integer(3)
    )
    types |= dict(
        enum=enum(h5t.STD_U8LE, A=1, B=2), opaque=opaque(4, b"t"), bits=h5t.STD_B32BE, array=h5t.array_create(h5t.STD_I16LE, (3,))
    )
    types |= dict(bf16=floating(2, 15, (7, 8), (0, 7), 127), complex=compound(8, ("r", 0, h5t.IEEE_F32LE), ("i", 4, h5t.IEEE_F32LE)))
    with h5py.File(path, "w") as f:
        for name, t in types.items():
            value = pattern(t.get_size())
            make(f, f"{name} defined", t, (3,), fill_value=[t, value])
            make(f, f"{name} in chunks", t, (3,), fill_value=[t, value], chunk=[(2,)])
            make(f, f"{name} default", t, (3,))
            make(f, f"{name} undefined", t, (3,), fill_value=[-1, None])
            make(f, f"{name} zero", t, (3,), fill_value=[t, bytes(t.get_size())])
        make(f, "of another type", h5t.STD_I16BE, (3,), fill_value=[h5t.IEEE_F64LE, np.float64(-7).tobytes()])
        for i, bits in enumerate((0x7FF0000000000001, 0xFFF8000000000001, 1 << 63)):
            make(f, f"special {i}", h5t.IEEE_F64LE, (2,), fill_value=[h5t.IEEE_F64LE, np.uint64(bits).tobytes()])


@theme
def fill_values_elsewhere(path):
    text, numbers = string(charset=h5t.CSET_UTF8), h5t.vlen_create(h5t.STD_I32LE)
    with h5py.File(path, "w") as f:
        make(f, "text", text, (3,), fill_value=[text, pointers(b"fill")])
        make(f, "text in chunks", text, (3,), chunk=[(2,)], fill_value=[text, pointers("für".encode())])
        make(f, "empty text", text, (3,), fill_value=[text, pointers(b"")])
        offer("fill_values_elsewhere: numbers", lambda: make(f, "numbers", numbers, (3,), fill_value=[numbers, sequences((2, pattern(8)))]))
        cell = compound(24, ("n", 3, h5t.STD_I32LE), ("t", 8, text))
        offer(
            "fill_values_elsewhere: compound",
            lambda: make(f, "compound", cell, (3,), fill_value=[cell, pattern(8) + pointers(b"x") + bytes(8)]),
        )
        offer(
            "fill_values_elsewhere: references",
            lambda: make(
                f, "reference", h5t.STD_REF_OBJ, (3,), fill_value=[h5t.STD_REF_OBJ, np.uint64(h5o.get_info(f["text"].id).addr).tobytes()]
            ),
        )


@theme
def external_files(path):
    stem = os.path.basename(path)[:-3]
    for i in range(3):
        with open(f"{stem}-{i}.raw", "wb") as f:
            f.write(pattern(64, i))
    with h5py.File(path, "w") as f:
        make(f, "one", h5t.STD_I32LE, (4,), external=[f"{stem}-0.raw".encode(), 0, 16])
        p = plist()
        for i, (offset, size) in enumerate(((4, 10), (0, 20), (60, 2))):
            p.set_external(f"{stem}-{i}.raw".encode(), offset, size)
        h5d.create(f.id, b"segments", h5t.STD_I32LE, space((8,)), p)
        make(f, "unlimited", h5t.STD_U8LE, (10,), maxshape=(UNLIMITED,), external=[f"{stem}-1.raw".encode(), 3, h5f.UNLIMITED])
        make(f, "missing", h5t.STD_U8LE, (10,), external=[b"nowhere.raw", 0, 10])
        make(f, "larger than its file", h5t.STD_I32LE, (40,), external=[f"{stem}-2.raw".encode(), 0, 160])
        make(f, "space left", h5t.STD_I32LE, (2,), external=[f"{stem}-2.raw".encode(), 8, 64])
        make(f, "odd names", h5t.STD_U8LE, (2,), external=["ü \\x41.raw".encode(), 0, 2])


def mapped(f, name, shape, maxshape, *maps, t=h5t.STD_I32LE, fill=None):
    """A virtual dataset: maps are (selection here, file, dataset, extent there, selection there)."""
    p = plist(**(dict(fill_value=[t, fill]) if fill else {}))
    for here, file, path, extent, there in maps:
        a, b = space(shape, maxshape), space(extent, tuple(UNLIMITED for _ in extent))
        a.select_hyperslab(*here)
        b.select_hyperslab(*there)
        p.set_virtual(a, file.encode(), path.encode(), b)
    return h5d.create(f.id, name.encode(), t, space(shape, maxshape), p)


def source(path):
    """A file for virtual datasets to read from."""
    name = f"{os.path.basename(path)[:-3]}-source.h5x"
    with h5py.File(name, "w", libver=("v110", "v110")) as f:
        for i in range(3):
            f.create_dataset(f"s{i}", data=np.arange(12, dtype="i4").reshape(4, 3) + 100 * i, maxshape=(None, None), chunks=(2, 3))
    return name


@theme
def virtual(path):
    name = source(path)
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        f["own"] = np.arange(10, dtype="i4")
        mapped(
            f,
            "plain",
            (2, 4, 3),
            None,
            *((((i, 0, 0), (1, 1, 1), (1, 1, 1), (1, 4, 3)), name, f"s{i}", (4, 3), ((0, 0), (4, 3))) for i in range(2)),
        )
        mapped(f, "strided", (4, 6), None, (((0, 1), (4, 3), (1, 2), (1, 1)), name, "s2", (4, 3), ((0, 0), (4, 3))), fill=pattern(4))
        mapped(f, "of itself", (5,), None, (((0,), (5,)), ".", "own", (10,), ((0,), (5,), (2,), (1,))))
        mapped(
            f,
            "missing",
            (4,),
            None,
            (((0,), (2,)), "nowhere.h5", "x", (2,), ((0,), (2,))),
            (((2,), (2,)), name, "nowhere", (2,), ((0,), (2,))),
        )
        mapped(f, "not mapped", (4,), None)
        mapped(f, "converted", (4, 3), None, (((0, 0), (4, 3)), name, "s1", (4, 3), ((0, 0), (4, 3))), t=h5t.IEEE_F64BE)
        mapped(f, "odd names", (1,), None, (((0,), (1,)), "ü %% \\.h5", '/a b/"', (1,), ((0,), (1,))))
        layout = h5py.VirtualLayout((4, 3), "i4")
        layout[...] = h5py.VirtualSource(name, "s0", (4, 3))
        f.create_virtual_dataset("by h5py", layout, fillvalue=-5)
        irregular = space((4, 3))
        irregular.select_hyperslab((0, 0), (1, 2))
        irregular.select_hyperslab((2, 1), (2, 2), op=h5s.SELECT_OR)
        p = plist()
        p.set_virtual(irregular, name.encode(), b"s0", irregular.copy())
        h5d.create(f.id, b"irregular", h5t.STD_I32LE, space((4, 3)), p)


@theme
def virtual_unlimited(path):
    name, rows = source(path), (UNLIMITED, 3)
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        one = ((0, 0), (1, 1), (1, 1), (UNLIMITED, 3))
        mapped(f, "all rows", (4, 3), rows, (one, name, "s0", (4, 3), one))
        every = (UNLIMITED, 1), (1, 3)
        maps = ((((i, 0), every[0], (2, 3), every[1]), name, f"s{i}", (4, 3), ((0, 0), (UNLIMITED, 1), (1, 3), (1, 3))) for i in range(2))
        mapped(f, "interleaved", (8, 3), rows, *maps)
        mapped(
            f, "printf", (12, 3), rows, (((0, 0), (UNLIMITED, 1), (4, 3), (4, 3)), name, "s%b", (4, 3), ((0, 0), (1, 1), (1, 1), (4, 3)))
        )
        mapped(
            f,
            "printf of files",
            (12, 3),
            rows,
            (((0, 0), (UNLIMITED, 1), (4, 3), (4, 3)), "part-%b.h5", "s", (4, 3), ((0, 0), (1, 1), (1, 1), (4, 3))),
        )


# Filters


@theme
def filters(path):
    kinds = dict(deflate=[6], shuffle=[], fletcher32=[], nbit=[], szip=[h5py.h5z.SZIP_NN_OPTION_MASK, 8], scaleoffset=[2, 0])
    with h5py.File(path, "w") as f:
        for name, arguments in kinds.items():
            offer(f"filters {name}", lambda: fill_with(make(f, name, h5t.STD_I32LE, (40, 5), chunk=[(16, 4)], **{name: arguments})))
        fill_with(make(f, "all", h5t.STD_I16BE, (40, 5), chunk=[(16, 4)], nbit=[], shuffle=[], deflate=[1], fletcher32=[]))
        f.create_dataset("lzf", data=np.arange(100), chunks=(30,), compression="lzf")


@theme
def filter_order(path):
    with h5py.File(path, "w") as f:
        orders = "fletcher32 shuffle deflate", "deflate shuffle", "shuffle shuffle", "fletcher32 deflate fletcher32"
        data = (np.arange(2000, dtype="i4") // 500).tobytes()
        for order in orders:
            for flags in h5py.h5z.FLAG_MANDATORY, h5py.h5z.FLAG_OPTIONAL:
                p = plist(chunk=[(1500,)])
                for name in order.split():
                    code = dict(deflate=1, shuffle=2, fletcher32=3)[name]
                    p.set_filter(code, flags, {1: (5,), 2: (4,), 3: ()}[code])
                write(h5d.create(f.id, f"{order} {flags}".encode(), h5t.STD_I32LE, space((2000,)), p), data)


@theme
def deflate_levels(path):
    with h5py.File(path, "w") as f:
        for level in range(10):
            f.create_dataset(f"level {level}", data=np.arange(1000) // 7, chunks=(300,), compression="gzip", compression_opts=level)


@theme
def nbit(path):
    with h5py.File(path, "w") as f:
        types = dict(i20=integer(4, precision=20, offset=5), big=integer(2, ">", precision=9), full=h5t.STD_I32LE, text=string(5))
        types |= dict(f20=floating(4, 19, (13, 6), (0, 13), 31, precision=20, offset=7))
        types |= dict(compound=compound(12, ("a", 0, integer(4, precision=17)), ("b", 6, integer(2, precision=9, offset=1))))
        types |= dict(
            array=h5t.array_create(integer(2, precision=11), (3,)), opaque=opaque(3, b""), enum=enum(integer(2, precision=12), A=1, B=2)
        )
        for name, t in types.items():
            offer(f"nbit {name}", lambda: make(f, name, t, (9,), bytes(9 * t.get_size()), chunk=[(4,)], nbit=[]))


@theme
def scaleoffset(path):
    with h5py.File(path, "w") as f:
        for kind in ["i1", "u2", ">i4", "i8"]:
            for bits in 0, 5:
                f.create_dataset(f"{kind} {bits}", data=(np.arange(50) % 30).astype(kind), chunks=(20,), scaleoffset=bits)
        for kind in "f4", ">f8":
            for digits in 0, 2:
                f.create_dataset(f"{kind} {digits}", data=(np.arange(50) / 10).astype(kind), chunks=(20,), scaleoffset=digits)
        d = f.create_dataset("fill value", (50,), "i4", chunks=(20,), scaleoffset=0, fillvalue=-99)
        d[3:30] = 5
        f.create_dataset("with others", data=np.arange(50), chunks=(20,), scaleoffset=0, shuffle=True, compression="gzip")


@theme
def szip(path):
    if not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        raise NotImplementedError("built without szip")
    with h5py.File(path, "w") as f:
        for coding in "ec", "nn":
            for pixels in 2, 8, 32:
                for kind in "u1", "i2", ">i4", "f8":
                    f.create_dataset(
                        f"{coding} {pixels} {kind}",
                        data=np.arange(400).astype(kind).reshape(20, 20),
                        chunks=(8, 20),
                        compression="szip",
                        compression_opts=(coding, pixels),
                    )


@theme
def filter_masks(path):
    """Chunks that skipped filters."""
    with h5py.File(path, "w") as f:
        d = f.create_dataset("masks", (40,), "i4", chunks=(10,), shuffle=True, compression="gzip")
        d[...] = range(40)
        d.id.write_direct_chunk((10,), np.arange(10, dtype="i4").tobytes(), 3)
        import zlib

        d.id.write_direct_chunk((20,), zlib.compress(np.arange(10, dtype="i4").tobytes()), 1)
        p = plist(chunk=[(8,)])
        p.set_filter(1, h5py.h5z.FLAG_OPTIONAL, (9,))
        fill_with(h5d.create(f.id, b"incompressible", h5t.STD_I8LE, space((24,)), p))


@theme
def filters_unknown(path):
    """Filters that no library has, so that only stored chunks can be kept."""
    with h5py.File(path, "w") as f:
        for number, flags, values in (300, 1, (1, 2, 3)), (65000, 1, ()), (32768, 1, tuple(range(20))):
            p = plist(chunk=[(10,)], shuffle=[])
            p.set_filter(number, flags, values)
            d = h5d.create(f.id, f"filter {number}".encode(), h5t.STD_I32LE, space((40,)), p)
            d.write_direct_chunk((0,), pattern(23), 0)
            d.write_direct_chunk((10,), pattern(40), 2)
            d.write_direct_chunk((30,), pattern(7, number), 1)


@theme
def filters_plugins(path):
    """Filters of hdf5plugin."""
    import hdf5plugin as p

    kinds = dict(blosc=p.Blosc("lz4", 5, p.Blosc.SHUFFLE), blosc2=p.Blosc2("zstd", 3, p.Blosc2.BITSHUFFLE), zstd=p.Zstd(7), lz4=p.LZ4(100))
    kinds |= dict(
        bitshuffle=p.Bitshuffle(cname="lz4"),
        bitshuffle_zstd=p.Bitshuffle(cname="zstd", clevel=3),
        bzip2=p.BZip2(3),
        zfp=p.Zfp(reversible=True),
    )
    kinds |= dict(
        sz=lambda: p.SZ(absolute=0.1), sz3=lambda: p.SZ3(absolute=0.1), fcidecomp=lambda: p.FciDecomp(), sperr=lambda: p.Sperr(rate=8)
    )
    with h5py.File(path, "w") as f:
        for name, kind in kinds.items():
            values = np.arange(400).reshape(20, 20)
            values = values.astype("u1" if name == "fcidecomp" else "f4" if name in ("zfp", "sz", "sz3", "sperr") else "i4")
            offer(
                f"filters_plugins {name}",
                lambda: f.create_dataset(name, data=values, chunks=(10, 20), **(kind() if callable(kind) else kind)),
            )


# Files


def userblock(path, size, **options):
    with h5py.File(path, "w", userblock_size=size, **options) as f:
        f["d"] = np.arange(5)
        f["ref"] = f["d"].ref
    with open(path, "r+b") as f:
        f.write(pattern(size))


@theme
def userblock_512(path):
    userblock(path, 512)


@theme
def userblock_4096_latest(path):
    userblock(path, 4096, libver="latest")


@theme
def userblock_text(path):
    with h5py.File(path, "w", userblock_size=1024) as f:
        f["d"] = 1
    with open(path, "r+b") as f:
        f.write("#!/bin/sh\n# \\x41 Grüße \"$HOME\" '''\n".encode())


@theme
def userblock_empty(path):
    h5py.File(path, "w", userblock_size=2048).close()


def some(f):
    f["g/d"] = np.arange(100).reshape(10, 10)
    f["g"].attrs["a"] = "text"
    f.create_dataset("chunked", data=np.arange(50), chunks=(7,), compression="gzip", maxshape=(None,))


def superblock(path, libver):
    with h5py.File(path, "w", libver=libver) as f:
        some(f)


@theme
def superblock_0(path):
    superblock(path, ("earliest", "v108"))


@theme
def superblock_2(path):
    superblock(path, ("v108", "v108"))


@theme
def superblock_3(path):
    superblock(path, ("v110", "v110"))


@theme
def superblock_114(path):
    superblock(path, ("v114", "v114"))


@theme
def superblock_200(path):
    superblock(path, ("v200", "v200"))


def created(path, libver=(h5f.LIBVER_EARLIEST, h5f.LIBVER_V110), **settings):
    access = plist(h5p.FILE_ACCESS, libver_bounds=libver, fclose_degree=[h5f.CLOSE_STRONG])
    with h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, plist(h5p.FILE_CREATE, **settings), access)) as f:
        some(f)


@theme
def superblock_1(path):
    created(path, istore_k=[64], sym_k=[32, 8])


@theme
def sizes_of_4(path):
    created(path, sizes=[4, 4])


@theme
def sizes_of_2_and_8(path):
    created(path, sizes=[2, 8])


@theme
def shared_messages(path):
    """Object header messages that objects share."""
    settings = dict(shared_mesg_nindexes=[2], shared_mesg_phase_change=[20, 10])
    access = plist(h5p.FILE_ACCESS, libver_bounds=(h5f.LIBVER_V18, h5f.LIBVER_V110), fclose_degree=[h5f.CLOSE_STRONG])
    p = plist(h5p.FILE_CREATE, **settings)
    call("H5Pset_shared_mesg_index", p, 0, 0x2 | 0x4 | 0x8, 20)
    call("H5Pset_shared_mesg_index", p, 1, 0x1000, 40)
    with h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, p, access)) as f:
        for i in range(60):
            d = f.create_dataset(f"d{i}", (3, 4), [("x", "f4"), ("y", "f8")], fillvalue=np.zeros((), [("x", "f4"), ("y", "f8")])[()])
            d.attrs["the same everywhere"] = "a text that is long enough to be shared"


def spaced(strategy, **options):
    def write_file(path):
        with h5py.File(path, "w", fs_strategy=strategy, libver=("v110", "v110"), **options) as f:
            some(f)
            f["gone"] = np.arange(1000)
            del f["gone"]

    return write_file


for number, (strategy, options) in enumerate(
    [
        ("page", dict(fs_page_size=4096)),
        ("page", dict(fs_page_size=512, fs_persist=True, fs_threshold=7)),
        ("fsm", dict(fs_persist=True)),
        ("fsm", dict(fs_threshold=100)),
        ("aggregate", {}),
        ("none", {}),
    ]
):
    THEMES[f"space_{number}_{strategy}"] = spaced(strategy, **options)


@theme
def swmr(path):
    """A file that was open to readers while it was written."""
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        d = f.create_dataset("d", (4,), "i4", maxshape=(None,), chunks=(4,))
        f.swmr_mode = True
        for i in range(10):
            d.resize((4 * i + 4,))
            d[-4:] = i
            d.flush()


@theme
def holes(path):
    """Things that were there, and moved."""
    with h5py.File(path, "w", track_order=True) as f:
        for i in range(30):
            f[f"d{i}"] = np.arange(i)
            f.attrs[f"a{i}"] = "x" * i
        for i in range(0, 30, 2):
            del f[f"d{i}"], f.attrs[f"a{i}"]
        f.move("d1", "moved")
        f.attrs["a1"] = "longer than it was"
        f.attrs.modify("a3", np.bytes_("xyz"))


# Conventions


@theme
def dimension_scales(path):
    with h5py.File(path, "w") as f:
        f["x"], f["y"], f["other"], f["data"] = np.arange(3.0), np.arange(4.0), np.arange(3), np.zeros((3, 4))
        f["x"].make_scale("the x axis")
        f["y"].make_scale("")
        f["other"].make_scale()
        f["data"].dims[0].attach_scale(f["x"])
        f["data"].dims[0].attach_scale(f["other"])
        f["data"].dims[1].attach_scale(f["y"])
        f["data"].dims[0].label = "rows"


def netcdf_file(path, **options):
    import netCDF4

    return netCDF4.Dataset(path, "w", **options)


@theme
def netcdf(path):
    with netcdf_file(path) as f:
        f.title, f.number, f.list = "a file", np.float32(1.5), np.arange(3, dtype="i2")
        f.setncattr_string("strings", ["a", "ü"])
        for name, size in ("time", None), ("lat", 3), ("no variable", 4), ("empty", None):
            f.createDimension(name, size)
        f.createVariable("time", "f8", ("time",))[:] = np.arange(5)
        f.createVariable("lat", "f4", ("lat",), fill_value=-1)[:] = [1, 2, 3]
        t = f.createVariable("t", "i2", ("time", "lat"), zlib=True, shuffle=True, fletcher32=True, fill_value=-9)
        t.setncatts(dict(scale_factor=0.1, units="K", _Unsigned="true"))
        t.set_auto_scale(False)
        t[:] = np.arange(15).reshape(5, 3)
        f.createVariable("words", str, ("lat",))[:] = np.array(["a", "", "ü"], object)
        f.createVariable("letters", "S1", ("lat", "no variable"))
        f.createVariable("scalar", "i8", ())[...] = 5
        f.createVariable("big", ">i4", ("lat",), endian="big")[:] = [1, 2, 3]
        f.createVariable("quantized", "f4", ("time", "lat"), zlib=True, significant_digits=3, quantize_mode="BitGroom")
        f.createVariable("lat2", "f4", ("empty", "lat"), chunksizes=(7, 2))


@theme
def netcdf_groups_and_types(path):
    with netcdf_file(path) as f:
        f.createDimension("x", 2)
        g = f.createGroup("g/inner")
        g.createDimension("x", 3)  # hides the root's
        g.createDimension("u", None)
        g.createVariable("x", "i4", ("x",))[:] = [1, 2, 3]
        kind = f.createEnumType("u1", "kind_t", {"land": 0, "sea": 1})
        point = f.createCompoundType(np.dtype([("x", "f4"), ("n", "i8")], align=True), "point_t")
        row = g.createVLType("i4", "row_t")
        f.createVariable("kind", kind, ("x",), fill_value=0)[:] = [1, 0]
        v = f.createVariable("points", point, ("x",))
        v[:] = np.zeros(2, point.dtype)
        rows = g.createVariable("rows", row, ("u",))
        rows[0] = np.arange(3, dtype="i4")
        g.createVariable("grid", "f4", ("u", "x", "x"))[0] = 1


@theme
def netcdf_classic(path):
    with netcdf_file(path, format="NETCDF4_CLASSIC") as f:
        f.createDimension("x", None)
        f.createVariable("v", "f4", ("x",))[:] = [1, 2]
        f.history = "none"


@theme
def h5netcdf_file(path):
    import h5netcdf

    with h5netcdf.File(path, "w") as f:
        f.dimensions = {"x": 3, "t": None}
        v = f.create_variable("v", ("t", "x"), "f4", chunks=(2, 3), fillvalue=-1.0)
        f.resize_dimension("t", 4)
        v[...] = 1.0
        f.create_variable("g/x", ("x",), "i4").attrs["units"] = "m"
        f.attrs["title"] = "ü"


@theme
def pytables(path):
    import tables

    with tables.open_file(path, "w", title="A file") as f:
        row = dict(
            name=tables.StringCol(8), x=tables.Float32Col(shape=(2,)), n=tables.Int64Col(dflt=5), b=tables.BoolCol(), t=tables.Time64Col()
        )
        row |= dict(kind=tables.EnumCol(["red", "green"], "red", base="uint8"), z=tables.ComplexCol(16))
        t = f.create_table("/g", "table", row, "Rows", createparents=True, filters=tables.Filters(5, "zlib"), track_times=False)
        for i in range(50):
            t.row["name"], t.row["n"] = f"r{i}", i * i
            t.row.append()
        t.flush()
        t.cols.n.create_csindex()
        t.attrs.pickled = {"a": [1]}
        f.create_array("/g", "array", np.arange(12).reshape(3, 4), track_times=False)
        f.create_array("/g", "scalar", 5, track_times=False)


@theme
def pytables_arrays(path):
    import tables

    with tables.open_file(path, "w") as f:
        for codec in "zlib", "bzip2", "blosc", "blosc:zstd", "blosc2:lz4":
            name = codec.replace(":", "_")
            offer(
                f"pytables_arrays {codec}",
                lambda: f.create_carray(
                    "/",
                    name,
                    obj=np.arange(600).reshape(20, 30),
                    track_times=False,
                    filters=tables.Filters(3, codec, shuffle=True, fletcher32=codec == "zlib"),
                ),
            )
        e = f.create_earray("/", "growing", tables.Int32Atom(), (0, 3), track_times=False)
        e.append(np.arange(9).reshape(3, 3))
        for name, atom, rows in (
            ("rows", tables.Int32Atom(), ([1, 2], [], [3])),
            ("objects", tables.ObjectAtom(), ({"a": 1}, [2])),
            ("text", tables.VLUnicodeAtom(), ("ü", "")),
            ("bytes", tables.VLStringAtom(), (b"a", b"")),
        ):
            v = f.create_vlarray("/", name, atom, track_times=False)
            for r in rows:
                v.append(r)
        f.create_soft_link("/", "soft", "/rows")
        f.create_external_link("/", "external", "other.h5:/x")


def set_all(node, attrs):
    for name, value in attrs.items():
        node._v_attrs[name] = value


@theme
def pandas_like(path):
    """As HDFStore's fixed and table formats."""
    import tables

    with tables.open_file(path, "w") as f:
        g = f.create_group("/", "fixed")
        set_all(
            g,
            dict(
                pandas_type="frame", pandas_version="0.15.2", ndim=2, nblocks=1, encoding="UTF-8", errors="strict", axis0_variety="regular"
            ),
        )
        f.create_array(g, "axis0", np.array([b"a", b"b"]), track_times=False)
        f.create_array(g, "axis1", np.arange(3), track_times=False).attrs.kind = "integer"
        f.create_array(g, "block0_values", np.arange(6.0).reshape(3, 2), track_times=False).attrs.transposed = True
        g = f.create_group("/", "table")
        set_all(
            g,
            dict(
                pandas_type="frame_table",
                table_type="appendable_frame",
                index_cols=[(0, "index")],
                values_cols=["values_block_0"],
                nan_rep="nan",
            ),
        )
        row = dict(index=tables.Int64Col(pos=0), values_block_0=tables.Float64Col(shape=(2,), pos=1))
        t = f.create_table(g, "table", row, expectedrows=10, track_times=False)
        t.append([(i, (i, -i)) for i in range(5)])
        t.attrs.info = {"index": {}, 1: {"names": [None], "type": "Index"}}


@theme
def anndata_like(path):
    text = h5py.string_dtype()
    with h5py.File(path, "w") as f:
        f.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        x = f.create_group("X")
        x.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array([3, 4])})
        x["data"], x["indices"], x["indptr"] = np.array([1, 2, 3], "f4"), np.array([0, 2, 3], "i4"), np.array([0, 1, 2, 3], "i4")
        obs = f.create_group("obs", track_order=True)
        obs.attrs.update({"encoding-type": "dataframe", "_index": "_index"})
        obs.attrs.create("column-order", ["kind", "n"], dtype=text)
        obs.create_dataset("_index", data=["c0", "c1", "c2"], dtype=text)
        kind = obs.create_group("kind")
        kind.attrs.update({"encoding-type": "categorical", "ordered": False})
        kind.create_dataset("categories", data=["T", "B"], dtype=text)
        kind["codes"] = np.array([0, 1, -1], "i1")
        obs.create_dataset("n", data=np.arange(3), compression="gzip")
        f.create_group("uns").create_dataset("name", data="ü")
        f.create_group("layers"), f.create_group("obsm")


@theme
def matlab_like(path):
    with h5py.File(path, "w", userblock_size=512, libver=("earliest", "v108")) as f:

        def variable(name, data, kind, **attrs):
            d = f.create_dataset(name, data=data)
            d.attrs["MATLAB_class"] = np.bytes_(kind)
            for key, value in attrs.items():
                d.attrs[key] = np.int32(value)
            return d

        variable("x", np.arange(6.0).reshape(3, 2), "double")
        variable("text", np.array([[ord(c)] for c in "Grüße"], "u2"), "char", MATLAB_int_decode=2)
        variable("yes", np.array([[1]], "u1"), "logical", MATLAB_int_decode=1)
        variable("nothing", np.array([0, 0], "u8"), "double", MATLAB_empty=1)
        refs = [variable("#refs#/a", np.array([[1.0]]), "double").ref, variable("#refs#/b", np.array([[97]], "u2"), "char").ref]
        f.create_dataset("cell", data=np.array([refs], h5py.ref_dtype), dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")
        s = f.create_group("s")
        s.attrs["MATLAB_class"] = np.bytes_("struct")
        fields = np.array([np.array([c.encode() for c in name], "S1") for name in ("first", "b")], object)
        s.attrs.create("MATLAB_fields", fields, dtype=h5py.vlen_dtype("S1"))
        variable("s/first", np.array([[1.0]]), "double")
        f.create_dataset("sparse/jc", data=np.array([0, 1, 2], "u8"))
        f["sparse"].attrs["MATLAB_sparse"] = np.uint64(3)
    with open(path, "r+b") as f:
        f.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: nowhere".ljust(116) + bytes(8) + b"\0\2IM")


@theme
def keras_like(path):
    with h5py.File(path, "w") as f:
        f.attrs.update(dict(keras_version="2.15.0", backend="tensorflow", model_config='{"class_name": "Sequential", "x": "${y}"}'))
        w = f.create_group("model_weights")
        w.attrs["layer_names"] = [b"dense", b"dense_1"]
        for name in "dense", "dense_1":
            g = w.create_group(name)
            g.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            g[f"{name}/kernel:0"], g[f"{name}/bias:0"] = np.arange(12, dtype="f4").reshape(3, 4), np.zeros(4, "f4")
        f.create_group("optimizer_weights").attrs["weight_names"] = np.zeros(0)


@theme
def nexus_like(path):
    with h5py.File(path, "w", track_order=True) as f:
        f.attrs.update(dict(NX_class="NXroot", default="entry", file_name="nexus.h5"))
        for name, kind in (
            ("entry", "NXentry"),
            ("entry/instrument", "NXinstrument"),
            ("entry/instrument/detector", "NXdetector"),
            ("entry/data", "NXdata"),
        ):
            f.create_group(name).attrs["NX_class"] = kind
        d = f.create_dataset(
            "entry/instrument/detector/counts",
            data=np.arange(100, dtype="u4").reshape(10, 10),
            chunks=(1, 10),
            compression="gzip",
            shuffle=True,
        )
        d.attrs.update(dict(units="counts", target="/entry/instrument/detector/counts", long_name="Zähler"))
        f["entry/data/counts"] = d
        f["entry/data/angle"] = h5py.SoftLink("/entry/instrument/angle")
        f["entry/raw"] = h5py.ExternalLink("raw_master.h5", "/entry/data/data_000001")
        f["entry/data"].attrs.create("axes", ["angle", "."], dtype=h5py.string_dtype())
        f["entry/title"] = "a measurement"


@theme
def nwb_like(path):
    with h5py.File(path, "w") as f:
        f.attrs.update(
            dict(nwb_version="2.6.0", namespace="core", neurodata_type="NWBFile", object_id="00000000-0000-0000-0000-000000000000")
        )
        f.attrs[".specloc"] = f.create_group("specifications").ref
        f["specifications/core/2.6.0/namespace"] = '{"namespaces": []}'
        f.create_dataset("file_create_date", data=["2020-02-16T22:58:54Z"], dtype=h5py.string_dtype(), maxshape=(None,), chunks=(1,))
        t = f.create_group("general/extracellular_ephys/electrodes")
        t["x"], t["id"] = np.arange(4.0), np.arange(4)
        g = f.create_group("general/extracellular_ephys/group0")
        t.create_dataset("group", data=[g.ref] * 4, dtype=h5py.ref_dtype)
        series = f.create_group("acquisition/series")
        series["electrodes"] = np.arange(2)
        series["electrodes"].attrs["table"] = t.ref
        series.create_dataset("data", data=np.arange(20, dtype="i2").reshape(10, 2), maxshape=(None, 2), chunks=(4, 2), compression="gzip")
        series["starting_time"] = 0.0
        series["starting_time"].attrs.update(dict(rate=np.float32(30000), unit="seconds"))
        rows = np.zeros(2, [("idx_start", "i4"), ("count", "i4"), ("timeseries", h5py.ref_dtype)])
        rows["timeseries"] = series.ref
        f["intervals/trials/timeseries"] = rows
        f["link"] = h5py.SoftLink("/acquisition/series")


@theme
def images(path):
    with h5py.File(path, "w") as f:
        d = f.create_dataset("image", data=np.zeros((3, 4), "u1"))
        palette = f.create_dataset("palette", data=np.zeros((256, 3), "u1"))
        for key, text in dict(CLASS="IMAGE", IMAGE_VERSION="1.2", IMAGE_SUBCLASS="IMAGE_INDEXED").items():
            attr(d.id, key, string(len(text) + 1), (), text.encode() + b"\0")
        d.attrs["PALETTE"] = palette.ref
        attr(palette.id, "CLASS", string(8), (), b"PALETTE\0")
        attr(palette.id, "PAL_VERSION", string(4), (), b"1.2\0")


def main(folder, *chosen):
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    for name in chosen or THEMES:
        path = f"{name}.h5"
        try:
            THEMES[name](path)
            print(path, flush=True)
        except Exception as e:
            skip(name, f"{type(e).__name__}: {' '.join(str(e).split())[:200]}")
            if os.path.exists(path):
                os.remove(path)
        KEPT.clear()


if __name__ == "__main__":
    main(*sys.argv[1:])
