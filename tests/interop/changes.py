"""What differs between two HDF5 files (or all files of the folder AFTER and those of the same name), one line each; nothing if they hold the same.

    changes.py BEFORE AFTER

`+ /p`, `- /p`: an object or a link; `+ /p@a`, `- /p@a`, `~ /p@a`: an attribute; `~ /p dtype|shape|storage|data|…`: an aspect.
Values are compared as they are stored, by the low-level API, so that types without a NumPy equivalent count, too.
"""
import hashlib
import pathlib
import sys

import h5py
import numpy as np
from h5py import h5, h5a, h5d, h5l, h5o, h5r, h5s, h5t


def variable(t):
    """Does a value of this type live outside of the element itself?"""
    match t.get_class():
        case h5t.VLEN:
            return True
        case h5t.STRING:
            return t.is_variable_str()
        case h5t.ARRAY:
            return variable(t.get_super())
        case h5t.COMPOUND:
            return any(variable(t.get_member_type(i)) for i in range(t.get_nmembers()))
    return False


def plain(value, file):
    """A value as NumPy shows it, with references as what they point to."""
    if isinstance(value, h5py.RegionReference):
        return ("region", bool(value) and (h5r.get_name(value, file), repr(h5r.get_region(value, file).get_select_bounds())))
    if isinstance(value, h5py.Reference):
        return ("object", bool(value) and h5r.get_name(value, file))
    if isinstance(value, np.ndarray) and value.dtype.names and value.dtype.hasobject:
        return [plain(value[name], file) for name in value.dtype.names]
    if isinstance(value, np.void) and value.dtype.names and value.dtype.hasobject:
        return [plain(value[name], file) for name in value.dtype.names]
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return [plain(v, file) for v in value.ravel()]
    if isinstance(value, (np.ndarray, np.generic)):
        return (str(value.dtype), value.shape, value.tobytes())
    return repr(value)


def attempt(what):
    """The result, or what stands in its way: the same before and after."""
    try:
        return what()
    except Exception as e:
        return f"unreadable: {type(e).__name__}"


def type_facts(t):
    return (t.encode(), t.committed())


def extent(space):
    kind = space.get_simple_extent_type()
    return (kind, space.get_simple_extent_dims(), space.get_simple_extent_dims(True)) if kind == h5s.SIMPLE else (kind,)


def raw(source, file, high_level):
    """All bytes of an attribute or of a dataset that is not chunked."""
    t, space = source.get_type(), source.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return None
    if variable(t):
        return plain(high_level(), file)
    shape = space.shape if space.get_simple_extent_type() == h5s.SIMPLE else ()
    array = np.zeros(shape, dtype=f"V{t.get_size()}")
    if isinstance(source, h5a.AttrID):
        source.read(array, t)
    elif array.size:
        source.read(h5s.ALL, h5s.ALL, array, t)
    return array.tobytes()


def attribute(obj, name):
    a = h5a.open(obj.id, name)
    value = attempt(lambda: raw(a, obj.file.id, lambda: h5py.AttributeManager(obj)[name]))
    return (type_facts(a.get_type()), extent(a.get_space()), value)


def data(dataset):
    d, facts = dataset.id, []
    if d.get_create_plist().get_layout() == h5d.CHUNKED:
        for i in range(d.get_num_chunks()):
            info = d.get_chunk_info(i)
            facts.append((info.chunk_offset, *d.read_direct_chunk(info.chunk_offset)) if info.size else info.chunk_offset)
        facts.sort()
        if variable(d.get_type()):
            facts.append(attempt(lambda: plain(dataset[()], dataset.file.id)))
    else:
        facts.append(attempt(lambda: raw(d, dataset.file.id, lambda: dataset[()])))
    return hashlib.sha256(repr(facts).encode()).hexdigest(), d.get_storage_size()


def storage(dataset):
    p = dataset.id.get_create_plist()

    def fill_value():
        value = np.zeros((), dtype=dataset.dtype)
        p.get_fill_value(value)
        return plain(value[()], dataset.file.id)

    virtual = p.get_layout() == h5d.VIRTUAL
    return (
        p.get_layout(),
        p.get_layout() == h5d.CHUNKED and p.get_chunk(),
        [p.get_filter(i) for i in range(p.get_nfilters())],
        (p.get_alloc_time(), p.get_fill_time(), p.fill_value_defined(), attempt(fill_value)),
        [p.get_external(i) for i in range(p.get_external_count())],
        virtual and [(p.get_virtual_filename(i), p.get_virtual_dsetname(i)) for i in range(p.get_virtual_count())],
    )


def snapshot(path):
    """`{object or (object, aspect): fact}`, and `{list: names in creation order}`."""
    facts, orders, seen = {}, {}, {}
    with h5py.File(path, "r") as f:
        create = f.id.get_create_plist()
        facts["the file's superblock"] = create.get_version()[0]
        facts["the file's userblock"] = pathlib.Path(path).read_bytes()[: create.get_userblock()]

        def visit(obj, where):
            info = h5o.get_info(obj.id)
            if info.addr in seen:
                facts[where] = ("the same object as", seen[info.addr])
                return []
            found = []
            seen[info.addr] = where
            facts[where] = (info.type, info.rc, info.addr)
            create = None if isinstance(obj, h5py.Datatype) else obj.id.get_create_plist()
            if create is not None:
                flags = (create.get_attr_creation_order(), create.get_attr_phase_change(), create.get_obj_track_times())
                facts[where, " flags"] = flags
            names = []
            h5a.iterate(obj.id, lambda name: names.append(name), index_type=h5.INDEX_NAME)
            for name in names:
                facts[where, "@" + name.decode(errors="backslashreplace")] = attribute(obj, name)
            if create is None or create.get_attr_creation_order():
                orders[f"{where} order of attributes"] = sorted(names, key=lambda n: h5a.get_info(obj.id, n).corder)
            if isinstance(obj, h5py.Dataset):
                facts[where, " dtype"] = type_facts(obj.id.get_type())
                facts[where, " shape"] = extent(obj.id.get_space())
                facts[where, " storage"] = storage(obj)
                facts[where, " data"] = data(obj)
            elif isinstance(obj, h5py.Datatype):
                facts[where, " dtype"] = obj.id.encode()
            elif isinstance(obj, h5py.Group):
                facts[where, " flags"] += (create.get_link_creation_order(),)
                children = list(obj.id)
                if create.get_link_creation_order():
                    orders[f"{where} order of links"] = sorted(children, key=lambda n: obj.id.links.get_info(n).corder)
                for name in children:
                    child = where.rstrip("/") + "/" + name.decode(errors="backslashreplace")
                    link = obj.id.links.get_info(name)
                    if link.type == h5l.TYPE_HARD:
                        target = attempt(lambda: obj[name])
                        if isinstance(target, str):
                            facts[child] = target
                        else:
                            found.append((target, child))
                    else:
                        facts[child] = (link.type, link.cset, obj.id.links.get_val(name))
            return found

        # Breadth first: an object with several names goes by the shortest.
        queue = [(f["/"], "/")]
        while queue:
            queue += visit(*queue.pop(0))
    return facts, orders


def changes(before, after):
    (old, old_orders), (new, new_orders) = snapshot(before), snapshot(after)
    lines = []
    for key in sorted(old.keys() | new.keys(), key=lambda k: (k, "") if isinstance(k, str) else k):
        if isinstance(key, tuple) and (key[0] in old) != (key[0] in new):
            continue  # its object says it
        sign = "+" if key not in old else "-" if key not in new else "~" if old[key] != new[key] else None
        if sign:
            lines.append(f"{sign} {key if isinstance(key, str) else ''.join(key)}")
    for key in sorted(old_orders.keys() & new_orders.keys()):
        common = set(old_orders[key]) & set(new_orders[key])
        if [n for n in old_orders[key] if n in common] != [n for n in new_orders[key] if n in common]:
            lines.append(f"~ {key}")
    return lines


if __name__ == "__main__":
    before, after = map(pathlib.Path, sys.argv[1:])
    if after.is_dir():
        for file in sorted(after.iterdir()):
            for line in changes(before / file.name, file):
                print(f"{file.name}: {line}")
    else:
        print("\n".join(changes(before, after)))
