"""nbconvert and papermill: no user can sign in, so a login fails at once with a one-line message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito

ERROR_LINE = "No user can sign in here: this notebook runs without an interactive front end."


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook with a login in the middle."""
    sources = ["%load_ext cognito_jupyter", "%cognito_login", "print('the next cell ran')"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])  # type: ignore[no-untyped-call]
    path = tmp_path / "in.ipynb"
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "nbconvert", "--execute", "--to", "notebook", "--output", "out.ipynb", "in.ipynb"],
        ["-m", "papermill", "--kernel", "python3", "in.ipynb", "out.ipynb"],
    ],
)
def test_a_login_fails_in_one_clear_line(
    cognito: LocalCognito, tmp_path: Path, notebook: Path, command: list[str]
) -> None:
    """Exit code 1, the message in the output, no traceback, the next cell not run, no page opened."""
    calls = cognito.counts["authorize"]
    environment = clean_environment(tmp_path / "settings", cognito.environment)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=notebook.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 1
    assert ERROR_LINE in done.stderr + done.stdout
    assert "Run it in JupyterLab" in done.stderr + done.stdout
    assert "the next cell ran" not in done.stdout
    assert "cognito_jupyter/notebook" not in done.stderr
    assert cognito.counts["authorize"] == calls
