"""Writes tests/golden/aviris_*.nc and aviris.json: AVIRIS L2A reflectance in small, and what must become of it.

Built from what the instruments' own team and users read: emit-sds/SpectralUtil (group reflectance with reflectance,
wavelength, fwhm; the variable transverse_mercator with spatial_ref and GeoTransform, a text of six numbers), and readers of
BioSCape and AVIRIS-5 (dimensions wavelength, northing, easting; easting and northing at the root, centres of pixels; fill
-9999). No values are measured. The two files differ in size, in the order of dimensions, and in hemisphere.

Nothing here knows alunite: the spectral angle is written out, places on the ground come from pyproj. Run with netCDF4,
numpy and pyproj; the JSON says which versions it was made with.
"""

import json
import struct
from pathlib import Path

import netCDF4
import numpy as np
import pyproj

HERE = Path(__file__).parent
FILL = np.float32(-9999.0)
# lines, samples, bands; order of dimensions, chunk in that order; EPSG, outer corner, metres a pixel; seed
SCENES = {
    "aviris_small": (7, 5, 12, ("wavelength", "northing", "easting"), (5, 3, 2), 32611, (565432.1, 4012345.6), 3.8, 1),
    "aviris_large": (40, 33, 20, ("northing", "easting", "wavelength"), (16, 11, 20), 32734, (261000.0, 6243210.0), 4.9, 2),
}


def spectrum(kind, nm):
    centre = (2165.0, 2205.0, 2335.0)[kind]
    return 0.55 + 1e-4 * (nm - 2000) - 0.3 * np.exp(-(((nm - centre) / 22.0) ** 2))


def scene(name):
    lines, samples, bands, order, chunk, epsg, corner, metres, seed = SCENES[name]
    random = np.random.default_rng(seed)
    nm = np.linspace(2004.57, 2447.41, bands).astype("f4")
    kinds = random.integers(0, 3, (lines, samples))
    light = random.uniform(0.6, 1.1, (lines, samples))
    cube = np.empty((lines, samples, bands), "f4")
    for line in range(lines):
        for sample in range(samples):
            clean = light[line, sample] * spectrum(kinds[line, sample], nm.astype("f8"))
            cube[line, sample] = np.round(clean + random.normal(0, 0.004, bands), 3)
    # Outside of the flight line.
    cube[0, :2] = FILL
    cube[-1, -1] = FILL
    return dict(nm=nm, fwhm=(7.41 + 0.01 * np.arange(bands)).astype("f4"), cube=cube, order=order, chunk=chunk, epsg=epsg,
                corner=corner, metres=metres)


def write(path, made):
    lines, samples, bands = made["cube"].shape
    west, north = made["corner"]
    metres = made["metres"]
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.title = "AVIRIS L2A Orthocorrected Surface Reflectance"
        file.Conventions = "CF-1.6"
        file.createDimension("northing", lines)
        file.createDimension("easting", samples)
        for name, values in [("easting", west + metres * (np.arange(samples) + 0.5)),
                             ("northing", north - metres * (np.arange(lines) + 0.5))]:
            variable = file.createVariable(name, "f8", (name,))
            variable.units, variable.standard_name = "m", f"projection_{'xy'[name == 'northing']}_coordinate"
            variable[:] = values
        mapping = file.createVariable("transverse_mercator", "S1")
        wkt = pyproj.CRS.from_epsg(made["epsg"]).to_wkt("WKT1_GDAL")
        mapping.grid_mapping_name = "transverse_mercator"
        mapping.spatial_ref, mapping.crs_wkt = wkt, wkt
        mapping.GeoTransform = f"{west!r} {metres!r} 0.0 {north!r} 0.0 {-metres!r}"
        group = file.createGroup("reflectance")
        group.createDimension("wavelength", bands)
        for name, values in [("wavelength", made["nm"]), ("fwhm", made["fwhm"])]:
            variable = group.createVariable(name, "f4", ("wavelength",))
            variable.units = "nanometers"
            variable[:] = values
        cube = group.createVariable("reflectance", "f4", made["order"], zlib=True, complevel=4, chunksizes=made["chunk"],
                                    fill_value=FILL)
        cube.grid_mapping, cube.units = "transverse_mercator", "unitless"
        axes = ["northing", "easting", "wavelength"]
        cube[:] = made["cube"].transpose([axes.index(name) for name in made["order"]])


def classes(made):
    """Spectral angle in f64 on all bands; 1 to 3, and 255 for no data."""
    targets = [spectrum(kind, made["nm"].astype("f8")) for kind in range(3)]
    lines, samples, _ = made["cube"].shape
    best = np.full((lines, samples), 255)
    for line in range(lines):
        for sample in range(samples):
            pixel = made["cube"][line, sample].astype("f8")
            if (pixel != FILL).all():
                angles = [np.arccos(pixel @ t / np.linalg.norm(pixel) / np.linalg.norm(t)) for t in targets]
                best[line, sample] = int(np.argmin(angles)) + 1
    return ["".join("-" if v == 255 else str(v) for v in row) for row in best.tolist()]


def places(made):
    """Corners and centre of the map, and the centres of its first and last pixel: column and line from the outer corner,
    easting and northing, longitude and latitude."""
    lines, samples, _ = made["cube"].shape
    (west, north), metres = made["corner"], made["metres"]
    to_degrees = pyproj.Transformer.from_crs(made["epsg"], 4326, always_xy=True)
    spots = [(0, 0), (samples, 0), (0, lines), (samples, lines), (samples / 2, lines / 2), (0.5, 0.5),
             (samples - 0.5, lines - 0.5)]
    at = [(column, line, west + metres * column, north - metres * line) for column, line in spots]
    return [[column, line, x, y, *to_degrees.transform(x, y)] for column, line, x, y in at]


def main():
    versions = {m.__name__: m.__version__ for m in [netCDF4, np, pyproj]}
    golden = {"versions": versions, "netcdf": netCDF4.getlibversion().split()[0], "scenes": {}}
    for name, (*_, seed) in SCENES.items():
        made = scene(name)
        write(HERE / f"{name}.nc", made)
        lines, samples, bands = made["cube"].shape
        random = np.random.default_rng(seed + 10)
        spots = [(int(random.integers(lines)), int(random.integers(samples)), int(random.integers(bands)))
                 for _ in range(20)]
        bits = [[*at, struct.unpack("<I", struct.pack("<f", made["cube"][at]))[0]] for at in spots]
        golden["scenes"][name] = {
            "shape": [lines, samples, bands],
            "wavelengths": [float(v) for v in made["nm"]],
            "fwhm": [float(v) for v in made["fwhm"]],
            "bits": bits,
            "map": classes(made),
            "metres": made["metres"],
            "epsg": made["epsg"],
            "places": places(made),
        }
    (HERE / "aviris.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
