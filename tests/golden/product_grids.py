#!/usr/bin/env python3
"""Where the pixels of the made-up deliveries lie, by rasterio's affine and pyproj.

The file beside this script was made with rasterio 1.4.4, pyproj 3.7.2 (PROJ 9.5.1) and numpy 2.4.6 (Python 3.11).

    python3 -m venv venv
    venv/bin/pip install rasterio==1.4.4 pyproj==3.7.2 numpy==2.4.6
    venv/bin/python tests/golden/product_grids.py tests/golden/product_grids.json

Each delivery is given as its format gives it: a GeoTIFF by the outer corner of its first pixel; PRISMA by the centres of
its corner pixels in metres of its EPSG code. Of each come the map coordinates, and longitude and latitude, of the outer
corners of the image and of the centres of its first, middle and last pixel, as [easting, northing, longitude, latitude].
"""

import argparse
import json
import pathlib

import pyproj
from affine import Affine

# Name, EPSG code, easting and northing of the first pixel's outer corner, pixel size, lines, samples.
TIFFS = [
    ("enmap small", 32633, 366000.0, 5811000.0, 30.0, 9, 7),
    ("enmap large", 32613, 499980.0, 4200030.0, 30.0, 40, 33),
    ("desis small", 32611, 450000.0, 4150000.0, 30.0, 8, 6),
    ("desis large", 32755, 700020.0, 6100020.0, 30.0, 35, 41),
    ("hyperion small", 32611, 493785.0, 4197015.0, 30.0, 7, 5),
    ("hyperion large", 32719, 300015.0, 7350015.0, 30.0, 37, 12),
]
# Name, EPSG code, easting and northing of the first pixel's centre, pixel size, lines, samples.
PRISMA = [
    ("prisma small", 32633, 500000.0, 4600000.0, 30.0, 6, 8),
    ("prisma large", 32719, 412345.0, 7412345.0, 30.0, 33, 29),
]


def places(epsg, transform, lines, samples):
    to_degrees = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    at = {
        "upper_left": (0, 0),
        "upper_right": (samples, 0),
        "lower_left": (0, lines),
        "lower_right": (samples, lines),
        "first": (0.5, 0.5),
        "middle": (samples // 2 + 0.5, lines // 2 + 0.5),
        "last": (samples - 0.5, lines - 0.5),
    }
    found = {}
    for name, (column, line) in at.items():
        x, y = transform * (column, line)
        found[name] = [x, y, *to_degrees.transform(x, y)]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    rows = []
    for name, epsg, x, y, size, lines, samples in TIFFS:
        transform = Affine.translation(x, y) * Affine.scale(size, -size)
        rows.append((name, epsg, x, y, lines, samples, transform))
    for name, epsg, x, y, size, lines, samples in PRISMA:
        transform = Affine.translation(x, y) * Affine.scale(size, -size) * Affine.translation(-0.5, -0.5)
        rows.append((name, epsg, x, y, lines, samples, transform))
    deliveries = [
        {"name": n, "epsg": e, "x": x, "y": y, "lines": li, "samples": s, "places": places(e, t, li, s)}
        for n, e, x, y, li, s, t in rows
    ]
    out.write_text(json.dumps({"pixel": 30.0, "deliveries": deliveries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
