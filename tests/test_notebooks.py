"""The notebooks run, without errors or warnings, and give what is stored; and what they share.

What executes a notebook has the mark ``notebooks`` and runs by ``make notebooks-test``.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from verify.notebooks import established, explore, show
from verify.pictures import jump

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
sys.path.append(str(Path(__file__).parent.parent))
from notebooks import execute  # noqa: E402

NOTEBOOKS = execute.paths()


@pytest.mark.notebooks
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")  # of the client's own libraries; those of a notebook are faults
def test_a_notebook_runs_and_gives_what_is_stored(path: Path) -> None:
    found = execute.executed(path)
    assert list(execute.faults(found)) == []
    assert "\n".join(execute.differences(execute.read(path), found)) == ""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_is_clean_and_shows_pictures(path: Path) -> None:
    notebook = execute.read(path)
    nbformat.validate(notebook)
    assert not list(execute.faults(notebook))
    assert execute.cleaned(execute.read(path)) == notebook
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert notebook.cells[0].source.startswith(f"# {path.name[0]}. ")
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
    assert "established" in "".join(cell.source for cell in notebook.cells).lower()
    assert all(ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})
    return nbformat.v4.new_notebook(cells=[cell])


def stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


def display(**data: str) -> Any:
    return nbformat.v4.new_output("display_data", data={kind.replace("_", "/"): text for kind, text in data.items()})


ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (code("1/0", ERROR), "cell 1 fails: ValueError: no"),
        (code("x", stream("RuntimeWarning: overflow", "stderr")), "cell 1 warns: RuntimeWarning: overflow"),
        (code("x", stream("wrote /home/somebody/a.json")), "/home/somebody/a.json"),
        (code("x", display(text_plain="C:\\Users\\me\\a")), "C:\\Users\\me\\a"),
        (code("x", display(text_plain="<object at 0x7f00deadbeef>")), "at 0x7f00deadbeef"),
        (code("x"), "there is no output"),
    ],
)
def test_what_must_not_be_stored_is_found(notebook: Any, said: str) -> None:
    assert any(said in fault for fault in execute.faults(notebook))


def test_a_clean_notebook_has_no_fault() -> None:
    assert not list(execute.faults(code("x", stream("1/2000 and theory/ops.py"), display(text_markdown="| a/b |"))))


def test_other_text_is_a_difference_and_another_picture_is_not() -> None:
    old, new = code("x", stream("0.25")), code("x", stream("0.26"))
    assert list(execute.differences(old, new))
    assert not list(execute.differences(old, old))
    first, second = (code("x", display(image_png=data, text_plain="Image")) for data in ("AAAA", "BBBB"))
    assert not list(execute.differences(first, second))
    assert list(execute.differences(first, code("x", display(text_plain="Image"))))
    assert list(execute.differences(old, code("y", stream("0.25"))))
    assert not list(execute.differences(code("x", stream("a"), tags=("varies",)), code("x", stream("b"))))


def test_widgets_times_and_versions_are_not_stored() -> None:
    notebook = code("x", nbformat.v4.new_output("display_data", data={execute.WIDGET: {"model_id": "1"}}), stream("a"))
    notebook.metadata = nbformat.from_dict({"widgets": {}, "language_info": {"version": "3.11.7"}})
    notebook.cells[0].metadata["execution"] = {"iopub.status.busy": "2020"}
    cleaned = execute.cleaned(notebook)
    assert [output.output_type for output in cleaned.cells[0].outputs] == ["stream"]
    assert cleaned.metadata == execute.METADATA
    assert set(cleaned.cells[0].metadata) <= {"tags"}


def test_printed_text_is_one_output_however_it_arrives() -> None:
    pieces = [stream("a\n"), stream("b"), stream("c", "stderr"), stream("d")]
    (cell,) = execute.cleaned(code("x", *pieces)).cells
    assert [(output.name, output.text) for output in cell.outputs] == [
        ("stdout", "a\nb"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is displayed, in place of a notebook."""
    IPython = pytest.importorskip("IPython.display")
    found: list[Any] = []

    def record(value: Any, **options: Any) -> Any:
        found.append(value)
        return SimpleNamespace(update=lambda new, **options: found.append(new))

    monkeypatch.setattr(IPython, "display", record)
    return found


def draw(depth: int = 2) -> Any:
    """A jump."""
    if depth == 0:
        raise ValueError("no layer, no jump")
    return jump((depth,), 2)


def test_a_slider_redraws_the_static_picture(shown: list[Any]) -> None:
    explore(draw, depth=[0, 1, 2])
    picture, box = shown
    assert picture.data.startswith(b"\x89PNG")
    (slider,) = box.children
    assert slider.value == 2
    slider.value = 1
    assert shown[2].data.startswith(b"\x89PNG")
    assert shown[2].data != picture.data
    assert shown[2].alt == picture.alt == "A jump."
    slider.value = 0
    assert shown[3] == {"text/plain": "no layer, no jump"}


def test_without_widgets_there_is_the_picture(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    explore(draw, depth=[1, 2])
    assert [type(one).__name__ for one in shown] == ["Image"]


def test_a_picture_has_a_text_for_those_who_do_not_see_it(shown: list[Any]) -> None:
    show(draw(), "a line falls")
    assert shown[0].alt == "a line falls"


def test_what_is_established_names_verdict_source_and_facts(shown: list[Any]) -> None:
    established("dang2023-deep-jump")
    assert "holds for all parameters (proved)" in shown[0].data
    assert "section 4.4 [R]" in shown[0].data
    assert "attainment" in shown[0].data
    established("losses-focal-scale")
    assert "refuted as reconstructed" in shown[1].data
