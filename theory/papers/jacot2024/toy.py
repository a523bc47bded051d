"""Gradient descent to its end on a small network: what Theorems 4.4 and 5.2 say of it, measured (statement 18)."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import Experiment, at_most, clause
from theory.ops import variable
from theory.papers.jacot2024.setting import source
from theory.statement import Expected, theorem

LINEAR = 3
"""L2."""


@theorem(
    "jacot2024-exp-toy",
    source=source("Theorems 4.4 and 5.2, a small network; own", "X"),
    expected=Expected("holds", "numerical", "what a program measures is numerical"),
    hypotheses={"λ > 0": lambda decay, **_: decay > 0},
    decay=st.just(Fraction(1, 5)),
    witness={"decay": Fraction(1, 5)},
    wrong={
        "balanced to 1e-9": {"most": Fraction(1, 10**9)},
        "imbalance does not depend on η": {"grows": False},
        "κ(W_L) is the square root": {"layers": LINEAR - 1},
    },
)
def exp_toy(
    decay: Fraction, most: Fraction = Fraction(1, 10**4), grows: bool = True, layers: int = LINEAR
) -> Experiment:
    """Descent on C_λ balances the linear layers up to ε2 ∝ η, and makes κ(W_L) the L2-th root of κ(W_{L:L1+1}).

    Widths 6-14-8-8-8-3, L1 = 2, L2 = 3, N = 12, smooth leaky ReLU with γ = .3, LeCun's start, ηλk = 9. With two steps η
    the ratio of both ε2 is that of both η up to a quarter, and (18), (20) and (21) hold for Z_{L−1} with ε1, ε2 and r
    as measured. Quick: λ = 1/5, η = 1/320 and 1/640, where eight seeds gave ratios of 1.84 to 2.12. Full: λ = 1/10, η =
    1/500 and 1/1000, ηλk = 10. At 1/250 one of six seeds is beyond the edge of stability: ε2 stays above a tenth. Seed
    0 ends at κ(W_L) = 1.453, 1.420 and 1.454 for λ = .1, .03 and .01.
    """

    def run(decay: Fraction, rates: tuple[Fraction, Fraction], time: int, full: Experiment | None = None) -> Experiment:
        first, second = variable("epsilon2_1"), variable("epsilon2_2")
        ratio = rates[0] / rates[1] if grows else Fraction(1)
        near, p = Fraction(1, 10**5), Fraction(1, layers)
        roots = [(variable(f"kappa_{i}"), variable(f"c3_{i}") ** p) for i in (1, 2)]
        clauses = (
            clause("balance", at_most(first, most), at_most(second, most)),
            clause("ε2 ∝ η", at_most(3 * ratio / 4 * second, first), at_most(first, 5 * ratio / 4 * second)),
            clause(
                "last layer", *(r for k, c in roots for r in (at_most(k, (1 + near) * c), at_most(c, (1 + near) * k)))
            ),
            clause("(18)", *(at_most(variable(f"nc1_ratio_{i}"), 1) for i in (1, 2))),
            clause("(20)", *(at_most(variable(f"nc2_ratio_{i}"), 1) for i in (1, 2))),
            clause("(21)", *(at_most(variable(f"nc3_bound_{i}"), variable(f"nc3_{i}")) for i in (1, 2))),
        )
        settings = {"widths": (6, 14, 8, 8, 8, 3), "nonlinear": 2, "gamma": Fraction(3, 10), "samples": 4}
        runs = tuple((decay, rate) for rate in rates)
        return Experiment("pyramid descent", {**settings, "runs": runs, "time": time}, clauses, full)

    full = run(Fraction(1, 10), (Fraction(1, 500), Fraction(1, 1000)), 10)
    return run(decay, (Fraction(1, 320), Fraction(1, 640)), 9, full)
