"""How the documentation is built: ``make docs``. Nothing in it needs a network, and a warning is an error."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate
import tables

project = "collapse"
author = "the authors of collapse"
copyright = f"2026, {author}"
release = metadata.version("neural-collapse-theorems")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["build"]
html_theme = "furo"
html_title = "collapse"
html_static_path = ["static"]
html_css_files = ["formulas.css"]
html_copy_source = False
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_render_markdown_format = "myst"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_rtype = False


def setup(app: object) -> None:
    """Write the generated pages before the sources are read; formulas become MathML, docstrings stay plain text."""
    generate.connect(app)
    tables.connect(app)
