"""Execute the notebooks and store their outputs, so that they show on a code host: ``make notebooks``.

Each runs from top to bottom in a kernel of its own. What differs from run to run is not stored: times, widgets, the
version of Python. A cell whose text may differ all the same has the tag ``varies``.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
SECONDS = 60
"""A notebook that takes longer is stopped."""
VARIES = "varies"

WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PLACES = re.compile(r"(?<![\w.])(?:/(?:home|Users|root|tmp|usr|opt|var|work|mnt|srv)/|[A-Za-z]:\\)\S*")
"""Paths of somebody's machine."""
ADDRESSES = re.compile(r"\bat 0x[0-9a-f]{6,}")


def paths(names: Sequence[str] = ()) -> list[Path]:
    """The notebooks, in order, or those whose file name starts with one of some names."""
    return [path for path in sorted(FOLDER.glob("*.ipynb")) if not names or path.name.startswith(tuple(names))]


def read(path: Path) -> Any:
    """A notebook as it is stored."""
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> Any:
    """The notebook with the outputs of a fresh run, which goes on after an error."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])),
            "IPYTHONDIR": folder,
            "COLLAPSE_HOME": folder,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            allow_errors=True,
            store_widget_state=False,
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env={**os.environ, **found})
    return cleaned(notebook)


def cleaned(notebook: Any) -> Any:
    """Without what differs from run to run, and without widgets, which need a kernel."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("tags",)})
        cell.outputs = joined(output for output in cell.outputs if WIDGET not in output.get("data", {}))
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return notebook


def joined(outputs: Iterable[Any]) -> list[Any]:
    """Outputs with text that was printed in one go in one piece: how a kernel cuts it depends on how busy it is."""
    found: list[Any] = []
    for output in outputs:
        if found and output.output_type == found[-1].output_type == "stream" and output.name == found[-1].name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def faults(notebook: Any) -> Iterator[str]:
    """What must not stand in a stored notebook: errors, warnings, paths and addresses of a machine, no output."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield f"cell {number} fails: {output.ename}: {output.evalue}"
            elif output.output_type == "stream" and output.name == "stderr":
                yield f"cell {number} warns: {output.text.strip()}"
            for text in texts(output):
                for what in (*PLACES.findall(text), *ADDRESSES.findall(text)):
                    yield f"cell {number} shows what is only on one machine: {what}"
    if not any(cell.get("outputs") for cell in notebook.cells):
        yield "there is no output"


def differences(stored: Any, found: Any) -> Iterator[str]:
    """Cells whose outputs are not the stored ones: their text, and which kinds of output there are."""
    if [cell.source for cell in stored.cells] != [cell.source for cell in found.cells]:
        yield "the cells are others"
        return
    for number, (old, new) in enumerate(zip(stored.cells, found.cells, strict=True), start=1):
        if VARIES in old.metadata.get("tags", []):
            continue
        before, after = (list(map(compared, cell.get("outputs", []))) for cell in (old, new))
        if before != after:
            yield f"cell {number} no longer gives what is stored; run make notebooks\n{before}\n{after}"


def compared(output: Any) -> tuple[str, ...]:
    """What two runs on different machines have in common: text, and the kinds of other data."""
    return (output.output_type, *sorted(output.get("data", {})), *texts(output))


def texts(output: Any) -> list[str]:
    """All text of an output."""
    data = [value for kind, value in sorted(output.get("data", {}).items()) if kind.startswith("text/")]
    return [output.text] if output.output_type == "stream" else [*data, *output.get("traceback", [])]


def main(names: Sequence[str]) -> int:
    """Execute and store; the status is 1 where a notebook has faults, and such a one is not stored."""
    status = 0
    for path in paths(names):
        started = time.perf_counter()
        notebook = executed(path)
        print(f"{path.name}: {time.perf_counter() - started:.1f} s", flush=True)
        found = list(faults(notebook))
        for fault in found:
            print(f"  {fault}")
        if found:
            status = 1
        else:
            nbformat.write(notebook, path)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
