"""What differs between two HDF5 files, one line each; nothing where they hold the same. Every creation property counts.

    same.py BEFORE AFTER [--ignore ASPECT]...

`+ /p`, `- /p`: an object or a link; `+ /p@a`, `- /p@a`: an attribute; `~ /p ASPECT: A -> B`, `~ /p@a ASPECT: A -> B`: one aspect of it.
An object with several names has its facts at one of them, the shortest; at the others stands which object it is. What no link leads to,
but a reference does, is `<unlinked N>`. External storage is looked for beside its file, unless HDF5_EXTFILE_PREFIX says otherwise. Contents
that HDF5 cannot read are the same if both files' are unreadable and their stored chunks are the same. Not compared: times, addresses,
storage sizes, free space, phase change thresholds.
"""

import ctypes
import glob
import math
import os
import sys

os.environ.setdefault("HDF5_EXTFILE_PREFIX", "${ORIGIN}")  # which HDF5 reads once

import h5py
import hdf5plugin  # noqa: F401 (registers its filters)
import numpy as np
from h5py import h5a, h5d, h5f, h5i, h5o, h5p, h5s, h5t

BLOCK = 1 << 22  # bytes read at a time
NOTHING = object()
ID, SIZE, POINTER = ctypes.c_int64, ctypes.c_size_t, ctypes.c_void_p
TYPE_ASPECTS = [
    "size",
    "order",
    "precision",
    "offset",
    "pad",
    "sign",
    "fields",
    "ebias",
    "norm",
    "inpad",
    "cset",
    "strpad",
    "tag",
    "array_dims",
]
lib = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(os.path.dirname(h5py.__file__)), "h5py.libs", "libhdf5-*"))[0])


def declare(name, result, *arguments):
    """A function of HDF5 that h5py lacks, or has for NumPy's types only."""
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments

    def call(*values):
        answer = function(*values)
        if answer < 0:
            raise OSError(name)
        return answer

    return call


Aread = declare("H5Aread", ctypes.c_int, ID, ID, POINTER)
Dread = declare("H5Dread", ctypes.c_int, ID, ID, ID, ID, ID, POINTER)
Treclaim = declare("H5Treclaim", ctypes.c_int, ID, ID, ID, POINTER)
Lget_val = declare("H5Lget_val", ctypes.c_int, ID, ctypes.c_char_p, POINTER, SIZE, ID)
Oget_comment = declare("H5Oget_comment", ctypes.c_ssize_t, ID, POINTER, SIZE)
Pget_fill_value = declare("H5Pget_fill_value", ctypes.c_int, ID, ID, POINTER)
Pget_chunk_opts = declare("H5Pget_chunk_opts", ctypes.c_int, ID, POINTER)
Pget_nfilters = declare("H5Pget_nfilters", ctypes.c_int, ID)
Pget_filter = declare("H5Pget_filter2", ctypes.c_int, ID, ctypes.c_uint, POINTER, POINTER, POINTER, SIZE, POINTER, POINTER)
Pget_sym_k = declare("H5Pget_sym_k", ctypes.c_int, ID, POINTER, POINTER)
Pget_istore_k = declare("H5Pget_istore_k", ctypes.c_int, ID, POINTER)
Pget_indexes = declare("H5Pget_shared_mesg_nindexes", ctypes.c_int, ID, POINTER)
Pget_index = declare("H5Pget_shared_mesg_index", ctypes.c_int, ID, ctypes.c_uint, POINTER, POINTER)
Rdereference = declare("H5Rdereference2", ID, ID, ID, ctypes.c_int, POINTER)
Rget_region = declare("H5Rget_region", ID, ID, ctypes.c_int, POINTER)
Rget_type = declare("H5Rget_type", ctypes.c_int, POINTER)
Rget_file_name = declare("H5Rget_file_name", ctypes.c_ssize_t, POINTER, POINTER, SIZE)
Rget_attr_name = declare("H5Rget_attr_name", ctypes.c_ssize_t, POINTER, POINTER, SIZE)
Ropen_object = declare("H5Ropen_object", ID, POINTER, ID, ID)
Ropen_region = declare("H5Ropen_region", ID, POINTER, ID, ID)
lib.H5Eset_auto2.argtypes = ID, POINTER, POINTER
lib.H5Eset_auto2(0, None, None)


def attempt(what, *arguments):
    """The result, or that there is none."""
    try:
        return what(*arguments)
    except Exception as e:
        return f"unreadable ({type(e).__name__})"


def escaped(name):
    return name.replace(b"\\", b"\\\\").decode("utf8", "backslashreplace").replace("\n", "\\n")


# Types and values


def outside(t):
    """Do values of this type lie elsewhere, or mean addresses?"""
    match t.get_class():
        case h5t.VLEN | h5t.REFERENCE:
            return True
        case h5t.STRING:
            return t.is_variable_str()
        case h5t.ARRAY:
            return outside(t.get_super())
        case h5t.COMPOUND:
            return any(outside(t.get_member_type(i)) for i in range(t.get_nmembers()))
    return False


def described(t):
    """All that a type is made of, members in their order."""
    facts = [t.get_class()]
    for aspect in TYPE_ASPECTS:
        if hasattr(t, f"get_{aspect}"):
            facts.append((aspect, attempt(getattr(t, f"get_{aspect}"))))
    match t.get_class():
        case h5t.STRING:
            facts.append(("variable", t.is_variable_str()))
        case h5t.ENUM:
            members = [(attempt(t.get_member_name, i), attempt(t.get_member_value, i)) for i in range(t.get_nmembers())]
            facts += [("base", described(t.get_super())), *members]
        case h5t.COMPOUND:
            for i in range(t.get_nmembers()):
                facts.append((attempt(t.get_member_name, i), t.get_member_offset(i), described(t.get_member_type(i))))
        case h5t.ARRAY | h5t.VLEN | h5t.COMPLEX:
            facts.append(("base", attempt(lambda: described(t.get_super()))))
        case h5t.REFERENCE:
            facts.append("object" if t.equal(h5t.STD_REF_OBJ) else "region" if t.equal(h5t.STD_REF_DSETREG) else "any")
    return facts


def solid(t):
    """Which bytes of an element are not between its members."""
    mask = np.ones(t.get_size(), bool)
    if t.get_class() == h5t.COMPOUND:
        mask[:] = False
        for i in range(t.get_nmembers()):
            member, at = t.get_member_type(i), t.get_member_offset(i)
            mask[at : at + member.get_size()] = solid(member)
    elif t.get_class() == h5t.ARRAY:
        mask = np.tile(solid(t.get_super()), math.prod(t.get_array_dims()))
    return mask


def reader(file, t):
    """What turns an element in memory, at an address, into a value that can be compared."""
    size = t.get_size()
    if not outside(t):
        return lambda at: ctypes.string_at(at, size)
    match t.get_class():
        case h5t.STRING:
            return lambda at: (where := POINTER.from_address(at).value) and ctypes.string_at(where)
        case h5t.VLEN:
            item, step = reader(file, t.get_super()), t.get_super().get_size()

            def sequence(at):
                length, where = SIZE.from_address(at).value, POINTER.from_address(at + 8).value
                return [item(where + i * step) for i in range(length)]

            return sequence
        case h5t.ARRAY:
            item, step, count = reader(file, t.get_super()), t.get_super().get_size(), math.prod(t.get_array_dims())
            return lambda at: [item(at + i * step) for i in range(count)]
        case h5t.COMPOUND:
            members = [(t.get_member_offset(i), reader(file, t.get_member_type(i))) for i in range(t.get_nmembers())]
            return lambda at: tuple(read(at + offset) for offset, read in members)
    kind = 0 if t.equal(h5t.STD_REF_OBJ) else 1 if t.equal(h5t.STD_REF_DSETREG) else None
    return lambda at: any(ctypes.string_at(at, size)) and (reference(file, at) if kind is None else old_reference(file, kind, at))


def old_reference(file, kind, at):
    try:
        target = file.name_of(Rdereference(file.id.id, 0, kind, at))
    except OSError:
        return "dangling"
    return (target, attempt(lambda: selection(h5s.SpaceID(Rget_region(file.id.id, kind, at))))) if kind else target


def reference(file, at):
    """One of HDF5 1.12's references: to an object, a region or an attribute, perhaps of another file."""

    def text(get):
        buffer = ctypes.create_string_buffer(get(at, None, 0) + 1)
        get(at, buffer, len(buffer))
        return buffer.value

    kind = attempt(Rget_type, at)
    other = attempt(text, Rget_file_name)
    here = other == file.path.encode()
    target = attempt(lambda: (file.name_of if here else lambda i: h5i.get_name(h5i.wrap_identifier(i)))(Ropen_object(at, 0, 0)))
    more = attempt(text, Rget_attr_name) if kind == 4 else None
    if kind == 3:
        more = attempt(lambda: selection(h5s.SpaceID(Ropen_region(at, 0, 0))))
    return kind, target, more, here or other


def extent(space):
    kind = space.get_simple_extent_type()
    return (kind, space.get_simple_extent_dims(), space.get_simple_extent_dims(True)) if kind == h5s.SIMPLE else (kind,)


def selection(space):
    kind, facts = space.get_select_type(), extent(space)
    if kind == h5s.SEL_POINTS:
        return facts, "points", space.get_select_elem_pointlist().tolist()
    if kind != h5s.SEL_HYPERSLABS:
        return facts, "all" if kind == h5s.SEL_ALL else "none"
    if not space.is_regular_hyperslab():
        return facts, "blocks", space.get_select_hyper_blocklist().tolist()
    axes = []
    for start, stride, count, block in zip(*space.get_regular_hyperslab(), strict=True):
        if count == 1 or (stride == block and max(count, block) < h5s.UNLIMITED):
            stride, count, block = 1, 1, count * block  # one way to write it
        axes.append((start, stride, count, block))
    return facts, "hyperslab", axes


def values(file, t, count, read):
    """Elements as bytes or, where they lie elsewhere, a list. `read` fills a buffer."""
    size = t.get_size()
    buffer = ctypes.create_string_buffer(max(count * size, 1))
    read(buffer)
    if not outside(t):
        return buffer.raw[: count * size]
    item, start = reader(file, t), ctypes.addressof(buffer)
    found = [item(start + i * size) for i in range(count)]
    lib.H5Treclaim(ID(t.id), ID(h5s.create_simple((count,)).id), ID(0), buffer)
    return found


def first_difference(t, a, b):
    """Which element, and how it differs."""
    if isinstance(a, bytes) and isinstance(b, bytes) and len(a) == len(b):
        left, right = (np.frombuffer(v, "u1").reshape(-1, t.get_size()) for v in (a, b))
        differing = left != right
        where = (differing & solid(t)).any(1)
        between = not where.any()
        at = int((differing.any(1) if between else where).argmax())
        return at, ("bytes between members, " if between else "") + f"{left[at].tobytes().hex()} -> {right[at].tobytes().hex()}"
    if len(a) != len(b):
        return 0, f"{len(a)} -> {len(b)} elements"
    at = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
    return at, f"{short(a[at])} -> {short(b[at])}"


# Objects


class File:
    """A file, the names of its objects, and their facts: {(path, attribute): {aspect: value}}."""

    def __init__(self, path):
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_fclose_degree(h5f.CLOSE_STRONG)
        access.set_file_locking(False, True)
        access.set_cache(0, 1, 0, 0.75)  # all objects stay open
        if hasattr(lib, "H5Pset_relax_file_integrity_checks"):  # HDF5 2.0 refuses numbers with few bits of many
            lib.H5Pset_relax_file_integrity_checks(ID(access.id), ctypes.c_uint64(1))
        self.path = path
        self.id = h5f.open(os.fsencode(path), h5f.ACC_RDONLY, access)
        self.names, self.objects, self.unlinked, self.facts = {}, {}, [], {}
        self.facts[("(file)", None)] = file_facts(self.id, path)
        self.find("/", h5o.open(self.id, b"/"))

    def name_of(self, obj):
        """The path of an object, which need not have one."""
        obj = h5i.wrap_identifier(obj) if isinstance(obj, int) else obj
        key = h5o.get_info(obj).addr
        if key not in self.names:
            self.names[key] = f"<unlinked {len(self.unlinked)}>"
            self.unlinked.append(obj)
        return self.names[key]

    def find(self, path, obj):
        """An object and all it leads to; names first, because facts refer to them."""
        self.names[h5o.get_info(obj).addr] = path
        self.objects[path] = obj
        queue, found = [(path, obj)], [path]
        for path, obj in queue:  # which grows
            if isinstance(obj, h5py.h5g.GroupID):
                for child, target in links(self, path, obj):
                    queue.append((child, target))
                    found.append(child)
        for path in found:
            self.facts.setdefault((path, None), {}).update(attempt_all(object_facts, self, self.objects[path]))
            attributes(self, path, self.objects[path])


def attempt_all(what, *arguments):
    found = attempt(what, *arguments)
    return found if isinstance(found, dict) else {"object": found}


def file_facts(file, path):
    plist = file.get_create_plist()
    size = plist.get_userblock()
    facts = {"userblock size": size, "superblock": plist.get_version()[0], "sizes": plist.get_sizes()}
    facts["space strategy"], facts["page size"] = plist.get_file_space_strategy(), plist.get_file_space_page_size()
    with open(path, "rb") as f:
        facts["userblock"] = f.read(size)
    a, b = ctypes.c_uint(), ctypes.c_uint()
    Pget_sym_k(plist.id, ctypes.byref(a), ctypes.byref(b))
    facts["symbol k"] = a.value, b.value
    Pget_istore_k(plist.id, ctypes.byref(a))
    facts["chunk k"] = a.value
    Pget_indexes(plist.id, ctypes.byref(a))
    facts["shared messages"] = []
    for i in range(a.value):
        flags, least = ctypes.c_uint(), ctypes.c_uint()
        Pget_index(plist.id, i, ctypes.byref(flags), ctypes.byref(least))
        facts["shared messages"].append((flags.value, least.value))
    return facts


def links(file, path, group):
    """Notes the links of a group, and yields what is seen for the first time."""
    found, tracked = [], group.get_create_plist().get_link_creation_order() & h5p.CRT_ORDER_TRACKED
    group.links.iterate(lambda name, info: found.append((name, info.type, info.cset, info.corder, info.u)), info=True)
    if tracked:
        order = sorted(found, key=lambda link: link[3])
        file.facts.setdefault((path, None), {})["link order"] = [escaped(link[0]) for link in order]
    for name, kind, charset, _, size in sorted(found):
        child = f"{path.rstrip('/')}/{escaped(name)}"
        facts = file.facts.setdefault((child, None), {})
        facts["name charset"] = charset
        if kind != h5py.h5l.TYPE_HARD:
            facts["link"] = (kind, attempt(link_value, group, name, size))
            continue
        target = attempt(lambda: h5o.open(group, name))
        if isinstance(target, str):
            facts["link"] = ("hard", target)
            continue
        key = h5o.get_info(target).addr
        if key not in file.names:
            file.names[key] = child
            file.objects[child] = target
            yield child, target
        facts["link"] = ("hard", file.names[key])


def link_value(group, name, size):
    buffer = ctypes.create_string_buffer(max(size, 1))
    Lget_val(group.id, name, buffer, size, 0)
    return buffer.raw[:size]


def object_facts(file, obj):
    plist = obj.get_create_plist()
    facts = {"comment": attempt(comment, obj), "attribute order flags": plist.get_attr_creation_order()}
    if isinstance(obj, h5py.h5g.GroupID):
        facts |= {"kind": "group", "link order flags": plist.get_link_creation_order(), "filters": filters(plist)}
    elif isinstance(obj, h5d.DatasetID):
        facts |= {"kind": "dataset"} | type_facts(file, obj.get_type()) | dataset_facts(file, obj, plist)
    else:
        facts |= {"kind": "type"} | type_facts(file, obj, committed=False)
    return facts


def comment(obj):
    buffer = ctypes.create_string_buffer(Oget_comment(obj.id, None, 0) + 1)  # h5py's own reads what is freed
    Oget_comment(obj.id, buffer, len(buffer))
    return buffer.value


def type_facts(file, t, committed=True):
    facts = {"type": attempt(described, t), "type encoding": attempt(t.encode)}
    if committed and t.committed():
        facts["committed type"] = attempt(file.name_of, t)
    return facts


def filters(plist):
    found = []
    for i in range(Pget_nfilters(plist.id)):
        flags, config, count, params = ctypes.c_uint(), ctypes.c_uint(), SIZE(256), (ctypes.c_uint * 256)()
        name = ctypes.create_string_buffer(256)
        number = Pget_filter(plist.id, i, ctypes.byref(flags), ctypes.byref(count), params, 256, name, ctypes.byref(config))
        found.append((number, flags.value, params[: count.value]))
    return found


def dataset_facts(file, obj, plist):
    layout, space, t = plist.get_layout(), obj.get_space(), obj.get_type()
    facts = {"space": extent(space), "layout": layout, "fill time": plist.get_fill_time(), "alloc time": plist.get_alloc_time()}
    facts["filters"], facts["fill value"] = filters(plist), plist.fill_value_defined()
    if facts["fill value"] == h5d.FILL_VALUE_USER_DEFINED:
        facts["fill value"] = attempt(values, file, t, 1, lambda to: Pget_fill_value(plist.id, t.id, to))
    facts["allocated"] = attempt(obj.get_space_status)
    facts["external"] = [plist.get_external(i) for i in range(plist.get_external_count())]
    if layout == h5d.CHUNKED:
        options = ctypes.c_uint()
        Pget_chunk_opts(plist.id, ctypes.byref(options))
        stored = attempt(chunks, obj)
        facts |= {"chunk": plist.get_chunk(), "partial chunks": options.value, "chunks": stored}
        if isinstance(stored, dict):
            facts |= {"chunks": sorted(stored), "chunk filter masks": sorted(stored.items())}
    if layout == h5d.VIRTUAL:
        facts["mappings"] = [mapping(plist, i) for i in range(plist.get_virtual_count())]
    return facts


def mapping(plist, i):
    spaces = selection(plist.get_virtual_vspace(i)), selection(plist.get_virtual_srcspace(i))
    return plist.get_virtual_filename(i), plist.get_virtual_dsetname(i), *spaces


def chunks(obj):
    """Where chunks are stored, and which filters they skipped."""
    found = {}

    def note(info):
        found[tuple(info.chunk_offset)] = info.filter_mask

    if not any(n == 0 for n in obj.shape):
        obj.chunk_iter(note)
    return found


def attributes(file, path, obj):
    names = []
    h5a.iterate(obj, lambda name: names.append(name))
    order = []
    for name in names:
        facts = file.facts.setdefault((path, escaped(name)), {})
        info = attempt(h5a.get_info, obj, name)
        if isinstance(info, str):
            facts["attribute"] = info
            continue
        facts["name charset"] = info.cset
        order.append((info.corder, escaped(name)))
        facts |= attempt_all(attribute_facts, file, obj, name)
        file.facts[(path, escaped(name))] = facts
    if obj.get_create_plist().get_attr_creation_order() & h5p.CRT_ORDER_TRACKED:
        file.facts[(path, None)]["attribute order"] = [name for _, name in sorted(order)]


def attribute_facts(file, obj, name):
    a = h5a.open(obj, name)
    t, space = a.get_type(), a.get_space()
    facts = {"space": extent(space)} | type_facts(file, t)
    if facts["space"][0] != h5s.NULL:
        count = space.get_simple_extent_npoints()
        facts["value"] = attempt(values, file, t, count, lambda to: Aread(a.id, t.id, to))
    return facts


# Contents


def boxes(start, shape, size):
    """A box in pieces of at most BLOCK bytes, but for an element."""
    axis = 0
    while axis < len(shape) and math.prod(shape[axis + 1 :]) * size > BLOCK:
        axis += 1
    if axis >= len(shape):
        axis = len(shape) - 1
    rows = max(1, BLOCK // (math.prod(shape[axis + 1 :]) * size))
    for outer in np.ndindex(*shape[:axis]):
        for at in range(0, shape[axis], rows):
            first = (*(s + o for s, o in zip(start, outer, strict=False)), start[axis] + at, *start[axis + 1 :])
            yield first, (*(1 for _ in outer), min(rows, shape[axis] - at), *shape[axis + 1 :])


def read_box(file, path, box):
    d = file.objects[path]
    t, space = d.get_type(), d.get_space()
    if box is None:
        return values(file, t, 1, lambda to: Dread(d.id, t.id, 0, 0, 0, to))
    start, count = box
    space.select_hyperslab(start, count)
    memory = h5s.create_simple(count)
    return values(file, t, math.prod(count), lambda to: Dread(d.id, t.id, memory.id, space.id, 0, to))


def wanted(a, b):
    """The boxes to compare: those with stored contents."""
    shape, size, layout = a.shape, a.get_type().get_size(), a.get_create_plist().get_layout()
    total = math.prod(shape) * size
    if a.get_space().get_simple_extent_type() == h5s.SCALAR:
        return [None]
    if layout == h5d.VIRTUAL and total > 1 << 28:
        return []
    if layout == h5d.CONTIGUOUS and all(d.get_space_status() == h5d.SPACE_STATUS_NOT_ALLOCATED for d in (a, b)):
        if not a.get_create_plist().get_external_count():
            return []
    if layout != h5d.CHUNKED or total <= 16 * BLOCK:
        return boxes((0,) * len(shape), shape, size)
    return chunk_boxes(sorted(chunks(a).keys() | chunks(b).keys()), a.get_create_plist().get_chunk(), shape, size)


def chunk_boxes(starts, chunk, shape, size):
    for start in starts:
        clipped = tuple(min(c, n - s) for c, n, s in zip(chunk, shape, start, strict=True))
        if min(clipped) > 0:
            yield from boxes(start, clipped, size)


def contents(path, before, after):
    """A line where the contents differ, or none."""
    a, b = before.objects[path], after.objects[path]
    if a.get_space().get_simple_extent_type() == h5s.NULL or 0 in a.shape:
        return None
    for box in wanted(a, b):
        x, y = (attempt(read_box, file, path, box) for file in (before, after))
        if isinstance(x, str) and isinstance(y, str):
            return raw_contents(path, a, b)
        if isinstance(x, str) or isinstance(y, str):
            return f"~ {path} data: {x if isinstance(x, str) else 'read'} -> {y if isinstance(y, str) else 'read'}"
        if x != y:
            at, how = first_difference(a.get_type(), x, y)
            where = () if box is None else tuple(int(s + i) for s, i in zip(box[0], np.unravel_index(at, box[1]), strict=True))
            return f"~ {path} data at {where}: {how}"
    return None


def raw_contents(path, a, b):
    """Chunks as they are stored, for want of a filter."""
    if a.get_create_plist().get_layout() != h5d.CHUNKED or outside(a.get_type()):
        return None
    for start in sorted(chunks(a).keys() & chunks(b).keys()):
        if attempt(a.read_direct_chunk, start) != attempt(b.read_direct_chunk, start):
            return f"~ {path} stored chunk {start}"
    return None


# The comparison


def short(value):
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:60]}…{text[-39:]}"


def narrowed(a, b):
    """Long values, from where they differ."""
    x, y = repr(a), repr(b)
    if max(len(x), len(y)) <= 100:
        return f"{x} -> {y}"
    at = next((i for i, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
    start = max(0, at - 20)
    return " -> ".join(f"{'…' * (start > 0)}{v[start : start + 80]}{'…' * (len(v) > start + 80)}" for v in (x, y))


def differences(before, after, done, ignored):
    keys = sorted((before.facts.keys() | after.facts.keys()) - done, key=lambda k: (k[0], k[1] is not None, k[1] or ""))
    done.update(keys)
    for key in keys:
        path = key[0] + ("" if key[1] is None else f"@{key[1]}")
        a, b = before.facts.get(key), after.facts.get(key)
        if a is None or b is None:
            yield f"{'+' if a is None else '-'} {path}"
            continue
        for aspect in sorted((a.keys() | b.keys()) - ignored):
            yield from difference(path, aspect, a.get(aspect, NOTHING), b.get(aspect, NOTHING))
        if key[1] is None and a.get("kind") == b.get("kind") == "dataset" and "data" not in ignored:
            if a.get("type") == b.get("type") and a.get("space") == b.get("space"):
                line = attempt(contents, key[0], before, after)
                if line:
                    yield line if line.startswith("~") else f"~ {path} data: {line}"


def difference(path, aspect, a, b):
    if a is NOTHING or b is NOTHING:
        yield f"~ {path} {aspect}: {'nothing' if a is NOTHING else short(a)} -> {'nothing' if b is NOTHING else short(b)}"
        return
    if aspect in ("link order", "attribute order"):
        a, b = [n for n in a if n in set(b)], [n for n in b if n in set(a)]
    if a != b:
        yield f"~ {path} {aspect}: {narrowed(a, b)}"


def compare(before, after, ignored=frozenset()):
    """All lines; what only references lead to is met while other things are compared."""
    done, seen = set(), 0
    while True:
        yield from differences(before, after, done, ignored)
        if seen == max(len(before.unlinked), len(after.unlinked)):
            return
        for file in (before, after):
            for i in range(seen, len(file.unlinked)):
                file.find(f"<unlinked {i}>", file.unlinked[i])
        seen = max(len(before.unlinked), len(after.unlinked))


def main(before, after, *options):
    ignored = {option for flag, option in zip(options[::2], options[1::2], strict=True) if flag == "--ignore"}
    for line in compare(File(before), File(after), ignored):
        print(line)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    main(*sys.argv[1:])
