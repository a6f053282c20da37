"""Connected components and geodesic areas of a made-up map, by scipy and pyproj: the golden values of tests/areas.rs.

Run with: python areas.py > areas.json
"""

import json
import sys

import numpy as np
import pyproj
import scipy
from scipy import ndimage

from areas_map import LEAST, LINES, SAMPLES, raster

X0, Y0, STEP = 45.0, 40.5, 0.0003
geod = pyproj.Geod(ellps="WGS84")


def pixel_m2(line):
    west, north = X0, Y0 - line * STEP
    lons = [west, west + STEP, west + STEP, west]
    lats = [north, north, north - STEP, north - STEP]
    return abs(geod.polygon_area_perimeter(lons, lats)[0])


of_line = np.array([pixel_m2(y) for y in range(LINES)])
found = {}
for name, structure in (("sides", None), ("corners", np.ones((3, 3)))):
    areas = []
    for wanted in (1, 2, 3):
        labels, count = ndimage.label(raster == wanted, structure)
        for label in range(1, count + 1):
            lines, samples = np.nonzero(labels == label)
            if len(lines) >= LEAST:
                first = min(zip(lines.tolist(), samples.tolist()))
                areas.append({
                    "value": wanted,
                    "first": first,
                    "pixels": len(lines),
                    "m2": float(of_line[lines].sum()),
                    "centre": [float(X0 + (samples.mean() + 0.5) * STEP), float(Y0 - (lines.mean() + 0.5) * STEP)],
                })
    found[name] = sorted(areas, key=lambda a: a["first"])
versions = {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__, "pyproj": pyproj.__version__}
json.dump({"versions": versions, **found}, sys.stdout, indent=1)
print()
