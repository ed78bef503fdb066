"""A fleet of small files that want the same change: `fleet.py FOLDER` makes FOLDER/{plain,netcdf,pytables,odd}/*.

Each file differs from the others in what its number decides: format version, creation order, storage, kinds of text, and what is there at all.
`odd` has the files that stay as they are, and those that are reached or protected in an unusual way; the test knows them by name.
"""

import pathlib
import sys

import h5py
import netCDF4
import numpy as np
import tables

PLAIN, NETCDF, PYTABLES = 150, 60, 50
DONE = "; metadata corrected 2026"
TEMPERATURE = np.linspace(-20, 40, 60, dtype="f4").reshape(20, 3)
PRESSURE = np.linspace(950, 1050, 60).reshape(20, 3)
STORAGE = [{}, {"chunks": (5, 3)}, {"chunks": (4, 2), "compression": "gzip", "fletcher32": True}, {"maxshape": (None, 3), "fillvalue": -1}]
LIBVER = [("earliest", "v110"), ("v108", "v110"), ("latest", "latest")]


def text(number: int, value: str) -> object:
    """A text as programs write it: of variable length, or fixed."""
    return np.bytes_(value) if number % 3 == 1 else value


def root_attributes(number: int) -> dict[str, str]:
    """Some of the global attributes, as they are before."""
    attrs = {"Conventions": "CF-1.6" if number % 4 else "CF-1.11"}
    if number % 2:
        attrs["title"] = f"Station {number}"
    if number % 5:
        attrs["history"] = "made" + (DONE if number % 7 == 0 else "")
    return attrs


def plain(path: pathlib.Path, number: int, without: tuple[str, ...] = (), valid_min: float = -80.0) -> None:
    """Plain HDF5 with a hard link, dimension scales, references, and links that lead out or nowhere."""
    with h5py.File(path, "w", libver=LIBVER[number % 3], track_order=number % 4 < 2) as f:
        for name, value in root_attributes(number).items():
            f.attrs[name] = text(number, value)
        obs = f.create_group("obs")
        time = obs.create_dataset("time", data=np.arange(20.0))
        time.make_scale("time")
        time.attrs["units"] = text(number, "days since 2000-01-01")
        if "temp" not in without:
            temp = obs.create_dataset("temp", data=TEMPERATURE + number, **STORAGE[number % 4])
            temp.attrs["unit" if number % 6 else "units"] = text(number, "degC")
            temp.attrs["valid_min"] = valid_min
            temp.attrs["source"] = text(number + 1, "sensor Zürich" if number % 3 else "sensor")
            temp.attrs["axis of time"] = time.ref
            temp.dims[0].attach_scale(time)
            temp.dims[1].label = "station"
            f["again"] = temp
            f["references"] = np.array([temp.ref, time.ref, f.ref], dtype=h5py.ref_dtype)
        if "pressure" not in without:
            pressure = obs.create_dataset("pressure", data=PRESSURE + number, **STORAGE[(number + 1) % 4])
            pressure.attrs.update({"unit": "hpa", "valid_min": 0.0, "obsolete": [1, 2], "source": "sensor; reprocessed"})
            pressure.dims[0].attach_scale(time)
        inner = obs.create_dataset("deep/inner", data=np.arange(8, dtype=">f4"), shape=(4, 2))
        inner.attrs.update({"unit": "K", "valid_min": np.float32(1), "levels": [1.5, 2.5]})
        others(f, time)
        if number % 3:
            f["scratch"] = np.arange(10)


def others(f: h5py.File, time: h5py.Dataset) -> None:
    """What no rule is about."""
    f["kind"] = np.dtype([("name", h5py.string_dtype()), ("flag", h5py.enum_dtype({"off": 0, "on": 1}, "i1")), ("z", "c8")])
    records = f.create_dataset("records", (3,), dtype=f["kind"], maxshape=(None,), chunks=(2,))
    records[0] = ("first", 1, 1 + 2j)
    records.attrs["within"] = time.regionref[2:5]
    f["rows"] = np.array([np.arange(3), np.arange(1)], dtype=h5py.vlen_dtype("i4"))
    f.create_dataset("never written", (30, 40), "u2", chunks=(10, 10), fillvalue=7)
    f["nothing"] = h5py.Empty("f4")
    f["latest"], f["elsewhere"] = h5py.SoftLink("/obs/temp"), h5py.ExternalLink("other.h5", "/x")


def netcdf(path: pathlib.Path, number: int) -> None:
    """netCDF-4, with its dimensions and coordinate variables in a group."""
    with netCDF4.Dataset(path, "w") as f:
        f.setncatts(root_attributes(number))
        obs = f.createGroup("obs")
        obs.createDimension("time", None if number % 2 else 20)
        obs.createDimension("x", 3)
        time = obs.createVariable("time", "f8", ("time",))
        time.units = "days since 2000-01-01"
        temp = obs.createVariable("temp", "f4", ("time", "x"), zlib=number % 3 == 0, fill_value=-999)
        temp.setncattr("unit" if number % 6 else "units", "degC")
        temp.valid_min = -80.0
        temp.setncattr_string("source", "sensor")
        pressure = obs.createVariable("pressure", "f8", ("time", "x"), contiguous=number % 2 == 0)
        pressure.setncatts({"obsolete": 1, "unit": "hpa", "valid_min": 0.0})
        time[:], temp[:], pressure[:] = np.arange(20), TEMPERATURE + number, PRESSURE + number
        f.createVariable("names", str, ())[...] = "Zürich"
        f.createVariable("scratch", "i4", ())[...] = 5


def pytables(path: pathlib.Path, number: int) -> None:
    """PyTables, with a table, an extendable array and an index."""
    with tables.open_file(str(path), "w", title=f"Station {number}") as f:
        for name, value in root_attributes(number).items():
            f.set_node_attr("/", name, value)
        obs = f.create_group("/", "obs", "Observations")
        f.create_array(obs, "temp", TEMPERATURE + number, "Temperature")
        f.set_node_attr("/obs/temp", "unit" if number % 6 else "units", "degC")
        f.set_node_attr("/obs/temp", "valid_min", np.float64(-80))
        filters = tables.Filters(3, "zlib") if number % 2 else None
        f.create_earray(obs, "pressure", obj=PRESSURE + number, filters=filters)
        for name, value in {"unit": "hpa", "source": "sensor", "obsolete": [1, {"pickled": 2}], "valid_min": np.float64(0)}.items():
            f.set_node_attr("/obs/pressure", name, value)
        f.create_table(obs, "readings", np.rec.fromarrays([np.arange(5), np.arange(5) / 2], names="n,x")).cols.n.create_index()
        f.create_vlarray(obs, "rows", tables.Int32Atom()).append([1, 2, 3])
        f.create_array("/", "scratch", [1, 2, 3])


def odd(folder: pathlib.Path) -> None:
    """Files that cannot be changed, and files behind links and modes."""
    for name in ("read-only", "lock/in", "behind"):
        (folder / name).parent.mkdir(exist_ok=True)
        plain(folder / f"{name}.h5", 1)
    (folder / "link.h5").symlink_to("behind.h5")
    plain(folder / "no-temp.h5", 2, without=("temp",))
    plain(folder / "no-pressure.h5", 3, without=("pressure",))
    plain(folder / "lossy.h5", 4, valid_min=0.1)
    plain(folder / "both.h5", 5)
    with h5py.File(folder / "both.h5", "r+") as f:
        f["obs/pressure"].attrs["units"] = "Pa"
    whole = (folder / "behind.h5").read_bytes()
    (folder / "truncated.h5").write_bytes(whole[: len(whole) // 2])
    (folder / "none.h5").write_text("time,temp\n0,-20\n")
    (folder / "empty.h5").touch()
    (folder / "read-only.h5").chmod(0o444)
    (folder / "lock").chmod(0o555)


def main(folder: pathlib.Path) -> None:
    for make, count, suffix in ((plain, PLAIN, "h5"), (netcdf, NETCDF, "nc"), (pytables, PYTABLES, "h5")):
        (folder / make.__name__).mkdir(parents=True)
        for number in range(count):
            make(folder / make.__name__ / f"{number:03}.{suffix}", number)
    (folder / "odd").mkdir()
    odd(folder / "odd")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
