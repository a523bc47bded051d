"""Sections 4.1 to 4.3, one weight matrix and any class sizes: frames, norms, bottlenecks (statements 10 to 14)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from theory.claims import (
    Clause,
    GlobalMinimum,
    at_most,
    clause,
    equal,
    less,
)
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    sqrt,
)
from theory.papers.dang2023.frames import (
    Partition,
    blocks,
    general_orthogonal_frame,
    ties_broken,
)
from theory.papers.dang2023.letters import (
    PLAIN,
    Letters,
    PlainInverted,
    PlainLetters,
    PlainWithoutN,
)
from theory.papers.dang2023.setting import (
    BIAS_FREE,
    BOTTLENECK,
    EXPERIMENT,
    IMBALANCED_10,
    PLAIN_MODEL,
    PLAIN_WRONG,
    PROVED,
    TIED,
    UNTIED,
    WIDE,
    configuration,
    side,
    source,
    tied_sizes,
    unequal,
)
from theory.statement import theorem
from theory.strategies import ABOVE, AT, BELOW, imbalanced_sizes, models


@theorem(
    "dang2023-ufm-imbalanced",
    source=source("Theorem 4.1"),
    expected=PROVED,
    hypotheses=BIAS_FREE | PLAIN_MODEL | WIDE,
    model=models(sizes=imbalanced_sizes(), depth=st.just(1), ratios=BELOW + AT + ABOVE),
    witness={"model": unequal((6, 3, 3, 1), 1, Fraction(1, 20))},
    configurations=tuple(configuration(1, fields) for fields in (EXPERIMENT, IMBALANCED_10)),
    wrong=PLAIN_WRONG,
)
def ufm_imbalanced(model: Model, letters: Letters = PLAIN) -> GlobalMinimum:
    """The plain model with any class sizes has a general orthogonal frame as its optimum, unique up to rotation.

    W Wᵀ = diag(s_k²), H̄ᵀH̄ = diag(s_k²/(s_k² + Nλ_H)²), W H̄ = diag(s_k²/(s_k² + Nλ_H)), w_k = √(n_k λ_H/λ_W) h_k, with
    s_k² = √(n_k λ_H/λ_W) − N λ_H if N² λ_W λ_H ≤ n_k, else 0.
    """
    return general_orthogonal_frame(model, letters)


@theorem(
    "dang2023-minority-collapse",
    source=source("section 4.2"),
    expected=PROVED,
    hypotheses=BIAS_FREE | PLAIN_MODEL | WIDE,
    model=models(sizes=imbalanced_sizes(), depth=st.just(1), ratios=(*BELOW, *AT, *ABOVE)),
    witness={"model": unequal((20, 6, 2, 1), 1, Fraction(1, 5))},
    configurations=({"model": unequal((4, 2, 1), 1, Fraction(1, 2))},),  # the second class at its threshold
    wrong={"threshold missing the factor N": {"power": 1}, "strict inequality at the threshold": {"strict": True}},
)
def minority_collapse(model: Model, power: int = 2, strict: bool = False) -> GlobalMinimum:
    """A class collapses to zero exactly if n_k ≤ N² λ_W λ_H: the decays decide it, not the imbalance ratio alone."""
    norms, bar = model.mean_features.T @ model.mean_features, model.N**power * model.Lambda
    relations = []
    for k, n in enumerate(model.class_sizes):
        collapsed = n < bar if strict else n <= bar
        relations.append(equal(norms[k, k], 0) if collapsed else less(0, norms[k, k]))
    claim = general_orthogonal_frame(model, PLAIN)
    return GlobalMinimum(model, claim.value, claim.minimisers, (Clause("minority collapse", tuple(relations)),))


@theorem(
    "dang2023-norms-angles",
    source=source("section 4.2"),
    expected=PROVED,
    hypotheses=BIAS_FREE
    | PLAIN_MODEL
    | WIDE
    | {"all classes active": lambda model: side(model, min(model.class_sizes)) < 0},
    model=models(
        sizes=imbalanced_sizes() | st.just((1000, 100, 10, 1)), depth=st.just(1), ratios=(Fraction(1, 10**6), *BELOW)
    ),
    witness={"model": unequal((6, 3, 2), 1, Fraction(1, 100))},
    wrong={
        "λ_W and λ_H exchanged": {"letters": PlainInverted()},
        "missing factor N": {"letters": PlainWithoutN()},
        "angles of a simplex ETF": {"cosine": Fraction(-1, 10)},
    },
)
def norms_angles(model: Model, letters: PlainLetters = PLAIN, cosine: Fraction = Fraction(0)) -> GlobalMinimum:
    """Norms and angles of active classes in the plain model.

    ‖w_k‖² = u_k − Nλ_H, ‖h_k‖² = (u_k − Nλ_H)/u_k², (W H̄)_kk = 1 − Nλ_H/u_k; all angles are 90° whatever the imbalance,
    and ‖w_k‖² does not decrease in n_k.
    """
    W, means, r = model.product, model.mean_features, model.N * model.feature_decay
    u = [letters.u(model, n) for n in model.class_sizes]
    if isinstance(letters, PlainWithoutN):
        r = model.feature_decay
    K = range(model.K)
    pairs = [(j, k) for j in K for k in K if j < k]
    norms = [clause("norms of weights", *(equal((W @ W.T)[k, k], u[k] - r) for k in K))]
    norms.append(clause("norms of features", *(equal((means.T @ means)[k, k], (u[k] - r) / u[k] ** 2) for k in K)))
    norms.append(clause("logits", *(equal((W @ means)[k, k], 1 - r / u[k]) for k in K)))
    if pairs:
        angles = [
            equal((X @ X.T)[j, k], cosine * sqrt(u[j] - r) * sqrt(u[k] - r)) for X in (W, means.T) for j, k in pairs
        ]
        norms.append(clause("angles", *angles))
        grow = [(j, k) if model.class_sizes[j] <= model.class_sizes[k] else (k, j) for j, k in pairs]
        norms.append(clause("growth", *(at_most((W @ W.T)[j, j], (W @ W.T)[k, k]) for j, k in grow)))
    claim = general_orthogonal_frame(model, PLAIN)
    return GlobalMinimum(model, claim.value, claim.minimisers, tuple(norms))


@theorem(
    "dang2023-bottleneck",
    source=source("Theorem 4.x, n_d > n_{d+1}"),
    expected=PROVED,
    hypotheses=BIAS_FREE | PLAIN_MODEL | BOTTLENECK | UNTIED,
    model=models(
        sizes=st.permutations((20, 9, 4, 2, 1)).flatmap(lambda p: st.integers(2, 5).map(lambda K: tuple(p[:K]))),
        depth=st.just(1),
        ratios=BELOW + AT + ABOVE,
        narrow=True,
    ),
    witness={"model": unequal((9, 4, 2), 1, Fraction(1, 20), widths=(2,))},
    wrong=PLAIN_WRONG | {"smallest classes kept": {"reverse": True}},
)
def bottleneck(model: Model, letters: Letters = PLAIN, reverse: bool = False) -> GlobalMinimum:
    """With width d < K and n_d > n_{d+1} the d largest classes keep Theorem 4.1's formulas; the others are zero."""
    claim = general_orthogonal_frame(model, letters)
    if reverse:
        flipped = model.with_(class_sizes=model.class_sizes[::-1])
        other = general_orthogonal_frame(flipped, letters)
        return replace(claim, clauses=other.clauses[1:-1]) if other.clauses != claim.clauses else claim
    return claim


@theorem(
    "dang2023-bottleneck-tie",
    source=source("Theorem 4.x, n_d = n_{d+1}"),
    expected=PROVED,
    hypotheses=BIAS_FREE | PLAIN_MODEL | BOTTLENECK | TIED,
    model=models(sizes=tied_sizes(), depth=st.just(1), ratios=BELOW + AT + ABOVE, narrow=True),
    witness={"model": unequal((6, 4, 4, 4), 1, Fraction(1, 20), widths=(2,))},
    wrong=PLAIN_WRONG | {"tie broken: the first classes are kept": {"parts": ties_broken}},
)
def bottleneck_tie(model: Model, letters: Letters = PLAIN, parts: Partition = blocks) -> GlobalMinimum:
    """When ties straddle the cut, the tied block is s_d² times any projection of rank ρ: the optimum is not unique.

    T = {k : n_k = n_d}, ρ = d − #{k : n_k > n_d}; other classes are diagonal as before; if s_d = 0 the block is 0.
    """
    return general_orthogonal_frame(model, letters, parts=parts(model, letters))
