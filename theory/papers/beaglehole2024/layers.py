"""Sections 6 and 7: where NC1 falls in a layer, in trained networks too, and the experiment with Deep RFM."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from theory.claims import Clause, Experiment, Identity, at_most, clause, equal, less
from theory.ops import Expression, class_means, identity, matrix, repeat_columns, sum_squares, variable
from theory.papers.beaglehole2024.setting import integers, inverse, plus, scaled, source, times
from theory.statement import Expected, theorem

F = Fraction


def rotation(size: int, seed: int) -> Expression:
    """(I − S)(I + S)⁻¹ for a drawn skew-symmetric S, rational and orthogonal (Cayley)."""
    half = integers(size, size, seed)
    skew = [[(half[i][j] if i < j else -half[j][i] if j < i else F(0)) / 3 for j in range(size)] for i in range(size)]
    return matrix(times(plus(scaled(skew, F(-1)), F(1)), inverse(plus(skew, F(1)))))


def within_and_between(X: Expression, sizes: tuple[int, ...]) -> tuple[Expression, Expression]:
    """tr Σ_W and tr Σ_B."""
    means, K = class_means(X, sizes), len(sizes)
    centred = means - repeat_columns(class_means(means, (K,)), (K,))
    return sum_squares(X - repeat_columns(means, sizes)) / sum(sizes), sum_squares(centred) / K


@theorem(
    "beaglehole2024-svd-nc1",
    source=source("section 6, NC1 after S Vᵀ and after W"),
    hypotheses={"K ≥ 2": lambda sizes, **_: len(sizes) >= 2},
    sizes=st.sampled_from(((2, 2), (3, 1, 2), (1, 4), (2, 2, 2))),
    d=st.integers(2, 4),
    seed=st.integers(0, 50),
    witness={"sizes": (3, 1, 2), "d": 3, "seed": 0},
    wrong={"after Vᵀ": {"values": False}, "U not orthogonal": {"turn": False}},
)
def svd_nc1(sizes: tuple[int, ...], d: int, seed: int, values: bool = True, turn: bool = True) -> Identity:
    """tr Σ_W/tr Σ_B is the same after S Vᵀ and after W = U S Vᵀ: the split of a layer into W and its non-linearity."""
    X, U, V = matrix(integers(d, sum(sizes), seed)), rotation(d, seed + 1), rotation(d, seed + 2)
    S = matrix([[F(i + 1) * (i == j) for j in range(d)] for i in range(d)])
    W = (U if turn else matrix(integers(d, d, seed + 3))) @ S @ V.T
    (a, b), (w, v) = (within_and_between(Z, sizes) for Z in ((S if values else identity(d)) @ V.T @ X, W @ X))
    return Identity(
        (
            clause("orthogonal", *(equal(Q.T @ Q, identity(d)) for Q in (U, V))),
            clause("NC1", equal(a * v, w * b)),
        )
    )


SHARE, CORRELATION = F(13, 20), F(4, 5)
"""What is claimed of S Vᵀ's share in the fall of log NC1, and of the mean correlation of WᵀW with AGOP^{1/2}."""

NETWORKS: dict[str, Any] = {
    "expected": Expected("holds", "numerical", "what a program measures is numerical"),
    "hypotheses": {"the gain is below 1": lambda gain, **_: gain < 1},
    "gain": st.just(F(2, 5)),
    "witness": {"gain": F(2, 5)},
}


def networks(gain: Fraction, clauses: Sequence[Clause]) -> Experiment:
    """The same clauses of two networks, from starts of this gain and of gain 1, in the quick and the full version.

    In the full one, of gain 3/10, it is five ReLU layers of width 128 on 1,438 digits.
    """
    long = {"samples": 1797, "width": 128, "layers": 5, "epochs": 300, "batch": 128, "gains": (F(3, 10), F(1))}
    short = {"samples": 300, "width": 48, "layers": 4, "epochs": 100, "batch": 60, "gains": (gain, F(1))}
    given = tuple(clauses)
    return Experiment("feature ansatz", short, given, Experiment("feature ansatz", long, given))


@theorem(
    "beaglehole2024-exp-svd-split",
    source=source("section 6, on digits", X="the thresholds"),
    wrong={
        "from a usual start, too": {"usual": True},
        "the non-linearity does most": {"share": F(1, 3), "turned": True},
    },
    **NETWORKS,
)
def exp_svd_split(gain: Fraction, share: Fraction = SHARE, usual: bool = False, turned: bool = False) -> Experiment:
    """From small weights, S Vᵀ rather than φ(U ·) lowers NC1: by 65% of the fall of log NC1 over all layers, and more.

    The network fits 98% of its samples, NC1 falls to a twentieth or less, and the share is larger by a tenth than from
    weights of gain 1. Quick: four ReLU layers of width 48 on 240 digits, where six seeds gave shares of .71 to .77, and
    .43 to .55 from gain 1. In the full version three gave .79 to .88, and .59 to .62. The paper has MNIST and CIFAR-10.
    """
    small, large = variable("linear_share_1"), variable("linear_share_2")
    own = large if usual else small
    return networks(
        gain,
        (
            clause("fit", at_most(F(49, 50), variable("accuracy_1")), at_most(F(49, 50), variable("accuracy_2"))),
            clause("collapse", at_most(variable("nc1_last_1"), variable("nc1_first_1") / 20)),
            clause("share", at_most(own, share) if turned else at_most(share, own)),
            clause("more than from a usual start", at_most(large + F(1, 10), small)),
        ),
    )


@theorem(
    "beaglehole2024-exp-nfa",
    source=source("Ansatz 3.1 and section 6, on digits", X="the thresholds"),
    wrong={
        "from a usual start, too": {"start": 2},
        "a correlation of 99%": {"least": F(99, 100)},
    },
    **NETWORKS,
)
def exp_nfa(gain: Fraction, least: Fraction = CORRELATION, start: int = 1) -> Experiment:
    """The entries of WᵀW and AGOP^{1/2} are correlated to 0.8 in the mean over layers, more so than before training.

    By a fiftieth, from small weights: before training, when both have large diagonals and the AGOP is a mean of
    matrices Wᵀ(⋯)W, it is .86 to .89 in the quick version (six seeds) and .84 in the full one, whatever the gain; then
    .92 to .93, and .88. From gain 1 training does not raise it: .86 to .88 and .78. So the numbers alone say less of
    the ansatz than they seem to. The networks are those of ``beaglehole2024-exp-svd-split``.
    """
    after, before = variable(f"correlation_{start}"), variable(f"correlation_start_{start}")
    return networks(
        gain,
        (
            clause("correlation", at_most(least, after), at_most(F(7, 10), variable(f"correlation_least_{start}"))),
            clause("rises", at_most(before + F(1, 50), after)),
        ),
    )


@theorem(
    "beaglehole2024-exp-deep-rfm",
    source=source("section 7, on digits", X="the thresholds"),
    expected=Expected("holds", "numerical", "what a program measures is numerical"),
    kernel=st.sampled_from(("laplace", "gaussian")),
    witness={"kernel": "laplace"},
    wrong={
        "linear features collapse too": {"linear": True},
        "it collapses without the AGOP": {"plain": True},
        "the feature map lowers NC1": {"backwards": True},
    },
)
def exp_deep_rfm(kernel: str, linear: bool = False, plain: bool = False, backwards: bool = False) -> Experiment:
    """NC1 falls exponentially with the layer, through M^{1/2}; without the AGOP, or with a linear map, it does not.

    On 200 of scikit-learn's digits, with width 256 and 8 layers; with ``--full`` on all 1,797, with width 1024 and 20
    layers (Gaussian: 8, after which rounding rules). From layer to layer NC1 of the input falls to 3/5 or less in the
    mean, and to 4/5 at most (in quick runs from six seeds to .52; with all digits and the Gaussian kernel to .75 at the
    first); M^{1/2} lowers it and Φ raises it. In the end of the controls, which have the same samples, it is more than
    a twentieth of what it was. The paper's images were not at hand.
    """

    def run(samples: int, width: int, depth: int, full: Experiment | None = None) -> Experiment:
        fall = F(3, 5) ** (depth - 1)
        first, last = variable("first"), variable("last")
        phi = at_most(variable("largest_through_map"), 1) if backwards else less(1, variable("least_through_map"))
        lasting = {
            name: at_most(last, first / 20) if control else at_most(first / 20, last)
            for name, control, first, last in (
                ("no AGOP", plain, variable("plain_first"), variable("plain_last")),
                ("linear map", linear, variable("linear_first"), variable("linear_last")),
            )
        }
        clauses = (
            clause("collapse", at_most(last, fall * first), at_most(variable("largest_factor"), F(4, 5))),
            clause("through M^{1/2}", less(variable("largest_through_agop"), 1), phi),
            *(clause(name, relation) for name, relation in lasting.items()),
        )
        settings = {"samples": samples, "width": width, "depth": depth, "kernel": kernel}
        return Experiment("deep rfm", settings, clauses, full)

    return run(200, 256, 8, run(1797, 1024, 20 if kernel == "laplace" else 8))
