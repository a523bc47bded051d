"""The optimisers find known minima and saddles, and the kernels are the model's own objective and derivatives."""

import pytest
import torch

from theory.arithmetic.floats import Floats
from theory.model import UnconstrainedFeatures
from theory.reductions import class_mean_objective
from verify.methods import minimise as descents
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import (
    Formula,
    Layout,
    conjugate_gradients,
    critical_points,
    dense_hessian,
    lbfgs,
    minimise,
    newton,
)

torch.set_num_threads(1)

MODELS = [
    UnconstrainedFeatures(class_sizes=(2, 1), depth=1, widths=3, decays="1/10"),
    UnconstrainedFeatures(class_sizes=(3, 2, 3), depth=3, widths=(4, 2, 3), decays="1/50", bias="last-layer"),
    UnconstrainedFeatures(
        class_sizes=(5, 1), depth=2, widths=(1, 3), weight_decays=("1/10", "1/1000"), feature_decay="3"
    ),
    UnconstrainedFeatures(class_sizes=(1,), depth=6, widths=2, decays="1/7", bias="last-layer"),
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def rosenbrock(x):
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


@pytest.mark.parametrize("collapsed", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_kernel_is_the_formula(model, collapsed):
    kernel = LayeredModel(model, collapsed)
    x, v = random(5, kernel.layout.size), random(5, kernel.layout.size, seed=1)
    formula, floats = (class_mean_objective(model) if collapsed else model.objective), Floats()
    tree = Formula(lambda x: floats.evaluate(formula, kernel.factors(x)))
    value, gradient = kernel.value_and_gradient(x)
    expected_value, expected_gradient = tree.value_and_gradient(x)
    torch.testing.assert_close(value, expected_value, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(kernel.hessian(x)(v), tree.hessian(x)(v), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(kernel.point(kernel.factors(x)), x, rtol=1e-14, atol=1e-14)


def test_class_means_are_the_objective_at_collapsed_features():
    model = MODELS[1]
    reduced, full = LayeredModel(model, True), LayeredModel(model, False)
    x = random(3, reduced.layout.size)
    factors = reduced.factors(x)
    factors["H"] = torch.repeat_interleave(factors.pop("M"), torch.tensor(model.class_sizes), dim=-1)
    values = reduced.value_and_gradient(x)[0], full.value_and_gradient(full.point(factors))[0]
    torch.testing.assert_close(*values, rtol=1e-13, atol=0)


def test_chained_starts_point_to_the_labels():
    model = UnconstrainedFeatures(class_sizes=(2, 2, 2), depth=4, widths=(3, 5, 4, 3), decays="1/50")
    kernel = LayeredModel(model, False)
    factors = kernel.factors(kernel.chained_starts(torch.tensor([1.0, 1.0, 1.0]), [3, 1, 0], generator()))
    logits = torch.linalg.multi_dot([factors[f"W_{m}"][0] for m in (4, 3, 2, 1)] + [factors["H"][0]])
    torch.testing.assert_close(logits, kernel.target, rtol=1e-12, atol=1e-12)
    assert torch.linalg.matrix_rank(factors["H"]).tolist() == [3, 1, 0]


def test_lbfgs_minimises_rosenbrock_from_many_starts():
    ends = minimise(Formula(rosenbrock), 2 * random(20, 6), iterations=400)
    assert float(ends.values.min()) < 1e-25
    best = ends.points[ends.values.argmin()]
    torch.testing.assert_close(best, torch.ones(6, dtype=torch.float64), rtol=1e-11, atol=0)
    lowest = ends.values < 1
    assert bool((ends.gradients[lowest] < 1e-9).all())


def test_newton_finishes_what_is_ill_conditioned():
    """At condition 1e6 L-BFGS alone takes thousands of iterations (SciPy's as well)."""
    scales = 10 ** torch.linspace(-3, 3, 30, dtype=torch.float64)
    objective = Formula(lambda x: (scales * (x - 1) ** 2).sum(1) / 2)
    ends = minimise(objective, random(4, 30), iterations=200, near=torch.inf)
    torch.testing.assert_close(ends.points, torch.ones(4, 30, dtype=torch.float64), rtol=1e-9, atol=0)


def test_restarts_do_not_depend_on_their_neighbours():
    start = 2 * random(6, 4)
    together = lbfgs(Formula(rosenbrock), start, iterations=60)
    alone = torch.cat([lbfgs(Formula(rosenbrock), start[i : i + 1], iterations=60) for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-6)


def test_a_restart_that_is_not_finite_harms_no_other():
    start = torch.stack([torch.full((4,), 1e200, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)])
    ends = minimise(Formula(rosenbrock), start, iterations=200)
    assert float(ends.values[1]) < 1e-25


def test_newton_is_quadratic_with_a_null_space():
    """A circle of minima: the step along it is damped, across it Newton converges at once."""
    ends = newton(Formula(lambda x: ((x * x).sum(1) - 1) ** 2), torch.tensor([[0.9, 0.3]], dtype=torch.float64))
    assert float(ends.gradients) < 1e-14
    assert float(ends.distances) < 1e-8


def test_a_flat_minimum_does_not_settle():
    ends = newton(Formula(lambda x: (x**4).sum(1)), torch.full((1, 2), 0.01, dtype=torch.float64))
    assert float(ends.values) < 1e-20
    assert float(ends.distances) > 1e-8


def test_what_is_flat_below_the_damping_does_not_settle():
    """At 2e-5 the curvature of x⁴ is 5e-9, that of the damping, and the gradient 3e-14; a circle is no hindrance."""

    def valley(x):
        return x[:, 0] ** 4 + (x[:, 1] ** 2 + x[:, 2] ** 2 - 1) ** 2

    ends = newton(Formula(valley), torch.tensor([[2e-5, 0.6, 0.8], [0.0, 0.6, 0.8]], dtype=torch.float64))
    assert float(ends.gradients.max()) < 1e-14
    assert float(ends.distances[0]) > 1e-7  # ten times what counts as settled
    assert float(ends.distances[1]) < 1e-12


def test_newton_leaves_a_saddle():
    objective = Formula(lambda x: (x[:, 0] ** 2 - 1) ** 2 + x[:, 1] ** 2)
    ends = newton(objective, torch.tensor([[1e-3, 0.5]], dtype=torch.float64), iterations=50)
    assert float(ends.values) < 1e-25


def test_conjugate_gradients_solve_each_restart():
    matrix = random(3, 8, 8)
    matrix = matrix @ matrix.mT + torch.eye(8, dtype=torch.float64)
    right = random(3, 8, seed=2)
    solution, curvature = conjugate_gradients(
        lambda v: (matrix @ v[:, :, None])[:, :, 0], right, 50, torch.full((3,), 1e-13, dtype=torch.float64)
    )
    torch.testing.assert_close((matrix @ solution[:, :, None])[:, :, 0], right, rtol=1e-9, atol=1e-9)
    assert bool((curvature <= torch.linalg.eigvalsh(matrix)[:, -1] * (1 + 1e-12)).all())


def test_critical_points_find_saddles_and_maxima():
    objective = Formula(lambda x: ((x * x - 1) ** 2).sum(1))
    ends = critical_points(objective, 1.5 * random(200, 2))
    found = ends.gradients < 1e-11
    levels = sorted(set(torch.round(ends.values[found], decimals=6).tolist()))
    assert levels == [0.0, 1.0, 2.0]


def test_dense_hessian_is_symmetric_and_right():
    kernel = LayeredModel(MODELS[1], True)
    x = random(2, kernel.layout.size)
    H = dense_hessian(kernel, x)
    v = random(2, kernel.layout.size, seed=3)
    torch.testing.assert_close(H, H.mT, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close((H @ v[:, :, None])[:, :, 0], kernel.hessian(x)(v), rtol=1e-10, atol=1e-10)


def test_wide_critical_points_use_products_only(monkeypatch):
    monkeypatch.setattr("verify.methods.minimise.DENSE", 0)
    kernel = LayeredModel(MODELS[0], True)
    ends = critical_points(kernel, random(6, kernel.layout.size))
    assert float(ends.gradients.min()) < 1e-11


def test_chunks_change_nothing(monkeypatch):
    start = random(7, 4)
    whole = minimise(Formula(rosenbrock), start, iterations=300)
    monkeypatch.setattr("verify.methods.minimise.MEMORY", 300)
    parts = minimise(Formula(rosenbrock), start, iterations=300)
    torch.testing.assert_close(whole.values, parts.values, rtol=0, atol=1e-9)


def test_hessians_of_a_chunk_fit_the_memory(monkeypatch):
    """Newton's last step holds some matrices a restart, much more than L-BFGS has vectors."""
    sizes = []
    newton = descents.newton
    monkeypatch.setattr(descents, "newton", lambda f, x: sizes.append(len(x)) or newton(f, x))
    monkeypatch.setattr(descents, "MEMORY", 5 * descents.MATRICES * 4**2)
    minimise(Formula(rosenbrock), random(17, 4), iterations=300, near=torch.inf)
    assert max(sizes) <= 5
    assert sum(sizes) == 17


def test_layout_round_trip():
    layout = Layout({"X": (2, 3), "t": (), "b": (2, 1)})
    x = random(4, layout.size)
    assert torch.equal(layout.join(list(layout.split(x).values())), x)
    assert layout.split(x[:0])["X"].shape == (0, 2, 3)
    assert layout.join(list(layout.split(x[:0]).values())).shape == (0, 9)
