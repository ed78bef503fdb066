"""Is each file what fleet.toml makes of it? `fleet_expected.py BEFORE AFTER NAME...` prints a line for each fact that is another one.

What is to be expected is worked out here from the file before alone, by docs/manifest.md; the files are read by h5py's low-level API.
"""

import pathlib
import sys

import h5py
import netCDF4
import numpy as np
import tables
from facts import Aspects, Key, differences, dump, is_text, text
from h5py import h5d, h5s, h5t
from same import described

OLD, NEW = "/obs/temp", "/obs/air_temperature"
UNITS = {b"degC": b"degree_Celsius", b"hpa": b"hPa"}
SHUFFLE, DEFLATE = 2, 1
Facts = dict[Key, Aspects]


def typed(t: h5t.TypeID) -> Aspects:
    return {"type": described(t), "type encoding": t.encode()}


def new_text(value: bytes) -> Aspects:
    """An attribute that was not there: a scalar text of variable length in UTF-8."""
    t = h5t.C_S1.copy()
    t.set_size(h5t.VARIABLE)
    t.set_cset(h5t.CSET_UTF8)
    return {"name charset": h5t.CSET_ASCII, "space": (h5s.SCALAR,), "value": [value], **typed(t)}


def with_text(facts: Aspects, value: bytes) -> Aspects:
    """The attribute with another text: of variable or fixed length as it was, in the same character set."""
    t = h5t.decode(facts["type encoding"])
    if t.is_variable_str():
        return {**facts, "value": [value]}
    t.set_size(len(value))
    return {**facts, "value": value, **typed(t)}


class Expected:
    """The facts of a file, as one declaration after the other changes them."""

    def __init__(self, facts: Facts):
        self.facts = facts

    def attribute_order(self, path: str) -> list[str]:
        """The order in which attributes were made, where the object keeps it."""
        return self.facts[(path, None)].get("attribute order", [])

    def set(self, path: str, name: str, value: bytes) -> None:
        """An attribute that is there adapts and keeps its place; a new one is the last."""
        if (path, name) in self.facts:
            self.facts[(path, name)] = with_text(self.facts[(path, name)], value)
        else:
            self.facts[(path, name)] = new_text(value)
            self.attribute_order(path).append(name)

    def rename(self, path: str, old: str, new: str) -> None:
        if (path, old) in self.facts:
            self.facts[(path, new)] = self.facts.pop((path, old))
            order = self.attribute_order(path)
            order[:] = [new if name == old else name for name in order]

    def drop(self, path: str, name: str) -> None:
        if self.facts.pop((path, name), None):
            self.attribute_order(path)[:] = [other for other in self.attribute_order(path) if other != name]

    def change_text(self, path: str, name: str, change) -> None:
        old = (path, name) in self.facts and text(self.facts[(path, name)])
        if old and change(old) != old:
            self.set(path, name, change(old))

    def move(self, old: str, new: str) -> None:
        """The link, and all that is told of objects by its path; a moved link is the last of its group."""
        if (old, None) not in self.facts:
            return
        self.facts = renamed(self.facts, old, new)
        group, name = new.rsplit("/", 1)
        order = self.facts[(group, None)].get("link order", [])
        if order:
            order.remove(old.rsplit("/", 1)[1])
            order.append(name)

    def remove(self, path: str) -> None:
        self.facts = {key: facts for key, facts in self.facts.items() if key[0] != path}
        order = self.facts[("/", None)].get("link order", [])
        order[:] = [name for name in order if f"/{name}" != path]

    def objects(self, kind: str) -> list[str]:
        return [path for (path, attribute), facts in self.facts.items() if attribute is None and facts.get("kind") == kind]

    def names(self, path: str) -> list[str]:
        """All paths of an object."""
        return [name for (name, attribute), facts in self.facts.items() if attribute is None and facts.get("link") == ("hard", path)]


def renamed(value, old: str, new: str):
    """Facts with another path in them, however deep. Texts of files are bytes, paths are not."""
    match value:
        case str():
            return new + value[len(old) :] if value == old or value.startswith(old + "/") else value
        case dict():
            return {renamed(key, old, new): renamed(item, old, new) for key, item in value.items()}
        case list() | tuple():
            return type(value)(renamed(item, old, new) for item in value)
    return value


def cast_f4(facts: Aspects) -> Aspects:
    if facts["type"][0] != h5t.FLOAT:
        return facts
    numbers = np.frombuffer(facts["value"], h5t.decode(facts["type encoding"]).dtype)
    return {**facts, "value": numbers.astype("<f4").tobytes(), **typed(h5t.IEEE_F32LE)}


def compressed(facts: Aspects) -> Aspects:
    """A dataset of two axes in chunks of [10, 3], shuffled and deflated. It keeps its fill value, its elements, and the rest, but for when a
    layout is allocated: with another layout that is HDF5's default for it."""
    rows, columns = facts["space"][1]
    chunk = (min(10, rows), min(3, columns))
    starts = [(row, column) for row in range(0, rows, chunk[0]) for column in range(0, columns, chunk[1])]
    masks = [(start, 0) for start in starts]
    stored = {"layout": h5d.CHUNKED, "chunk": chunk, "chunks": starts, "chunk filter masks": masks, "partial chunks": 0}
    if facts["layout"] != h5d.CHUNKED:
        stored["alloc time"] = h5d.ALLOC_TIME_INCR
    return {**facts, **stored, "filters": [(SHUFFLE, 1, [facts["type"][1][1]]), (DEFLATE, 1, [4])]}


def expected(facts: Facts) -> Facts:
    """What fleet.toml says, in its order."""
    file = Expected(facts)
    file.move(OLD, NEW)
    file.remove("/scratch")
    for path in file.objects("dataset"):
        file.rename(path, "unit", "units")
        file.change_text(path, "source", lambda old: old if b"; reprocessed" in old else old + b"; reprocessed")
        file.drop(path, "obsolete")
        file.change_text(path, "units", lambda old: UNITS.get(old, old))
        of = file.facts[(path, None)]
        if of["type encoding"] == h5t.IEEE_F32LE.encode() and (path, "valid_min") in file.facts:
            file.facts[(path, "valid_min")] = cast_f4(file.facts[(path, "valid_min")])
        in_obs = any(name.startswith("/obs/") and name.count("/") == 2 for name in file.names(path))
        if in_obs and len(of["space"]) == 3 and len(of["space"][1]) == 2 and not any(f[0] == DEFLATE for f in of["filters"]):
            file.facts[(path, None)] = compressed(of)
    pressure = next(path for path in file.objects("dataset") if "/obs/pressure" in file.names(path))
    file.set(pressure, "standard_name", b"air_pressure")
    file.set("/", "Conventions", b"CF-1.11")
    done = b"; metadata corrected 2026"
    file.change_text("/", "history", lambda old: old if done in old else old + done)
    for name, value in {"title": b"untitled", "institution": b"Example Institute"}.items():
        if ("/", name) not in file.facts:
            file.set("/", name, value)
    return file.facts


def scales(path: pathlib.Path) -> list[str]:
    """What h5py says of hard links and dimension scales, where the file has them."""
    with h5py.File(path) as f:
        moved = f["obs"].get("air_temperature")
        problems = [] if moved is None or "again" not in f or f["again"] == moved else ["/again is another object"]
        if moved is not None and "DIMENSION_LIST" in moved.attrs and moved.dims[0][0] != f["obs/time"]:
            problems.append("the scale is not attached")
        backwards = [f[entry[0]] for entry in f["obs/time"].attrs.get("REFERENCE_LIST", [])] if "obs/time" in f else []
        if "again" in f and moved not in backwards:
            problems.append("the scale does not know its dataset")
    return problems


def opened(path: pathlib.Path, number: int) -> None:
    """The program that made the file reads the moved array, by its own ways."""
    wanted = np.linspace(-20, 40, 60, dtype="f4").reshape(20, 3) + number
    if path.parent.name == "netcdf":
        with netCDF4.Dataset(path) as f:
            moved = f["obs/air_temperature"]
            assert moved.dimensions == ("time", "x") and moved.units == "degree_Celsius" and (moved[:] == wanted).all()
    if path.parent.name == "pytables":
        with tables.open_file(str(path)) as f:
            moved = f.root.obs.air_temperature
            assert moved.attrs.units == "degree_Celsius" and (moved[:] == wanted).all()
            assert [row["x"] for row in f.root.obs.readings.where("n == 3")] == [1.5]


def main(before: pathlib.Path, after: pathlib.Path, names: list[str]) -> None:
    for name in names:
        found = differences(expected(dump(before / name)), dump(after / name)) + scales(after / name)
        print(*(f"{name}: {line}" for line in found), sep="\n", end="\n" if found else "")
        if name[0] != "o":
            opened(after / name, int(pathlib.Path(name).stem))


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:])
