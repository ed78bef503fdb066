"""Rows of small changes: in a very large file, and in very many small ones. And how long a process takes to start."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

from measure import Side
from prepare import ROOT
from rows import Bench, installed, row, run_once


@row("start", "start of a process")
def start(b: Bench) -> list[Side]:
    return [
        Side("h5mason --version", lambda _: [b.bin, "--version"]),
        Side("python -c 'import h5py'", lambda _: [b.python, "-B", "-c", "import h5py"]),
    ]


@row("one-attribute", "change one attribute in a (sparse) file of 10 GiB", h5py=1)
def one_attribute(b: Bench) -> list[Side]:
    """Files have holes where nothing was written, and go on from round to round. Only h5mason syncs, but for the side that says so."""
    maker = ROOT / "tests/interop/sparse.py"
    files = {name: b.dir / f"sparse-{name}.h5" for name in ("ours", "h5py", "synced")}
    for file in files.values():
        run_once([b.python, "-B", maker, "make", file, 10 * b.scale])
    manifest = f"{files['ours']}.toml"
    value = lambda round: f"a{round:03}"
    verify = lambda name: lambda round: ["attribute", files[name], value(round)]
    return [
        Side("h5mason apply", lambda i: [b.bin, "apply", manifest, files["ours"], "--var", f"units={value(i)}"], verify=verify("ours")),
        Side("h5py r+", lambda i: b.script("change.py", "attribute", files["h5py"], value(i)), verify=verify("h5py"), reports=True),
        Side(
            "h5py r+, four fdatasyncs",
            lambda i: [b.python, "-B", maker, "change", files["synced"], value(i)],
            verify=verify("synced"),
            reports=True,
        ),
        Side("h5mason check", lambda i: [b.bin, "check", manifest, files["ours"], "--var", f"units={value(i)}"]),
    ]


@row("patch", "patch 1 000 regions of 8 x 8 in a (sparse) dataset of 10 GiB", gib=0.5, h5py=3)
def patch(b: Bench) -> list[Side]:
    n = b.scaled(1000, 10)
    ours, theirs = b.dir / "patch-ours.h5", b.dir / "patch-h5py.h5"
    for file in (ours, theirs):
        rows = int(b.make("patch", file, 10 * b.scale))
    step = (rows - 8) // n
    text = "[vars]\nv = 1.0\n"
    for i in range(n):
        row, column = i * step, i * 37 % 1000
        text += f'[[patch]]\npath = "/large"\nselect = "{row}:{row + 8}, {column}:{column + 8}"\nfill = "${{v}}"\n'
    manifest = b.manifest("patch", text)
    value = lambda round: f"{round + 1}.5"
    return [
        Side("h5mason apply", lambda i: [b.bin, "apply", manifest, ours, "--var", f"v={value(i)}"], verify=lambda i: ["patch", ours, value(i), n]),
        Side(
            "h5py loop",
            lambda i: b.script("change.py", "patch", theirs, value(i), n),
            verify=lambda i: ["patch", theirs, value(i), n],
            reports=True,
        ),
    ]


FLEET = """
attrs.Conventions = "CF-1.11"
attrs.title = "${title}"
[vars]
title = ""
[dataset."/temperature".attrs]
units = "kelvin"
valid_max = 400.0
[dataset."/time".attrs]
units = "days since 2026-01-01"
"""

NCATTED = """for f in "$2"/*.nc; do
ncatted -O -h -a Conventions,global,o,c,CF-1.11 -a title,global,o,c,"$1" -a units,temperature,o,c,kelvin \\
-a valid_max,temperature,o,d,400.0 -a units,time,o,c,'days since 2026-01-01' "$f" || exit 1
done"""


@row("fleet", "1 000 netCDF-4 files, 5 attribute changes each", gib=0.5, h5py=4, ncatted=10)
def fleet(b: Bench) -> list[Side]:
    """h5mason waits for the disk for each file; the others never do."""
    n = b.scaled(1000, 4)
    base = b.dir / "fleet-base.nc"
    b.make("fleet", base)
    manifest = b.manifest("fleet", FLEET)

    def files(name: str) -> list[Path]:
        return [b.dir / f"fleet-{name}" / f"{i:05}.nc" for i in range(n)]

    def fresh(name: str):
        def copy(_: int) -> None:
            folder = b.dir / f"fleet-{name}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for path in files(name):
                shutil.copyfile(base, path)
            # On the disk already, so that nobody waits for them who syncs.
            for path in files(name):
                with open(path, "rb+") as file:
                    os.fsync(file)

        return copy

    def side(name: str, key: str, command, reports: bool = False) -> Side:
        # Of all files the last one is looked at: commands that fail for one of them end with a code.
        return Side(name, command, fresh(key), lambda i: ["fleet", files(key)[-1], f"round {i}"], lambda: shutil.rmtree(b.dir / f"fleet-{key}"), reports)

    loop = lambda i: ["sh", "-c", NCATTED, "sh", f"round {i}", b.dir / "fleet-ncatted"]
    return [
        side("h5mason apply FILE…", "ours", lambda i: [b.bin, "apply", manifest, *files("ours"), "--var", f"title=round {i}"]),
        side("h5py loop", "h5py", lambda i: b.script("change.py", "fleet", f"round {i}", *files("h5py")), True),
        side("ncatted in a shell loop", "ncatted", loop if installed("ncatted") else None),
    ]
