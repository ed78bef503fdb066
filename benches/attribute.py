"""One attribute in a sparse file of 10 GiB: `h5mason apply` beside h5py's r+ with as many syncs. Both as processes, and h5py's without its imports.

    cargo build --release && python3 benches/attribute.py [--bin H5MASON] [--runs N] [--dir FOLDER] [--gib G]     (needs h5py)
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("--bin", default=here / "target/release/h5mason")
parser.add_argument("--runs", type=int, default=15)
parser.add_argument("--dir", help="on a real disk, else syncs cost nothing", default=here / "target")
parser.add_argument("--gib", default="10")
args = parser.parse_args()
script = here / "tests/interop/sparse.py"


def timed(*command):
    begun = time.perf_counter()
    printed = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - begun, printed


with tempfile.TemporaryDirectory(dir=args.dir) as folder:
    file = pathlib.Path(folder) / "sparse.h5"
    made, _ = timed(sys.executable, script, "make", file, args.gib)
    manifest = f"{file}.toml"
    rows = {"h5mason apply": [], "h5mason check": [], "h5mason --version": [], "h5py r+ and four fdatasyncs": [], "the same as a process": []}
    for i in range(args.runs):
        ours, printed = timed(args.bin, "apply", manifest, file, "--var", f"units=a{i:03}")
        assert "1 attribute set" in printed, printed
        rows["h5mason apply"].append(ours)
        rows["h5mason check"].append(timed(args.bin, "check", manifest, file, "--var", f"units=a{i:03}")[0])
        rows["h5mason --version"].append(timed(args.bin, "--version")[0])
        theirs, printed = timed(sys.executable, script, "change", file, f"b{i:03}")
        rows["h5py r+ and four fdatasyncs"].append(float(printed))
        rows["the same as a process"].append(theirs)
    stat = file.stat()
    print(f"{stat.st_size / 2**30:.1f} GiB, {stat.st_blocks / 2:.0f} KiB of them allocated; made in {made:.1f} s; {args.runs} runs")
    print(f"{'milliseconds':<30}{'best':>8}{'median':>8}{'worst':>8}")
    for name, times in rows.items():
        times.sort()
        print(f"{name:<30}" + "".join(f"{1000 * t:8.1f}" for t in (times[0], times[len(times) // 2], times[-1])))
