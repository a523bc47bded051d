"""The descent engine reaches true minima, refutes claims that are too high, and never lets a wrong clause hold."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from theory.claims import (
    CriticalPoints,
    GlobalMinimum,
    Inequality,
    Minimisation,
    at_most,
    clause,
    equal,
    less,
)
from theory.model import UnconstrainedFeatures
from theory.ops import (
    constant,
    diagonal,
    frobenius_norm,
    identity,
    largest_root,
    ones,
    operator_norm,
    repeat_columns,
    sqrt,
    to_json,
    variable,
    zeros,
)
from theory.statement import Instance
from verify.checker import Rejected
from verify.engines import Settings
from verify.engines.descent import _excess, choose_device, examine
from verify.recheck import recheck
from verify.verdict import Unable

torch.set_num_threads(1)

SETTINGS = Settings(device="cpu")


def modes(model):
    """Weights of the modes, largest first: class sizes, or K − 1 times n with a bias."""
    if model.has_bias:
        return [model.class_sizes[0]] * (model.K - 1)
    return sorted(model.class_sizes, reverse=True)


def active(model, mu):
    bar = Fraction((model.M - 1) ** (model.M - 1), model.M ** (2 * model.M))
    return model.N ** (model.M + 1) * model.Lambda / Fraction(mu) ** model.M < bar


def logit(model, mu):
    """The largest root z of (1−z)^{M+1} z^{M−1} = N^{M+1} Λ / μ^M, through z = 1 − y (so that y is the smallest)."""
    M, q = model.M, model.N ** (model.M + 1) * model.Lambda / Fraction(mu) ** model.M
    if M == 1:
        return 1 - sqrt(q)
    coefficients = [Fraction(0)] * (2 * M + 1)
    for i, c in enumerate(binomial(M + 1)):
        coefficients[M - 1 + i] += c
    coefficients[0] -= q
    return root_below_one(coefficients, M)


def binomial(n):
    """Coefficients of (1 − z)ⁿ."""
    row = [Fraction(1)]
    for _ in range(n):
        row = [a - b for a, b in zip([*row, 0], [0, *row], strict=True)]
    return row


def root_below_one(coefficients, M):
    """The largest root below 1, as t/(1+t) of the largest root t: 1 is no root, and other roots beyond 1 vanish."""
    degree = 2 * M
    moved = [Fraction(0)] * (degree + 1)
    for i, c in enumerate(coefficients):
        power = [Fraction(1)]
        for _ in range(degree - i):
            power = [a + b for a, b in zip([*power, 0], [0, *power], strict=True)]
        for j, b in enumerate(power):
            moved[i + j] += c * b
    t = largest_root(moved)
    return t / (1 + t)


def value(model):
    """The closed form of the minimum."""
    total = constant(0)
    for i, mu in enumerate(modes(model)):
        part = Fraction(mu, 2 * model.N)
        if i < model.R and active(model, mu):
            z = logit(model, mu)
            total = total + part * (1 - z) * (1 + model.M * z)
        else:
            total = total + part
    return total


def run(claim, settings=SETTINGS):
    evidence = examine(Instance(claim), settings)
    return evidence, {f.clause: f for f in evidence.findings}


def model(sizes, depth=1, decay="1/100", **fields):
    return UnconstrainedFeatures(class_sizes=sizes, depth=depth, decays=decay, **fields)


PLAIN = model((3, 2, 1), 2, "1/50")
REACHABLE = [
    model((1,), 1),
    model((3, 2, 1), 1, "1/50"),
    model((3, 2, 1), 2, "1/50"),
    model((2, 2, 2), 3, "1/100", widths=(4, 3, 5)),
    model((2, 2), 6, "1/50"),
    model((2, 2, 2), 1, "1/50", bias="last-layer"),
    model((2, 2, 2), 3, "1/100", bias="last-layer"),
    model((5, 3, 2), 2, "1/100", widths=(2, 4)),
    model((4, 4, 4, 4), 3, "1/200", widths=(3, 2, 4)),
    model((3, 2, 1), 3, "2"),
    model((2, 2), 2, "3", bias="last-layer"),
    model((20, 10), 2, "1/500"),
    UnconstrainedFeatures(class_sizes=(4, 2), depth=2, weight_decays=("1/10", "1/1000"), feature_decay="1/20"),
]


@pytest.mark.parametrize("problem", REACHABLE, ids=str)
def test_the_true_minimum_is_reached_and_never_undercut(problem):
    evidence, findings = run(GlobalMinimum(problem, value(problem)))
    assert findings["value"].conclusion == "holds"
    assert findings["value"].assurance == "numerical"
    assert abs(evidence.numbers["difference"]) <= 1e-12 * evidence.numbers["claimed"]
    small = problem.N <= 16
    assert evidence.numbers["columns"] == ("all N" if small else "class means")
    assert evidence.uses == (() if small else ("class-mean reduction",))


@pytest.mark.parametrize(
    ("sizes", "depth", "decay", "bias"),
    [
        ((200, 100, 50, 50), 1, "5e-4", "none"),
        ((200, 100, 50, 50), 3, "5e-4", "none"),
        ((100,) * 4, 3, "5e-4", "last-layer"),
    ],
)
def test_configurations_of_the_paper(sizes, depth, decay, bias):
    problem = model(sizes, depth, decay, widths=64, bias=bias)
    evidence, findings = run(GlobalMinimum(problem, value(problem)))
    assert findings["value"].conclusion == "holds"
    assert abs(evidence.numbers["difference"]) <= 1e-12 * evidence.numbers["claimed"]


@pytest.mark.parametrize("problem", [PLAIN, model((20, 10), 2, "1/500"), model((2, 2), 2, "3", bias="last-layer")])
def test_a_value_too_high_is_refuted_with_an_exact_certificate(problem):
    claimed = value(problem) * Fraction(1_000_001, 1_000_000)
    evidence, findings = run(GlobalMinimum(problem, claimed))
    assert (findings["value"].conclusion, findings["value"].assurance) == ("refuted", "certified")
    (certificate,) = evidence.certificates
    assert UnconstrainedFeatures.from_json(certificate["claim"]["model"]) == problem
    assert "strictly below the claimed minimum" in recheck(certificate)
    certificate["claim"]["value"] = to_json(value(problem))
    with pytest.raises(Rejected):
        recheck(certificate)


@pytest.mark.parametrize("problem", [PLAIN, model((2, 2, 2), 1, "1/50", bias="last-layer")])
def test_a_value_too_low_is_not_reached(problem):
    gram = clause("anything", equal(problem.product, problem.product))
    claim = GlobalMinimum(problem, value(problem) * Fraction(999_999, 1_000_000), clauses=(gram,), unique=True)
    evidence, findings = run(claim)
    assert {f.conclusion for f in findings.values()} == {"undecided"}
    assert findings["value"].detail.startswith("not reached: best")
    assert not evidence.certificates


def frame(problem, scale=Fraction(1)):
    """Claims about a balanced bias-free model: the orthogonal frame, with the weights' Gram matrix scaled."""
    z = logit(problem, problem.class_sizes[0])
    P, means = problem.product, problem.mean_features
    return GlobalMinimum(
        problem,
        value(problem),
        clauses=(
            clause("NC1", equal(problem.features, repeat_columns(means, problem.class_sizes))),
            clause("logits", equal(P @ means, scale * z * identity(problem.K))),
        ),
        unique=True,
    )


BALANCED = model((2, 2, 2), 3, "1/100")


def test_the_frame_holds():
    _, findings = run(frame(BALANCED))
    assert {name: f.conclusion for name, f in findings.items()} == dict.fromkeys(
        ("value", "NC1", "logits", "uniqueness"), "holds"
    )


def test_a_scale_off_by_a_millionth_is_noticed():
    _, findings = run(frame(BALANCED, Fraction(1_000_001, 1_000_000)))
    assert findings["logits"].conclusion == "undecided"
    assert "candidate: relative deviation 1.0e-06" in findings["logits"].detail
    assert findings["NC1"].conclusion == "holds"


def test_a_simplex_in_place_of_an_orthogonal_frame_is_noticed():
    K, z = BALANCED.K, logit(BALANCED, 2)
    P = BALANCED.product @ BALANCED.mean_features
    wrong = clause("logits", equal(P, z * (identity(K) - ones(K, K) / K)))
    _, findings = run(GlobalMinimum(BALANCED, value(BALANCED), clauses=(wrong,)))
    assert findings["logits"].conclusion == "undecided"


def test_class_means_are_silent_about_nc1():
    wide = model((10, 10), 2, "1/500")
    _, findings = run(frame(wide))
    assert "NC1" not in findings
    assert findings["logits"].conclusion == "holds"


def test_the_bias_is_the_class_frequency():
    problem = model((2, 2, 2), 2, "1/100", bias="last-layer")
    right = clause("right", equal(problem.bias_vector, ones(3, 1) / 3))
    wrong = clause("wrong", equal(problem.bias_vector, ones(3, 1) / 4))
    _, findings = run(GlobalMinimum(problem, value(problem), clauses=(right, wrong)))
    assert findings["right"].conclusion == "holds"
    assert findings["wrong"].conclusion == "undecided"


def test_attained_sees_a_wrong_minimiser():
    problem = model((3, 2, 1), 3, "2")
    zero = {name: zeros(*v.shape) for name, v in problem.variables.items()}
    off = {**zero, "W_1": diagonal([Fraction(1, 100)], 3, 3)}
    assert run(GlobalMinimum(problem, constant(Fraction(1, 2)), (zero,)))[1]["attained"].conclusion == "holds"
    finding = run(GlobalMinimum(problem, constant(Fraction(1, 2)), (zero, off)))[1]["attained"]
    assert finding.conclusion == "undecided"
    assert "candidate" in finding.detail


def test_uniqueness_at_a_tied_bottleneck_fails():
    problem = model((2, 2, 2), 1, "1/50", widths=2)
    claim = GlobalMinimum(problem, value(problem), unique=True)
    assert run(claim)[1]["uniqueness"].conclusion == "undecided"
    assert run(replace(claim, unique=False))[1]["uniqueness"].conclusion == "holds"
    assert run(replace(frame(BALANCED), unique=False))[1]["uniqueness"].conclusion == "undecided"


def test_a_flat_minimum_is_measured_only_where_it_settled():
    """M = 1 exactly at the threshold: the objective is quartic at 0; the start at 0 settles, the others do not."""
    problem = UnconstrainedFeatures(class_sizes=(1, 1), depth=1, weight_decays="1/2", feature_decay="1/2")
    P = problem.product
    claim = GlobalMinimum(problem, constant(Fraction(1, 2)), clauses=(clause("zero", equal(P, zeros(2, 2))),))
    _, findings = run(claim)
    assert findings["value"].conclusion == "holds"
    assert findings["zero"].conclusion == "holds"


def scalar(objective, claimed, **fields):
    x = variable("x")
    return GlobalMinimum(Minimisation(objective(x), {"x": x}, frozenset({"x"})), constant(claimed), **fields)


def test_a_scalar_problem():
    x = variable("x")
    bound = clause("bound", at_most(1, x), equal(x, 1))
    evidence, findings = run(
        scalar(lambda x: (x - 1) ** 2 + 1, 1, minimisers=({"x": constant(1)},), clauses=(bound,), unique=True)
    )
    assert {f.conclusion for f in findings.values()} == {"holds"}
    assert set(findings) == {"value", "attained", "bound", "uniqueness"}
    assert evidence.numbers["columns"] == "all"


def test_the_constraint_of_a_scalar_problem_is_kept():
    claim = scalar(lambda x: (x + 1) ** 2, 1, minimisers=({"x": constant(0)},), unique=True)
    assert {f.conclusion for f in run(claim)[1].values()} == {"holds"}


def test_two_minimisers_of_a_scalar_problem():
    claim = scalar(lambda x: (x - 1) ** 2 * (x - 2) ** 2, 0, unique=False)
    assert {f.conclusion for f in run(claim)[1].values()} == {"holds"}
    assert run(replace(claim, unique=True))[1]["uniqueness"].conclusion == "undecided"


def test_a_minimiser_at_zero_is_unique_though_what_is_left_of_it_has_no_scale():
    """Endpoints at 1e-8 and 1e-9 are the same zero, where the objective is flat up to the fourth order."""
    claim = scalar(
        lambda x: (1 - x * x) ** 2 / 2 + x * x, Fraction(1, 2), minimisers=({"x": constant(0)},), unique=True
    )
    assert run(claim)[1]["uniqueness"].conclusion == "holds"


def test_a_flat_scalar_minimum_is_unique_still():
    """1/(1+x) + x is 1 + x² + … at its minimiser 0: quartic in √x, and tiny units must not look settled."""
    claim = scalar(lambda x: 1 / (1 + x) + x, 1, minimisers=({"x": constant(0)},), unique=True)
    assert {f.conclusion for f in run(claim)[1].values()} == {"holds"}


def test_a_minimiser_far_away_is_found():
    claim = scalar(lambda x: 1 / (1 + x) + Fraction(1, 10**12) * x, Fraction(2, 10**6) - Fraction(1, 10**12))
    assert run(claim)[1]["value"].conclusion == "holds"


def test_a_scalar_value_too_high_is_refuted():
    evidence, findings = run(scalar(lambda x: (x - 1) ** 2 + 1, Fraction(1_000_001, 1_000_000)))
    assert findings["value"].conclusion == "refuted"
    x = Fraction(evidence.certificates[0]["point"]["x"])
    assert x >= 0
    assert (x - 1) ** 2 + 1 < Fraction(1_000_001, 1_000_000)


def test_an_inequality_that_holds_and_is_tight():
    claim = Inequality(
        lambda X, Y: operator_norm(X @ Y), lambda X, Y: operator_norm(X) * operator_norm(Y), X=(2, 3), Y=(3, 2)
    )
    claim = replace(claim, tight=({"X": diagonal([1, 1], 2, 3), "Y": diagonal([2, 1], 3, 2)},))
    _, findings = run(claim)
    assert {f.conclusion for f in findings.values()} == {"holds"}


def test_an_inequality_is_refuted_by_a_rational_point():
    evidence, findings = run(Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(2, 2)))
    assert (findings["inequality"].conclusion, findings["inequality"].assurance) == ("refuted", "certified")
    X = [[Fraction(x) for x in row] for row in evidence.certificates[0]["point"]["X"]]
    assert X[0][0] * X[1][1] != X[0][1] * X[1][0]


def test_an_inequality_off_by_a_millionth_is_refuted():
    claim = Inequality(lambda x, y: Fraction(2_000_002, 10**6) * x * y, lambda x, y: x * x + y * y, x=(), y=())
    assert run(claim)[1]["inequality"].conclusion == "refuted"


def test_a_point_that_is_not_tight_is_noticed():
    claim = Inequality(lambda x, y: 2 * x * y, lambda x, y: x * x + y * y, x=(), y=())
    claim = replace(claim, tight=({"x": constant(1), "y": constant(Fraction(11, 10))},))
    _, findings = run(claim)
    assert findings["inequality"].conclusion == "holds"
    assert findings["tight"].conclusion == "undecided"


def test_balancedness_holds_at_saddles_too():
    problem = UnconstrainedFeatures(
        class_sizes=(3, 2), depth=2, widths=(2, 3), weight_decays=("1/20", "1/50"), feature_decay="1/30"
    )
    W_1, W_2 = problem.weights
    right = clause("right", equal((W_2.T @ W_2) / 50, (W_1 @ W_1.T) / 20))
    wrong = clause("wrong", equal((W_2.T @ W_2) / 20, (W_1 @ W_1.T) / 50))
    minima_only = clause("at minima only", less(0, problem.product[0, 0]))
    evidence, findings = run(CriticalPoints(problem, (right, wrong, minima_only)))
    assert findings["right"].conclusion == "holds"
    assert findings["wrong"].conclusion == "undecided"
    assert findings["at minima only"].conclusion == "undecided"
    assert evidence.numbers["levels"] >= 2


def test_relations_have_their_meaning():
    one, two = torch.tensor([[1.0]], dtype=torch.float64), torch.tensor([[2.0]], dtype=torch.float64)
    nothing = torch.zeros(1, 1, dtype=torch.float64)
    assert _excess("≤", one, two, 0.0) == 0.0
    assert _excess("≤", two, one, 0.0) == 0.5
    assert _excess("=", one, two, 0.0) == 0.5
    assert _excess("<", one, two, 0.0) == 0.0
    assert _excess("<", one, one, 0.0) == torch.inf
    assert _excess("=", nothing + 1e-16, nothing, 1e-12) == 0.0
    assert _excess("=", nothing + torch.nan, nothing, 1e-12) == torch.inf


def test_the_same_seed_gives_the_same_evidence():
    claim = GlobalMinimum(PLAIN, value(PLAIN))
    first, second = (examine(Instance(claim), SETTINGS) for _ in range(2))
    assert first.numbers == second.numbers
    assert first.numbers["seed"] == 0
    assert examine(Instance(claim), Settings(device="cpu", seed=5)).numbers["seed"] == 5


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_said():
    with pytest.raises(Unable, match="no CUDA device"):
        examine(Instance(GlobalMinimum(PLAIN, value(PLAIN))), Settings(device="cuda"))
    assert choose_device("auto").type == "cpu"
