"""Random manifests against random small files: prints what breaks a law of the project, a line and the manifest each; nothing where all is well.

    manifests.py BINARY FOLDER FIRST COUNT

For each seed: a plan that is without conflicts is applied; it is told as done what was planned; a second apply and a check find nothing; and
an observer that knows nothing of h5mason (same.py) sees a difference only where a step of the plan has said so.
"""

import json
import pathlib
import random
import subprocess
import sys

import h5py
import numpy as np

import same

DATASETS = ["/a", "/g/b", "/g/c", "/g/h/d", "/k/e"]
ATTRIBUTES = ["unit", "units", "p", "q", "r"]
TEXT = h5py.string_dtype()
DTYPES = ["f4", ">f8", "i2", "S3", TEXT, "?", h5py.enum_dtype({"A": 0, "B": 1})]


# Files


def attribute(r, obj):
    return r.choice([1, 2.5, "degC", "m", True, np.float32(0.5), np.array([1, 2], "i2"), ["a", "m"], h5py.Empty("f4"), np.bytes_("m"), obj.ref])


def dress(r, obj):
    for name in ATTRIBUTES:
        if r.random() < 0.35:
            obj.attrs[name] = attribute(r, obj)


def dataset(r, file, name):
    dtype, shape = r.choice(DTYPES), r.choice([(), (1,), (4,), (2, 3), (0,), (5,)])
    options = {}
    if shape and r.random() < 0.4:
        options = {"chunks": tuple(max(1, n // 2) for n in shape), "maxshape": tuple(r.choice([None, max(n, 1)]) for n in shape)}
        if r.random() < 0.4:
            options["compression"] = "gzip"
    made = file.create_dataset(name, shape=shape, dtype=dtype, track_order=r.random() < 0.3, **options)
    if dtype in ("f4", ">f8", "i2"):
        made[...] = np.arange(made.size).reshape(shape)
    elif dtype == "S3" or dtype is TEXT:
        made[...] = b"ab"
    dress(r, made)


def build(r, path):
    with h5py.File(path, "w", libver=r.choice([None, ("earliest", "v108")]), track_order=r.random() < 0.3) as file:
        for name in DATASETS:
            if r.random() < 0.85:
                dataset(r, file, name)
        there = [name for name in DATASETS if name in file]
        for name in "/", "/g", "/k", "/g/h":
            if name in file:
                dress(r, file[name])
        for n in range(r.randint(0, 3) if there else 0):
            file[f"/l{r.randint(0, 1)}/x{n}"] = file[r.choice(there)]
        if r.random() < 0.3 and "/g" in file:
            file["/again"] = file["/g"]
        if r.random() < 0.3:
            file["/s"] = h5py.SoftLink("/g/b")
        if r.random() < 0.5 and there:
            file["/refs"] = np.array([file[r.choice(there)].ref for _ in range(3)], dtype=h5py.ref_dtype)
        if r.random() < 0.4:
            scale = file.create_dataset("/t", data=np.arange(4.0))
            scale.make_scale("t")
            for name in there:
                if file[name].shape[:1] == (4,):
                    file[name].dims[0].attach_scale(scale)


# Manifests


def form(r):
    other = r.choice(ATTRIBUTES)
    return r.choice(
        [
            *("1", "2.5", '"m"', "true", '{ value = 3, dtype = "f4" }', '{ empty = "i4" }', '{ ref = "/g" }', '{ value = "xy", dtype = "char" }'),
            *("{ absent = true }", "{ absent = true }", "{ default = 7 }", '{ default = "x" }', '{ replace = "rep" }', "{ replace = 1 }"),
            *(f'{{ rename_from = "{other}" }}', f'{{ rename_from = "{other}" }}', f'{{ rename_from = "{other}", value = "v" }}'),
            *('{ map = { degC = "K", m = "metre" } }', '{ map = [[1, 2], [2.5, "two"]] }', '{ cast = "f4" }', '{ cast = "i1" }'),
            *('{ append = "!" }', '{ prepend = "m" }', '{ append = "x", dtype = "S9" }', f'{{ copy_from = {{ name = "{other}" }} }}'),
            f'{{ copy_from = {{ path = "{r.choice(["/", "/a", "/g", "/g/b", "/m/b", "/new"])}", name = "{other}" }} }}',
        ]
    )


def attrs(r, least, most):
    """Lines; a form that names its own attribute is no manifest."""
    lines = []
    for name in r.sample(ATTRIBUTES, r.randint(least, most)):
        said = form(r)
        while f'"{name}"' in said:
            said = form(r)
        lines.append(f"attrs.{name} = {said}")
    return lines


def rule(r):
    lines = ["[[each]]", "match = " + r.choice(['"/**"', '"/*"', '["/g/**", "/k/*"]', '"/m/**"', '"/**/[a-d]"', '"/l*/*"', '"/new"'])]
    where, kind, storage = [], r.choice([None, "dataset", "dataset", "group"]), []
    if r.random() < 0.4:
        where.append(f'"@{r.choice(ATTRIBUTES)}" = {r.choice(["true", "false", "1", chr(34) + "m*" + chr(34), "2.5"])}')
    if r.random() < 0.3:
        where.append(r.choice(['dtype = "float"', 'dtype = "string"', "chunked = false", "compressed = true", "shape = [4]"]))
    if r.random() < 0.35:
        kind = "dataset"
        storage = [r.choice(['chunks = "auto"', "chunks = [2]", 'filters = ["shuffle", { deflate = 1 }]', "filters = []"])]
        if r.random() < 0.8:
            storage.append('on_mismatch = "convert"')
        if "[2]" in storage[0]:
            where.append("ndim = 1")
    lines += [f'kind = "{kind}"'] * (kind is not None) + [f"where = {{ {', '.join(where)} }}"] * bool(where) + storage
    return lines + attrs(r, 0 if storage else 1, 3)


def entry(r):
    lines = [f'[dataset."{r.choice(["/a", "/g/c", "/m/b", "/new", "/k/e", "/again/c"])}"]']
    if r.random() < 0.6:
        lines.append("dtype = " + r.choice(['"f4"', '"f8"', '"i2"', '">i4"', '"S4"', '"str"', '"bool"']))
        lines.append("shape = " + r.choice(["[4]", "[1]", "[]", "[2]", "[2, 3]", '"null"']))
    if r.random() < 0.8:
        lines.append(f'on_mismatch = "{r.choice(["convert", "convert", "replace"])}"')
    return lines + ["chunks = [2]"] * (r.random() < 0.3) + ["fill = 1"] * (r.random() < 0.2) + attrs(r, 0, 2)


MOVES = [("/g", "/m"), ("/a", "/new"), ("/g/b", "/m/b"), ("/k/e", "/g/e2"), ("/l0", "/m/l"), ("/g/h", "/new"), ("/s", "/m/s")]
GONE = ['path = "/k"', 'match = "/l*/*"', 'path = "/g/c"', 'match = "/**/d"', 'path = "/s"', 'path = "/g/h"', 'path = "/again"']


def manifest(r):
    parts = [rule(r) for _ in range(r.randint(0, 4))]
    if r.random() < 0.4:
        old, new = r.choice(MOVES)
        parts.append(["[[move]]", f'from = "{old}"', f'to = "{new}"', "optional = true"])
    if r.random() < 0.3:
        parts.append(["[[remove]]", r.choice(GONE)])
    if r.random() < 0.5:
        parts.append(entry(r))
    if r.random() < 0.1:
        parts.append([f'[link."{r.choice(["/hl", "/g/hl"])}"]', f'hard = "{r.choice(["/a", "/g/c", "/g", "/new"])}"'])
    r.shuffle(parts)
    return "version = 1\n" + "".join("\n".join(part) + "\n" for part in parts)


# Laws


def resolved(file, path):
    """The name under which the observer has what this path leads to, or would."""
    at = "/"
    for name in path.strip("/").split("/") if path != "/" else []:
        child = f"{at.rstrip('/')}/{name}"
        kind, *to = file.facts.get((child, None), {}).get("link", ("none",))
        at = to[0] if kind == "hard" else child
    return at


class Said:
    """What steps are about: attributes of objects, and whole objects with what is below them, by the observer's names in both files."""

    def __init__(self, steps, files):
        self.files, self.whole, self.attributes = files, set(), set()
        for step in steps:
            path, before, after = step["path"], step["before"] or {}, step["after"] or {}
            if step["aspect"].startswith("attribute "):
                own = {step["aspect"].removeprefix("attribute ")}
                self.attribute(path, own | {v["name"] for v in (before, after) if "name" in v})
                continue
            if is_of_links(step):
                continue
            self.object(path)
            if step["aspect"] == "dataset" and step["verb"] in ("convert", "replace"):
                [self.object(name) for name in after["names"]]
                # What led to it leads to it still, by another address.
                [self.attribute(v["path"], {v["attribute"]}) if v["attribute"] else self.object(v["path"]) for v in after["referrers"]]

    def object(self, path):
        self.whole |= {path} | {resolved(file, path) for file in self.files}

    def attribute(self, path, names):
        self.attributes |= {(resolved(file, path), name) for file in self.files for name in names}

    def tells(self, line):
        if "<unlinked" in line:
            return True  # of a removed object, to which a reference leads still
        path, _, name = line[2:].split(" ")[0].partition("@")
        above = [path[:at] for at in range(1, len(path)) if path[at] == "/"] + [path]
        if self.whole & ({"/"} if path == "/" else {known for p in above for known in (p, *(resolved(f, p) for f in self.files))}):
            return True
        if name:
            return (path, name) in self.attributes
        return " attribute order" in line and any(p == path for p, _ in self.attributes)


def is_of_links(step):
    gone = step["verb"] == "remove" and not step["aspect"].startswith("attribute ")
    return gone or step["aspect"] == "move" or step["aspect"] == "link" and step["before"] is None and "hard" in step["after"]


def unsaid(steps, old, new):
    """Differences that no step has told. What is moved, removed or linked is so in the old file, too, by h5py: all have the same names then."""
    with h5py.File(old, "r+") as file:
        for step in filter(is_of_links, steps):
            if step["aspect"] == "move":
                file.move(step["before"]["path"], step["path"])
            elif step["aspect"] == "link":
                if step["after"]["hard"] in file:  # else it is a step's own
                    file[step["path"]] = file[step["after"]["hard"]]
            else:
                del file[step["path"]]
    files = same.File(old), same.File(new)
    said = Said(steps, files)
    return [line for line in same.compare(*files) if not said.tells(line)]


def run(binary, *arguments):
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, errors="backslashreplace")
    return done.returncode, done.stdout, done.stderr


def broken(binary, folder, seed):
    """The law that does not hold, or nothing; and whether anything was applied."""
    r = random.Random(seed)
    h5, old, toml = folder / "f.h5", folder / "old.h5", folder / "m.toml"
    build(r, h5)
    toml.write_text(manifest(r))
    old.write_bytes(h5.read_bytes())
    code, out, err = run(binary, "plan", toml, h5, "--format", "json")
    if "bug" in err or "panicked" in err or code not in (0, 2):
        return f"plan: {code} {err}", False
    if code == 2:
        return None, False
    plan = json.loads(out)
    code, out, err = run(binary, "apply", toml, h5, "--format", "json", "--allow", "destructive", "--allow", "lossy")
    if code != 0:
        return f"apply refuses what was planned: {err}", False
    if json.loads(out)["steps"] != plan["steps"]:
        return "other steps were done than planned", False
    told = unsaid(plan["steps"], old, h5)
    if told:
        return f"no step has told of: {told}", True
    code, out, err = run(binary, "apply", toml, h5)
    if code != 0 or "nothing to do" not in out:
        return f"a second apply: {code} {out}{err}", True
    code, out, err = run(binary, "check", toml, h5)
    return (f"check: {code} {out}{err}" if code else None), True


def main(binary, folder, first, count):
    applied = 0
    for seed in range(int(first), int(first) + int(count)):
        why, did = broken(binary, pathlib.Path(folder), seed)
        applied += did
        if why:
            print(f"seed {seed}: {why}\n{(pathlib.Path(folder) / 'm.toml').read_text()}")
    print(f"{applied} of {count} manifests were applied", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
