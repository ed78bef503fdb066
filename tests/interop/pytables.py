"""PyTables files: `make FILE` writes one, `read FILE` reads it after `apply`."""
import sys

import numpy as np
import tables


class Row(tables.IsDescription):
    name = tables.StringCol(8)
    x = tables.Float32Col(shape=(2,))
    n = tables.Int64Col(dflt=5)


def make(path):
    with tables.open_file(path, "w", title="Experiments") as f:
        g = f.create_group("/", "run", "First run")
        t = f.create_table(g, "table", Row, "Readings", filters=tables.Filters(5, "zlib"))
        for i in range(100):
            t.row["name"], t.row["x"], t.row["n"] = f"r{i}", (i, -i), i * i
            t.row.append()
        t.flush()
        t.cols.n.create_csindex()
        t.attrs.units = "m"
        t.attrs.pickled = {"a": [1, 2]}
        f.create_array(g, "array", np.arange(12).reshape(3, 4), "An array").attrs.unit = "K"
        c = f.create_carray(g, "carray", tables.Float64Atom(), (20, 30), "A chunked array", filters=tables.Filters(1, "blosc"))
        c[:] = np.arange(600).reshape(20, 30)
        v = f.create_vlarray(g, "vlarray", tables.Int32Atom(), "Rows of any length")
        for n in range(4):
            v.append(np.arange(n))


def read(path):
    with tables.open_file(path, "a") as f:
        assert f.title == "Experiments, revised" and f.root._v_attrs.reviewed == 1
        g = f.root.run
        assert g._v_title == "First run" and g.array.attrs.units == "kelvin" and "unit" not in g.array.attrs
        assert g.table.attrs.units == "mm" and g.table.attrs.pickled == {"a": [1, 2]} and g.table.title == "Readings"
        assert [r["name"] for r in g.table.where("n == 49")] == [b"r7"] and g.table.nrows == 100 and g.table.cols.n.is_indexed
        expected = np.arange(12).reshape(3, 4)
        expected[1] = 0
        assert (g.array[:] == expected).all() and (g.carray[:] == np.arange(600).reshape(20, 30)).all()
        assert [list(r) for r in g.vlarray] == [list(range(n)) for n in range(4)]
        assert (f.root.added[:] == np.arange(5)).all()
        # And it is PyTables' to write to.
        g.table.row["name"] = "last"
        g.table.row.append()
        g.table.flush()
        g.vlarray.append([9])
        g.array.attrs.units = "K"
    with tables.open_file(path) as f:
        assert f.root.run.table[100]["name"] == b"last" and f.root.run.table[100]["n"] == 5


{"make": make, "read": read}[sys.argv[1]](sys.argv[2])
