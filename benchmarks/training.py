"""The tables of docs/training.md, and that of docs/wide-networks.md on digits.

``python benchmarks/training.py [PART …]`` makes layers, variants, resnet, relu, weights and ansatz, all of them in a
quarter of an hour. Each part runs ``collapse train`` with the options that stand in the page, and replaces what stands
between the markers of its name.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pages import put

COLLAPSE = (sys.executable, "-m", "verify.cli", "train")
LAYERS = "--sizes 100,80,60,40 --linear-layers {} --decay 1/200"
RESNET = "--sizes 100,80,60,40 --extractor resnet --widths 12,24,32 --linear-layers 3 --decay 1/200 --rate 0.003"
RELU = "--sizes 10*30 --linear-layers 4 --activation relu --decay 1/250 --widths 256,256,30"
WEIGHTS = (
    "--sizes 4*10 --widths 64,64,8 --extractor-activation smooth-leaky --linear-layers 2 --penalty weights "
    "--decay 1/50 --steps 3000 --adam 100"
)
VARIANTS = (
    "--seed 1", "--seed 2", "--seed 3", "--adam 1000", "--adam 0",
    "--extractor-activation relu", "--extractor-activation relu --adam 0",
)  # fmt: skip
"""Other seeds, phases and extractors with six linear layers."""
ENDS = (
    ("0.001", 300, 1000, 1), ("0.001", 300, 1000, 2), ("0.001", 1000, 1300, 0), ("0.0015", 600, 1000, 0),
    ("0.002", 600, 1000, 0), ("0.002", 600, 1000, 1), ("0.002", 600, 1000, 2), ("0.002", 600, 1000, 3),
)  # fmt: skip
"""Rate, Adam's steps, all steps and seed of the runs behind ReLUs."""
WIDE_STEPS = (0, 32, 100, 200, 400, 700, 1000, 1300, 1700, 2000, 3000)
"""Checkpoints that are shown with decay on all weights."""
COURSE_STEPS = (0, 10, 32, 100, 300, 400, 500, 600, 700, 800, 900, 1000)
RESNET_STEPS = (0, 100, 300, 600, 1000)
GAINS = (0.3, 1.0)


def trained(options: str) -> dict[str, Any]:
    """What the command says as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "found.json"
        print("collapse train", options, file=sys.stderr, flush=True)
        subprocess.run([*COLLAPSE, *options.split(), "--fresh", "--json", str(target)], check=True, capture_output=True)
        found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return found


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[str] = ()) -> str:
    """A table; columns are set right, but those of the heads in ``left``."""
    rule = "|".join("---" if head in left else "---:" for head in heads)
    return "\n".join([f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)])


def write(page: str, name: str, text: str) -> None:
    """Put a table into its page."""
    put(page, name, "training.py", text)


def short(x: float | None) -> str:
    """Four digits, or a dash for what is infinite."""
    return "–" if x is None else f"{x:.4g}"


# ------------------------------------------------------------------------------------------- against the optimum


DISTANCES = ("loss above the optimum, relative", "NC1", "NC2 of H", "NC2 of P", "NC3", "H̄ᵀH̄", "PPᵀ", "PH̄")


def distances(look: Mapping[str, Any]) -> list[str]:
    """The cells under ``DISTANCES``."""
    first, apart = look["layers"][0], look["distances"]
    numbers = [look["relative_difference"], first["dang2023_nc1"], first["dang2023_nc2_features"]]
    numbers += [look["dang2023_nc2_weights"], look["dang2023_nc3"], first["gram_distance"]]
    return [f"{x:.1e}" for x in (*numbers, apart["weights_gram"], apart["logits"])]


def course(found: Mapping[str, Any], steps: Sequence[int]) -> str:
    """A run's checkpoints."""
    looks = {look["step"]: look for look in found["checkpoints"]}
    return markdown(("steps", *DISTANCES), ([f"{step:,}", *distances(looks[step])] for step in steps))


def layers() -> None:
    """Six linear layers along the steps, class by class at the end; one, three and six at the end."""
    runs = {M: trained(LAYERS.format(M)) for M in (1, 3, 6)}
    write("training.md", "course", course(runs[6], COURSE_STEPS))
    last, predicted = runs[6]["checkpoints"][-1]["grams"], runs[6]["predicted"]
    grams = {"gains": "logits", "weights": "weights", "features": "features"}
    rows = [
        [str(n), *(f"{x:.6g}" for name, gram in grams.items() for x in (predicted[name][k], last[gram][k][k]))]
        for k, n in enumerate((100, 80, 60, 40))
    ]
    heads = [part for name in ("gain", "‖w‖²", "‖h‖²") for part in (f"{name} predicted", "found")]
    write("training.md", "classes", markdown(("class size", *heads), rows))
    ends = {M: run["checkpoints"][-1] for M, run in runs.items()}
    rows = [[str(M), f"{runs[M]['lines']['optimum']:.8f}", *distances(end)] for M, end in ends.items()]
    write("training.md", "heads", markdown(("layers", "optimum", *DISTANCES), rows))


def variants() -> None:
    """Where six linear layers end with other seeds, phases and extractors."""
    runs = ((other, trained(f"{LAYERS.format(6)} {other}")["checkpoints"][-1]) for other in VARIANTS)
    rows = ([f"`{other}`", *distances(end)] for other, end in runs)
    write("training.md", "variants", markdown(("with", *DISTANCES), rows, left=("with",)))


def resnet() -> None:
    """The residual network along the steps."""
    write("training.md", "resnet", course(trained(RESNET), RESNET_STEPS))


def relu() -> None:
    """Where runs behind ReLUs end, beside the lines to compare with."""
    rows, lines = [], {}
    for rate, adam, steps, seed in ENDS:
        found = trained(f"{RELU} --rate {rate} --adam {adam} --steps {steps} --seed {seed}")
        look, lines = found["checkpoints"][-1], found["lines"]
        ranks = (f"{look[f'rank_H_{m}']:.0f} → {look[f'rank_relu_H_{m}']:.0f}" for m in (2, 3, 4))
        worst = max(look[name] for name in ("dnc1_H_1", *(f"dnc1_relu_H_{m}" for m in (2, 3, 4))))
        rows.append([rate, f"{adam:,}, {steps:,}", str(seed), f"{look['loss']:.5f}", ", ".join(ranks), f"{worst:.1e}"])
    rows += [[name, "", "", f"{lines[key]:.5f}", "", ""] for name, key in (("collapse", "collapse"), ("SRG", "srg"))]
    ranks_of = "ranks of H_2 → σ(H_2), H_3 → σ(H_3), H_4 → σ(H_4)"
    heads = ("rate", "Adam's steps, all", "seed", "loss", ranks_of, "largest DNC1")
    write("training.md", "relu", markdown(heads, rows, left=(ranks_of,)))


# --------------------------------------------------------------------------------------- decay on all weights


def weights() -> None:
    """Hypotheses and bounds along the steps, and every bound at the end."""
    looks = trained(WEIGHTS)["checkpoints"]
    from verify.empirical.networks import wide

    heads = wide.HEADS
    shown = [wide.row(look) for look in looks if look["step"] in WIDE_STEPS]
    write("training.md", "weights", markdown(heads, shown))
    write("wide-networks.md", "digits", on_digits(looks))


def on_digits(looks: Sequence[Mapping[str, Any]]) -> str:
    """Each bound: when it says something, and its sides at the end, or at the start where only that is meant."""
    from verify.empirical.networks.wide import when

    steps, rows = [look["step"] for look in looks], []
    for name, last in looks[-1]["bounds"].items():
        says = [look["step"] for look in looks if look["bounds"][name]["says"]]
        if not all(look["bounds"][name]["respected"] for look in looks):
            raise ValueError(f"{name} is exceeded")
        first = looks[0]["bounds"][name] if name.startswith("(11)") else last
        rows.append([name, last["on"], when(says, steps), short(first["value"]), short(first["right"])])
    heads = ("bound", "on", "hypotheses and better than trivial", "at the end: value", "right side")
    return markdown(heads, rows, left=heads[:3])


# ------------------------------------------------------------------------------------------------------- the ansatz


def ansatz() -> None:
    """Where a layer loses its variation, from a small start and a usual one."""
    from verify.empirical.data import digits, split
    from verify.empirical.networks.ansatz import descend, splits

    task, rows = split(digits(), 1797, 0), []
    sizes = (len(task.train), *[128] * 5, task.classes)
    for gain in GAINS:
        found = descend(task.train, task.labels, sizes, gain, 300, (0.1, 0.9), 128, 0)
        for layer, one in enumerate(splits(found, task.train, task.labels), start=1):
            numbers = (f"{x:.3g}" for x in (one.before, one.linear, one.after, one.correlation))
            rows.append([f"{gain:g}", str(layer), *numbers])
    heads = ("gain", "layer", "NC1 of its input", "behind S Vᵀ", "behind φ(U ·)", "correlation of WᵀW with AGOP^{1/2}")
    write("training.md", "ansatz", markdown(heads, rows))


PARTS: dict[str, Callable[[], None]] = {
    "layers": layers, "variants": variants, "resnet": resnet, "relu": relu, "weights": weights, "ansatz": ansatz
}  # fmt: skip


def main() -> None:
    """The parts named, or all."""
    import torch

    torch.set_num_threads(1)
    np.seterr(all="raise", under="ignore")
    names = sys.argv[1:] or list(PARTS)
    if unknown := set(names) - set(PARTS):
        sys.exit(f"parts are {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    for name in names:
        PARTS[name]()


if __name__ == "__main__":
    main()
