"""The other programs of the test of concurrent changes.

`concurrent.py write FILE`: an outside writer changes an attribute and a slice by r+.
`concurrent.py read FILE STOP SEEN`: reads in a loop until STOP exists; prints how often it saw one whole state or was refused. A state is a
number that stands in attributes and in datasets: two different numbers are a mix. SEEN grows by a byte whenever it saw a whole one.
`concurrent.py hold FILE`: opens for writing, says so, and holds the file until its standard input ends.
"""
import os
import random
import sys
import time

import h5py
import numpy as np

mode, path, *rest = sys.argv[1:]

if mode == "write":
    with h5py.File(path, "r+") as f:
        f.attrs["state"] = 5
        f["plain"][10:20] = 5
elif mode == "hold":
    with h5py.File(path, "r+"):
        print("open", flush=True)
        sys.stdin.read()
elif mode == "read":
    stop, told = rest
    whole, refused, states = 0, 0, set()
    while not os.path.exists(stop):
        try:
            f = h5py.File(path, "r")
        except OSError:
            refused += 1
        else:
            # What can be opened can be read.
            with f:
                seen = {int(f.attrs["state"]), int(f["plain"].attrs["state"]), int(f["packed"].attrs["state"])}
                seen |= set(np.unique(f["plain"][::4096]).tolist())
                seen |= set(np.unique(f["packed"][5:70]).tolist())
                made = sorted(int(name) for name in f["made"])
                last = max(made)
                assert made == list(range(last + 1)), ("a state was lost", path, made)
                seen.add(last)
            if len(seen) != 1:
                sys.exit(f"a mix: {sorted(seen)}")
            whole += 1
            states |= seen
            with open(told, "ab") as f:
                f.write(b".")
        time.sleep(random.random() * 0.02)
    print(whole, refused, len(states))
