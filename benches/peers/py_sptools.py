"""pysptools, called as its manual says. (A module called pysptools would hide the library.)"""

import numpy as np

# pysptools 0.15 uses a name that numpy has dropped since.
np.float = float

import pysptools  # noqa: E402
from pysptools.classification import cls  # noqa: E402
from pysptools.detection import detect  # noqa: E402


def start(threads):
    return pysptools.__version__


def sam(pixels, targets):
    """The class with the smallest angle. (The class SAM around it stretches values to 0 to 1, and so has other angles.)"""
    return cls.SAM_classifier(pixels.reshape(-1, pixels.shape[-1]), targets, None)[0]


def mf(pixels, targets):
    """Statistics, and the filter of one target."""
    return detect.MatchedFilter(pixels.reshape(-1, pixels.shape[-1]), targets[0])


def cem(pixels, targets):
    """Correlation matrix, and the filter of one target."""
    return detect.CEM(pixels.reshape(-1, pixels.shape[-1]), targets[0])
