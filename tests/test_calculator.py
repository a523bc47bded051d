"""The commands optimum and measure: answers, speed, what they import, and one sentence for unusable input."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from verify import calculator
from verify.errors import BadInput
from verify.measure import load_checkpoint
from verify.settings import parse_integers

app = typer.Typer(pretty_exceptions_enable=False)
app.command("optimum")(calculator.optimum)
app.command("measure")(calculator.measure)


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answer(*arguments):
    return json.loads(run(*arguments, "--json", "-").output)


def test_the_example_of_the_design():
    data = answer("optimum", "--sizes", "200,100,50,50", "--depth", 3, "--decay", "1/2000")
    assert data["objective"] == "0.01221840037203504403790481821865"
    assert Fraction(data["radius"]) <= Fraction(1, 10**30)
    assert (data["trivial"], data["unique"], data["lower"], data["upper"]) == (False, True, None, None)


def test_decays_are_the_same_number_however_they_are_written():
    first = answer("optimum", "--sizes", "5,2*3", "--depth", 2, "--decay", "0.0005")
    second = answer(
        "optimum", "--sizes", "5,3,3", "--depth", 2, "--weight-decays", "5e-4,1/2000", "--feature-decay", "1/2000"
    )
    assert first == second


@pytest.mark.parametrize(("convention", "decay"), [("1/(2NK)", "1/160"), ("sum", "12/80")])
def test_conventions_agree_after_conversion(convention, decay):
    theory = answer("optimum", "--sizes", "6,6" if convention != "sum" else "6,4,2", "--decay", "1/80", "--depth", 2)
    sizes, factor = ("6,6", Fraction(1, 2)) if convention != "sum" else ("6,4,2", Fraction(12))
    own = answer("optimum", "--sizes", sizes, "--decay", decay, "--depth", 2, "--convention", convention)
    assert float(own["objective"]) == pytest.approx(float(theory["objective"]) * float(factor), rel=1e-14)
    assert own["weights_gram"] == theory["weights_gram"]


def test_output_for_people(tmp_path):
    target = tmp_path / "out.json"
    text = run("optimum", "--sizes", "4*100", "--decay", "1/2000", "--widths", 2, "--json", target).output
    assert "Not unique" in text
    assert "objective" in text
    assert json.loads(target.read_text())["unique"] is False
    assert "Zero is the only minimiser" in run("optimum", "--sizes", "3,2", "--decay", 9).output
    assert "Extension" in run("optimum", "--sizes", "3,2", "--decay", "1/90", "--bias", "last-layer").output


BAD = [
    ("--sizes 3,0,2 --decay 1", '"0"'),
    ("--sizes 3,-3 --decay 1", '"-3"'),
    ("--sizes many --decay 1", '"many"'),
    ("--sizes 3,,2 --decay 1", '""'),
    (f"--sizes {10**400} --decay 1", "10^15"),
    ("--sizes 999999*3 --decay 1", "at most"),
    ("--sizes 3 --decay 0", "positive"),
    ("--sizes 3 --decay 1/0", "zero denominator"),
    ("--sizes 3 --decay 0.0005x", "0.0005x"),
    ("--sizes 3 --decay 1e-999999999", "digits"),
    ("--sizes 3 --decay=-1/2", "positive"),
    ("--sizes 3 --decay nan", "nan"),
    ("--sizes 3 --decay 1,2", "one number"),
    ("--sizes 3 --decay 1 --depth 0", "--depth"),
    ("--sizes 3 --decay 1 --depth 1000000000", "--depth"),
    ("--sizes 3 --decay 1 --depth 3 --widths 2,2", "--widths"),
    ("--sizes 3 --decay 1 --widths 0", "--widths"),
    ("--sizes 3", "--decay"),
    ("--sizes 3 --decay 1 --feature-decay 1", "--decay"),
    ("--sizes 3 --weight-decays 1", "--feature-decay"),
    ("--sizes 3 --depth 3 --weight-decays 1,1 --feature-decay 1", "--weight-decays"),
    ("--sizes 3 --decay 1 --loss hinge", "--loss"),
    ("--sizes 3 --decay 1 --activation relu6", "--activation"),
    ("--sizes 3 --decay 1 --bias all", "--bias"),
    ("--sizes 3 --decay 1 --convention mean", "--convention"),
    ("--sizes 3000*3 --decay 1 --dense", "--dense"),
    ("--sizes 3 --decay 1 --json /no/such/folder/x", "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "mention"), BAD)
def test_bad_settings_are_one_clear_sentence(arguments, mention):
    with pytest.raises(BadInput) as caught:
        run("optimum", *arguments.split())
    assert mention in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_many_different_sizes_with_a_bias_are_refused():
    with pytest.raises(BadInput, match="different class sizes"):
        run("optimum", "--sizes", ",".join(map(str, range(1, 2500))), "--decay", 1, "--bias", "last-layer")


def test_sizes_may_be_repeated():
    assert parse_integers("2*7, 1", "--sizes") == (7, 7, 1)


SCRIPT = """
import json, sys
from verify.calculator import optimum
optimum(sizes=sys.argv[1], depth=3, decay="1/20000000", bias=sys.argv[2], json="-")
heavy = {"torch", "cvxpy", "sympy", "flint", "scipy", "mpmath"} & set(sys.modules)
print(sorted(heavy), "numpy" in sys.modules, file=sys.stderr)
"""


def processor_seconds(sizes, bias):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", SCRIPT, sizes, bias]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


@pytest.mark.parametrize("bias", ["none", "last-layer"])
@pytest.mark.parametrize("sizes", ["1000*100", ",".join(map(str, range(1, 1001)))], ids=["equal", "different"])
def test_a_thousand_classes_are_quick_and_need_nothing_heavy(sizes, bias):
    # Time of the processor, the best of three: a busy machine slows even that.
    times = [processor_seconds(sizes, bias) for _ in range(3)]
    assert min(seconds for seconds, _ in times) < 2
    done = times[0][1]
    mixed = bias != "none" and "*" not in sizes
    assert done.stderr.strip() == f"[] {mixed}"
    data = json.loads(done.stdout)
    assert len(data["classes"]) == 1000
    assert Fraction(data["radius"]) < Fraction(1, 10**14)


def exact_checkpoint(sizes=(6, 4, 2), depth=2, decay="1/80", bias=False, shuffle=False, seed=0):
    """A minimiser made from the predicted singular values, with rotated hidden layers, as an .npz dictionary."""
    m = UnconstrainedFeatures(class_sizes=sizes, depth=depth, decays=decay, bias="last-layer" if bias else "none")
    best, rng = optimum(m), np.random.default_rng(seed)
    centre = np.eye(m.N) - (np.ones((m.N, m.N)) / m.N if bias else 0)
    Y = np.repeat(np.eye(m.K), sizes, axis=1)
    left, mu, right = np.linalg.svd(Y @ centre, full_matrices=False)
    z = np.array([float(mode.confidence) for mode in best.modes for _ in range(mode.multiplicity)])
    power = np.zeros(m.K)
    power[: len(z)] = mu[: len(z)] ** 2 * z * (1 - z) / m.N
    scale = np.sqrt(power / float(m.feature_decay))
    rotations = [np.linalg.qr(rng.normal(size=(m.K, m.K)))[0] for _ in range(depth)]
    H = rotations[0] @ np.diag(scale) @ right
    weights = [b @ np.diag(scale) @ a.T for a, b in zip(rotations, [*rotations[1:], left], strict=True)]
    labels = np.repeat(np.arange(m.K), sizes)
    order = rng.permutation(m.N) if shuffle else np.arange(m.N)
    arrays = {f"W_{i}": W for i, W in enumerate(weights, start=1)}
    arrays |= {"H": H[:, order], "y": labels[order], "decay": np.array(decay)}
    return arrays | ({"b": np.array(sizes) / m.N} if bias else {})


def save(tmp_path, arrays):
    np.savez(tmp_path / "head.npz", **arrays)
    return tmp_path / "head.npz"


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_exact_minimiser_measures_as_one(tmp_path, bias, depth):
    path = save(tmp_path, exact_checkpoint(depth=depth, bias=bias, shuffle=True))
    data = answer("measure", path)
    assert abs(data["difference"]) < 1e-14
    assert len(data["layers"]) == depth + 1
    assert all(layer["dang2023_nc1"] < 1e-20 for layer in data["layers"])
    assert all(layer[name] < 1e-12 for layer in data["layers"] for name in layer if "2" not in name and name != "layer")
    assert max(data["distances"].values()) < 1e-12
    assert max(data["dang2023_nc2_weights"], data["dang2023_nc3"]) < 1e-12
    assert "difference" in run("measure", path).output


def test_a_wrong_scale_is_seen_though_published_metrics_are_blind_to_it(tmp_path):
    arrays = exact_checkpoint()
    data = answer("measure", save(tmp_path, arrays | {"H": 2 * arrays["H"]}))
    assert data["dang2023_nc3"] < 1e-12
    assert data["distances"]["logits"] == pytest.approx(0.5)
    assert data["layers"][0]["gram_distance"] == pytest.approx(0.75)
    assert data["difference"] > 0.01


def test_measured_loss_follows_the_convention(tmp_path):
    path = save(tmp_path, exact_checkpoint())
    data = answer("measure", path, "--decay", "12/80", "--convention", "sum")
    assert abs(data["difference"]) < 1e-13
    assert data["loss"] == pytest.approx(12 * answer("measure", path)["loss"])


def test_class_sizes_may_replace_labels_and_zero_weights_give_null(tmp_path):
    arrays = {"H": np.zeros((3, 5), np.float32), "W_1": np.zeros((2, 3)), "class_sizes": np.array([3, 2])}
    data = answer("measure", save(tmp_path, arrays), "--decay", "1/9")
    assert data["loss"] == 0.5
    assert data["dang2023_nc2_weights"] is None
    assert data["layers"][0]["dang2023_nc1"] is None


WRONG = [
    ({"H": None}, "H is missing"),
    ({"W_1": None}, "W_1 is missing"),
    ({"W_2": np.ones((3, 7))}, "W_2 has shape"),
    ({"W_1": np.ones(3)}, "must be a matrix"),
    ({"H": np.full((3, 12), np.nan)}, "nan"),
    ({"W_1": np.full((3, 3), np.inf)}, "infinity"),
    ({"H": np.zeros((3, 0))}, "empty"),
    ({"H": np.full((3, 12), "a")}, "real numbers"),
    ({"H": np.ones((3, 12), complex)}, "real numbers"),
    ({"H": np.array([[object()]])}, "pickled"),
    ({"y": None}, "either labels"),
    ({"class_sizes": np.array([6, 4, 2])}, "either labels"),
    ({"y": None, "class_sizes": np.array([6, 4, 3])}, "sum 12"),
    ({"y": np.zeros(11, int)}, "11 labels"),
    ({"y": np.full(12, 3)}, "label 3"),
    ({"y": np.full(12, -1)}, "non-negative"),
    ({"y": np.zeros(12, int)}, "class 1 has no sample"),
    ({"y": np.zeros(12)}, "non-negative integers"),
    ({"b": np.ones(2)}, "b has 2 entries"),
    ({"decay": np.array(0.0125)}, "text"),
    ({"decay": np.array("1/0")}, "zero denominator"),
    ({"decay": None}, "no decays"),
    ({"W_4": np.ones((3, 3))}, "W_4"),
    ({"H": np.full((3, 12), 1e300)}, "overflow"),
]


@pytest.mark.parametrize(("changes", "mention"), WRONG)
def test_unusable_files_are_one_clear_sentence(tmp_path, changes, mention):
    arrays = {name: value for name, value in (exact_checkpoint() | changes).items() if value is not None}
    with pytest.raises(BadInput, match=mention) as caught:
        run("measure", save(tmp_path, arrays))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY", b"hello"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"x\.npz"):
        load_checkpoint(tmp_path / "x.npz")


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        load_checkpoint(tmp_path / "nothing.npz")
    whole = save(tmp_path, exact_checkpoint()).read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:200] + bytes(60) + whole[260:]):
        (tmp_path / "damaged.npz").write_bytes(damaged)
        with pytest.raises(BadInput, match=r"damaged\.npz"):
            load_checkpoint(tmp_path / "damaged.npz")


def test_an_encrypted_file_and_a_folder_are_one_clear_sentence(tmp_path):
    path = save(tmp_path, exact_checkpoint())
    data = bytearray(path.read_bytes())
    for signature, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            data[place + flag] |= 1
            place = data.find(signature, place + 4)
    path.write_bytes(bytes(data))
    for unusable, mention in ((path, "encrypted"), (tmp_path, "is a folder")):
        with pytest.raises(BadInput, match=mention) as caught:
            run("measure", unusable, "--decay", "1/80")
        assert "\n" not in str(caught.value)
