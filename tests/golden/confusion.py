"""Confusion matrix, kappa and accuracies of two made-up maps, by scikit-learn: the golden values of tests/compare.rs.

Run with: python confusion.py > confusion.json
"""

import json
import platform

import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, precision_recall_fscore_support

LINES, SAMPLES, NODATA = 53, 47, 255


def map_a(line, sample):
    return [0, 1, 2, 2, 3, 3, 4, NODATA][(sample // 5 * 7919 + line // 3 * 104729 + sample * line // 29) % 8]


def map_b(line, sample):
    if (line * 31 + sample * 17) % 11 < 3:
        return [1, 0, 3, 2, NODATA, 1][(line * 7 + sample) % 6]
    return map_a(line, sample)


a = np.array([[map_a(y, x) for x in range(SAMPLES)] for y in range(LINES)]).ravel()
b = np.array([[map_b(y, x) for x in range(SAMPLES)] for y in range(LINES)]).ravel()


def measured(keep, labels):
    true, found = b[keep], a[keep]
    # scikit-learn has the truth in rows; here A, the map, has them.
    matrix = confusion_matrix(true, found, labels=labels).T
    precision, recall, f1, _ = precision_recall_fscore_support(true, found, labels=labels, zero_division=np.nan)
    number = lambda values: [None if np.isnan(v) else float(v) for v in values]
    return {
        "pixels": int(keep.sum()),
        "matrix": matrix.tolist(),
        "overall": float(accuracy_score(true, found)),
        "kappa": float(cohen_kappa_score(true, found)),
        "users": number(precision),
        "producers": number(recall),
        "f1": number(f1),
    }


both = (a != NODATA) & (b != NODATA)
labels = [0, 1, 2, 3, 4]
print(
    json.dumps(
        {
            "made_by": f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}",
            "nodata": [
                int(((a == NODATA) & (b == NODATA)).sum()),
                int(((a == NODATA) & (b != NODATA)).sum()),
                int(((a != NODATA) & (b == NODATA)).sum()),
            ],
            "maps": measured(both, labels),
            "labels": measured(both & (b != 0), labels),
        },
        indent=1,
    )
)
