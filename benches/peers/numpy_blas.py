"""numpy written by hand for speed: blocks of pixels that stay in cache, a thread a core, BLAS for every product."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

# 2048 pixels of 285 bands are 2.3 MB; of 256 to 8192 this was the fastest or close to it at every number of targets.
BLOCK = 2048

pool = None
threads = 1
blas = None


def start(count):
    global pool, threads, blas
    pool, threads, blas = ThreadPoolExecutor(count), count, ThreadpoolController()
    return np.__version__


def in_threads(count, run):
    """run(first, last) for an equal part of the pixels in each thread.

    Threads of ours, each with a BLAS of one thread, beat one caller with BLAS in all threads: what is not a product runs
    in them too.
    """
    edges = [count * i // threads for i in range(threads + 1)]
    with blas.limit(limits=1, user_api="blas"):
        return list(pool.map(run, edges[:-1], edges[1:]))


def blocks(first, last):
    return ((i, min(i + BLOCK, last)) for i in range(first, last, BLOCK))


def sam(pixels, targets):
    """The class with the smallest angle; the pixel's length is the same for all, so it is not needed."""
    return best(pixels, targets)[0]


def sam_angle(pixels, targets):
    """The class, and the angle that a threshold needs."""
    classes, cosines = best(pixels, targets, lengths=True)
    return classes, np.arccos(np.minimum(cosines, 1, out=cosines), out=cosines)


def best(pixels, targets, lengths=False):
    flat = pixels.reshape(-1, pixels.shape[-1])
    unit = targets / np.linalg.norm(targets, axis=1, keepdims=True)
    columns = np.ascontiguousarray(unit.T, np.float32)
    classes = np.empty(len(flat), np.intp)
    cosines = np.empty(len(flat) if lengths else 0, np.float32)

    def run(first, last):
        products = np.empty((BLOCK, len(targets)), np.float32)
        for i, j in blocks(first, last):
            block = products[: j - i]
            np.matmul(flat[i:j], columns, out=block)
            block.argmax(1, out=classes[i:j])
            if lengths:
                leading = np.take_along_axis(block, classes[i:j, None], 1)[:, 0]
                cosines[i:j] = leading / np.sqrt(np.einsum("ij,ij->i", flat[i:j], flat[i:j]))

    in_threads(len(flat), run)
    return classes, cosines


def mf(pixels, targets):
    """The matched filter with f32 products."""
    return matched(pixels, targets, np.float32)


def mf_f64(pixels, targets):
    """The same with f64 products, as most scripts have it."""
    return matched(pixels, targets, np.float64)


def matched(pixels, targets, kind):
    flat = pixels.reshape(-1, pixels.shape[-1])
    means = in_threads(len(flat), lambda first, last: flat[first:last].sum(0, dtype=np.float64))
    mean = sum(means) / len(flat)
    shift = mean.astype(kind)

    def products(first, last):
        total = np.zeros((len(mean), len(mean)))
        for i, j in blocks(first, last):
            centred = flat[i:j] - shift
            total += centred.T @ centred  # which numpy gives to BLAS as a symmetric product
        return total

    covariance = sum(in_threads(len(flat), products)) / (len(flat) - 1)
    differences = targets - mean
    solved = np.linalg.solve(covariance, differences.T)
    weights = solved / np.einsum("ij,ji->i", differences, solved)
    columns, constant = weights.astype(kind), (mean @ weights).astype(kind)
    scores = np.empty((len(flat), len(targets)), np.float32)

    def apply(first, last):
        for i, j in blocks(first, last):
            scores[i:j] = flat[i:j].astype(kind, copy=False) @ columns - constant

    in_threads(len(flat), apply)
    return scores
