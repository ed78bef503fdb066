"""What the rows need: the release binary, a Python with h5py, the C programs. All of it goes to the target folder."""
from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
HERE = ROOT / "benches"


def binary() -> Path:
    """The command, built for release."""
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    return TARGET / "release/h5mason"


def python() -> Path:
    """A Python that has the packages of tests/interop/requirements.txt: the one that the tests have made, or make (tests/it/common.rs)."""
    requirements = ROOT / "tests/interop/requirements.txt"
    folder = TARGET / "interop"
    venv = folder / f"venv-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "complete").exists():
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run(["python3", "-m", "venv", venv], check=True)
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
            subprocess.run([venv / "bin/python", *install], check=True)
            (venv / "complete").touch()
    return venv / "bin/python"


def compiled(name: str, folder: Path, flags: tuple = ()) -> Path:
    """A program of benches/c."""
    program = folder / name
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, HERE / f"c/{name}.c", *flags], check=True)
    return program


def library(binary: Path) -> tuple:
    """Flags for the HDF5 and zlib that this binary was linked with: what their build scripts left beside it. Where several builds have
    been, the last one."""

    def last(pattern: str) -> Path:
        found = sorted(binary.parent.glob(f"build/{pattern}"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise SystemExit(f"no {pattern} beside {binary}: it must stand in cargo's target folder")
        return found[-1]

    hdf5 = last("hdf5-metno-src-*/out/lib/libhdf5.a")
    zlib = last("libz-sys-*/out/lib/libz.a")
    return (f"-I{hdf5.parent.parent}/include", hdf5, zlib, "-lm", "-ldl", "-lpthread")
