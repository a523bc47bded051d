"""Somebody's own weights and features, held against the optimum of their setting."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from theory.closed_form.optimum import Optimum, convention_factor, optimum, radius
from theory.metrics import (
    Array,
    class_means,
    dang2023_nc1,
    dang2023_nc2_features,
    dang2023_nc2_weights,
    dang2023_nc3,
    relative_distance,
    relative_spectrum_distance,
)
from theory.model import UnconstrainedFeatures
from verify.errors import BadInput

MAX_CLASSES = 2000
"""Most classes that are measured: the predicted matrices are dense (K × K)."""


@dataclass(frozen=True)
class Checkpoint:
    """Arrays of one network head: features (d_1 × N), weights W_1 … W_M, labels (N), maybe a bias (K) and decays.

    ``decays`` holds the texts of ``decay``, ``weight_decays`` (joined by commas) and ``feature_decay`` in the file.
    """

    features: np.ndarray
    weights: tuple[Array, ...]
    labels: np.ndarray
    bias: Array | None
    decays: dict[str, str]

    @property
    def class_sizes(self) -> tuple[int, ...]:
        """n_1 … n_K."""
        return tuple(np.bincount(self.labels).tolist())

    @property
    def widths(self) -> tuple[int, ...]:
        """d_1 … d_M."""
        return tuple(W.shape[1] for W in self.weights)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read H, W_1 … W_M, optional b, and labels ``y`` or ``class_sizes``, from an ``.npz`` file; pickles are refused.

    Raises:
        BadInput: with one sentence that names the file, the array and what was expected.
    """
    arrays = read_npz(path, "numpy.savez(file, H=H, W_1=W_1, y=y)")
    try:
        return _checkpoint(arrays)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


LARGEST = 1e100
"""Entries beyond this are refused: products of them leave the range of a double."""


def read_npz(path: Path, written: str) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name; pickles are refused.

    Args:
        written: how to write such a file, for the message to whom has another.

    Raises:
        BadInput: for a file that is missing, of another format or damaged, and for entries beyond ``LARGEST``.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not an .npz file")
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise BadInput(f"{path} is not an .npz file; write one with {written}")
        with np.load(path, allow_pickle=False) as archive:
            return {name: _array(path, archive, name) for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, MemoryError, RuntimeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from None


def _array(path: Path, archive: Any, name: str) -> np.ndarray:
    try:
        value = archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise BadInput(f"{path}: {name} holds pickled objects, which are never opened; save numbers") from None
        raise
    if not isinstance(value, np.ndarray):
        raise BadInput(f"{path}: {name} is not an array in NumPy's format")
    if value.dtype.kind == "f" and bool((np.isfinite(value) & (np.abs(value.astype(np.longdouble)) > LARGEST)).any()):
        raise BadInput(f"{path}: {name} has entries beyond {LARGEST:.0e}, whose squares overflow")
    return value


def _checkpoint(arrays: dict[str, np.ndarray]) -> Checkpoint:
    features = _numbers(arrays, "H", 2)
    # Single precision stays: the cutoff of NC1 depends on it.
    features = features.astype(np.float32 if features.dtype in (np.float16, np.float32) else float)
    weights: list[Array] = []
    while f"W_{len(weights) + 1}" in arrays:
        weights.append(_numbers(arrays, f"W_{len(weights) + 1}", 2).astype(float))
    if not weights:
        raise BadInput("W_1 is missing; the file needs H, W_1 … W_M, and y or class_sizes")
    known = {"H", "b", "y", "class_sizes", "decay", "weight_decays", "feature_decay"}
    unknown = sorted(set(arrays) - known - {f"W_{m + 1}" for m in range(len(weights))})
    if unknown:
        raise BadInput(f"{unknown[0]} is not a known array; expected H, W_1 … W_M without gaps, b, y or class_sizes")
    width = features.shape[0]
    for m, W in enumerate(weights, start=1):
        if W.shape[1] != width:
            raise BadInput(f"W_{m} has shape {W.shape}, but what it acts on has {width} rows")
        width = W.shape[0]
    bias = _numbers(arrays, "b", None).astype(float).ravel() if "b" in arrays else None
    if bias is not None and len(bias) != width:
        raise BadInput(f"b has {len(bias)} entries for {width} classes")
    if width > MAX_CLASSES:
        raise BadInput(f"W_{len(weights)} has {width} rows; at most {MAX_CLASSES} classes are measured")
    labels = _labels(arrays, width, features.shape[1])
    return Checkpoint(features, tuple(weights), labels, bias, _decay_texts(arrays))


def _numbers(arrays: dict[str, np.ndarray], name: str, dimensions: int | None) -> np.ndarray:
    if name not in arrays:
        raise BadInput(f"{name} is missing; the file needs H, W_1 … W_M, and y or class_sizes")
    value = arrays[name]
    if value.dtype.kind not in "iuf":
        raise BadInput(f"{name} must hold real numbers, got the dtype {value.dtype}")
    if dimensions is not None and value.ndim != dimensions:
        raise BadInput(f"{name} must be a matrix, got the shape {value.shape}")
    if not value.size:
        raise BadInput(f"{name} is empty (shape {value.shape})")
    if not np.isfinite(value).all():
        raise BadInput(f"{name} holds nan or infinity")
    return value


def _labels(arrays: dict[str, np.ndarray], classes: int, samples: int) -> np.ndarray:
    if ("y" in arrays) == ("class_sizes" in arrays):
        raise BadInput("give either labels y (N integers) or class_sizes (for columns sorted by class)")
    name = "y" if "y" in arrays else "class_sizes"
    values = _numbers(arrays, name, None)
    if values.dtype.kind not in "iu" or values.ndim != 1 or values.min() < 0:
        raise BadInput(f"{name} must be a list of non-negative integers, got {values.dtype} of shape {values.shape}")
    if name == "class_sizes":
        if len(values) != classes or values.min() < 1 or sum(values.tolist()) != samples:
            raise BadInput(f"class_sizes must be {classes} positive integers with sum {samples}")
        return np.repeat(np.arange(classes), values)
    if len(values) != samples:
        raise BadInput(f"y has {len(values)} labels for {samples} columns of H")
    if values.max() >= classes:
        raise BadInput(
            f"y holds the label {values.max()}, but W_M has {classes} rows, so labels are 0 to {classes - 1}"
        )
    labels = values.astype(np.int64)
    missing = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
    if len(missing):
        raise BadInput(f"class {missing[0]} has no sample in y")
    return labels


def _decay_texts(arrays: dict[str, np.ndarray]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name in ("decay", "weight_decays", "feature_decay"):
        if name in arrays:
            if arrays[name].dtype.kind != "U":
                raise BadInput(f'{name} must be text such as "1/2000" (a float is not the decimal that was typed)')
            texts[name] = ",".join(arrays[name].ravel().tolist())
    return texts


@dataclass(frozen=True)
class Measurement:
    """Weights and features beside the optimum of their setting; objectives are in the user's convention.

    ``layers`` holds for l = 0 … M the metrics of W_l ⋯ W_1 H; ``distances`` are relative, to one minimiser;
    ``spectra`` compare singular values alone, which equally good rotated minimisers share.
    """

    best: Optimum
    convention: str
    loss: float
    layers: tuple[dict[str, float], ...]
    nc2_weights: float
    nc3: float
    distances: dict[str, float]
    spectra: dict[str, float]

    @property
    def scale(self) -> Fraction:
        """From the convention 1/(2N) to the user's."""
        return 1 / convention_factor(self.convention, self.best.model.class_sizes)

    @property
    def difference(self) -> float:
        """The loss minus the minimum, in floats."""
        return self.loss - float(self.best.objective * self.scale)

    def to_json(self) -> dict[str, Any]:
        """Plain data; a metric that is undefined (0/0) is null."""
        objective = self.best.objective * self.scale
        printed = objective.decimal(self.best.digits)
        return {
            "loss": self.loss,
            "objective": printed,
            "radius": radius(objective, Fraction(printed)),
            "difference": self.difference,
            "relative_difference": self.difference / float(objective) if objective.high else None,
            "trivial": self.best.trivial,
            "unique": self.best.unique,
            "note": self.best.note,
            "layers": [{name: _finite(value) for name, value in layer.items()} for layer in self.layers],
            "dang2023_nc2_weights": _finite(self.nc2_weights),
            "dang2023_nc3": _finite(self.nc3),
            "distances": self.distances,
            "spectrum_distances": self.spectra,
        }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def measure(checkpoint: Checkpoint, model: UnconstrainedFeatures, convention: str = "1/(2N)") -> Measurement:
    """Loss and metrics of a checkpoint beside the optimum of its model (decays in the convention 1/(2N)).

    Raises:
        BadInput: when numbers are beyond the range of floats.
    """
    try:
        with np.errstate(all="ignore"):
            found = _measure(checkpoint, model, convention)
    except (OverflowError, np.linalg.LinAlgError):
        raise BadInput("weights, features or decays are beyond the range of floating point") from None
    if not all(map(isfinite, (found.loss, *found.distances.values()))):
        raise BadInput("weights, features or decays are beyond the range of floating point")
    return found


def _measure(checkpoint: Checkpoint, model: UnconstrainedFeatures, convention: str) -> Measurement:
    best = optimum(model)
    K, labels = model.K, checkpoint.labels
    targets = {
        "logits": best.logits(dense=True).array(),
        "weights_gram": best.weights_gram(dense=True).array(),
    }
    bias = np.zeros(K) if checkpoint.bias is None else checkpoint.bias
    product = _chain(checkpoint.weights)
    means = class_means(checkpoint.features.astype(float), labels, K)
    outputs = product @ means
    found = {"logits": outputs + bias[:, None], "weights_gram": product @ product.T}
    layers: list[dict[str, float]] = []
    hidden: np.ndarray = checkpoint.features
    for layer in range(model.M + 1):
        if layer:
            hidden = checkpoint.weights[layer - 1].astype(hidden.dtype) @ hidden
        layers.append(_layer(hidden, labels, model, best.features_gram(dense=True, layer=layer).array(), layer))
    predicted_outputs = targets["logits"] - np.array([float(b) for b in best.bias or [0] * K])[:, None]
    return Measurement(
        best=best,
        convention=convention,
        loss=_loss(checkpoint, model, product, bias) / float(convention_factor(convention, model.class_sizes)),
        layers=tuple(layers),
        nc2_weights=dang2023_nc2_weights(product, targets["weights_gram"]),
        nc3=dang2023_nc3(product, means, predicted_outputs),
        distances={name: relative_distance(found[name], targets[name]) for name in found},
        spectra={name: relative_spectrum_distance(found[name], targets[name]) for name in found},
    )


def _layer(
    hidden: np.ndarray, labels: np.ndarray, model: UnconstrainedFeatures, target: Array, layer: int
) -> dict[str, float]:
    means = class_means(hidden.astype(float), labels, model.K)
    centre = means @ (np.array(model.class_sizes) / model.N) if model.has_bias else np.zeros(len(means))
    return {
        "layer": layer,
        "dang2023_nc1": dang2023_nc1(hidden, labels, model.K),
        "dang2023_nc2_features": dang2023_nc2_features(means - centre[:, None], target),
        "gram_distance": relative_distance(means.T @ means, target),
        "gram_spectrum_distance": relative_spectrum_distance(means.T @ means, target),
    }


def _loss(checkpoint: Checkpoint, model: UnconstrainedFeatures, product: Array, bias: Array) -> float:
    features = checkpoint.features.astype(float)
    residual = product @ features + bias[:, None]
    residual[checkpoint.labels, np.arange(model.N)] -= 1
    penalties = float(model.feature_decay) * (features**2).sum()
    penalties += sum(float(d) * (W**2).sum() for d, W in zip(model.weight_decays, checkpoint.weights, strict=True))
    return float((residual**2).sum() / (2 * model.N) + penalties / 2)


def _chain(weights: Sequence[Array]) -> Array:
    product = weights[0]
    for W in weights[1:]:
        product = W @ product
    return product
