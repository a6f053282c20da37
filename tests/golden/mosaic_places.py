#!/usr/bin/env python3
"""Where pixels of mosaics lie in scenes, by pyproj.

The file beside this script was made with pyproj 3.7.2 (PROJ 9.5.1) and numpy 2.4.6 (Python 3.11).

    python3 -m venv venv
    venv/bin/pip install pyproj==3.7.2 numpy==2.4.6
    venv/bin/python tests/golden/mosaic_places.py tests/golden/mosaic_places.json

Each case is a scene and a mosaic, as EPSG code, geotransform (GDAL's six numbers), samples and lines. Of each come some
pixels of the mosaic that show the scene, as [column, line, x, y]: the pixel's centre in pixels of the scene from its upper
left corner.
"""

import argparse
import json
import pathlib

import numpy as np
import pyproj

# Name, scene, mosaic.
CASES = [
    (
        "utm 39 to utm 38",
        (32639, (203000.0, 30.0, 0.0, 4002000.0, 0.0, -30.0), 400, 300),
        (32638, (742000.0, 30.0, 0.0, 4001000.0, 0.0, -30.0), 500, 350),
    ),
    (
        "turned utm 39 to degrees",
        (32639, (300000.0, 25.98, 15.0, 4500000.0, 15.0, -25.98), 300, 400),
        (4326, (48.6, 0.0002, 0.0, 40.68, 0.0, -0.0002), 1100, 900),
    ),
    (
        "degrees to utm 11",
        (4326, (-117.3, 0.000542232520256367, 0.0, 37.8, 0.0, -0.000542232520256367), 500, 600),
        (32611, (473000.0, 60.0, 0.0, 4184000.0, 0.0, -60.0), 450, 650),
    ),
    (
        "utm 19 south to web mercator",
        (32719, (300015.0, 30.0, 0.0, 7350015.0, 0.0, -30.0), 600, 500),
        (3857, (-7903000.0, 35.0, 0.0, -2750000.0, 0.0, -20.0), 700, 1200),
    ),
]
POINTS = 400


def inverse(g, x, y):
    determinant = g[1] * g[5] - g[2] * g[4]
    dx, dy = x - g[0], y - g[3]
    return (g[5] * dx - g[2] * dy) / determinant, (g[1] * dy - g[4] * dx) / determinant


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    random = np.random.default_rng(7)
    rows = []
    for name, scene, mosaic in CASES:
        (code, place, samples, lines), (other, g, width, height) = scene, mosaic
        column, line = random.integers(0, width, 40 * POINTS), random.integers(0, height, 40 * POINTS)
        c, r = column + 0.5, line + 0.5
        to_scene = pyproj.Transformer.from_crs(other, code, always_xy=True)
        x, y = inverse(place, *to_scene.transform(g[0] + c * g[1] + r * g[2], g[3] + c * g[4] + r * g[5]))
        inside = np.flatnonzero((x > 0) & (x < samples) & (y > 0) & (y < lines))[:POINTS]
        assert len(inside) > POINTS // 2, (name, len(inside))
        pixels = [[int(column[i]), int(line[i]), round(float(x[i]), 6), round(float(y[i]), 6)] for i in inside]
        rows.append({"name": name, "scene": scene, "mosaic": mosaic, "pixels": pixels})
    cases = ",\n".join(json.dumps(row) for row in rows)
    out.write_text(f'{{"made_with": "pyproj {pyproj.__version__}, PROJ {pyproj.proj_version_str}", "cases": [\n{cases}\n]}}\n')


if __name__ == "__main__":
    main()
