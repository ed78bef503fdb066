"""The same work at several sizes, thread counts and memory budgets."""
from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Callable

import data
import tree
from measure import Side
from rows import Bench
from tree import Tree


@dataclass
class Point:
    label: str  # the size, or the setting
    units: float  # how many units of work that are
    side: Side


@dataclass
class Group:
    """What is measured alternately."""

    what: str
    points: list[Point]


@dataclass
class Series:
    name: str
    title: str
    unit: str  # what one unit of work is; empty where the work is the same at all points
    groups: Callable[[Bench], list[Group]]
    gib: float = 0.5
    why_not: Callable[[Bench], str | None] = lambda _: None


SERIES: dict[str, Series] = {}


def series(name: str, title: str, unit: str = "", **more):
    def register(groups: Callable[[Bench], list[Group]]):
        SERIES[name] = Series(name, title, unit, groups, **more)
        return groups

    return register


DATA = ("uniform", "normal", "constant", "deflate")


@series("threads", "Thread scaling: the rows of large datasets with --threads", gib=1.1)
def threads(b: Bench) -> list[Group]:
    processors = len(os.sched_getaffinity(0))
    counts = sorted({2**i for i in range(processors.bit_length()) if 2**i <= processors} | {processors})
    return [
        Group(kind, [Point(str(n), 1, data.ours(b, kind, data.planes(b, kind), "--threads", n)) for n in counts]) for kind in DATA
    ]


def without_memory(b: Bench) -> str | None:
    known = "--memory" in subprocess.run([b.bin, "build", "--help"], capture_output=True, text=True).stdout
    return None if known else "this h5mason has no --memory"


@series("memory", "Memory: the rows of large datasets with --memory", gib=1.1, why_not=without_memory)
def memory(b: Bench) -> list[Group]:
    budgets = ("64MiB", "128MiB", "256MiB", "1GiB")
    return [
        Group(kind, [Point(budget, 1, data.ours(b, kind, data.planes(b, kind), "--memory", budget)) for budget in budgets])
        for kind in ("uniform", "deflate")
    ]


@series("growth-contiguous", "Growth: 1 to 8 GiB float64 uniform, contiguous, beside dd", "GiB", gib=8.1)
def contiguous(b: Bench) -> list[Group]:
    points = []
    for gib in (1, 2, 4, 8):
        n = b.scaled(data.GIB * gib, 8)
        points += [Point(f"{gib} GiB", n / data.GIB, side) for side in (data.ours(b, "uniform", n), data.dd(b, n))]
    return [Group("build", points)]


@series("growth-deflate", "Growth: 0.25 to 2 GiB int32, shuffle and deflate 4", "GiB", gib=1.2)
def deflate(b: Bench) -> list[Group]:
    sizes = [(gib, b.scaled(2 * data.GIB * gib, 8)) for gib in (0.25, 0.5, 1, 2)]
    return [Group("build", [Point(f"{gib:g} GiB", n / (2 * data.GIB), data.ours(b, "deflate", n)) for gib, n in sizes])]


def build_check_change(b: Bench, trees: list[tuple[str, int, Tree]], counterpart: bool) -> list[Group]:
    """Three groups; the C library's loop beside them where that is asked for."""

    def group(what: str, sides: Callable[[Bench, Tree], list[Side]]) -> Group:
        points = []
        for label, units, one in trees:
            for side in sides(b, one):
                if side.name.startswith("h5mason") or (counterpart and side.name.startswith("C ")):
                    points.append(Point(label, units, side))
        return Group(what, points)

    return [group("build", tree.building), group("check", tree.checking), group("change", tree.changing)]


@series("growth-datasets", "Growth: 1 000 to 100 000 datasets, 2 attributes each; a change of one attribute of each", "1 000 datasets", gib=2)
def datasets(b: Bench) -> list[Group]:
    sizes = [(n, Tree(b.scaled(n // 100, 1), 100 if b.scale >= 1 else 5, 2)) for n in (1000, 10_000, 30_000, 100_000)]
    return build_check_change(b, [(f"{n:,}".replace(",", " "), one.groups * one.datasets / 1000, one) for n, one in sizes], True)


@series("growth-attributes", "Growth: 10 to 10 000 attributes on one object; all of them change", "1 000 attributes")
def attributes(b: Bench) -> list[Group]:
    sizes = [(n, b.scaled(n, 3)) for n in (10, 100, 1000, 10_000)]
    return build_check_change(b, [(f"{n:,}".replace(",", " "), some / 1000, Tree(1, 1, some, some)) for n, some in sizes], True)


@series("growth-spread", "10 000 attributes in all, on more and more objects; all of them change", "1 000 attributes")
def spread(b: Bench) -> list[Group]:
    trees = []
    for objects in (1, 10, 100, 1000, 10_000):
        groups, some = max(b.scaled(objects) // 100, 1), b.scaled(10_000 // objects)
        one = Tree(groups, max(b.scaled(objects) // groups, 1), some, some)
        trees.append((f"{objects:,} x {10_000 // objects:,}".replace(",", " "), one.groups * one.datasets * some / 1000, one))
    return build_check_change(b, trees, False)
