#!/usr/bin/env python3
"""Scores by Spectral Python (SPy) and PySptools of methods that know the background, and of MSAM and SID.

The file beside this script was made with spectral 0.25, pysptools 0.15.0, numpy 2.4.6 and scipy 1.17.1 (Python 3.11).
PySptools names no dependencies to pip; its detectors import scipy and matplotlib.

    python3 -m venv venv
    venv/bin/pip install spectral==0.25 pysptools==0.15.0 numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2
    venv/bin/python tests/golden/background_methods.py tests/golden/background_methods.json

It holds pixels and targets made up here, the pixels' mean and covariance (divisor n-1) by numpy, and scores. All is
computed in f64 from pixels that are f32 already. With x a pixel, t a target, m the mean, S the covariance, n the number
of pixels, the peers compute:

- matched_filter (spectral.matched_filter): (t-m)'S^-1(x-m) / (t-m)'S^-1(t-m). The divisor of S cancels out.
- ace (spectral.ace, called with one target at a time; a 2-D array of targets would be a subspace): the squared cosine
  ((t-m)'S^-1(x-m))^2 / ((t-m)'S^-1(t-m) (x-m)'S^-1(x-m)), from 0 to 1, blind to its sign. The divisor cancels out.
- rx (spectral.rx): (x-m)'S^-1(x-m), squared, no root taken. It does depend on the divisor, which is n-1: SPy's
  calc_stats calls np.cov. (With divisor n scores would be n/(n-1) times as large.)
- msam (spectral.msam, Oshigami et al. 2013): 1 - arccos(r) / (pi/2), where r is Pearson's correlation over bands of
  pixel and target: each is less its own mean over bands, then of unit length. 1 is a match, 0 no correlation, -1 the
  reverse; r = cos((1 - msam) pi/2).
- cem (pysptools.detection.detect.CEM): t'R^-1 x / t'R^-1 t with R = X'X/n, means left in. The divisor cancels out.
- sid (pysptools.distance.SID): sum(p ln(p/q)) + sum(q ln(q/p)), natural logarithm, p and q the spectra over their sums.
  PySptools adds np.spacing(1) = 2.2e-16 to every p and q, which none of the 12 digits here shows.

PySptools 0.15.0 was written for numpy 1.14; what is called here runs on numpy 2 as it is (np.float is in GLRT and
OSP only, np.PINF in classify only). SPy's calc_stats averages an f32 array in f32; it is given f64 here.

Every score is compared with its formula, written out below by other means than the peers' (they invert S or R, here
systems are solved), before anything is written: to 1e-9 of the score or, where scores come near zero (all but rx and
sid), 1e-11 of the method's largest if that is more, since what both sides round off (the condition number of S or R
times 1e-16) is no smaller for a small score. Scores are written to 12 digits, of which the last ones may differ
under another BLAS.
"""

import argparse
import json
import pathlib

import numpy as np
import pysptools
import pysptools.detection.detect
import pysptools.distance
import scipy
import spectral

PIXELS, BANDS, TARGETS = 300, 24, 5
SEED = 20130815
NOISE = 0.004


def dip(wavelength, centre, width, depth):
    """1, less a Gaussian absorption."""
    return 1 - depth * np.exp(-(((wavelength - centre) / width) ** 2))


def made_targets(wavelength):
    """Clay-like absorptions, one deep and one shallow, on a sloping continuum; 4 is nearly 3."""
    target = []
    for i in range(TARGETS):
        continuum = (0.42 + 0.06 * i) * (1 + (0.3 - 0.15 * i) * (wavelength - 2.2))
        main = dip(wavelength, 2.12 + 0.05 * i, 0.02 + 0.005 * i, 0.35)
        target.append(continuum * main * dip(wavelength, 2.38 - 0.03 * i, 0.03, 0.1))
    target[4] = target[3] * (1 + 0.02 * np.sin(30 * wavelength))
    return np.array(target)


def endmembers(wavelength):
    """Four smooth spectra: bright and flat, rising, falling, and with one broad absorption."""
    w = (wavelength - 2.0) / 0.42
    return np.array([
        0.55 + 0.02 * w,
        0.22 + 0.18 * w,
        0.38 - 0.15 * w**2,
        0.45 * dip(wavelength, 2.33, 0.09, 0.2),
    ])


def made_pixels(wavelength, targets):
    """Endmembers at random shares, 5-60 % of a target in every sixth pixel, shaded, with noise."""
    random = np.random.default_rng(SEED)
    base = endmembers(wavelength)
    mixed = random.dirichlet(np.ones(len(base)), PIXELS) @ base
    planted = np.arange(0, PIXELS, 6)
    share = np.linspace(0.05, 0.6, len(planted))[:, np.newaxis]
    mixed[planted] = (1 - share) * mixed[planted] + share * targets[np.arange(len(planted)) % TARGETS]
    shade = random.uniform(0.5, 1.0, (PIXELS, 1))
    return shade * mixed + NOISE * random.standard_normal((PIXELS, BANDS))


def assert_close(what, given, expected, crosses_zero=False):
    """To 1e-9 of each score; near zero, where allowed, to 1e-11 of the largest."""
    given, expected = np.asarray(given), np.asarray(expected)
    assert given.shape == expected.shape, (what, given.shape, expected.shape)
    difference = np.abs(given - expected)
    absolute = 1e-11 * np.abs(expected).max() if crosses_zero else 0.0
    relative = (difference / np.abs(expected)).max()
    print(f"{what}: largest difference {difference.max():.1e}, relative to its score {relative:.1e}")
    assert np.all(difference <= np.maximum(1e-9 * np.abs(expected), absolute)), what


def peers(pixels, targets):
    """Scores by SPy and PySptools, targets in columns."""
    stats = spectral.calc_stats(pixels)
    return {
        "matched_filter": np.stack([spectral.matched_filter(pixels, t, background=stats)[:, 0] for t in targets], 1),
        "ace": np.stack([spectral.ace(pixels, t, background=stats) for t in targets], 1),
        "rx": spectral.rx(pixels, background=stats),
        "msam": spectral.msam(pixels[np.newaxis], targets)[0],
        "cem": np.stack([pysptools.detection.detect.CEM(pixels, t) for t in targets], 1),
        "sid": np.array([[pysptools.distance.SID(x, t) for t in targets] for x in pixels]),
    }


def formulas(pixels, targets, mean, covariance):
    """The same by the formulas above."""
    x, t = pixels - mean, targets - mean
    sx, st = np.linalg.solve(covariance, x.T), np.linalg.solve(covariance, t.T)
    xx, tt, xt = np.sum(x * sx.T, 1), np.sum(t * st.T, 1), x @ st
    r = np.corrcoef(pixels, targets)[: len(pixels), len(pixels) :]
    rt = np.linalg.solve(pixels.T @ pixels / len(pixels), targets.T)
    p = (pixels / pixels.sum(1, keepdims=True))[:, np.newaxis]
    q = (targets / targets.sum(1, keepdims=True))[np.newaxis]
    return {
        "matched_filter": xt / tt,
        "ace": xt**2 / (tt * xx[:, np.newaxis]),
        "rx": xx,
        "msam": 1 - np.arccos(r) / (np.pi / 2),
        "cem": pixels @ rt / np.sum(targets * rt.T, 1),
        "sid": np.sum(p * np.log(p / q), 2) + np.sum(q * np.log(q / p), 2),
    }


def check(pixels, targets, mean, covariance, scores):
    """Holds the peers' statistics, divisors and scores against what the docstring says of them."""
    n = len(pixels)
    stats = spectral.calc_stats(pixels)
    centred = pixels - mean
    assert_close("mean", stats.mean, pixels.sum(0) / n)
    assert_close("numpy's covariance", covariance, centred.T @ centred / (n - 1), True)
    assert_close("SPy's covariance", stats.cov, covariance, True)
    expected = formulas(pixels, targets, mean, covariance)
    for name, score in scores.items():
        assert_close(name, score, expected[name], name not in ("rx", "sid"))
    # The scores sum to trace(S^-1 X'X), of centred X: only with divisor n-1 is that (n-1) bands.
    assert_close("sum of rx", scores["rx"].sum(), (n - 1) * pixels.shape[1])
    by_n = spectral.GaussianStats(mean=mean, cov=covariance * (n - 1) / n, nsamples=n)
    for k, t in enumerate(targets):
        filtered = spectral.matched_filter(pixels, t, background=by_n)[:, 0]
        assert_close(f"matched_filter {k}, divisor n", filtered, scores["matched_filter"][:, k], True)
        assert_close(f"ace {k}, divisor n", spectral.ace(pixels, t, background=by_n), scores["ace"][:, k], True)
    assert_close("rx, divisor n", spectral.rx(pixels, background=by_n), scores["rx"] * n / (n - 1))


def digits(values):
    """Lists of values to 12 digits."""
    if isinstance(values, np.ndarray):
        return [digits(v) for v in values]
    return float(f"{values:.12g}")


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    wavelength = np.linspace(2.0, 2.42, BANDS)
    # Values are rounded first, so that the file holds what the scores are of.
    targets = np.round(made_targets(wavelength), 9)
    single = np.round(made_pixels(wavelength, targets), 9).astype(np.float32)
    # The shortest digits that are this f32 again.
    shortest = [[float(str(v)) for v in pixel] for pixel in single]
    assert np.array_equal(np.array(shortest).astype(np.float32), single)
    assert single.min() > 0 and targets.min() > 0
    pixels = single.astype(np.float64)
    mean, covariance = pixels.mean(0), np.cov(pixels, rowvar=False)
    condition = np.linalg.cond(covariance)
    print(f"condition number {condition:.4g}; of X'X/n {np.linalg.cond(pixels.T @ pixels / PIXELS):.4g}")
    assert 1e3 < condition < 1e6
    scores = peers(pixels, targets)
    check(pixels, targets, mean, covariance, scores)
    result = {
        "spectral": spectral.__version__,
        "pysptools": pysptools.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "divisor": "n-1",
        "condition": digits(condition),
        "targets": targets.tolist(),
        "pixels": shortest,
        "mean": mean.tolist(),
        "covariance": covariance.tolist(),
        **{name: digits(score) for name, score in scores.items()},
    }
    rows = [f'"{key}": ' + json.dumps(value).replace("], [", "],\n[") for key, value in result.items()]
    out.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
