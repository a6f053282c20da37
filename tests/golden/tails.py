"""Generalised Pareto distributions by scipy: the golden values of the unit tests of src/background/tail.rs.

Probability-weighted moments are taken here as Hosking & Wallis (1987, section 3.2) write them, by numpy; distributions,
quantiles and the fit by maximum likelihood are scipy's. `anderson_darling` has the 99 % point of the statistic for samples
of the distribution itself, by simulation: the limit above which a fit counts as poor.

Run with: python tails.py > tails.json
"""

import json

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(20251125)
SIZE = 400


def moments(x):
    """Shape and scale from sorted exceedances: k = a0/(a0 - 2 a1) - 2, alpha = 2 a0 a1/(a0 - 2 a1); shape is -k."""
    p = (np.arange(1, x.size + 1) - 0.35) / x.size
    a0, a1 = x.mean(), ((1 - p) * x).mean()
    return -(a0 / (a0 - 2 * a1) - 2), 2 * a0 * a1 / (a0 - 2 * a1)


def anderson_darling(x, shape, scale):
    f = stats.genpareto.cdf(x, shape, scale=scale)
    s = stats.genpareto.sf(x, shape, scale=scale)
    i = np.arange(1, x.size + 1)
    return -x.size - np.sum((2 * i - 1) * (np.log(f) + np.log(s[::-1]))) / x.size


def limit(shape, size=500, times=4000):
    found = []
    for _ in range(times):
        x = np.sort(stats.genpareto.rvs(shape, size=size, random_state=rng))
        xi, sigma = moments(x)
        if xi < 0 and -sigma / xi <= x[-1]:
            continue
        found.append(anderson_darling(x, xi, sigma))
    return float(np.quantile(found, 0.99))


cases = []
for shape, scale in [(-0.3, 2.0), (-0.1, 0.01), (0.0, 1.0), (0.25, 0.5)]:
    x = np.sort(stats.genpareto.rvs(shape, scale=scale, size=SIZE, random_state=rng))
    xi, sigma = moments(x)
    ml_shape, _, ml_scale = stats.genpareto.fit(x, floc=0)
    at = [0.1 * scale, scale, 2.5 * scale]
    cases.append({
        "shape": shape,
        "scale": scale,
        "exceedances": x.tolist(),
        "moments": [xi, sigma],
        "likelihood": [ml_shape, ml_scale],
        "anderson_darling": float(anderson_darling(x, xi, sigma)),
        "at": at,
        "survival": stats.genpareto.sf(at, shape, scale=scale).tolist(),
        "shares": [0.5, 1e-2, 1e-5],
        "quantiles": stats.genpareto.isf([0.5, 1e-2, 1e-5], shape, scale=scale).tolist(),
    })

print(json.dumps({
    "made_by": f"scipy {scipy.__version__}, numpy {np.__version__}",
    "anderson_darling": {str(shape): limit(shape) for shape in (-0.2, 0.0, 0.25)},
    "cases": cases,
}))
