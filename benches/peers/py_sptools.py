"""pysptools, called as its manual says. (A module called pysptools would hide the library.)"""

import numpy as np

# pysptools 0.15 uses a name that numpy has dropped since.
np.float = float

import pysptools  # noqa: E402
from pysptools.classification import cls  # noqa: E402
from pysptools.detection import detect  # noqa: E402


# The pixels in f64, made by the run that is checked: its f32 inverse of a correlation matrix is noise.
double = None


def start(threads):
    return pysptools.__version__


def sam(pixels, targets):
    """The class with the smallest angle, and that angle.

    The class SAM around it stretches all values to 0 to 1, and so has other angles.
    """
    classes, angles = cls.SAM_classifier(pixels.reshape(-1, pixels.shape[-1]), targets, None)
    return classes, np.take_along_axis(angles, classes[:, None], 1)


def mf(pixels, targets):
    """Statistics, and the filter of one target."""
    return detect.MatchedFilter(pixels.reshape(-1, pixels.shape[-1]), targets[0])


def cem(pixels, targets):
    """Correlation matrix, and the filter of one target; f64."""
    global double
    if double is None:
        double = pixels.reshape(-1, pixels.shape[-1]).astype(np.float64)
    return detect.CEM(double, targets[0])
