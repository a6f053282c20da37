#!/usr/bin/env python3
"""Small PRISMA L2D products, written by h5py after the PRISMA products specification (issue 2.3, 12/03/2020).

The files beside this script were made with h5py 3.16.0 (HDF5 2.0.0), pyproj 3.7.2 and numpy 2.4.6 (Python 3.11).

    python3 -m venv venv
    venv/bin/pip install h5py==3.16.0 pyproj==3.7.2 numpy==2.4.6
    venv/bin/python tests/golden/prisma_products.py tests/golden

As in the specification: HDF-EOS5 groups, cubes of u16 in (line, band, sample) with 66 VNIR and 173 SWIR bands, chunked and
deflated; wavelengths falling, zeros where a band was not downlinked (the first three of VNIR, the last two of SWIR); scale
attributes; corner attributes as centres of the corner pixels in metres of the EPSG code; latitude and longitude of every
pixel's centre; error matrices. Stored values follow from their place: see `stored`, which the test repeats.
"""

import argparse
import pathlib

import h5py
import numpy as np
import pyproj

VNIR, SWIR = 66, 173
PRODUCTS = [("prisma_small.he5", 32633, 500000.0, 4600000.0, 6, 8), ("prisma_large.he5", 32719, 412345.0, 7412345.0, 33, 29)]


def vnir_centres():
    """977.3 down to 401.2 nm; the first three bands are absent."""
    centres = 977.3 - 9.29 * (np.arange(VNIR) - 3)
    centres[:3] = 0
    return centres.astype(np.float32)


def swir_centres():
    """2497.1 down to 942.9 nm; the last two bands are absent."""
    centres = 2497.1 - 9.1424 * np.arange(SWIR)
    centres[-2:] = 0
    return centres.astype(np.float32)


def stored(lines, bands, samples, first):
    """1000 + 3 line + 5 sample + 7 (band + first), no data (zero in every band) in the first pixel."""
    line, band, sample = np.meshgrid(np.arange(lines), np.arange(bands), np.arange(samples), indexing="ij")
    cube = 1000 + 3 * line + 5 * sample + 7 * (band + first)
    cube[0, :, 0] = 0
    return cube.astype(np.uint16)


def write(path, epsg, x, y, lines, samples):
    with h5py.File(path, "w", libver=("earliest", "v108")) as f:
        a = f.attrs
        a["Product_ID"] = np.bytes_("PRS_L2D_STD")
        a["Processing_Level"] = np.bytes_("2D")
        a["Epsg_Code"] = np.int32(epsg)
        a["Projection_Name"] = np.bytes_("UTM")
        a["Projection_Id"] = np.bytes_(str(epsg % 100))
        east, south = x + 30.0 * (samples - 1), y - 30.0 * (lines - 1)
        for corner, (e, n) in {"UL": (x, y), "UR": (east, y), "LL": (x, south), "LR": (east, south)}.items():
            a[f"Product_{corner}corner_easting"] = np.float64(e)
            a[f"Product_{corner}corner_northing"] = np.float64(n)
        a["L2ScaleVnirMin"], a["L2ScaleVnirMax"] = np.float32(0.0), np.float32(1.25)
        a["L2ScaleSwirMin"], a["L2ScaleSwirMax"] = np.float32(-0.125), np.float32(0.875)
        for name, centres in (("Vnir", vnir_centres()), ("Swir", swir_centres())):
            a[f"List_Cw_{name}"] = centres
            a[f"List_Fwhm_{name}"] = np.where(centres > 0, 10.5, 0).astype(np.float32)
            a[f"List_Cw_{name}_Flags"] = (centres > 0).astype(np.int32)
        swath = f.create_group("HDFEOS/SWATHS/PRS_L2D_HCO")
        data = swath.create_group("Data Fields")
        for name, bands, first in (("VNIR", VNIR, 0), ("SWIR", SWIR, VNIR)):
            cube = stored(lines, bands, samples, first)
            chunks = (min(lines, 4), bands, samples)
            data.create_dataset(f"{name}_Cube", data=cube, chunks=chunks, compression="gzip", shuffle=True)
            errors = np.zeros((lines, bands, samples), np.uint8)
            data.create_dataset(f"{name}_PIXEL_L2_ERR_MATRIX", data=errors, chunks=chunks, compression="gzip")
        to_degrees = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
        e, n = np.meshgrid(x + 30.0 * np.arange(samples), y - 30.0 * np.arange(lines))
        longitude, latitude = to_degrees.transform(e, n)
        geolocation = swath.create_group("Geolocation Fields")
        geolocation["Latitude"] = latitude.astype(np.float32)
        geolocation["Longitude"] = longitude.astype(np.float32)
        f.create_group("HDFEOS INFORMATION").attrs["HDFEOSVersion"] = np.bytes_("HDFEOS_5.1.15")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    for name, *place in PRODUCTS:
        write(folder / name, *place)


if __name__ == "__main__":
    main()
