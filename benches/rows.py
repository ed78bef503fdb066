"""The table's rows by name, and what they share."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from measure import Side

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@dataclass
class Bench:
    """What rows run with, and where."""

    bin: Path
    python: Path
    tree: Path  # the C program
    launcher: Path
    dir: Path
    scale: float
    rounds: int

    def scaled(self, n: int, least: int = 1) -> int:
        return max(round(n * self.scale), least)

    def script(self, name: str, *arguments: object) -> list:
        return [self.python, "-B", SCRIPTS / name, *arguments]

    def make(self, *arguments: object) -> str:
        """Makes a file to begin with."""
        return subprocess.run(list(map(str, self.script("make.py", *arguments))), check=True, capture_output=True, text=True).stdout

    def manifest(self, name: str, text: str) -> Path:
        path = self.dir / f"{name}.toml"
        path.write_text("version = 1\nseed = 1\n" + text)
        return path


@dataclass
class Row:
    name: str
    title: str  # with {size} for what --scale changes
    goals: dict[str, float]  # by side: how many times its time h5mason should need at most
    sides: Callable[[Bench], list[Side]]
    gib: float = 0.1  # what it needs of the disk at most


ROWS: dict[str, Row] = {}


def row(name: str, title: str, gib: float = 0.1, **goals: float):
    """A function that gives a row's sides, h5mason's first. It makes the files to begin with."""

    def register(sides: Callable[[Bench], list[Side]]):
        ROWS[name] = Row(name, title, goals, sides, gib)
        return sides

    return register


def absent(path: Path) -> Callable[[int], None]:
    return lambda _=0: path.unlink(missing_ok=True)


def copied(base: Path, path: Path) -> Callable[[int], None]:
    """A fresh copy that is on the disk already, so that nobody waits for it who syncs."""

    def copy(_: int) -> None:
        shutil.copyfile(base, path)
        with open(path, "rb+") as file:
            os.fsync(file)

    return copy


def installed(name: str) -> bool:
    return shutil.which(name) is not None


def run_once(command: list) -> None:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"cannot prepare: {' '.join(map(str, command))[:300]}\n{result.stderr[-2000:]}")
