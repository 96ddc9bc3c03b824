"""The guide's notebooks run from top to bottom in a real kernel, with a user who signs in over HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cognito_jupyter.demo.check import run_notebook
from cognito_jupyter.demo.demo import find_notebooks
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import CellRun, Kernel
from cognito_jupyter.local import LocalCognito

NOTEBOOKS = find_notebooks()
LEFTOVERS_CELL = """
import psutil, threading, time

def leftovers():
    threads = [thread.name for thread in threading.enumerate() if "cognito" in thread.name.lower()]
    return threads, psutil.Process().children(recursive=True)

# What the last cells have ended may need a moment for it.
until = time.monotonic() + 60
while any(leftovers()) and time.monotonic() < until:
    time.sleep(0.05)
print(*leftovers())
"""


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    """So no output can be stale, and none can contain a secret."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, CellRun]:
    """Runs mistakes.ipynb once, and returns the result of each numbered cell."""
    cell_runs: dict[int, CellRun] = {}
    cells = json.loads((NOTEBOOKS / "mistakes.ipynb").read_text(encoding="utf-8"))["cells"]
    number = 0
    with Kernel(clean_environment(tmp_path_factory.mktemp("settings"), {})) as kernel:
        for cell in cells:
            source = "".join(cell["source"])
            found = re.match(r"## (\d+)\.", source)
            number = int(found[1]) if found else number
            if cell["cell_type"] == "code":
                run = kernel.run_cell(source)
                expects_error = "raises-exception" in cell["metadata"].get("tags", [])
                assert bool(run.error) == expects_error, f"{source}\n{run.error}"
                cell_runs[number if expects_error else -len(cell_runs)] = run
        cell_runs[0] = kernel.run_cell(LEFTOVERS_CELL, timeout=90)
    return cell_runs


@pytest.mark.parametrize(
    ("number", "what", "remedy"),
    [
        (1, "The sign-in timed out after 2 seconds", "registered with the app client: http://localhost:65123"),
        (2, "The sign-in timed out after 2 seconds", r"registered with the app client: http://localhost:\d+/"),
        (3, "not issued by user pool eu-west-1_AbCdEf123", "Check region and domain"),
        (4, "invalid_grant", "Sign in again: the code was used before or is older than five minutes"),
        (5, "not the address", "Copy the whole address"),
        (6, "belongs to another sign-in", "Open the link shown here"),
        (7, "The sign-in timed out after 2 seconds", "Sign in again"),
        (8, "Stopped.", "run the cell again"),
        (9, "could not be reached", "network"),
        (10, "No role ends with 'Astronomer'", "This sign-in allows: Analyst, Uploader"),
    ],
)
def test_each_mistake_ends_in_a_message_that_says_what_to_do(
    mistakes: dict[int, CellRun], number: int, what: str, remedy: str
) -> None:
    """A magic's error is one line; the errors of the API have their traceback."""
    error = mistakes[number].error
    assert error is not None
    assert re.search(what, error)
    assert re.search(remedy, error)
    if number not in {5, 6}:
        assert len(error.splitlines()) == 1


def test_the_mistakes_notebook_leaves_no_thread_and_no_child_process(mistakes: dict[int, CellRun]) -> None:
    assert mistakes[0].error is None
    assert mistakes[0].text.strip() == "[] []"


def test_the_panel_notebook_passes_the_demo_check(cognito: LocalCognito, tmp_path: Path) -> None:
    """As text, since this front end shows no widgets; tests/browser tests the panel."""
    written: list[str] = []
    environment = clean_environment(tmp_path, cognito.environment)
    run_notebook(cognito, NOTEBOOKS / "panel.ipynb", environment, written.append)
    for part in ("stars/measurements.csv", "True", "one sign-in"):
        assert part in "\n".join(written)
