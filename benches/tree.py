"""Rows of many objects and attributes: groups of datasets, each with some texts as attributes."""
from __future__ import annotations

from dataclasses import dataclass

from measure import Side
from rows import Bench, absent, copied, installed, row, run_once


@dataclass
class Tree:
    """So many groups of datasets with attributes each; a change gives the first `changed` attributes of each dataset another value."""

    groups: int
    datasets: int
    attributes: int
    changed: int = 1

    def numbers(self) -> tuple[int, int, int]:
        return (self.groups, self.datasets, self.attributes)

    def name(self) -> str:
        return "tree-" + "-".join(map(str, self.numbers()))

    def manifest(self, b: Bench, new: bool = False):
        """What declares all of it; with `new` as it shall be after the change."""
        values = ((a, "cm" if new and a < self.changed else "m" if a == 0 else "x") for a in range(self.attributes))
        return b.manifest(
            f"{self.name()}{'-new' if new else ''}",
            f'[dataset."/g${{g}}/d${{d}}"]\nfor = {{ g = {self.groups}, d = {self.datasets} }}\ndtype = "i4"\nshape = [20]\n'
            + "".join(f'attrs.a{a} = "{value}"\n' for a, value in values),
        )

    def base(self, b: Bench, by: str):
        """A file to begin with, made by h5mason (`ours`) or h5py."""
        path = b.dir / f"{self.name()}-{by}-base.h5"
        if not path.exists():
            run_once([b.bin, "build", self.manifest(b), "-o", path] if by == "ours" else b.script("tree.py", "build", path, *self.numbers()))
        return path

    def remove(self, b: Bench) -> None:
        for path in b.dir.glob(f"{self.name()}-*"):
            path.unlink()


def building(b: Bench, tree: Tree) -> list[Side]:
    def side(name: str, file: str, command, reports: bool = False) -> Side:
        path = b.dir / file
        line = command(path)
        return Side(name, lambda _: line, absent(path), lambda _: ["tree", path, *tree.numbers(), 0], absent(path), reports)

    manifest = tree.manifest(b)
    return [
        side("h5mason build", "tree-ours.h5", lambda path: [b.bin, "build", manifest, "-o", path, "--no-sync"]),
        side("h5py loop", "tree-h5py.h5", lambda path: b.script("tree.py", "build", path, *tree.numbers()), True),
        side("C loop", "tree-c.h5", lambda path: [b.tree, "build", path, *tree.numbers()]),
    ]


def checking(b: Bench, tree: Tree) -> list[Side]:
    """All of them read the same file."""
    file, manifest = tree.base(b, "ours"), tree.manifest(b)
    done = lambda _: ["tree", file, *tree.numbers(), 0]
    return [
        Side("h5mason check", lambda _: [b.bin, "check", manifest, file], verify=done),
        Side("h5py visititems", lambda _: b.script("tree.py", "walk", file), reports=True),
        Side("C walk", lambda _: [b.tree, "walk", file]),
        Side("h5ls -r -v", (lambda _: ["h5ls", "-r", "-v", file]) if installed("h5ls") else None),
    ]


def changing(b: Bench, tree: Tree) -> list[Side]:
    """Each begins with a file of its own kind: h5py changes what h5py has made."""

    def side(name: str, file: str, by: str, command, reports: bool = False) -> Side:
        path = b.dir / file
        line = command(path)
        # Made when it is needed: series do without h5py's side.
        before = lambda i: copied(tree.base(b, by), path)(i)
        return Side(name, lambda _: line, before, lambda _: ["tree", path, *tree.numbers(), tree.changed], absent(path), reports)

    manifest, wanted = tree.manifest(b, new=True), (tree.groups, tree.datasets, tree.changed)
    return [
        side("h5mason apply", "tree-ours.h5", "ours", lambda path: [b.bin, "apply", manifest, path]),
        side("h5py loop", "tree-h5py.h5", "h5py", lambda path: b.script("tree.py", "change", path, *wanted), True),
        side("C loop", "tree-c.h5", "ours", lambda path: [b.tree, "change", path, *wanted]),
    ]


def many(b: Bench) -> Tree:
    """10 000 datasets of 20 integers, with 2 attributes each."""
    return Tree(b.scaled(100, 2), 100 if b.scale >= 1 else b.scaled(100, 5), 2)


@row("many-build", "build 10 000 datasets, 2 attributes each", h5py=5, C=1 / 1.3)
def many_build(b: Bench) -> list[Side]:
    return building(b, many(b))


@row("many-check", "check them, nothing to do", h5py=8)
def many_check(b: Bench) -> list[Side]:
    return checking(b, many(b))


@row("many-change", "change one attribute of each of the 10 000", h5py=4)
def many_change(b: Bench) -> list[Side]:
    return changing(b, many(b))
