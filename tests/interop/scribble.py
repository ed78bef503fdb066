"""Changes a few elements of every dataset."""
import sys

import h5py

with h5py.File(sys.argv[1], "r+") as f:
    for name in f:
        flat = f[name]
        if len(sys.argv) > 2:
            for i in range(0, flat.shape[0], 1009):
                flat[i] = "scribbled" * (i % 7)
        elif flat.ndim == 1:
            flat[flat.shape[0] // 2] = 11
            flat[-1] = 12
        else:
            flat[flat.shape[0] // 2, :2] = 11
            flat[-1, -1] = 12
            flat[1, 2] = 13
