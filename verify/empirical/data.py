"""Labelled images: scikit-learn's digits, and files that a user has, in the formats in which they are given out.

MNIST's IDX (also compressed), SVHN's cropped digits (``.mat``), CIFAR-10's binary version, ``.npz`` without pickles.
A file is known by its content; nothing is fetched.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.errors import BadInput

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Shape = tuple[int, int, int]
"""Channels, rows and columns."""

TEST_SHARE = 5
"""One of so many samples is for the test."""

KNOWN = "MNIST's IDX files, SVHN's train_32x32.mat, CIFAR-10's binary version, or an .npz file with X and y"
IMAGES, LABELS = 0x803, 0x801
"""Magic numbers of IDX files: unsigned bytes in three dimensions, and in one."""
CIFAR_ROW = 1 + 3 * 32 * 32
"""Bytes of an image of CIFAR-10: the label, then red, green and blue."""
DIGITS = 10
"""SVHN's label of the digit 0."""


@dataclass(frozen=True)
class Samples:
    """Images as columns (d × N) with labels 0 … K−1 (N).

    ``shape`` is channels, rows and columns of an image, whose pixels come in this order; None where it is not known.
    """

    images: NDArray[Any]
    labels: Labels
    shape: Shape | None = None

    @property
    def classes(self) -> int:
        """K."""
        return int(self.labels.max()) + 1


@dataclass(frozen=True)
class Task:
    """Standardised samples to train on (d × N), sorted by class, and to test on."""

    train: Array
    labels: Labels
    test: Array
    test_labels: Labels
    classes: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_1 … n_K of the training samples."""
        return tuple(np.bincount(self.labels, minlength=self.classes).tolist())


def split(samples: Samples, count: int, seed: int) -> Task:
    """Draw ``count`` samples, a fifth of them for the test, and standardise each feature by those for training.

    A feature that is constant becomes 0.

    Raises:
        BadInput: for more samples than there are, or too few to have each class in the training part.

    >>> task = split(digits(), 500, seed=0)
    >>> task.train.shape, task.test.shape, sum(task.sizes)
    ((64, 400), (64, 100), 400)
    """
    there = len(samples.labels)
    if not TEST_SHARE <= count <= there:
        raise BadInput(f"--samples must be from {TEST_SHARE} to the {there} that there are, got {count}")
    drawn = np.random.default_rng(seed).permutation(there)[:count]
    test, train = np.split(drawn, [count // TEST_SHARE])
    train = train[np.argsort(samples.labels[train], kind="stable")]
    missing = np.flatnonzero(np.bincount(samples.labels[train], minlength=samples.classes) == 0)
    if len(missing):
        raise BadInput(f"class {missing[0]} has none of the {len(train)} samples for training; take more --samples")
    X, Z = (samples.images[:, part].astype(float) for part in (train, test))
    mean, deviation = X.mean(axis=1, keepdims=True), X.std(axis=1, keepdims=True)
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return Task(
        (X - mean) * scale, samples.labels[train], (Z - mean) * scale, samples.labels[test], samples.classes
    )  # fmt: skip


def read(place: str) -> Samples:
    """The samples of ``digits``, of a file, or of a folder with the files of MNIST, SVHN or CIFAR-10.

    Raises:
        BadInput: with one sentence that names the file and what was expected.
    """
    if place == "digits":
        return digits()
    if not place:
        raise BadInput(f"--data names nothing; expected digits, or {KNOWN}")
    path = Path(place)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise BadInput(f"--data {place}: there is no such file; expected digits, or {KNOWN}")
    try:
        return _file(path)
    except (OSError, EOFError, zlib.error, struct.error, MemoryError) as error:
        raise BadInput(f"{path} cannot be read: it is damaged, or cut off ({error})") from None


def digits() -> Samples:
    """scikit-learn's 1,797 digits of 8 × 8 pixels.

    Raises:
        BadInput: where scikit-learn is missing.

    >>> digits().images.shape, digits().classes
    ((64, 1797), 10)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise BadInput("--data digits needs scikit-learn: pip install scikit-learn") from None
    images, labels = load_digits(return_X_y=True)
    return Samples(images.T, labels.astype(np.int64), (1, 8, 8))


def _folder(path: Path) -> Samples:
    for pattern in FOLDERS:
        once = {file.name.removesuffix(".gz"): file for file in sorted(path.glob(pattern))}
        if once and pattern == BATCHES and (missing := sorted({*CIFAR_BATCHES} - {*once})):
            raise BadInput(f"{path} lacks {', '.join(missing)} of CIFAR-10; name one of the files to read it alone")
        if parts := [read(str(file)) for file in once.values()]:
            if len({part.images.shape[0] for part in parts}) > 1:
                raise BadInput(f"{path}: images of {', '.join(once)} are of different sizes; name one of the files")
            images, labels = (np.hstack([getattr(p, name) for p in parts]) for name in ("images", "labels"))
            return Samples(images, labels, parts[0].shape)
    raise BadInput(f"{path} has none of {', '.join(FOLDERS)}")


def _file(path: Path) -> Samples:
    head = _content(path, 128)
    for known, reader in READERS:
        if known(path, head):
            return reader(path)
    raise BadInput(f"{path} is of no known format; expected {KNOWN}")


def _content(path: Path, size: int = -1) -> bytes:
    """The bytes of a file, uncompressed."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if compressed else path.open("rb") as file:
        return bytes(file.read(size))


# ------------------------------------------------------------------------------------------------------------- formats


def mnist(path: Path) -> Samples:
    """An IDX file of images, with the file of labels beside it.

    Raises:
        BadInput: when either is missing or damaged, or they do not fit.
    """
    images = _idx(path, IMAGES)
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz"))
    found = next((file for file in (beside, beside.with_name(f"{beside.name}.gz")) if file.is_file()), None)
    if found is None or found == path:
        raise BadInput(f"{path}: its labels are not beside it; expected a file {beside.name}, or that with .gz")
    labels = _idx(found, LABELS)
    if len(labels) != len(images):
        raise BadInput(f"{found} has {len(labels)} labels for the {len(images)} images of {path.name}")
    if not images.size:
        raise BadInput(f"{path} has no images, or none with a pixel: their shape is {images.shape}")
    return _samples(found, images.reshape(len(images), -1).T, labels, (1, *images.shape[1:]))


def _idx(path: Path, magic: int) -> NDArray[np.uint8]:
    content = _content(path)
    what = "images" if magic == IMAGES else "labels"
    if len(content) < 8 or struct.unpack(">I", content[:4])[0] != magic:
        raise BadInput(f"{path} is no IDX file of {what}: expected the first bytes {magic:#010x}")
    dimensions = magic & 0xFF
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    if len(content) != 4 + 4 * dimensions + prod(shape):
        raise BadInput(
            f"{path} has {len(content)} bytes; {what} of shape {shape} take {4 + 4 * dimensions + prod(shape)}"
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def svhn(path: Path) -> Samples:
    """A file of SVHN's cropped digits: X (32 × 32 × 3 × N) and y (N × 1), in which 10 is the digit 0.

    Raises:
        BadInput: when it is damaged, or has other arrays.
    """
    from scipy.io import loadmat

    try:
        arrays = loadmat(str(path), variable_names=("X", "y"))
    except Exception as error:  # SciPy raises what its parsers meet
        raise BadInput(f"{path} cannot be read as a MATLAB file: it is damaged, or cut off ({error})") from None
    if not {"X", "y"} <= set(arrays) or arrays["X"].shape[:3] != (32, 32, 3) or arrays["X"].ndim != 4:
        raise BadInput(f"{path} is not SVHN's: expected X (32 × 32 × 3 × N) and y (N × 1)")
    images, labels = arrays["X"].transpose(2, 0, 1, 3), arrays["y"].ravel()
    if images.dtype.kind not in "iuf" or not images.size or not np.isfinite(images).all():
        raise BadInput(f"{path}: X must be finite numbers, got {images.dtype} of shape {arrays['X'].shape}")
    if labels.dtype.kind == "f" and np.array_equal(labels, labels.round()):  # MATLAB's numbers are doubles
        labels = labels.astype(np.int64)
    if labels.dtype.kind in "iu" and labels.size and not 0 <= labels.min() <= labels.max() <= DIGITS:
        raise BadInput(f"{path}: labels must be 1 to 9, and 10 for the digit 0, got {labels.min()} to {labels.max()}")
    return _samples(path, images.reshape(-1, images.shape[3]), labels % DIGITS, images.shape[:3])


def cifar10(path: Path) -> Samples:
    """A batch of CIFAR-10's binary version: per image a label and 3,072 bytes.

    Raises:
        BadInput: when it is damaged.
    """
    content = _content(path)
    if not content or len(content) % CIFAR_ROW:
        raise BadInput(f"{path} is no batch of CIFAR-10's binary version: expected a multiple of {CIFAR_ROW} bytes")
    rows = np.frombuffer(content, np.uint8).reshape(-1, CIFAR_ROW)
    return _samples(path, rows[:, 1:].T, rows[:, 0], (3, 32, 32))


def npz(path: Path) -> Samples:
    """X (N × …), one image a row, and y (N), labels from 0 on; pickles are refused.

    Images have a shape where X is N × rows × columns, or N × channels × rows × columns with one or three channels.

    Raises:
        BadInput: when an array is missing, holds something else, or does not fit.
    """
    from verify.measure import read_npz

    arrays = read_npz(path, "numpy.savez(file, X=X, y=y)")
    if not {"X", "y"} <= set(arrays):
        raise BadInput(f"{path} needs the arrays X (N × …) and y (N), has {', '.join(arrays) or 'none'}")
    X, y = arrays["X"], arrays["y"]
    if X.dtype.kind not in "iuf" or X.ndim < 2 or not X.size or not np.isfinite(X).all():
        raise BadInput(f"{path}: X must be N × … finite numbers, got {X.dtype} of shape {X.shape}")
    return _samples(path, X.reshape(len(X), -1).T, y, _shape(X), ten=False)


def _shape(X: Array) -> Shape | None:
    channels, *pixels = (1, *X.shape[1:]) if X.ndim == 3 else X.shape[1:]
    return (channels, pixels[0], pixels[1]) if channels in (1, 3) and len(pixels) == 2 else None


def _samples(path: Path, images: NDArray[Any], labels: NDArray[Any], shape: Shape | None, ten: bool = True) -> Samples:
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or len(labels) != images.shape[1]:
        raise BadInput(f"{path}: expected {images.shape[1]} integers as labels, got {labels.dtype} of {labels.shape}")
    if labels.min() < 0 or (ten and labels.max() > 9):
        raise BadInput(
            f"{path}: labels must be {'0 to 9' if ten else 'at least 0'}, got {labels.min()} to {labels.max()}"
        )
    present = np.unique(labels)
    if not ten and len(present) != labels.max() + 1:
        raise BadInput(f"{path}: labels must be 0 to K − 1, each there; got {len(present)} up to {labels.max()}")
    if len(present) < 2:
        raise BadInput(f"{path}: all labels are {present[0]}; collapse needs two classes")
    return Samples(images, labels.astype(np.int64), shape)


READERS: tuple[tuple[Callable[[Path, bytes], bool], Callable[[Path], Samples]], ...] = (
    (lambda path, head: head[:4] == IMAGES.to_bytes(4), mnist),
    (lambda path, head: head[:6] == b"MATLAB" or path.suffix == ".mat", svhn),
    (lambda path, head: head[:2] == b"PK" or path.suffix == ".npz", npz),
    (lambda path, head: path.suffix == ".bin", cifar10),
)
"""How a file is known by its path and first bytes, and what reads it."""

BATCHES = "data_batch_*.bin"
CIFAR_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
FOLDERS = ("train-images*", "train_32x32.mat", BATCHES)
"""Files of a folder that belong together."""
