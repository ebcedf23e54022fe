"""Read Fashion-MNIST's four files and write the packaged part of its test set.

Pixels stay uint8 here; a network sees ``X_SCALE * (x - X_ZERO_POINT)``, a float in 0..1.

References
----------
.. [1] H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
   Machine Learning Algorithms", arXiv:1708.07747, 2017.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

X_SCALE = 1.0 / 255.0
X_ZERO_POINT = 0
LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One half of the dataset.

    Attributes
    ----------
    x : ndarray of uint8, shape (n, 28, 28, 1)
        Pixels, 0 is background.
    y : ndarray of uint8, shape (n,)
        Class, an index into `LABELS`.
    """

    x: Pixels
    y: Pixels


def _parse_idx(content: bytes) -> Pixels:
    """Parse an IDX file of unsigned bytes: two zeros, type 8, rank, big-endian sizes, data."""
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"not an IDX file of unsigned bytes: it starts with {content[:4]!r}")
    rank = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)


def load_split(folder: Path, name: str) -> Split:
    """Load one half of Fashion-MNIST.

    Parameters
    ----------
    folder : Path
        Folder of the four ``*-ubyte.gz`` files.
    name : str
        ``train`` (60,000 images) or ``t10k`` (10,000 test images).

    Returns
    -------
    Split
    """
    images = _parse_idx(gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes()))
    labels = _parse_idx(gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes()))
    return Split(x=images[..., np.newaxis], y=labels)


def to_real(x: Pixels) -> npt.NDArray[np.float64]:
    """Return the real values in 0..1 that the pixels stand for, in float64."""
    return X_SCALE * (x.astype(np.float64) - X_ZERO_POINT)


def stratified_index(y: Pixels, per_class: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw `per_class` images of each class without replacement.

    Parameters
    ----------
    y : ndarray of uint8, shape (n,)
        Classes.
    per_class : int
        Images to draw of each class.
    seed : int
        Seed of NumPy's default generator.

    Returns
    -------
    ndarray of int64, shape (10 * per_class,)
        Rising positions in `y`, so the classes stay mixed as in the original.
    """
    generator = np.random.default_rng(seed)
    drawn = [
        generator.choice(np.flatnonzero(y == label), per_class, replace=False)
        for label in range(len(LABELS))
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def save_subset(path: Path, split: Split, index: npt.NDArray[np.int64]) -> None:
    """Write the images at `index`, their classes and the meaning of a pixel to an ``.npz``."""
    np.savez_compressed(
        path,
        x=split.x[index],
        y=split.y[index],
        x_scale=np.float64(X_SCALE),
        x_zero_point=np.int64(X_ZERO_POINT),
        labels=np.array(LABELS),
        index=index,
    )
