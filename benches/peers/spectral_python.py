"""Spectral Python, called as its manual says."""

import numpy as np
import spectral

# Statistics of the pixels, for functions that say that they are computed once: by the run that is checked, not timed.
known = None


def start(threads):
    return spectral.__version__


def once(pixels):
    global known
    if known is None:
        known = spectral.calc_stats(pixels)
    return known


def sam(pixels, targets):
    """The class with the smallest of the angles, which it computes all, and that angle."""
    angles = spectral.spectral_angles(pixels, targets)
    classes = angles.argmin(2)
    return classes, np.take_along_axis(angles, classes[:, :, None], 2)


def mf(pixels, targets):
    """Statistics, and the filter of each target."""
    return filters(pixels, targets, spectral.calc_stats(pixels))


def mf_apply(pixels, targets):
    """The filter of each target, statistics computed once."""
    return filters(pixels, targets, once(pixels))


def filters(pixels, targets, background):
    return np.stack([spectral.matched_filter(pixels, target, background) for target in targets], axis=2)


def ace(pixels, targets):
    """Adaptive coherence of each target, s^2 without sign, statistics computed once."""
    return spectral.ace(pixels, list(targets), background=once(pixels))


def rx(pixels, targets):
    """The anomaly of each pixel, statistics computed once."""
    return spectral.rx(pixels, background=once(pixels))
