#!/usr/bin/env python3
"""h5mason beside its counterparts: see benches/README.md.

    python3 benches/run.py [NAME…] [--quick] [--markdown] [--write docs/performance.md]
"""
from __future__ import annotations

import argparse
import fnmatch
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import prepare
import report
from measure import Failed, alternate
from rows import ROWS, Bench, Row
from series import SERIES, Series
import changes  # noqa: F401  the rows register themselves: data and tree are imported by series


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="h5mason beside its counterparts, measured alternately. Without names: everything.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows or series, `table` for all rows; globs work")
    parser.add_argument("--list", action="store_true", help="names and what they measure")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--scale", type=float, default=1, help="of all sizes; 0.001 is a test of the benches, not a measurement")
    parser.add_argument("--dir", type=Path, help="where files go, on a real disk, else syncs cost nothing [default: target]")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="also puts what is whole between the markers of this page")
    parser.add_argument("--bin", type=Path, help="this h5mason, in cargo's target folder, instead of a release build")
    return parser.parse_args()


def chosen(names: list[str]) -> tuple[list[Row], list[Series]]:
    for name in names:
        if name != "table" and not any(fnmatch.fnmatch(known, name) for known in [*ROWS, *SERIES]):
            sys.exit(f"nothing is called {name}: --list shows the names")
    wanted = lambda known: not names or any(fnmatch.fnmatch(known, name) for name in names)
    return (
        [row for row in ROWS.values() if wanted(row.name) or "table" in names],
        [series for series in SERIES.values() if wanted(series.name)],
    )


def enough_space(b: Bench, what: Row | Series) -> None:
    free = shutil.disk_usage(b.dir).free / 2**30
    if free < what.gib * min(b.scale, 1) + 1:
        raise Failed(f"it needs {what.gib} GiB, and 1 GiB beside; {free:.1f} GiB are free")


def cleared(b: Bench) -> None:
    """Each row begins with an empty folder."""
    for path in b.dir.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def run_rows(b: Bench, rows: list[Row], markdown: bool) -> tuple[str, bool]:
    """The table, and whether all of it could be measured."""
    lines, whole = [], True
    for row in rows:
        print(f"{row.name} ", end="", file=sys.stderr, flush=True)
        try:
            enough_space(b, row)
            sides = row.sides(b)
            alternate(b.launcher, b.script("verify.py"), b.dir, sides, b.rounds)
            lines += report.row_lines(row, sides)
        except Failed as failure:
            print(f"\n{row.name}: {failure}", file=sys.stderr)
            whole = False
        cleared(b)
    return report.table(report.ROWS_HEADER, lines, markdown), whole


def run_series(b: Bench, series: Series, markdown: bool) -> tuple[str, bool]:
    """Half as many rounds: points are many, and large."""
    if reason := series.why_not(b):
        return f"Not measured: {reason}.", True
    print(f"{series.name} ", end="", file=sys.stderr, flush=True)
    lines, whole = [], True
    try:
        enough_space(b, series)
        for group in series.groups(b):
            alternate(b.launcher, b.script("verify.py"), b.dir, [point.side for point in group.points], math.ceil(b.rounds / 2))
            lines += report.group_lines(series, group)
    except Failed as failure:
        print(f"\n{series.name}: {failure}", file=sys.stderr)
        whole = False
    cleared(b)
    return report.table(report.series_header(series), lines, markdown), whole


def main() -> int:
    args = arguments()
    if args.list:
        for one in [*ROWS.values(), *SERIES.values()]:
            print(f"{one.name:<20}{one.title}")
        return 0
    rows, many = chosen(args.names)
    # Settings of the one who runs this that would change what the library does, or on how many threads.
    for name in [name for name in os.environ if name.startswith(("HDF5_", "RAYON_"))]:
        del os.environ[name]
    binary = args.bin.absolute() if args.bin else prepare.binary()
    python = prepare.python()
    folder = (args.dir or prepare.TARGET).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benches-", dir=folder) as files, tempfile.TemporaryDirectory() as programs:
        tree = prepare.compiled("tree", Path(programs), prepare.library(binary))
        launcher = prepare.compiled("measure", Path(programs))
        rounds = 2 if args.quick else max(args.rounds, 1)
        b = Bench(binary, python, tree, launcher, Path(files), args.scale, rounds)
        place, markdown, fine = report.where(b), args.markdown or args.write is not None, True
        print(place)

        def parts():
            if rows:
                yield "table", "Beside the counterparts", *run_rows(b, rows, markdown), len(rows) == len(ROWS)
            for one in many:
                yield one.name, one.title, *run_series(b, one, markdown), True

        # Each is printed and written when it is there: all of them together take long.
        for name, title, text, done, whole in parts():
            print(f"\n{title}\n\n{text}", flush=True)
            fine &= done
            if args.write and done and whole:
                report.write(args.write, name, f"{place[0].upper()}{place[1:]}.\n\n{text}")
            elif args.write:
                print(f"{name} is not whole, and was not written to {args.write}", file=sys.stderr)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
