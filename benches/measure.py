"""What a row is, and how its sides are measured: alternately, several times, each in a process of its own."""
from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Callable


class Failed(Exception):
    """A command failed, or its work was not done."""


@dataclass
class Run:
    """What one run of a command cost."""

    wall: float
    cpu: float
    peak: float  # MiB of the largest single process
    written: float  # MiB that became dirty, or were written, on the way to the disk
    own: float | None  # what a script says of itself: seconds without its start and imports


@dataclass
class Side:
    """One way to do a row's work. `before` puts files in the state to begin with, and is not measured; `verify` are the arguments of
    scripts/verify.py for what has come of it. `done` is what the output of a command must hold."""

    name: str
    command: Callable[[int], list] | None  # of the round; None: not at hand
    before: Callable[[int], None] = lambda _: None
    verify: Callable[[int], list] | None = None
    after: Callable[[], None] = lambda: None
    reports: bool = False  # it prints its own seconds
    why_not: str = "not installed here"
    runs: list[Run] = field(default_factory=list)

    def best(self) -> Run:
        return min(self.runs, key=lambda run: run.wall)

    def median(self) -> float:
        return median(run.wall for run in self.runs)

    def peak(self) -> float:
        return max(run.peak for run in self.runs)

    def own(self) -> float | None:
        return min((run.own for run in self.runs if run.own is not None), default=None)


def measure(launcher: Path, folder: Path, side: Side, round: int) -> Run:
    """Runs a side once. What it prints goes to a file, as a terminal would take time."""
    side.before(round)
    report, printed, errors = folder / "report", folder / "stdout", folder / "stderr"
    command = [str(part) for part in side.command(round)]
    with open(printed, "w") as out, open(errors, "w") as err:
        subprocess.run([launcher, report, *command], stdout=out, stderr=err, check=True)
    wall, cpu, peak, written, code = report.read_text().split()
    if code != "0":
        raise Failed(f"{side.name} ended with {code}: {' '.join(command)[:300]}\n{errors.read_text()[-2000:]}{printed.read_text()[-500:]}")
    own = float(printed.read_text().split()[-1]) if side.reports else None
    return Run(float(wall), float(cpu), int(peak) / 1024, int(written) / 1024, own)


def alternate(launcher: Path, verifier: list, folder: Path, sides: list[Side], rounds: int) -> None:
    """A B A B …: what disturbs the machine for a while disturbs all of them. What came of the last round is verified."""
    for round in range(rounds):
        for side in sides:
            if side.command is None:
                continue
            side.runs.append(measure(launcher, folder, side, round))
            if side.verify and round == rounds - 1:
                result = subprocess.run([*map(str, verifier), *map(str, side.verify(round))], capture_output=True, text=True)
                if result.returncode != 0:
                    raise Failed(f"the work of {side.name} is not done: {result.stdout}{result.stderr}")
            # Files that are not needed any more take the disk's time and the page cache from the next.
            side.after()
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
