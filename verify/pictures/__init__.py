"""Pictures: one kind of figure a module, each a function of a model or a result that returns a matplotlib figure.

>>> from theory import UnconstrainedFeatures
>>> from verify.pictures import gram_matrices
>>> figure = gram_matrices(UnconstrainedFeatures(class_sizes=(2, 1), decays="1/20"))
>>> [axes.get_title() for axes in figure.axes][0]
'logits $P\\\\bar{H}$\\npredicted'

Nothing here needs a display, and matplotlib is loaded by the first figure that is drawn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.pictures.alignment import alignments as alignments
    from verify.pictures.bounds import bounds_course as bounds_course
    from verify.pictures.density import spectral_density as spectral_density
    from verify.pictures.descent import descent_runs as descent_runs
    from verify.pictures.files import save as save
    from verify.pictures.grams import gram_matrices as gram_matrices
    from verify.pictures.grams import heatmaps as heatmaps
    from verify.pictures.means import class_means as class_means
    from verify.pictures.means import predicted_means as predicted_means
    from verify.pictures.metrics import layer_metrics as layer_metrics
    from verify.pictures.metrics import measured_metrics as measured_metrics
    from verify.pictures.metrics import nc_metrics as nc_metrics
    from verify.pictures.phases import jump as jump
    from verify.pictures.phases import norms as norms
    from verify.pictures.phases import phase_diagram as phase_diagram
    from verify.pictures.singular import singular_values as singular_values
    from verify.pictures.sweeps import sweep_phases as sweep_phases
    from verify.pictures.training import training_course as training_course

_HOMES = {
    "alignments": "alignment",
    "bounds_course": "bounds",
    "class_means": "means",
    "descent_runs": "descent",
    "gram_matrices": "grams",
    "heatmaps": "grams",
    "jump": "phases",
    "layer_metrics": "metrics",
    "measured_metrics": "metrics",
    "nc_metrics": "metrics",
    "norms": "phases",
    "phase_diagram": "phases",
    "predicted_means": "means",
    "save": "files",
    "singular_values": "singular",
    "spectral_density": "density",
    "sweep_phases": "sweeps",
    "training_course": "training",
}

__all__ = [
    "alignments",
    "bounds_course",
    "class_means",
    "descent_runs",
    "gram_matrices",
    "heatmaps",
    "jump",
    "layer_metrics",
    "measured_metrics",
    "nc_metrics",
    "norms",
    "phase_diagram",
    "predicted_means",
    "save",
    "singular_values",
    "spectral_density",
    "sweep_phases",
    "training_course",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
