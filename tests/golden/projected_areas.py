"""Geodesic areas of classes and of connected components on projected grids, by pyproj and scipy: golden values of tests/areas.rs.

The map is that of areas.py. A pixel is the geodesic polygon of its four corners on the ellipsoid of its grid.

Run with: python projected_areas.py > projected_areas.json
"""

import json
import sys

import numpy as np
import pyproj
import scipy
from scipy import ndimage

from areas_map import LEAST, LINES, SAMPLES, raster

UTM = [60.0, 0.0, 0.0, -60.0]
GRIDS = {
    # Name: EPSG code, x and y of the upper left corner, and what a step along a line and down a column adds to them.
    "UTM 38 north, middle": (32638, 498_000.0, 4_365_000.0, UTM),
    "UTM 38 north, edge": (32638, 240_000.0, 1_200_000.0, UTM),
    "UTM 38 north, beyond its edge, 1 km": (32638, 20_000.0, 4_400_000.0, [1000.0, 0.0, 0.0, -1000.0]),
    "UTM 19 south": (32719, 350_000.0, 7_400_000.0, [30.0, 0.0, 0.0, -30.0]),
    "UTM 11 north, turned": (32611, 700_000.0, 4_150_000.0, [40.0, 24.0, 24.0, -40.0]),
    "Lambert, 500 m": (2154, 300_000.0, 6_900_000.0, [500.0, 0.0, 0.0, -500.0]),
    "Albers, 1 km": (5070, -1_800_000.0, 2_000_000.0, [1000.0, 0.0, 0.0, -1000.0]),
    "Web Mercator": (3857, 5_000_000.0, 4_900_000.0, UTM),
    "Web Mercator, far north, 1 km": (3857, 5_000_000.0, 11_000_000.0, [1000.0, 0.0, 0.0, -1000.0]),
    "polar stereographic": (3413, 100_000.0, -2_100_000.0, UTM),
    "polar stereographic, the pole within, 1 km": (3995, -30_000.0, 40_000.0, [1000.0, 0.0, 0.0, -1000.0]),
    "US survey feet": (2227, 6_050_000.0, 2_100_000.0, [100.0, 0.0, 0.0, -100.0]),
    "geographic, turned": (4326, 45.0, 40.5, [0.0005, 0.0003, 0.0003, -0.0005]),
}


def pixel_m2(code, x, y, step):
    crs = pyproj.CRS.from_epsg(code)
    geod = crs.get_geod()
    column, line = np.meshgrid(np.arange(SAMPLES + 1), np.arange(LINES + 1))
    x, y = x + column * step[0] + line * step[1], y + column * step[2] + line * step[3]
    lon, lat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    areas = np.empty((LINES, SAMPLES))
    for i in range(LINES):
        for j in range(SAMPLES):
            corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
            areas[i, j] = abs(geod.polygon_area_perimeter([lon[c] for c in corners], [lat[c] for c in corners])[0])
    return areas


found = []
for name, (code, x, y, step) in GRIDS.items():
    of_pixel = pixel_m2(code, x, y, step)
    targets = []
    for wanted in (1, 2, 3):
        labels, count = ndimage.label(raster == wanted)
        for label in range(1, count + 1):
            lines, samples = np.nonzero(labels == label)
            if len(lines) >= LEAST:
                first = min(zip(lines.tolist(), samples.tolist()))
                m2 = round(float(of_pixel[lines, samples].sum()), 4)
                # In pixels from the upper left corner.
                centre = [round(float(of.mean()) + 0.5, 9) for of in (samples, lines)]
                targets.append({"value": wanted, "first": first, "centre": centre, "pixels": len(lines), "m2": m2})
    found.append({
        "name": name,
        "epsg": code,
        "geotransform": [x, step[0], step[1], y, step[2], step[3]],
        "classes_m2": [round(float(of_pixel[raster == value].sum()), 4) for value in (1, 2, 3)],
        "targets": sorted(targets, key=lambda t: t["first"]),
    })
versions = {
    "python": sys.version.split()[0],
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "pyproj": pyproj.__version__,
    "PROJ": pyproj.proj_version_str,
}
json.dump({"versions": versions, "grids": found}, sys.stdout, separators=(",", ":"))
print()
