"""Is a file what everything.toml says? Every assertion that fails is printed; none may."""
import sys
import traceback

import h5py
import numpy as np
from h5py import h5o, h5p, h5t

NUMBERS = "i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 >i2 >i4 >i8 >u2 >u4 >u8 >f2 >f4 >f8 >c8 >c16".split()
FLAT = np.arange(24).reshape(4, 6)
failed = 0


def same(what, found, expected):
    global failed
    equal = np.array_equal(found, expected) if isinstance(expected, np.ndarray) else found == expected
    if not equal:
        failed += 1
        print(f"{what}: found {found!r}, expected {expected!r}")


def number(f, path, values, chunks=None, maxshape=(4, 6), filters=(), fillvalue=0):
    """One dataset of the storage matrix; its name is its dtype."""
    d = f[path]
    dtype = np.dtype(path.split("/")[-1])
    plist = d.id.get_create_plist()
    same(f"{path} dtype", d.dtype, dtype)
    same(f"{path} byte order", d.dtype.str, dtype.str)
    same(f"{path} maxshape", d.maxshape, maxshape)
    same(f"{path} chunks", d.chunks, chunks)
    same(f"{path} filters", tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters())), filters)
    same(f"{path} fillvalue", d.fillvalue, dtype.type(fillvalue))
    same(f"{path} values", d[()], np.asarray(values).astype(dtype))


def storage(f):
    patched = np.full((4, 6), 9)
    patched[1:3, ::2] = [[1, 2, 3], [4, 5, 6]]
    for t in NUMBERS:
        number(f, f"/contiguous/{t}", FLAT)
        number(f, f"/compact/{t}", np.tile(np.arange(6) * 2 + 1, (4, 1)))
        same(f"/compact/{t}", f[f"/compact/{t}"].id.get_create_plist().get_layout(), h5py.h5d.COMPACT)
        number(f, f"/chunked/{t}", FLAT, chunks=(3, 4), maxshape=(None, 6))
        cycle = np.resize([1, 2, 3, 5, 7], (4, 6))
        number(f, f"/filtered/{t}", cycle, chunks=(2, 6), maxshape=(8, None), filters=(2, 1, 3))
        same(f"/filtered/{t} gzip", f[f"/filtered/{t}"].compression_opts, 6)
        number(f, f"/unwritten/{t}", np.full((4, 6), 7), fillvalue=7)
        number(f, f"/patched/{t}", patched, chunks=(2, 2), fillvalue=9)


def text(f):
    def kind(path, size, charset, pad, values):
        t = f[path].id.get_type()
        same(f"{path} type", (t.is_variable_str(), t.get_cset(), t.get_strpad()), (size is None, charset, pad))
        if size:
            same(f"{path} size", t.get_size(), size)
        same(f"{path} values", f[path][()].tolist() if f[path].shape else f[path][()], values)

    ascii, utf8 = h5t.CSET_ASCII, h5t.CSET_UTF8
    term, null, space = h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD
    kind("/text/variable", None, utf8, term, [b"a", b"", "Grüße".encode()])
    kind("/text/ascii", None, ascii, term, [b"x", b"yy"])
    kind("/text/fixed", 5, ascii, null, [b"a", b"", b"five5"])
    for name, pad in {"nullterm": term, "nullpad": null, "spacepad": space}.items():
        for charset, cset in {"ascii": ascii, "utf8": utf8}.items():
            kind(f"/text/{name}_{charset}", 8, cset, pad, [b"one", b"three"])
    kind("/text/scalar", None, utf8, term, b"alone")
    kind("/text/default", 4, ascii, null, [b"none", b"none"])


def others(f):
    same("bool", (f["/bool/cycle"].dtype, f["/bool/cycle"][()].tolist()), (np.dtype(bool), [True, False, True, False, True]))
    same("bool, unwritten", f["/bool/unwritten"][()].tolist(), [True, True])
    same("complex", f["/complex/values"][()], np.array([[1 + 2j, -1j], [3, 4.5 - 1000j]]))
    same("null", (f["/space/null"].shape, f["/space/null"].dtype), (None, np.dtype("f4")))
    same("scalar", (f["/space/scalar"].shape, f["/space/scalar"].dtype.str, f["/space/scalar"][()]), ((), ">u2", 513))
    empty = f["/space/empty"]
    same("empty", (empty.shape, empty.maxshape, empty.chunks), ((0, 3), (None, 3), (16, 3)))
    same("nine axes", f["/space/nine"][()].ravel(), np.arange(48, dtype="u1"))
    same("chunks auto", f["/space/auto"].chunks is not None and not f["/space/auto"][()].any(), True)
    plist = lambda path: f[path].id.get_create_plist()
    fill_times = {"ifset": h5py.h5d.FILL_TIME_IFSET, "alloc": h5py.h5d.FILL_TIME_ALLOC, "never": h5py.h5d.FILL_TIME_NEVER}
    alloc_times = {"early": h5py.h5d.ALLOC_TIME_EARLY, "late": h5py.h5d.ALLOC_TIME_LATE, "incr": h5py.h5d.ALLOC_TIME_INCR}
    for fill, fill_code in fill_times.items():
        for alloc, alloc_code in alloc_times.items():
            p = plist(f"/time/{fill}_{alloc}")
            same(f"times {fill} {alloc}", (p.get_fill_time(), p.get_alloc_time()), (fill_code, alloc_code))
    same("undefined fill value", plist("/undefined").fill_value_defined(), h5py.h5d.FILL_VALUE_UNDEFINED)
    same("exact", f["/rule/exact"][()], np.full(3, 0.1))
    same("linspace without its end", f["/rule/open"][()], np.tile(np.linspace(0, 1, 5, endpoint=False), (2, 1)))
    same("geomspace", np.allclose(f["/rule/geomspace"][()], [1, 10, 100, 1e3, 1e4], rtol=1e-14), True)


def random(f):
    """Range, mean and spread within six standard errors of 100 000 draws."""

    def moments(name, mean, std, low, high, distinct):
        v = f[f"/random/{name}"][()].astype("f8")
        same(f"{name} mean", abs(v.mean() - mean) < 6 * std / v.size**0.5, True)
        same(f"{name} standard deviation", abs(v.std() / std - 1) < 0.03, True)
        same(f"{name} range", low <= v.min() and v.max() <= high, True)
        found = len(np.unique(v))
        same(f"{name} distinct values ({found})", distinct[0] <= found <= distinct[1], True)

    inf, many = np.inf, (99_000, 100_000)
    moments("integers", -0.5, 100 / 12**0.5, -50, 49, (100, 100))
    moments("uniform", 1, 4 / 12**0.5, -1, np.nextafter(np.float32(3), np.float32(0)), (98_000, 100_000))
    moments("normal", 10, 2, -2, 22, many)
    moments("lognormal", np.exp(0.125), np.exp(0.125) * (np.exp(0.25) - 1) ** 0.5, 0, inf, many)
    moments("exponential", 3, 3, 0, inf, many)
    moments("gamma", 6, 18**0.5, 0, inf, many)
    moments("beta", 0.25, (12 / (64 * 9)) ** 0.5, 0, 1, many)
    moments("poisson", 20, 20**0.5, 0, 60, (30, 55))
    moments("binomial", 10, 7.5**0.5, 0, 40, (18, 40))
    moments("bernoulli", 0.25, (0.25 * 0.75) ** 0.5, 0, 1, (2, 2))
    words, counts = np.unique(f["/random/choice"][()], return_counts=True)
    same("choice", words.tolist(), [b"ash", b"red", b"tan"])
    same("choice counts", bool((abs(counts - [25_000, 25_000, 50_000]) < 1000).all()), True)
    z = f["/random/complex"][()]
    same("complex", abs(z.mean()) < 0.03 and abs(z.real.std() - 1) < 0.03 and abs(z.imag.std() - 1) < 0.03, True)
    same("complex parts are independent", abs(np.corrcoef(z.real.ravel(), z.imag.ravel())[0, 1]) < 0.03, True)
    v = f["/random/missing"][()]
    same("missing", abs((v == -9999).mean() - 0.1) < 0.01 and set(np.unique(v)) == {-9999, *range(10)}, True)


def attributes(f):
    attrs = f.attrs

    def attr(name, dtype, value):
        dtype, value = np.dtype(dtype), np.asarray(value)
        found = attrs[name]
        same(f"@{name} dtype", attrs.get_id(name).dtype.str, dtype.str)
        same(f"@{name} shape", attrs.get_id(name).shape, value.shape)
        same(f"@{name}", np.asarray(found), value.astype(dtype))

    attr("zeta", "i8", 1)
    attr("alpha", "f8", -2.5)
    attr("yes", "?", True)
    attr("list", "i8", [3, 1, 2])
    attr("floats", "f8", [0.5, 1.5])
    attr("bools", "?", [True, False])
    attr("matrix", "i8", [[1, 2, 3], [4, 5, 6]])
    attr("with.dot", "i8", 1)
    attr("float32", "f4", 0.1)
    attr("big_endian", ">u2", 258)
    attr("one", "i4", [5])
    attr("flat", "u1", [[1, 2], [3, 4]])
    attr("fixed", "S8", b"abc")
    attr("netcdf_text", "S3", b"abc")
    attr("complex", "c8", 1 - 2j)
    attr("no_elements", "i2", np.zeros(0))
    attr("default", "i8", 12)
    attr("renamed", "i8", 3)
    texts = {name: attrs[name] for name in ("text", "when")} | {"texts": list(attrs["texts"])}
    same("texts", texts, {"text": "Grüße", "when": "2020-02-16T22:58:54Z", "texts": ["a", "bc"]})
    for name in ("text", "when", "texts"):
        t = attrs.get_id(name).get_type()
        same(f"@{name} type", (t.is_variable_str(), t.get_cset()), (True, h5t.CSET_UTF8))
    same("@netcdf_text type", attrs.get_id("netcdf_text").get_type().get_strpad(), h5t.STR_NULLTERM)
    same("@no_value", attrs["no_value"], h5py.Empty("f4"))
    same("@no_text", isinstance(attrs["no_text"], h5py.Empty) and attrs.get_id("no_text").get_type().is_variable_str(), True)
    same("neither replaced nor gone nor former", {"replaced", "gone", "former"} & set(attrs), set())
    in_order = "zeta alpha text yes list floats texts bools matrix when with.dot float32 big_endian one flat fixed netcdf_text".split()
    same("attributes as they stand in the manifest", list(attrs)[: len(in_order)], in_order)


def creation(f, path):
    """Of the file, and of every object."""
    raw = open(path, "rb").read()
    create = f.id.get_create_plist()
    same("superblock", create.get_version()[0], 2)
    same("userblock", (create.get_userblock(), raw[:1024]), (1024, bytes(1024)))
    indexed = h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED
    expected = {"untracked": 0, "tracked_only": h5p.CRT_ORDER_TRACKED}

    def visit(name, obj):
        p = obj.id.get_create_plist()
        flags = {p.get_attr_creation_order()}
        if isinstance(obj, h5py.Group):
            flags.add(p.get_link_creation_order())
        same(f"/{name} creation order", flags, {expected.get(name, indexed)})
        same(f"/{name} tracks times", p.get_obj_track_times(), False)
        at = h5o.get_info(obj.id).addr + 1024
        same(f"/{name} object header", raw[at : at + 5], b"OHDR\x02")
        same(f"/{name} stores no times", raw[at + 5] & 0x20, 0)

    visit("", f["/"])
    f.visititems(visit)


with h5py.File(sys.argv[1], "r") as f:
    for part in (storage, text, others, random, attributes, lambda f: creation(f, sys.argv[1])):
        try:
            part(f)
        except Exception:
            failed += 1
            traceback.print_exc(file=sys.stdout)
sys.exit(failed > 0)
