"""Images that a user has: small files in exactly the published formats, and what is said of damaged ones."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from verify.cli import main
from verify.empirical.data import CIFAR_ROW, digits, read, split
from verify.errors import BadInput

N = 20
LABELS = np.arange(N, dtype=np.uint8) % 10
draw = np.random.default_rng(0)
GREY = draw.integers(0, 256, (N, 4, 5), dtype=np.uint8)
COLOURED = draw.integers(0, 256, (N, 3, 32, 32), dtype=np.uint8)


def idx(array: np.ndarray, magic: int | None = None) -> bytes:
    """An IDX file of unsigned bytes: big-endian, the magic number, the shape, the bytes."""
    first = 0x800 + array.ndim if magic is None else magic
    return struct.pack(f">I{array.ndim}I", first, *array.shape) + array.tobytes()


def mnist(folder: Path, compressed: bool = False) -> Path:
    for name, content in (("train-images-idx3-ubyte", idx(GREY)), ("train-labels-idx1-ubyte", idx(LABELS))):
        end, data = (".gz", gzip.compress(content)) if compressed else ("", content)
        (folder / f"{name}{end}").write_bytes(data)
    return folder / ("train-images-idx3-ubyte" + (".gz" if compressed else ""))


def svhn(folder: Path, **other: Any) -> Path:
    path = folder / "train_32x32.mat"
    y = np.where(LABELS == 0, 10, LABELS)[:, None]
    savemat(path, {"X": COLOURED.transpose(2, 3, 1, 0), "y": y} | other)
    return path


def cifar10(folder: Path, name: str = "data_batch_1.bin") -> Path:
    rows = np.hstack([LABELS[:, None], COLOURED.reshape(N, -1)])
    assert rows.shape == (N, CIFAR_ROW)
    (folder / name).write_bytes(rows.tobytes())
    return folder / name


def npz(folder: Path, **other: Any) -> Path:
    np.savez(folder / "mine.npz", **({"X": GREY, "y": LABELS} | other))
    return folder / "mine.npz"


@pytest.mark.parametrize(
    ("make", "images", "shape"),
    [
        (mnist, GREY, (1, 4, 5)),
        (lambda folder: mnist(folder, compressed=True), GREY, (1, 4, 5)),
        (svhn, COLOURED, (3, 32, 32)),
        (cifar10, COLOURED, (3, 32, 32)),
        (npz, GREY, (1, 4, 5)),
        (lambda folder: npz(folder, X=COLOURED), COLOURED, (3, 32, 32)),
        (lambda folder: npz(folder, X=COLOURED.transpose(0, 2, 3, 1)), COLOURED.transpose(0, 2, 3, 1), None),
        (lambda folder: npz(folder, X=GREY.reshape(N, -1)), GREY, None),
    ],
)
def test_files_are_read(
    make: Callable[[Path], Path], images: np.ndarray, shape: tuple[int, int, int] | None, tmp_path: Path
) -> None:
    found = read(str(make(tmp_path)))
    assert np.array_equal(found.images, images.reshape(N, -1).T)
    assert np.array_equal(found.labels, LABELS)
    assert found.classes == 10
    assert found.shape == shape


def test_a_folder_is_read_with_all_its_batches(tmp_path: Path) -> None:
    cifar10(tmp_path, "test_batch.bin")
    for number in (1, 2, 4, 5):
        cifar10(tmp_path, f"data_batch_{number}.bin")
    with pytest.raises(BadInput, match=r"lacks data_batch_3\.bin of CIFAR-10; name one of the files to read it alone"):
        read(str(tmp_path))
    cifar10(tmp_path, "data_batch_3.bin")
    found = read(str(tmp_path))
    assert found.images.shape == (CIFAR_ROW - 1, 5 * N)
    assert np.array_equal(found.labels, np.tile(LABELS, 5))


def test_labels_of_matlab_may_be_doubles(tmp_path: Path) -> None:
    assert np.array_equal(read(str(svhn(tmp_path, y=np.where(LABELS == 0, 10.0, LABELS)[:, None]))).labels, LABELS)


@pytest.mark.parametrize("make", [mnist, svhn])
def test_a_folder_is_known_by_its_names(make: Callable[[Path], Path], tmp_path: Path) -> None:
    make(tmp_path)
    assert np.array_equal(read(str(tmp_path)).labels, LABELS)


def test_a_file_that_is_there_compressed_too_is_read_once(tmp_path: Path) -> None:
    mnist(tmp_path)
    mnist(tmp_path, compressed=True)
    assert len(read(str(tmp_path)).labels) == N


def written(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def with_labels(content: bytes | None) -> Callable[[Path], Path]:
    """MNIST's images with another file of labels, or none."""

    def make(folder: Path) -> Path:
        path = mnist(folder)
        labels = folder / "train-labels-idx1-ubyte"
        labels.unlink()
        if content is not None:
            labels.write_bytes(content)
        return path

    return make


def empty_mnist(folder: Path, shape: tuple[int, ...]) -> Path:
    path = mnist(folder)
    path.write_bytes(idx(np.zeros(shape, np.uint8)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[: shape[0]]))
    return path


def two_sizes(folder: Path) -> Path:
    for name, images in (("a", GREY), ("b", GREY[:, 1:])):
        (folder / f"train-images-{name}").write_bytes(idx(images))
        (folder / f"train-labels-{name}").write_bytes(idx(LABELS))
    return folder


def cut(make: Callable[[Path], Path], kept: int) -> Callable[[Path], Path]:
    def damaged(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(path.read_bytes()[:kept])
        return path

    return damaged


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing there": (lambda folder: folder / "no.mat", "there is no such file; expected digits, or MNIST's IDX files"),
    "an empty folder": (lambda folder: folder, "has none of train-images*, train_32x32.mat, data_batch_*.bin"),
    "an empty file": (written("a", b""), "is of no known format; expected MNIST's IDX files, SVHN's train_32x32.mat"),
    "CIFAR-10 for Python": (written("data_batch_1", b"\x80\x02}q"), "CIFAR-10's binary version, or an .npz file"),
    "labels in place of images": (with_labels(None), "its labels are not beside it; expected a file train-labels-idx1"),
    "images as labels": (with_labels(idx(GREY)), "is no IDX file of labels: expected the first bytes 0x00000801"),
    "fewer labels": (with_labels(idx(LABELS[:5])), "has 5 labels for the 20 images of train-images-idx3-ubyte"),
    "a wrong label": (with_labels(idx(LABELS + 1)), "labels must be 0 to 9, got 1 to 10"),
    "images cut off": (cut(mnist, 100), "has 100 bytes; images of shape (20, 4, 5) take 416"),
    "only a head": (cut(mnist, 10), "cannot be read: it is damaged, or cut off"),
    "compressed and cut off": (cut(lambda f: mnist(f, compressed=True), 60), "it is damaged, or cut off"),
    "MATLAB cut off": (cut(svhn, 3000), "cannot be read as a MATLAB file: it is damaged, or cut off"),
    "no MATLAB": (written("a.mat", b"nothing"), "cannot be read as a MATLAB file"),
    "SVHN's first format": (lambda f: svhn(f, X=GREY), "is not SVHN's: expected X (32 × 32 × 3 × N) and y (N × 1)"),
    "SVHN with other labels": (lambda f: svhn(f, y=LABELS[:3]), "expected 20 integers as labels"),
    "SVHN labelled with floats": (lambda f: svhn(f, y=LABELS / 2), "expected 20 integers as labels, got float64"),
    "SVHN with labels beyond 10": (lambda f: svhn(f, y=LABELS[:, None] + 10), "must be 1 to 9, and 10 for the digit 0"),
    "SVHN with nan": (lambda f: svhn(f, X=np.full((32, 32, 3, N), np.nan)), "X must be finite numbers, got float64"),
    "SVHN without images": (lambda f: svhn(f, X=np.zeros((32, 32, 3, 0))), "X must be finite numbers, got float64"),
    "no images": (lambda f: empty_mnist(f, (0, 4, 5)), "has no images, or none with a pixel"),
    "no pixels": (lambda f: empty_mnist(f, (N, 0, 5)), "has no images, or none with a pixel"),
    "images of two sizes": (lambda f: two_sizes(f), "images of train-images-a, train-images-b are of different sizes"),
    "CIFAR-10 cut off": (cut(cifar10, 5000), "expected a multiple of 3073 bytes"),
    "CIFAR-100": (written("train.bin", bytes([11]) * 2 * CIFAR_ROW), "labels must be 0 to 9, got 11 to 11"),
    "pickles": (lambda f: npz(f, X=np.array([{}])), "X holds pickled objects, which are never opened"),
    "no X": (written("a.npz", b"PK nothing"), "is not an .npz file; write one with numpy.savez(file, X=X, y=y)"),
    "X with nan": (lambda f: npz(f, X=np.full((N, 2), np.nan)), "X must be N × … finite numbers"),
    "a gap in labels": (lambda f: npz(f, y=2 * LABELS), "labels must be 0 to K − 1, each there; got 10 up to 18"),
    "one class": (lambda f: npz(f, y=0 * LABELS), "all labels are 0; collapse needs two classes"),
    "labels of text": (lambda f: npz(f, y=LABELS.astype(str)), "expected 20 integers as labels, got <U3"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_file_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, said = BAD[name]
    path = make(tmp_path)
    assert main(["rfm", "--data", str(path), "--samples", "20"]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert tmp_path.name in err
    assert len(err.splitlines()) == 1
    assert not out


def test_deep_rfm_runs_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    X = np.vstack([GREY] * 3)
    path = npz(tmp_path, X=X, y=np.arange(60) % 2)
    assert main(["rfm", "--data", str(path), "--samples", "60", "--width", "16", "--depth", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "1"


def test_samples_are_standardised_by_those_for_training() -> None:
    task = split(digits(), 500, seed=1)
    assert np.abs(task.train.mean(axis=1)).max() < 1e-12
    deviations = task.train.std(axis=1)
    assert np.all((np.abs(deviations - 1) < 1e-12) | (deviations == 0))
    assert (np.diff(task.labels) >= 0).all()
    assert np.array_equal(np.bincount(task.labels), task.sizes)
    again, other = (split(digits(), 500, seed) for seed in (1, 2))
    assert np.array_equal(task.train, again.train)
    assert not np.array_equal(task.train, other.train)


def test_a_folder_that_is_damaged_says_which_file(tmp_path: Path) -> None:
    for number in range(2, 6):
        cifar10(tmp_path, f"data_batch_{number}.bin")
    cut(cifar10, 5000)(tmp_path)
    with pytest.raises(BadInput, match=r"data_batch_1\.bin is no batch"):
        read(str(tmp_path))
