"""The made-up map of areas.py and projected_areas.py; tests/areas.rs makes the same."""

import numpy as np

LINES, SAMPLES, LEAST = 97, 61, 9


def value(line, sample):
    """0 to 3; 9 means no data."""
    mixed = (sample // 4) * 7919 + (line // 3) * 104729 + (sample * line) // 37 * 31
    return [0, 1, 1, 2, 3, 9][mixed % 6]


raster = np.array([[value(y, x) for x in range(SAMPLES)] for y in range(LINES)])
