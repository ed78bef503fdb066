"""Are the files of series.py of one version now? `series_expected.py BEFORE AFTER NAME...` prints a line for each fact that is another one.

    newer   is as it was, but for the storage of those datasets that series.toml has something to say of
    older   is what the newer one is
"""

import pathlib
import sys
import warnings

from facts import Aspects, Key, differences, dump
from h5py import h5d, h5s, h5t
from repacked import attempt, netcdf, pytables

Facts = dict[Key, Aspects]
CHUNKS: dict[int, tuple[int, ...]] = {1: (500,), 2: (50, 20)}
STORAGE = {"chunk", "filters", "chunks", "chunk filter masks"}
ORDERS = {"attribute order", "link order"}


def declared(facts: Facts, path: str) -> bool:
    """Does a rule say how this dataset is stored?"""
    of = facts[(path, None)]
    if of.get("kind") != "dataset" or of["layout"] != h5d.CHUNKED or (path, "units") not in facts:
        return False
    return of["type"][0] in (h5t.INTEGER, h5t.FLOAT) and len(of["space"][1]) in CHUNKS


def stored(of: Aspects) -> str | None:
    """What is wrong with the storage of such a dataset."""
    _, shape, limit = of["space"]
    chunk = tuple(c if most == h5s.UNLIMITED else min(c, most) for c, most in zip(CHUNKS[len(shape)], limit, strict=True))
    size = of["type"][1][1]
    shuffle, deflate = (2, 1, [size]), (1, 1, [4])
    if of["chunk"] != chunk or of["filters"] != [shuffle, deflate]:
        return f"chunks {of['chunk']}, filters {of['filters']}, not {chunk}"
    return None


def without(facts: Facts, aspects: set[str], paths: set[str] | None = None) -> Facts:
    """The facts but for these aspects, everywhere or of these objects."""
    return {
        key: {a: v for a, v in of.items() if a not in aspects} if paths is None or (key[1] is None and key[0] in paths) else of
        for key, of in facts.items()
    }


def unordered(facts: Facts, paths: set[str] | None = None) -> Facts:
    """The facts with the names of all objects, or of these, in no order."""
    return {
        key: {a: sorted(v) if a in ORDERS and (paths is None or key[0] in paths) else v for a, v in of.items()} for key, of in facts.items()
    }


def reordered(was: Facts, now: Facts) -> list[str]:
    """Objects whose attributes have changed places. A renamed one keeps its own."""
    lines = []
    for (path, attribute), of in was.items():
        order = [{"unit": "units"}.get(name, name) for name in of.get("attribute order", [])]
        after = now.get((path, attribute), {}).get("attribute order", [])
        if [name for name in order if name in after] != [name for name in after if name in order]:
            lines.append(f"~ {path} order of attributes: {order} -> {after}")
    return lines


def program_sees(path: pathlib.Path) -> object:
    """The file as netCDF or PyTables has it, whichever wrote such files; or the way in which that fails."""
    if path.name.endswith("nested-type-with-gaps.h5"):  # PyTables ruins its memory over it
        return None
    return attempt(netcdf if path.suffix == ".nc" else pytables, path)


def compare(before: pathlib.Path, after: pathlib.Path, name: str, generations: list[str]) -> list[str]:
    was, newer = dump(before / "newer" / name), dump(after / "newer" / name)
    datasets = {path for path, attribute in was if attribute is None and declared(was, path)}
    lines = [f"newer: {line}" for line in differences(without(was, STORAGE, datasets), without(newer, STORAGE, datasets))]
    lines += [f"newer: {path} {problem}" for path in sorted(datasets) if (problem := stored(newer[(path, None)]))]
    sees = program_sees(after / "newer" / name)
    for generation in generations:
        older = dump(after / generation / name)
        # In older-0 each attribute has kept its place, but for the title, which had to be added.
        loose = {"/"} if generation == "older-0" else None
        found = differences(unordered(newer, loose), unordered(older, loose)) + reordered(dump(before / generation / name), older)
        if program_sees(after / generation / name) != sees:
            found.append("its own program sees something else")
        lines += [f"{generation}: {line}" for line in found]
    return [f"{name}: {line}" for line in lines]


def main(before: pathlib.Path, after: pathlib.Path, names: list[str]) -> None:
    generations = sorted(folder.name for folder in after.iterdir() if folder.name != "newer")
    for name in names:
        for line in compare(before, after, name, generations):
            print(line)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    warnings.simplefilter("ignore")  # PyTables is surprised at many of its own old files
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:])
