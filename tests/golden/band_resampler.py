#!/usr/bin/env python3
"""Beckman spectra on the bands of AVIRIS 1995 by Spectral Python's BandResampler.

The file beside this script was made with spectral 0.25 and numpy 2.4.6 (Python 3.11).

    python3 -m venv venv
    venv/bin/pip install spectral==0.25 numpy==2.4.6
    venv/bin/python tests/golden/band_resampler.py ../shared/data tests/golden/band_resampler.json

BandResampler takes each channel of the library as constant over its FWHM and integrates the band's Gaussian over what
overlaps the band's FWHM; it does not take the library's own resolution out of the band's. It knows no deleted channels
(one NaN would spoil every band), so that each spectrum is given with the channels that it has. Bands that nothing
overlaps are null. Values are written to six decimals.
"""

import csv
import json
import pathlib
import sys

import numpy as np
import spectral

DELETED = 1e30


def main(data, out):
    library = spectral.envi.open(str(data / "usgs_splib07a_alteration_beckman.hdr"))
    centres, fwhm = (np.array(v) * 1000 for v in (library.bands.centers, library.bands.bandwidths))
    assert library.bands.band_unit.lower() == "micrometers", library.bands.band_unit
    with open(data / "sensors/aviris_1995.csv", newline="") as file:
        bands = list(csv.DictReader(file))
    to = [[float(b[key]) for b in bands] for key in ("wavelength_nm", "fwhm_nm")]
    values = []
    for spectrum in library.spectra.astype(np.float64):
        there = np.abs(spectrum) < DELETED
        resampler = spectral.BandResampler(centres[there], to[0], fwhm[there], to[1])
        values.append([None if np.isnan(v) else round(float(v), 6) for v in resampler(spectrum[there])])
    made = {"spectral": spectral.__version__, "numpy": np.__version__, "names": library.names, "values": values}
    out.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
