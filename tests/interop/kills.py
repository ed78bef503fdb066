"""What SIGKILL does to files that a script changes by h5py's r+: the share that is unreadable or a mix afterwards.

`kills.py FOLDER ROUNDS SEED`, usually by `cargo run --release --example kills -- ROUNDS --plain`.
"""
import collections
import hashlib
import os
import pathlib
import random
import select
import signal
import sys
import time

import h5py
import numpy as np

folder, rounds, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
LIBVER = {"v0": "earliest", "v2": ("v108", "v110"), "v3": "v110"}


def make(path, libver):
    numbers = np.random.default_rng(1)
    with h5py.File(path, "w", libver=libver) as f:
        f.attrs["title"] = "before"
        f["plain"] = numbers.integers(0, 99, 200_000, "u1")
        f["plain"].attrs["units"] = "degC"
        f["plain"].attrs["note"] = "a text that goes"
        f.create_dataset("packed", data=numbers.integers(0, 99, (80, 40)), chunks=(16, 40), compression="gzip")
        f["gone"] = np.ones(3000)
        for i in range(12):
            f.create_group(f"g{i}").attrs["i"] = i


def change(path):
    """One small edit: attributes, a slice, a compressed slice, groups and datasets, a removal."""
    with h5py.File(path, "r+") as f:
        f.attrs["title"] = "after"
        f["plain"].attrs["units"] = "K"
        del f["plain"].attrs["note"]
        f["plain"][10:9000:3] = 200
        f["packed"][5:70] = -1
        f.create_dataset("new/a", data=np.full((200, 50), 0.5), chunks=(50, 50), compression="gzip")
        f["new/b"] = np.arange(3000)
        del f["gone"]


def digest(path):
    """What a reader sees."""
    seen = hashlib.sha256()
    with h5py.File(path, "r", locking=False) as f:
        def visit(name, item):
            seen.update(repr((name, sorted((k, v.tolist() if hasattr(v, "tolist") else v) for k, v in item.attrs.items()))).encode())
            if isinstance(item, h5py.Dataset):
                seen.update(item[()].tobytes())
        visit("/", f)
        f.visititems(visit)
    return seen.hexdigest()


def reading(path):
    """'refused', 'crashed', 'hung' or a digest, from a process of its own."""
    out, to = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            os.write(to, digest(path).encode())
        except Exception:
            os.write(to, b"refused")
        os._exit(0)
    os.close(to)
    ready, _, _ = select.select([out], [], [], 10)
    got = os.read(out, 100).decode() if ready else "hung"
    os.close(out)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return got or "crashed"


def edit(path, kill_after, average):
    """Edits, and is killed that long after its first write; was it killed, how long does it write?"""
    fd = os.open(path, os.O_RDONLY)
    before = os.fstat(fd).st_ctime_ns
    # The clock of a file's times is coarse.
    time.sleep(0.005)
    child = os.fork()
    if child == 0:
        change(path)
        os._exit(0)
    first = None
    try:
        while True:
            now = time.perf_counter()
            if first is None and os.fstat(fd).st_ctime_ns != before:
                first = now
            if first is not None and kill_after is not None and now - first >= kill_after:
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                return os.WIFSIGNALED(status), average
            if os.waitpid(child, os.WNOHANG)[0]:
                return False, now - (first or now)
    finally:
        os.close(fd)


total = collections.Counter()
target = folder / "f.h5"
for name, libver in LIBVER.items():
    base = folder / f"{name}.h5"
    make(base, libver)
    raw = base.read_bytes()
    old = reading(base)
    average = 0.0
    for _ in range(5):
        target.write_bytes(raw)
        _, took = edit(target, None, 0)
        average = max(average, took)
        new, new_raw = reading(target), target.read_bytes()
    assert len({old, new}) == 2 and min(len(old), len(new)) == 64, (old, new)
    seen = collections.Counter()
    for _ in range(rounds // len(LIBVER)):
        target.write_bytes(raw)
        killed, took = edit(target, chance.random() * average, average)
        average = 0.95 * average + 0.05 * took
        if killed:
            now = reading(target)
            seen["old" if now == old else "new" if now == new else "mixed" if len(now) == 64 else now] += 1
    total += seen
    print(f"{name}: {sum(seen.values())} kills after the first write: " + ", ".join(f"{k} {n}" for k, n in sorted(seen.items())))
bad = sum(n for k, n in total.items() if k not in ("old", "new"))
print(f"unreadable or mixed: {bad} of {sum(total.values())} ({100 * bad / max(1, sum(total.values())):.0f} %)")
