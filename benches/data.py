"""Rows of large datasets: new files, without and with a sync."""
from __future__ import annotations

from measure import Side
from rows import Bench, absent, row

# Planes of 1024 x 128 elements: 1024 of them are 1 GiB of float64, 512 MiB of int32.
PLANES = {"uniform": 1024, "normal": 1024, "constant": 1024, "deflate": 512}
GIB = 1024

DECLARED = {
    "uniform": 'dtype = "f8"\nfill.uniform = { low = 0, high = 1 }\n',
    "normal": 'dtype = "f8"\nfill.normal = { mean = 0, std = 1 }\n',
    "constant": 'dtype = "f8"\nchunks = [8, 128, 128]\nfill = 1.5\n',
    "deflate": 'dtype = "i4"\nchunks = [8, 128, 128]\nfilters = ["shuffle", { deflate = 4 }]\nfill.integers = { low = 0, high = 99 }\n',
}


def planes(b: Bench, kind: str) -> int:
    # A chunk has 8 planes.
    return b.scaled(PLANES[kind], 8)


def ours(b: Bench, kind: str, n: int, *options: object, sync: bool = False, name: str = "h5mason build") -> Side:
    file = b.dir / f"{kind}-ours.h5"
    manifest = b.manifest(f"{kind}-{n}", f'[dataset."/a"]\nshape = [{n}, 1024, 128]\n{DECLARED[kind]}')
    how = options if sync else ("--no-sync", *options)
    command = [b.bin, "build", manifest, "-o", file, *how]
    return Side(name, lambda _: command, absent(file), lambda _: [kind, file, n], absent(file))


def h5py(b: Bench, kind: str, n: int, sync: bool = False) -> Side:
    file = b.dir / f"{kind}-h5py.h5"
    command = b.script("data.py", kind, file, n, *(["sync"] if sync else []))
    name = "h5py, os.fsync" if sync else "h5py in slabs"
    return Side(name, lambda _: command, absent(file), lambda _: [kind, file, n], absent(file), reports=True)


def dd(b: Bench, n: int, sync: bool = False) -> Side:
    """As many bytes as n planes of float64 have, of zeros: what a disk and the page cache can take."""
    file = b.dir / "dd.out"
    command = ["dd", "if=/dev/zero", f"of={file}", "bs=1M", f"count={n}", *(["conv=fsync"] if sync else [])]
    return Side("dd, conv=fsync" if sync else "dd", lambda _: command, absent(file), None, absent(file))


@row("uniform", "build 1 GiB float64 uniform, contiguous", gib=1.1, h5py=4, dd=1 / 1.3)
def uniform(b: Bench) -> list[Side]:
    n = planes(b, "uniform")
    return [ours(b, "uniform", n), h5py(b, "uniform", n), dd(b, n)]


@row("normal", "build 1 GiB float64 normal, contiguous", gib=1.1, h5py=6)
def normal(b: Bench) -> list[Side]:
    n = planes(b, "normal")
    return [ours(b, "normal", n), h5py(b, "normal", n)]


@row("constant", "build 1 GiB float64 constant, chunked", gib=1.1, h5py=1.5, dd=1 / 1.5)
def constant(b: Bench) -> list[Side]:
    n = planes(b, "constant")
    return [ours(b, "constant", n), h5py(b, "constant", n), dd(b, n)]


@row("deflate", "build 256 MiB int32, shuffle and deflate 4", gib=0.3, h5py=4)
def deflate(b: Bench) -> list[Side]:
    n = planes(b, "deflate")
    return [ours(b, "deflate", n), h5py(b, "deflate", n)]


@row("synced", "build 1 GiB float64 uniform, contiguous, synced", gib=1.1, h5py=1.5)
def synced(b: Bench) -> list[Side]:
    n = planes(b, "uniform")
    return [ours(b, "uniform", n, sync=True), h5py(b, "uniform", n, sync=True), dd(b, n, sync=True)]
