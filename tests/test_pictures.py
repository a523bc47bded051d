"""Pictures: what is drawn and labelled is what was computed; files are the same each time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory import UnconstrainedFeatures, optimum
from theory.arithmetic.intervals import Interval
from theory.closed_form.modes import decay_threshold
from verify.cli import main
from verify.curvature.spectrum import Predicted, Spectrum
from verify.errors import BadInput
from verify.measure import Checkpoint, measure
from verify.notebooks import explore
from verify.pictures import (
    bounds_course,
    class_means,
    descent_runs,
    gram_matrices,
    heatmaps,
    jump,
    measured_metrics,
    nc_metrics,
    norms,
    phase_diagram,
    predicted_means,
    save,
    singular_values,
    spectral_density,
)
from verify.pictures.grams import grams, predicted
from verify.pictures.style import RULES, SERIES, cited

F = Fraction
PLAIN = UnconstrainedFeatures(class_sizes=(20, 8, 2), depth=2, decays="1/100")
ETF = UnconstrainedFeatures(class_sizes=(5,) * 4, decays="1/100", bias="last-layer")
SOFT = UnconstrainedFeatures(class_sizes=(5,) * 4, decays="1/100", loss="ce")


def images(figure: Any) -> list[Any]:
    return [axes.images[0] for axes in figure.axes if axes.images]


def drawn(axes: Any, label: str) -> tuple[list[float], list[float]]:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return list(map(float, line.get_xdata())), list(map(float, line.get_ydata()))


def words(figure: Any) -> str:
    """All text of a figure that is not on a scale."""
    from matplotlib.text import Text

    return "\n".join(found.get_text() for found in figure.findobj(Text))


# ------------------------------------------------------------------------------------------------------ Gram matrices


def test_predicted_matrices_stand_above_found_ones_on_one_scale() -> None:
    found = {"logits": 2 * np.eye(3), "features": -np.eye(3)}
    figure = gram_matrices(PLAIN, found, "trained")
    best = optimum(PLAIN)
    shown = [image.get_array().data for image in images(figure)]
    expected = [best.logits(), best.weights_gram(), best.features_gram()]
    for image, matrix in zip(shown[:3], expected, strict=True):
        np.testing.assert_array_equal(image, matrix.array())
    np.testing.assert_array_equal(shown[3], found["logits"])
    np.testing.assert_array_equal(shown[4], found["features"])
    scales = [image.get_clim() for image in images(figure)]
    assert scales[0] == scales[3] == (-2, 2)
    text = words(figure)
    assert "trained" in text
    assert "dang2023-deep-imbalanced" in text
    assert "class size $n_k$" in text
    assert "20, 8, 2" in text


def test_logits_are_drawn_without_the_bias() -> None:
    matrices, theorem = predicted(ETF)
    np.testing.assert_allclose(matrices["logits"].sum(axis=0), 0, atol=1e-14)  # of order one, in floats
    assert "Theorem 3.1 (a), last-layer bias" in theorem


def test_with_cross_entropy_the_simplex_has_the_scale_of_its_formula() -> None:
    matrices, _ = predicted(SOFT)
    c = (5 / 100**2) ** 0.5
    s = np.log(1 / c - 3)
    np.testing.assert_allclose(matrices["logits"], s * (np.eye(4) - 1 / 4), atol=1e-14)
    assert np.abs(matrices["logits"] - 1.001 * s * (np.eye(4) - 1 / 4)).max() > 1e-4
    balance = matrices["weights"] / matrices["features"]
    np.testing.assert_allclose(balance, 5, rtol=1e-12)  # λ_W PPᵀ = n λ_H H̄ᵀH̄


def test_features_that_may_not_be_negative_have_orthogonal_means() -> None:
    matrices, theorem = predicted(SOFT.with_(sign="nonnegative", class_sizes=(5, 3, 3)))
    assert "dang2024" in theorem
    np.testing.assert_allclose(matrices["features"], np.diag(np.diag(matrices["features"])), atol=1e-14)


@pytest.mark.parametrize("dpi", [110, 200])
def test_titles_of_two_rows_are_within_the_picture_and_names_do_not_overlap(dpi: int) -> None:
    sizes = (16, 9, 4, 1) if dpi == 110 else tuple(range(200, 80, -10))
    model = UnconstrainedFeatures(class_sizes=sizes, decays="1/10000")
    figure = gram_matrices(model, predicted(model)[0], "after 1000 steps")
    figure.set_dpi(dpi)
    figure.draw_without_rendering()
    for axes in (axes for axes in figure.axes if axes.images):
        assert axes.title.get_window_extent().y1 < figure.bbox.y1
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_numbers_stand_in_few_cells_and_names_at_few_classes() -> None:
    few, many = (gram_matrices(PLAIN.with_(class_sizes=(2,) * K, widths=K)) for K in (3, 30))
    assert len(few.axes[0].texts) == 9
    assert not many.axes[0].texts
    assert not many.axes[0].get_xticks().tolist()


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: gram_matrices(PLAIN, {"logits": np.eye(2)}), r"found\['logits'\] must be 3 × 3, got \(2, 2\)"),
        (lambda: gram_matrices(PLAIN, {"gram": np.eye(3)}), "found must have names among logits"),
        (lambda: gram_matrices(SOFT.with_(depth=2, widths=4)), "no closed form of the Gram matrices is proved here"),
        (lambda: gram_matrices(PLAIN.with_(class_sizes=(1,) * 2001, widths=1)), "at most 2000 classes"),
        (lambda: heatmaps({}), "at least one matrix"),
        (lambda: class_means(np.eye(3), ["1", "2"]), "a column for each of 2 names"),
        (lambda: singular_values({"a": [np.eye(2)], "b": []}), "one matrix for each layer"),
        (lambda: bounds_course([]), "at least one checkpoint"),
        (lambda: descent_runs([0, 1], np.ones((1, 3)), Interval.exact(1)), "a column for each of 2 steps"),
        (lambda: nc_metrics([0, 1], {"NC1": [1.0]}), "NC1 needs 2 numbers"),
        (lambda: nc_metrics([0], {"NC1": [-1.0]}), "at least 0"),
        (lambda: norms(ETF), "without a bias"),
        (lambda: spectral_density([]), "at least one spectrum"),
        (lambda: explore(lambda depth=3: None, width=[1]), "width is not a parameter"),
        (lambda: explore(lambda depth=3: None, depth=[1]), "must be among its values, got 3"),
    ],
)
def test_what_cannot_be_drawn_is_said(draw: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        draw()


def test_grams_multiply_from_the_features_up() -> None:
    first, second = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [3.0, 1.0]])
    found = grams([first, second], np.eye(2))
    np.testing.assert_array_equal(found["logits"], second @ first)
    np.testing.assert_array_equal(found["features"], np.eye(2))


# -------------------------------------------------------------------------------------------------------- class means


def test_means_in_three_directions_keep_lengths_and_angles() -> None:
    means = np.random.default_rng(0).normal(size=(7, 3))
    figure = class_means(means, ["a", "b", "c"], means, np.arange(3))
    (axes,) = figure.axes
    ends = np.array([np.ravel(line.get_data_3d()) for line in axes.lines if line.get_label() in "abc"]).T
    np.testing.assert_allclose(ends.T @ ends, means.T @ means, rtol=1e-12)
    assert sum(line.get_marker() == "." for line in axes.lines) == 3


def test_a_class_outside_the_three_directions_is_said_to_be() -> None:
    (axes,) = class_means(np.diag([1.0, 2.0, 3.0, 4.0]), list("abcd")).axes
    assert list(axes.get_legend_handles_labels()[1]) == ["a, 0% of its length", "b", "c", "d"]
    assert axes.get_xlabel() == "direction 1 (53%)"


def test_predicted_means_have_the_predicted_gram_matrix() -> None:
    (axes,) = predicted_means(ETF).axes
    ends = np.array([np.ravel(line.get_data_3d()) for line in axes.lines if line.get_label() in "1234"]).T
    np.testing.assert_allclose(ends.T @ ends, optimum(ETF).features_gram().array(), atol=1e-12)


# ------------------------------------------------------------------------------------------- thresholds and the decay


@pytest.mark.parametrize("size", [20, 8, 2])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_class_is_zero_on_one_side_of_the_drawn_threshold(size: int, depth: int) -> None:
    figure = phase_diagram(PLAIN.class_sizes, (1, 2, 5))
    depths, decays = drawn(figure.axes[0], f"threshold of n = {size}")
    threshold = F(decays[depths.index(depth)])
    index = PLAIN.class_sizes.index(size)
    for factor, active in ((1 - F(1, 10**9), True), (1 + F(1, 10**9), False)):  # 12 digits are enclosed
        gains = optimum(PLAIN.with_(depth=depth, widths=3, decays=threshold * factor)).gains().by_class()
        assert (float(gains[index]) > 0) == active


def test_regions_lie_between_the_thresholds() -> None:
    figure = phase_diagram((20, 8, 2, 2), (2, 3))
    (axes,) = figure.axes
    _, top = drawn(axes, "threshold of n = 20")
    bars = [bar for bar in axes.patches if bar.get_x() < 2]
    assert len(bars) == 4
    assert bars[-1].get_y() == pytest.approx(top[0])
    labels = axes.get_legend_handles_labels()[1]
    regions = [f"{count} of 4 classes not zero" for count in (4, 2, 1)]
    assert [label for label in labels if "zero" in label] == [*regions, "all zero"]
    assert len({(bar.get_hatch(), bar.get_facecolor()) for bar in bars}) == 4


@pytest.mark.parametrize(("depth", "end"), [(1, 0.0), (2, 1 / 2), (5, 4 / 5)])
def test_the_jump_ends_at_its_height_and_follows_the_optimum(depth: int, end: float) -> None:
    (axes,) = jump((1, 2, 5), points=8).axes
    x, z = next(drawn(axes, str(line.get_label())) for line in axes.lines if f"M = {depth}," in str(line.get_label()))
    assert z[-1] == pytest.approx(end)
    model = UnconstrainedFeatures(class_sizes=(3, 3), depth=depth, decays=1)
    threshold = decay_threshold((3, 3), 3, depth, 20).middle
    gains = [float(optimum(model.with_(decays=threshold * F(share))).gains().diagonal[0]) for share in x[:-1]]
    assert z[:-1] == pytest.approx(gains)


def test_norms_along_the_decay_are_the_optimum_s_and_stop_where_a_class_is_zero() -> None:
    decays = [F(1, 1000), F(1, 30), F(1, 5)]
    figure = norms(PLAIN, decays)
    for size, gram in enumerate((0, 1, 2)):
        best = [optimum(PLAIN.with_(decays=decay)) for decay in decays]
        _, means = drawn(figure.axes[0], f"n = {PLAIN.class_sizes[size]}")
        squared = [float(one.features_gram().by_class()[gram]) for one in best]
        np.testing.assert_allclose(means, [x**0.5 if x else np.nan for x in squared])
    assert np.isnan(drawn(figure.axes[0], "n = 2")[1]).sum() == 2
    assert figure.axes[0].get_xlabel() == "decay λ, the same for all factors"


# ------------------------------------------------------------------------------------------------- measured quantities


MANY = tuple(range(100, 60, -1))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: norms(UnconstrainedFeatures(class_sizes=MANY, decays=1), [F(1, 10**4), F(1, 500)]),
        lambda: phase_diagram(MANY, range(1, 4)),
        lambda: phase_diagram((20, 5), range(1, 41)),
        lambda: predicted_means(UnconstrainedFeatures(class_sizes=MANY, decays="1/10000")),
    ],
)
@pytest.mark.filterwarnings("error")
def test_many_classes_or_depths_leave_room_for_the_data(draw: Callable[[], Any]) -> None:
    figure = draw()
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert figure.bbox.y0 <= box.y0
    assert box.y1 <= figure.bbox.y1
    for axes in figure.axes:
        assert axes.bbox.x1 < box.x0
        assert axes.bbox.width > figure.bbox.width / 4
        ticks = [tick.get_window_extent() for tick in axes.get_xticklabels() if tick.get_text()]
        assert axes.name == "3d" or all(left.x1 < right.x0 for left, right in pairwise(ticks))


def test_a_legend_says_how_many_it_leaves_out() -> None:
    figure = predicted_means(UnconstrainedFeatures(class_sizes=MANY, decays="1/10000"))
    assert figure.legends[0].get_texts()[-1].get_text() == "and 28 more"
    named = [text.get_text() for text in phase_diagram(MANY, (1, 2)).legends[0].get_texts()]
    assert named.count("and 30 more") == 1  # of 40 thresholds
    assert named.count("and 31 more") == 1  # of 41 regions


def test_singular_values_are_those_of_each_layer() -> None:
    one, two = [np.diag([3.0, 1.0]), np.ones((2, 2))], [np.eye(2), np.zeros((2, 2))]
    figure = singular_values({"one": one, "two": two}, ["first", "second"])
    assert [axes.get_title() for axes in figure.axes] == ["first", "second"]
    assert drawn(figure.axes[0], "one") == ([1, 2], [3, 1])
    assert drawn(figure.axes[1], "one")[1] == pytest.approx([2, 0], abs=1e-15)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_runs_are_drawn_against_the_enclosure() -> None:
    enclosure = Interval(F(1, 10), F(1, 10) + F(1, 10**30))
    figure = descent_runs([0, 5, 10], np.array([[0.5, 0.2, 0.1], [0.5, 0.3, 0.25]]), enclosure)
    left, right = figure.axes
    assert drawn(left, "run 1") == ([0, 5, 10], [0.5, 0.2, 0.1])
    assert right.lines[0].get_ydata().tolist() == pytest.approx([0.4, 0.1, 1e-17])
    assert "within 1e-30" in words(figure)


def test_a_band_is_not_called_the_minimum() -> None:
    figure = descent_runs([0, 5], np.array([[0.5, 0.2]]), Interval(F(1, 10), F(3, 10)), levels={"collapse": 0.3})
    left, right = figure.axes
    (band,), (same,) = left.patches, right.patches
    assert same.get_extents().transformed(right.transData.inverted()).intervaly.tolist() == pytest.approx([0.1, 0.3])
    assert band.get_extents().transformed(left.transData.inverted()).intervaly.tolist() == pytest.approx([0.1, 0.3])
    named = [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]
    assert named == ["collapse", "run 1", "the minimum is in this certified band, 2e-01 wide"]
    figure.draw_without_rendering()
    assert all(figure.legends[0].get_window_extent().x0 > axes.bbox.x1 for axes in figure.axes)


def test_levels_are_drawn_where_runs_end() -> None:
    figure = descent_runs([0, 5], np.array([[9.0, 0.8]]), Interval(F(0), F(1)), levels={"collapse": 1.0})
    left, right = figure.axes
    assert drawn(right, "collapse")[1] == [1.0, 1.0]
    assert right.get_ylim() == pytest.approx((0.75, 1.05))
    assert left.lines[0].get_ydata().tolist() == right.lines[0].get_ydata().tolist() == [9.0, 0.8]


def spectrum(measured: list[float]) -> Spectrum:
    predictions = (Predicted("bulk", Interval.exact(1), 2), Predicted("outliers", Interval.exact(4), 1))
    return Spectrum("layer 1", "data term", "collapse", 9, predictions, "", np.array(measured), 1e-15)


def test_densities_count_what_is_positive_and_draw_what_is_predicted() -> None:
    figure = spectral_density([spectrum([4.0, 1.0, 1.0, 0.0, -1e-3])])
    (axes,) = figure.axes
    assert sum(bar.get_height() for bar in axes.patches) == 3
    assert "2 of them at most 0" in axes.get_title()
    assert "5 of 9 eigenvalues" in axes.get_title()
    lines = {str(line.get_label()): line.get_xdata()[0] for line in axes.lines}
    assert lines == {"bulk, 2×": 1.0, "outliers, 1×": 4.0}
    assert axes.get_legend().get_title().get_text() == "predicted"


def test_bars_are_wider_than_lines_however_far_another_panel_reaches() -> None:
    figure = spectral_density([spectrum([4.0, 1.0, 1.0]), spectrum([4.0, 1.0, 1e-9])])
    figure.draw_without_rendering()
    for axes in figure.axes:
        for bar in axes.patches:
            left, right = axes.transData.transform([[bar.get_x(), 1], [bar.get_x() + bar.get_width(), 1]])[:, 0]
            assert (right - left) * 72 / figure.dpi > 2 * max(line.get_linewidth() for line in axes.lines)


@pytest.mark.parametrize(("measured", "said"), [([0.0, 0.0], "are 0"), ([0.0, -1.0], "are negative or 0")])
def test_a_panel_without_a_positive_eigenvalue_says_so(measured: list[float], said: str) -> None:
    at_zero = Spectrum("layer 1", "data term", "zero", 2, (), "nothing is predicted", np.array(measured), 0.0)
    figure = spectral_density([at_zero])
    assert f"all measured eigenvalues {said}" in words(figure)
    assert not figure.axes[0].patches
    assert not len(figure.axes[0].get_xticks())


@pytest.mark.parametrize(
    ("decay", "further", "said"),
    [
        ("1/100", [], "garrod2024-layer-hessian"),
        ("1/100", ["--regularised"], "garrod2024-layer-hessian-ridge"),
        ("1/100", ["--descent", "1", "--over-time"], "garrod2024-gradient-alignment"),
        ("1", [], ""),
    ],
)
def test_a_picture_of_spectra_names_the_setting_and_cites_what_it_predicts(
    decay: str, further: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr("verify.pictures.save", lambda figure, *_: kept.append(figure))
    arguments = ["spectrum", "--sizes", "2*3", "--depth", "2", "--decay", decay, *further]
    assert main([*arguments, "--plot", str(tmp_path / "a.png")]) == 0
    below = kept[0].get_supxlabel().replace("\n", " ")
    assert below.startswith(f"n = 2×3, M = 2, d = 2×2, λ = {decay}.")
    assert said in below
    assert ("Predicted" in below) == bool(said)


def test_a_long_source_is_broken_into_lines_that_fit() -> None:
    figure = heatmaps({"": {"A": np.eye(2)}}, source="word " * 60)
    figure.draw_without_rendering()
    (note,) = [text for text in figure.texts if text.get_text().startswith("word")]
    assert note.get_window_extent().x1 < figure.bbox.x1


def test_metrics_of_a_checkpoint_by_layer() -> None:
    rng = np.random.default_rng(0)
    weights = tuple(rng.normal(size=(3, 3)) for _ in range(2))
    labels = np.repeat([0, 1, 2], [4, 2, 1])
    checkpoint = Checkpoint(rng.normal(size=(3, 7)), weights, labels, None, {})
    found = measure(checkpoint, PLAIN.with_(class_sizes=(4, 2, 1)))
    (axes,) = measured_metrics(found).axes
    layers, nc1 = drawn(axes, "NC1 (Dang et al. 2023)")
    assert layers == [0, 1, 2]
    assert nc1 == pytest.approx([layer["dang2023_nc1"] for layer in found.layers])


def test_metrics_below_rounding_are_marked_and_missing_ones_left_out() -> None:
    (axes,) = nc_metrics([1, 2], {"NC1": [float("nan"), 0.0]}, "epoch").axes
    assert "below: rounding" in [text.get_text() for text in axes.texts]
    assert axes.get_xlabel() == "epoch"
    assert np.isnan(drawn(axes, "NC1")[1][0])


# -------------------------------------------------------------------------------------------------------- style, files


def test_series_differ_in_colour_marker_and_line() -> None:
    for field in ("color", "marker", "line"):
        assert len({getattr(one, field) for one in SERIES}) == len(SERIES)
    assert min(RULES["font.size"], RULES["xtick.labelsize"]) >= 8


def test_every_source_that_is_cited_is_a_statement() -> None:
    with pytest.raises(KeyError):
        cited("dang2023-nothing")


@pytest.mark.parametrize("suffix", ["svg", "png", "SVG"])
def test_equal_figures_are_equal_files_without_a_date(suffix: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    for path in (first, second):
        save(phase_diagram((3, 1), (1, 2)), path)
    content = first.read_bytes()
    assert content == second.read_bytes()
    assert b"dc:date" not in content
    assert content.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.pdf", "ends in .svg or .png, got"),
        ("a", "ends in .svg or .png, got"),
        ("none/a.svg", "cannot be written (there is no folder"),
        ("folder.svg", "cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_sentence(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(BadInput) as error:
        save(jump((1,), 2), tmp_path / name)
    assert said in str(error.value)


def test_settings_of_others_are_neither_used_nor_changed() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30}):
        assert jump((1,), 2).axes[0].xaxis.label.get_size() == 9
        assert mpl.rcParams["font.size"] == 30


def test_neither_a_display_nor_pyplot_is_needed() -> None:
    code = (
        "import sys, verify.pictures as p, verify.pictures.files; assert 'matplotlib' not in sys.modules;"
        "p.jump((1,), 2); p.class_means([[1.0]], ['a']); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sizes", "20,8,2", "--depth", "2", "--decay", "1/100"],
        ["--sizes", "4*5", "--decay", "1/100", "--loss", "ce"],
    ],
)
def test_the_optimum_is_drawn(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "found.svg"
    assert main(["optimum", *arguments, "--plot", str(path)]) == 0
    assert path.read_text().startswith("<?xml")
    assert "at zero" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--plot", "a.pdf"], "--plot needs a file that ends in .svg or .png, got a.pdf"),
        (["--plot", "no/a.svg"], "--plot: no/a.svg cannot be written (there is no folder no)"),
        (["--plot", "a.svg", "--activation", "relu"], "--plot: no closed form of the Gram matrices is proved here"),
        (["--plot", "a.svg", "--loss", "ce"], "--plot: no closed form of the Gram matrices is proved here"),
    ],
)
def test_a_picture_that_there_is_not(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["optimum", "--sizes", "4*5", "--depth", "2", "--decay", "1/100", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("*.svg"))
