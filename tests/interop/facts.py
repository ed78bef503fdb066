"""All that a file holds, as plain values: what tests predict and compare. It is read as same.py reads it, by the low-level API."""

import os
from typing import Any

from same import File, attempt, short, values, Dread
from h5py import h5d, h5s, h5t

Aspects = dict[str, Any]
Key = tuple[str, str | None]
"""The path of an object or a link, and the name of an attribute of it."""


def dump(path: str | os.PathLike) -> dict[Key, Aspects]:
    """The facts of same.py, with the elements of each dataset as its aspect `data`."""
    file = File(os.fspath(path))
    for name, obj in list(file.objects.items()):
        if isinstance(obj, h5d.DatasetID) and obj.get_space().get_simple_extent_type() != h5s.NULL:
            t, count = obj.get_type(), obj.get_space().get_simple_extent_npoints()
            file.facts[(name, None)]["data"] = attempt(values, file, t, count, lambda to: Dread(obj.id, t.id, 0, 0, 0, to))
    if file.unlinked:  # a reference leads to what has no name
        file.facts[("<unlinked>", None)] = {"objects": len(file.unlinked)}
    file.id.close()
    return file.facts


def differences(expected: dict[Key, Aspects], found: dict[Key, Aspects]) -> list[str]:
    """A line for each fact that is another one than expected; `+` is there unexpectedly, `-` is not there."""
    lines = []
    for key in sorted(expected.keys() | found.keys(), key=lambda k: (k[0], k[1] or "")):
        where = key[0] + ("" if key[1] is None else f"@{key[1]}")
        if key not in expected or key not in found:
            lines.append(f"{'+' if key in found else '-'} {where}")
            continue
        for aspect in sorted(expected[key].keys() | found[key].keys()):
            wanted, got = (facts[key].get(aspect, "nothing") for facts in (expected, found))
            if wanted != got:
                lines.append(f"~ {where} {aspect}: {short(wanted)} -> {short(got)}")
    return lines


def is_text(facts: Aspects) -> bool:
    return facts["type"][0] == h5t.STRING


def text(facts: Aspects) -> bytes | None:
    """The value of an attribute that is one text, without its padding."""
    if not is_text(facts):
        return None
    value = facts["value"]
    return value[0] if isinstance(value, list) and len(value) == 1 else value.rstrip(b"\0 ") if isinstance(value, bytes) else None
