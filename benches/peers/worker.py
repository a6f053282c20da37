"""Rivals that hold the bench's arrays in memory and run when they are told to.

Started by `cargo bench --bench rivals` as `worker.py FOLDER LINES SAMPLES BANDS THREADS`. FOLDER holds `pixels.f32`
[line][sample][band] and `targets-<count>.f64` [target][band]. First comes a line of JSON with the version of each rival
that is there; then for each line `<rival>.<function> <count>` on standard input a line with the seconds that it took.
The answer lies in `answer.f32`: the class of each pixel, the classes and then the angles, or scores [pixel][target].
"""

import importlib
import json
import sys
import time
from pathlib import Path

# Functions take (pixels, targets) and give the answer. Each lies in a module of its own, as some may not be installed.
RIVALS = ["numpy_blas", "torch_cpu", "spectral_python", "py_sptools", "torch_cuda", "cupy_cuda"]


def main():
    folder, lines, samples, bands, threads = Path(sys.argv[1]), *map(int, sys.argv[2:])
    modules, versions = {}, {}
    for name in RIVALS:
        try:
            modules[name] = importlib.import_module(name)
            versions[name] = modules[name].start(threads)
        except Exception as missing:  # whatever keeps a library from starting keeps it out of the comparison
            print(f"left out: {name}: {missing}", file=sys.stderr)
    print(json.dumps(versions), flush=True)
    if not versions:
        return
    import numpy as np

    pixels = np.fromfile(folder / "pixels.f32", np.float32).reshape(lines, samples, bands)
    for command in sys.stdin:
        name, count = command.split()
        module, function = name.split(".")
        targets = np.fromfile(folder / f"targets-{count}.f64").reshape(-1, bands)
        run = getattr(modules[module], function)
        begun = time.perf_counter()
        answer = run(pixels, targets)
        seconds = time.perf_counter() - begun
        parts = answer if isinstance(answer, tuple) else (answer,)
        np.concatenate([np.ravel(part) for part in parts]).astype(np.float32).tofile(folder / "answer.f32")
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
