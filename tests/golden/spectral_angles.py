#!/usr/bin/env python3
"""Spectral angles by Spectral Python (SPy), for tests/golden.rs to hold alunite's against.

The files beside this script were made with spectral 0.25 and numpy 2.4.6 (Python 3.11):

    python3 -m venv venv && venv/bin/pip install spectral==0.25 numpy==2.4.6
    venv/bin/python tests/golden/spectral_angles.py made tests/golden/spectral_angles.json
    ALUNITE_DUMP=targets.csv cargo test --test golden cuprite
    venv/bin/python tests/golden/spectral_angles.py cuprite DATA targets.csv tests/golden/cuprite_angles.csv

`made` writes pixels and targets that it makes up from formulas, and their angles. `cuprite` writes the best target and
its angle for every labelled pixel of the measured Cuprite scene in the folder DATA, read by SPy's own ENVI reader;
`targets.csv` holds the targets as alunite resamples them, so that only reading and mapping are compared.

SPy's angle is the arc cosine of the normalised dot product. In f32 that cosine is exact to 6e-8, which leaves angles
below 1e-3 rad with no right digit; all arrays are f64 here, where the smallest angle still to be told from zero
is about 2e-8 rad.
"""

import argparse
import csv
import json
import pathlib

import numpy as np
import spectral
import spectral.io.envi

PIXELS, BANDS, TARGETS = 60, 43, 7


def dip(wavelength, centre, width, depth):
    """1, less a Gaussian absorption."""
    return 1 - depth * np.exp(-(((wavelength - centre) / width) ** 2))


def made_targets(wavelength):
    """Seven spectra of clay-like absorptions; 1 and 2 are 0 but for a trace, 6 is 3 seen half as bright."""
    target = [(0.45 + 0.05 * i) * dip(wavelength, 2.12 + 0.04 * i, 0.015 + 0.004 * i, 0.3) for i in range(TARGETS)]
    target[1] = target[0] * (1 + 2e-5 * np.sin(40 * wavelength))
    target[2] = target[0] * (1 + 2e-3 * np.sin(40 * wavelength))
    target[6] = 0.5 * target[3]
    return np.array(target)


def made_pixels(wavelength, targets):
    """Mixtures of two targets, shaded, with a ripple from none to strong; some exact copies, one dark, one negative."""
    pixels = []
    for i in range(PIXELS):
        share = (i * 7 % 11) / 10
        mixed = share * targets[i % TARGETS] + (1 - share) * targets[(3 * i + 1) % TARGETS]
        ripple = 1 + 10.0 ** (-1 - i % 6) * np.sin((9 + i) * wavelength + i)
        pixels.append((0.3 + 0.7 * (i * 5 % 13) / 12) * mixed * ripple)
    pixels[10] = targets[4]
    pixels[20] = 0.25 * targets[0]
    pixels[30] = 1e-3 * targets[5]
    pixels[40] = -targets[5]
    pixels[50] = np.full(BANDS, 0.5)
    return np.array(pixels)


def angles(pixels, targets):
    """Radians, of shape (pixels, targets)."""
    image = np.asarray(pixels, np.float64)[np.newaxis]
    return spectral.spectral_angles(image, np.asarray(targets, np.float64))[0]


def made(out):
    """Writes arrays and angles. Values are rounded first, so that the file holds what the angles are of."""
    wavelength = np.linspace(2.0, 2.42, BANDS)
    targets = np.round(made_targets(wavelength), 9)
    pixels = np.round(made_pixels(wavelength, targets), 9).astype(np.float32)
    result = {
        "spectral": spectral.__version__,
        "numpy": np.__version__,
        "targets": targets.tolist(),
        # The shortest digits that are this f32 again.
        "pixels": [[float(str(v)) for v in pixel] for pixel in pixels],
        "angles": np.round(angles(pixels, targets), 12).tolist(),
    }
    rows = [f'"{key}": ' + json.dumps(value).replace("], [", "],\n[") for key, value in result.items()]
    out.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def cuprite(data, targets_csv, out):
    """Writes line, sample, region, best target (counted from 0) and its angle for each labelled pixel."""
    scene = spectral.io.envi.open(data / "cuprite95_swir_rois.hdr")
    regions = spectral.io.envi.open(data / "cuprite95_swir_rois_regions.hdr").read_band(0)
    with open(targets_csv, newline="") as file:
        rows = list(csv.reader(file))
    bands = [int(number) - 1 for number in rows[0][1:]]
    targets = np.array([[float(v) for v in row[1:]] for row in rows[1:]])
    lines, samples = np.nonzero(regions)
    pixels = np.array([np.asarray(scene.read_pixel(y, x), np.float64)[bands] for y, x in zip(lines, samples)])
    found = angles(pixels, targets)
    with open(out, "w", newline="") as file:
        file.write(f"# spectral {spectral.__version__}, numpy {np.__version__}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "sample", "region", "best", "angle"])
        for y, x, row in zip(lines, samples, found):
            best = int(np.argmin(row))
            writer.writerow([y, x, int(regions[y, x]), best, f"{row[best]:.9f}"])


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("made")
    command.add_argument("out", type=pathlib.Path)
    command = commands.add_parser("cuprite")
    for path in ("data", "targets", "out"):
        command.add_argument(path, type=pathlib.Path)
    given = parser.parse_args()
    if given.command == "made":
        made(given.out)
    else:
        cuprite(given.data, given.targets, given.out)


if __name__ == "__main__":
    main()
