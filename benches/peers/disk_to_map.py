"""Spectral angle mapping from disk to disk with numpy: `disk_to_map.py CUBE LINES BANDS SAMPLES LIBRARY OUT THREADS`.

CUBE is raw f32, band interleaved by line; LIBRARY is f64 [target][band] on its bands. Classes (u8) and angles (f32) are
written to OUT.classes and OUT.angles. The cube is mapped into memory and read by a thread a core, a line at a time, which
stays in cache for what follows the product.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits



def main():
    path, lines, bands, samples, library, out, threads = sys.argv[1:]
    lines, bands, samples, threads = map(int, (lines, bands, samples, threads))
    cube = np.memmap(path, np.float32, "r", shape=(lines, bands, samples))
    targets = np.fromfile(library).reshape(-1, bands)
    unit = (targets / np.linalg.norm(targets, axis=1, keepdims=True)).astype(np.float32)
    classes = np.memmap(f"{out}.classes", np.uint8, "w+", shape=(lines, samples))
    angles = np.memmap(f"{out}.angles", np.float32, "w+", shape=(lines, samples))

    def run(line):
        block = cube[line]
        cosines = unit @ block
        classes[line] = cosines.argmax(0)
        leading = cosines.max(0) / np.sqrt(np.einsum("bs,bs->s", block, block))
        angles[line] = np.arccos(np.minimum(leading, 1))

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(lines)))
    classes.flush()
    angles.flush()


if __name__ == "__main__":
    main()
