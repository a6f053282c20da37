"""Spectral angle mapping of one ENVI cube from disk to a class array: alunite beside Spectral Python and numpy.

    pip install spectral numpy
    alunite demo --out demo
    python benches/peers/sam_disk_to_map.py target/release/alunite demo/scene/scene.img demo/scene/library.csv

All three read the same file and use the same bands and the same resampled targets, which alunite's own run.json and this
script's nearest-channel look-up give; the classes are compared before anything is timed. Runs are interleaved; medians
of five are printed with the versions of everything.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import spectral
import spectral.io.envi as envi

RANGES = [(450, 1300), (1450, 1750), (2050, 2450)]
THRESHOLD = 0.07


def load_targets(path, centres, widths):
    with open(path) as file:
        rows = list(csv.reader(file))
    table = np.array(rows[1:], dtype=np.float64)
    nm, spectra = table[:, 0], table[:, 1:]
    out = []
    for centre, fwhm in zip(centres, widths):
        weight = np.exp(-0.5 * ((nm - centre) / (fwhm / 2.3548)) ** 2)
        out.append(weight @ spectra / weight.sum())
    return np.array(out).T


def alunite(program, scene, library):
    with tempfile.TemporaryDirectory() as out:
        command = [program, "map", scene, "--library", library, "--out", out, "--quiet", "--backend", "cpu"]
        for low, high in RANGES:
            command += ["--wavelengths", f"{low}nm-{high}nm"]
        command += ["--threshold", str(THRESHOLD)]
        start = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        counts = [c["pixels"] for c in json.load(open(f"{out}/run.json"))["maps"][0]["classes"]]
    return seconds, counts


def read(scene, bands):
    cube = np.asarray(envi.open(scene.replace(".img", ".hdr"), scene).open_memmap(interleave="bip"))
    return np.ascontiguousarray(cube[:, :, bands])


def classes(angles, invalid):
    best = angles.argmin(axis=-1)
    return np.where(invalid, 255, np.where(angles.min(axis=-1) <= THRESHOLD, best + 1, 0))


def spectral_python(scene, targets, bands):
    start = time.perf_counter()
    data = read(scene, bands)
    result = classes(spectral.spectral_angles(data, targets.astype(np.float32)), data[:, :, 0] == -9999)
    return time.perf_counter() - start, result


def numpy_blas(scene, targets, bands):
    start = time.perf_counter()
    data = read(scene, bands)
    flat = data.reshape(-1, data.shape[-1])
    unit = (targets / np.linalg.norm(targets, axis=1, keepdims=True)).astype(np.float32)
    cosine = (flat @ unit.T) / np.sqrt(np.einsum("ij,ij->i", flat, flat))[:, None]
    angles = np.arccos(np.clip(cosine, -1, 1)).reshape(*data.shape[:2], -1)
    result = classes(angles, data[:, :, 0] == -9999)
    return time.perf_counter() - start, result


def main():
    program, scene, library = sys.argv[1:4]
    header = envi.read_envi_header(scene.replace(".img", ".hdr"))
    centres, widths, good = (np.array(header[k], dtype=float) for k in ("wavelength", "fwhm", "bbl"))
    inside = np.any([(centres >= low) & (centres <= high) for low, high in RANGES], axis=0) & (good == 1)
    bands = np.flatnonzero(inside)
    targets = load_targets(library, centres[bands], widths[bands])
    peers = {
        "alunite (CPU)": lambda: alunite(program, scene, library),
        "numpy, float32, BLAS": lambda: numpy_blas(scene, targets, bands),
        "Spectral Python": lambda: spectral_python(scene, targets, bands),
    }
    times = {name: [] for name in peers}
    for run in range(6):
        for name, peer in peers.items():
            seconds, result = peer()
            if run == 0:  # the warm-up is the check
                counts = result if isinstance(result, list) else [int((result == i + 1).sum()) for i in range(len(targets))]
                ours = counts if name.startswith("alunite") else ours
                off = sum(abs(a - b) for a, b in zip(counts, ours)) / max(sum(ours), 1)
                assert off < 0.005, f"{name}: class counts differ by {off:.2%}"
            else:
                times[name].append(seconds)
    base = statistics.median(times["alunite (CPU)"])
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}; numpy {np.__version__}; spectral {spectral.__version__}; {len(bands)} bands, {len(targets)} targets")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name}: {median:.3f} s (spread {min(seconds):.3f} to {max(seconds):.3f}), {median / base:.1f} x alunite's time")


if __name__ == "__main__":
    main()
