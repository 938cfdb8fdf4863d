"""Which pictures validate: chosen by what the pictures show, so that every machine chooses the same.

Rows are put into the order of the sha256 of their pixels: as good as random, keyed by nothing but the data.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def by_content(images: Bytes) -> Numbers:
    """The rows of ``images`` (n, …) in the order of their pictures' sha256: (n,)."""
    return np.array(np.argsort([hashlib.sha256(image.tobytes()).digest() for image in images], kind="stable"))


def near_duplicates(images: Bytes, labels: Numbers, above: float = 0.97) -> Numbers:
    """Number the groups of pictures that are near-duplicates of one another: (n,), 0 to groups − 1.

    Two pictures of one class belong together if the cosine between them, each less its own mean, is more than
    ``above``, or if a chain of such pairs links them (connected components).

    Args:
        images: (n, …)
        labels: (n,)
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    groups = np.zeros(len(labels), dtype=np.int64)
    first = 0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        # In double precision no cosine is so near the threshold that the order of summation decides.
        flat = images[rows].reshape(len(rows), -1).astype(np.float64)
        flat -= flat.mean(axis=1, keepdims=True)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True).clip(min=1e-12)
        linked = flat @ flat.T > above  # (rows, rows)
        number, components = connected_components(csr_array(linked), directed=False)
        groups[rows] = first + components
        first += number
    return groups


def whole_groups(images: Bytes, labels: Numbers, groups: Numbers, share: float) -> Mask:
    """Choose about ``share`` of each class's rows, and never more, by whole groups: (n,) bool.

    Groups come in the order of their first pictures by `by_content`; one that is too large is passed over.

    Args:
        images: (n, …)
        labels: (n,)
        groups: (n,) from `near_duplicates`
        share: Between 0 and 1.
    """
    sizes = np.bincount(groups)
    left = np.bincount(labels) * share
    ordered = by_content(images)
    _, first = np.unique(groups[ordered], return_index=True)
    chosen = np.zeros(len(sizes), dtype=bool)
    for row in ordered[np.sort(first)]:
        group, label = groups[row], labels[row]
        if sizes[group] <= left[label]:
            chosen[group] = True
            left[label] -= sizes[group]
    return chosen[groups]


def stratified(images: Bytes, labels: Numbers, shares: tuple[float, ...]) -> tuple[Numbers, ...]:
    """Divide the rows of every class by ``shares``, which sum to 1: as many arrays of rows, each in order."""
    parts: list[list[Numbers]] = [[] for _ in shares]
    ordered = by_content(images)
    for label in np.unique(labels):
        rows = ordered[labels[ordered] == label]
        ends = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(int)
        for part, some in zip(parts, np.split(rows, ends), strict=True):
            part.append(some)
    return tuple(np.sort(np.concatenate(part)) for part in parts)
