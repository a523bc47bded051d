"""Wide linear layers: descent in the ranges takes the steps of descent from the projected start in all entries."""

import pytest
import torch

from theory.model import UnconstrainedFeatures
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import lbfgs
from verify.methods.ranges import Ranges, minimise_in_ranges
from verify.methods.searches import ModelSearch

MODELS = [
    UnconstrainedFeatures(class_sizes=(3, 2, 3), depth=3, widths=(9, 2, 7), decays="1/50", bias="last-layer"),
    UnconstrainedFeatures(class_sizes=(2, 1), depth=2, widths=8, weight_decays=("1/10", "1/90"), feature_decay="1/20"),
    UnconstrainedFeatures(class_sizes=(4, 2, 1), depth=1, widths=12, decays="1/900", loss="ce"),
]


@pytest.fixture(params=MODELS, ids=str)
def places(request):
    wide = LayeredModel(request.param, collapsed=True)
    x = wide.gaussian_starts(torch.linspace(0.5, 2.0, 6, dtype=torch.float64), torch.Generator().manual_seed(1))
    return wide, x, *Ranges.at(wide, x)


def test_the_projection_keeps_outputs_and_lowers_the_objective(places):
    wide, x, ranges, z = places
    projected = ranges.points(z)
    before, after, narrow = (k.value_and_gradient(p)[0] for k, p in ((wide, x), (wide, projected), (ranges.narrow, z)))
    assert (after < before).all()
    assert torch.allclose(narrow, after, rtol=1e-13, atol=0)
    fits = [value - wide.kappa / 2 * (wide._penalised(p) ** 2).sum(1) for value, p in ((before, x), (after, projected))]
    assert torch.allclose(*fits, rtol=1e-10, atol=0)
    assert torch.allclose(ranges.points(Ranges.at(wide, projected)[1]).norm(dim=1), projected.norm(dim=1))


def test_gradients_and_steps_are_those_of_the_wide_model(places):
    wide, _, ranges, z = places
    gradient = wide.value_and_gradient(ranges.points(z))[1]
    assert torch.allclose(ranges.points(ranges.narrow.value_and_gradient(z)[1]), gradient, rtol=0, atol=1e-13)
    narrow, same = lbfgs(ranges.narrow, z, 8), lbfgs(wide, ranges.points(z), 8)
    assert torch.allclose(ranges.points(narrow), same, rtol=0, atol=1e-9)


def test_a_wide_search_says_what_it_uses_and_ends_at_critical_points():
    model = UnconstrainedFeatures(class_sizes=(20, 10), depth=3, widths=40, decays="1/500")
    search = ModelSearch(model, torch.device("cpu"))
    assert search.uses == ("class-mean reduction", "range reduction")
    ends = minimise_in_ranges(search.objective, search.starts(4, torch.Generator().manual_seed(0)), 300)
    values, gradients = search.objective.value_and_gradient(ends.points)
    assert torch.allclose(values, ends.values, rtol=1e-13, atol=0)
    best = ends.values <= ends.values.min() * (1 + 1e-9)
    assert gradients[best].norm(dim=1).max() < 1e-12
    assert (
        ModelSearch(MODELS[0].with_(activation="relu", widths=60, bias="none"), torch.device("cpu")).narrowed is False
    )


@pytest.mark.parametrize("change", [{"activation": "relu"}, {"sign": "nonnegative"}], ids=str)
def test_the_reduction_is_refused_where_it_does_not_hold(change):
    model = UnconstrainedFeatures(class_sizes=(20, 10), depth=3, widths=40, decays="1/500").with_(**change)
    search = ModelSearch(model, torch.device("cpu"))
    starts = search.starts(2, torch.Generator().manual_seed(0))
    assert not search.narrowed
    with pytest.raises(ValueError, match="linear layers and free features"):
        Ranges.at(search.objective, starts)
    ends = search.minimise(starts, 30)
    assert torch.allclose(search.objective.value_and_gradient(ends.points)[0], ends.values, rtol=1e-12, atol=0)
