"""Tables, for a terminal and for Markdown, and where they were measured."""
from __future__ import annotations

import os
import platform
import subprocess
from datetime import date
from pathlib import Path

from measure import Side
from prepare import ROOT
from rows import Bench, Row
from series import Group, Series


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def table(header: list[str], lines: list[list[str]], markdown: bool) -> str:
    if markdown:
        dashes = ["---"] * len(header)
        return "\n".join(f"| {' | '.join(line)} |" for line in [header, dashes, *lines])
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
    left = 2  # the first columns are words
    return "\n".join(
        "  ".join(f"{cell:<{w}}" if i < left else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(line, widths))).rstrip() for line in [header, *lines]
    )


ROWS_HEADER = ["work", "by", "best", "median", "without start", "h5mason is", "goal", "CPU", "peak MiB", "written MiB"]


def times(ratio: float) -> str:
    return f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def row_lines(row: Row, sides: list[Side]) -> list[list[str]]:
    """A line a side. The ratio is the side's best time by h5mason's; the goal stands where one is set."""
    ours, out, goals = sides[0], [], dict(row.goals)
    for i, side in enumerate(sides):
        title = row.title if i == 0 else ""
        if side.command is None:
            out.append([title, side.name, side.why_not, "", "", "", "", "", "", ""])
            continue
        best, own = side.best(), side.own()
        ratio = goal = ""
        if i > 0 and not side.name.startswith("h5mason"):
            key = next((key for key in goals if side.name.split(" ")[0].rstrip(",") == key), None)
            reached = best.wall / ours.best().wall
            ratio = times(reached)
            if key is not None:
                wanted = goals.pop(key)
                goal = f"{times(wanted)} {'reached' if reached >= wanted else 'missed'}"
        out.append(
            [
                title, side.name, seconds(best.wall), seconds(side.median()), "" if own is None else seconds(own), ratio, goal,
                seconds(best.cpu), f"{side.peak():.0f}", f"{best.written:.1f}",
            ]
        )  # fmt: skip
    return out


def group_lines(series: Series, group: Group) -> list[list[str]]:
    """By what is measured, then by size; beside each time per unit, what it is of that of the size before."""
    out = []
    for name in dict.fromkeys(point.side.name for point in group.points):
        points = [point for point in group.points if point.side.name == name]
        first = points[0].side.best().wall
        before = None
        for point in points:
            best = point.side.best()
            if not series.unit:
                out.append([f"{group.what}: {name}", point.label, seconds(best.wall), times(first / best.wall), seconds(best.cpu), f"{point.side.peak():.0f}"])
                continue
            unit, cpu = best.wall / point.units, best.cpu / point.units
            change = ""
            if before is not None:
                # Time alone also grows while others use the machine, CPU time alone with the waiting of threads for each other.
                linear = unit <= 1.3 * before[0] or cpu <= 1.3 * before[1]
                change = f"{unit / before[0]:.2f}, {cpu / before[1]:.2f}" + ("" if linear else " not linear")
            out.append([f"{group.what}: {name}", point.label, seconds(best.wall), seconds(unit), seconds(cpu), change, f"{point.side.peak():.0f}"])
            before = (unit, cpu)
    return out


def series_header(series: Series) -> list[str]:
    if series.unit:
        return ["work", "size", "best", f"per {series.unit}", "CPU per unit", "both to the one before", "peak MiB"]
    return ["work", series.name, "best", "to the first", "CPU", "peak MiB"]


def where(b: Bench) -> str:
    """The machine and the day, without its name."""

    def first(path: str, key: str) -> str:
        lines = Path(path).read_text().splitlines() if Path(path).exists() else []
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")

    def said(*command: str) -> str:
        try:
            return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip() or "unknown"
        except FileNotFoundError:
            return "unknown"

    memory = int(first("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    versions = said(str(b.python), "-c", "import h5py, numpy, sys; v = h5py.version; print(f'h5py {v.version} with HDF5 {v.hdf5_version}, NumPy {numpy.__version__}, Python {sys.version.split()[0]}')")
    return (
        f"{date.today()}, commit {said('git', 'rev-parse', '--short', 'HEAD')}; {first('/proc/cpuinfo', 'model name')}, "
        f"{len(os.sched_getaffinity(0))} processors, {memory:.0f} GiB of memory, {said('stat', '-f', '-c', '%T', str(b.dir))}, Linux {platform.release().split('-')[0]}; "
        f"load {os.getloadavg()[0]:.1f} before; {versions}; {b.rounds} rounds" + ("" if b.scale == 1 else f"; sizes scaled by {b.scale:g}")
    )


def write(page: Path, name: str, text: str) -> None:
    """Puts a block between its two markers."""
    begin, end = f"<!-- benches {name} -->", f"<!-- end of {name} -->"
    old = page.read_text()
    if old.count(begin) != 1 or old.count(end) != 1:
        raise SystemExit(f"{page} must have {begin} and {end} once each")
    head, rest = old.split(begin)
    page.write_text(f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")
