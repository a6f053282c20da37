"""Writes tests/golden/emit_*.nc, emit_library.csv and emit.json: EMIT L2A deliveries in small, and what must become of them.

Built from the published format: LP DAAC's EMIT-Data-Resources (dimensions downtrack, crosstrack, bands, ortho_y, ortho_x;
groups sensor_band_parameters and location; attributes geotransform and spatial_ref; fill -9999 and, of the lookup table,
0; the mask's band names) and the user guide JPL D-104236. No values are measured.

Nothing here knows alunite: the spectral angle is written out, the lookup table is applied pixel by pixel, places on the
ground come from pyproj. Run with netCDF4, numpy and pyproj; the JSON says which versions it was made with.
"""

import json
import struct
from pathlib import Path

import netCDF4
import numpy as np
import pyproj

HERE = Path(__file__).parent
FILL = np.float32(-9999.0)
NAMES = ["Alunite-like", "Kaolinite-like", "Calcite-like"]
MASK_BANDS = ["Cloud flag", "Cirrus flag", "Water flag", "Spacecraft Flag", "Dilated Cloud Flag", "AOD550",
              "H2O (g cm-2)", "Aggregate Flag"]
# lines, samples, bands, chunk, ortho_y, ortho_x, bearing in degrees, seed
SCENES = {
    "emit_small": (7, 5, 12, (3, 2, 5), 10, 9, 20.0, 1),
    "emit_large": (40, 33, 20, (16, 11, 20), 56, 52, -35.0, 2),
}
UTM = 32638


def spectrum(kind, nm):
    centre = (2165.0, 2205.0, 2335.0)[kind]
    return 0.55 + 1e-4 * (nm - 2000) - 0.3 * np.exp(-(((nm - centre) / 22.0) ** 2))


def scene(name):
    lines, samples, bands, chunk, rows, columns, bearing, seed = SCENES[name]
    random = np.random.default_rng(seed)
    nm = np.linspace(2004.57, 2447.41, bands).astype("f4")
    fwhm = (8.41 + 0.01 * np.arange(bands)).astype("f4")
    kinds = random.integers(0, 3, (lines, samples))
    light = random.uniform(0.6, 1.1, (lines, samples))
    cube = np.empty((lines, samples, bands), "f4")
    for line in range(lines):
        for sample in range(samples):
            clean = light[line, sample] * spectrum(kinds[line, sample], nm.astype("f8"))
            cube[line, sample] = np.round(clean + random.normal(0, 0.004, bands), 3)
    good = np.ones(bands, "u1")
    good[2:4] = 0
    cube[:, :, 2:4] = -0.01
    cube[0, :2] = FILL
    # The map is turned against the swath: the nearest pixel of each of the map's, or none.
    step = 0.000542232520256367
    transform = [45.125, step, 0.0, 40.5, 0.0, -step]
    c, s = np.cos(np.radians(bearing)), np.sin(np.radians(bearing))
    glt_x, glt_y = np.zeros((rows, columns), "i4"), np.zeros((rows, columns), "i4")
    for row in range(rows):
        for column in range(columns):
            x, y = column - (columns - 1) / 2, row - (rows - 1) / 2
            sample, line = c * x + s * y + (samples - 1) / 2, -s * x + c * y + (lines - 1) / 2
            sample, line = int(np.floor(sample + 0.5)), int(np.floor(line + 0.5))
            if 0 <= sample < samples and 0 <= line < lines:
                glt_x[row, column], glt_y[row, column] = sample + 1, line + 1
    return dict(nm=nm, fwhm=fwhm, good=good, cube=cube, transform=transform, glt_x=glt_x, glt_y=glt_y, chunk=chunk)


def write(path, made):
    lines, samples, bands = made["cube"].shape
    rows, columns = made["glt_x"].shape
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        for name, size in [("downtrack", lines), ("crosstrack", samples), ("bands", bands), ("ortho_y", rows),
                           ("ortho_x", columns)]:
            file.createDimension(name, size)
        file.title = "EMIT L2A Surface Reflectance 60 m V001"
        file.platform, file.instrument, file.processing_level = "ISS", "EMIT", "L2A"
        file.geotransform = np.array(made["transform"])
        file.spatial_ref = pyproj.CRS.from_epsg(4326).to_wkt("WKT1_GDAL")
        cube = file.createVariable("reflectance", "f4", ("downtrack", "crosstrack", "bands"), zlib=True, complevel=9,
                                   chunksizes=made["chunk"], fill_value=FILL)
        cube.long_name, cube.units = "Surface Reflectance", "unitless"
        cube[:] = made["cube"]
        group = file.createGroup("sensor_band_parameters")
        for name, values, unit in [("wavelengths", made["nm"], "nm"), ("fwhm", made["fwhm"], "nm"),
                                   ("good_wavelengths", made["good"], "unitless")]:
            variable = group.createVariable(name, values.dtype, ("bands",))
            variable.units = unit
            variable[:] = values
        group = file.createGroup("location")
        for name in ["glt_x", "glt_y"]:
            variable = group.createVariable(name, "i4", ("ortho_y", "ortho_x"), zlib=True, fill_value=0)
            variable.units = "pixel location"
            variable[:] = made[name]
        for name, unit in [("lat", "degrees north"), ("lon", "degrees east"), ("elev", "m")]:
            variable = group.createVariable(name, "f8", ("downtrack", "crosstrack"), zlib=True, fill_value=-9999.0)
            variable.units = unit
            variable[:] = 0.0


def write_mask(path, mask):
    lines, samples, bands = mask.shape
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        for name, size in [("downtrack", lines), ("crosstrack", samples), ("bands", bands)]:
            file.createDimension(name, size)
        variable = file.createVariable("mask", "f4", ("downtrack", "crosstrack", "bands"), zlib=True, fill_value=FILL)
        variable.units = "unitless"
        variable[:] = mask
        group = file.createGroup("sensor_band_parameters")
        names = group.createVariable("mask_bands", str, ("bands",))
        for i, name in enumerate(MASK_BANDS):
            names[i] = name


def classes(made, masked=None):
    """Spectral angle in f64 on the good bands; 1 to 3, and 255 for no data."""
    used = made["good"] == 1
    targets = [spectrum(kind, made["nm"].astype("f8")[used]) for kind in range(3)]
    lines, samples, _ = made["cube"].shape
    best = np.full((lines, samples), 255)
    angle = np.full((lines, samples), np.nan)
    for line in range(lines):
        for sample in range(samples):
            pixel = made["cube"][line, sample][used].astype("f8")
            if (pixel == FILL).any() or (masked is not None and masked[line, sample]):
                continue
            angles = [np.arccos(pixel @ t / np.linalg.norm(pixel) / np.linalg.norm(t)) for t in targets]
            best[line, sample], angle[line, sample] = int(np.argmin(angles)) + 1, min(angles)
    return best, angle


def gather(made, swath, nothing):
    """The lookup table, pixel by pixel."""
    rows, columns = made["glt_x"].shape
    out = [[nothing] * columns for _ in range(rows)]
    for row in range(rows):
        for column in range(columns):
            x, y = made["glt_x"][row, column], made["glt_y"][row, column]
            if x != 0 and y != 0:
                out[row][column] = swath[y - 1, x - 1]
    return out


def places(made):
    """Corners and centre of the map: column and row, longitude and latitude, and metres in UTM."""
    rows, columns = made["glt_x"].shape
    t = made["transform"]
    to_utm = pyproj.Transformer.from_crs(4326, UTM, always_xy=True)
    out = []
    for column, row in [(0, 0), (columns, 0), (0, rows), (columns, rows), (columns / 2, rows / 2)]:
        lon, lat = t[0] + column * t[1] + row * t[2], t[3] + column * t[4] + row * t[5]
        out.append([column, row, lon, lat, *to_utm.transform(lon, lat)])
    return out


def text(rows):
    return ["".join("-" if v == 255 else str(v) for v in row) for row in rows]


def main():
    versions = {m.__name__: m.__version__ for m in [netCDF4, np, pyproj]}
    golden = {"versions": versions, "netcdf": netCDF4.getlibversion().split()[0], "utm": UTM, "scenes": {}}
    nm = scene("emit_large")["nm"].astype("f8")
    fine = np.arange(1980.0, 2480.0, 1.0)
    rows = [f"{w:.1f},1," + ",".join(f"{spectrum(k, w):.9f}" for k in range(3)) for w in fine]
    (HERE / "emit_library.csv").write_text("wavelength_nm,fwhm_nm," + ",".join(NAMES) + "\n" + "\n".join(rows) + "\n")
    for name in SCENES:
        made = scene(name)
        write(HERE / f"{name}.nc", made)
        lines, samples, bands = made["cube"].shape
        random = np.random.default_rng(9)
        mask = (random.uniform(0, 1, (lines, samples, 8)) < 0.1).astype("f4")
        mask[:, :, 5:7] = 0.25
        write_mask(HERE / f"{name}_mask.nc", mask)
        cloud_water = mask[:, :, [0, 2]].max(axis=2) == 1
        best, angle = classes(made)
        without, _ = classes(made, cloud_water)
        spots = [(int(random.integers(lines)), int(random.integers(samples)), int(random.integers(bands)))
                 for _ in range(20)]
        bits = [[*at, struct.unpack("<I", struct.pack("<f", made["cube"][at]))[0]] for at in spots]
        # Angles of these pixels differ by more than any rounding: no class hangs on it.
        golden["scenes"][name] = {
            "shape": [lines, samples, bands],
            "bands_in_use": [b + 1 for b in range(bands) if made["good"][b]],
            "wavelengths": [float(v) for v in made["nm"]],
            "fwhm": [float(v) for v in made["fwhm"]],
            "bits": bits,
            "swath": text(best.tolist()),
            "map": text(gather(made, best, 255)),
            "map_without_cloud_and_water": text(gather(made, without, 255)),
            "angles": [[None if np.isnan(v) else round(float(v), 9) for v in row]
                       for row in gather(made, angle, np.nan)],
            "places": places(made),
        }
    (HERE / "emit.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
