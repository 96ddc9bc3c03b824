"""nbconvert and papermill: no user can sign in, so a login fails at once with a one-line message."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
import pytest

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.zygote import Zygote

ERROR_LINE = "No user can sign in here: this notebook runs without an interactive front end."


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook with a login in the middle."""
    sources = ["%load_ext cognito_jupyter", "%cognito_login", "print('the next cell ran')"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])  # type: ignore[no-untyped-call]
    path = tmp_path / "in.ipynb"
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    return path


def run_script(script: str, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str, str]:
    """Runs a program to its end; returns its exit code, its output and its errors.

    On Linux it is forked from a process that has imported most of what it imports.

    Args:
        script: Its module and function, as an entry point names them.
        words: Its arguments.
        environment: All of its environment.
        folder: Its working folder.
    """
    with open(os.devnull) as stdin, tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        zygote = Zygote("tests")
        if sys.platform == "linux" and zygote.can_start(environment):
            streams = (stdin.fileno(), stdout.fileno(), stderr.fileno())
            code = zygote.start(script, [script, *words], environment, folder=str(folder), streams=streams).wait(90)
            zygote.close()
        else:
            module, _, function = script.partition(":")
            command = [sys.executable, "-c", f"import sys; from {module} import {function}; sys.exit({function}())"]
            code = subprocess.run(
                [*command, *words],
                cwd=folder, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, timeout=90, check=False,
            ).returncode  # fmt: skip
        stdout.seek(0)
        stderr.seek(0)
        return code, stdout.read(), stderr.read()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("nbconvert.nbconvertapp:main", "--execute --to notebook --output out.ipynb in.ipynb"),
        ("papermill.__main__:papermill", "--kernel python3 in.ipynb out.ipynb"),
    ],
    ids=["nbconvert", "papermill"],
)
def test_a_login_fails_in_one_clear_line(
    cognito: LocalCognito, tmp_path: Path, notebook: Path, script: str, words: str
) -> None:
    """Exit code 1, the message in the output, no traceback, the next cell not run, no page opened."""
    calls = cognito.counts["authorize"]
    environment = clean_environment(tmp_path / "settings", cognito.environment)
    code, output, errors = run_script(script, words.split(), environment, notebook.parent)
    assert code == 1
    assert ERROR_LINE in errors + output
    assert "Run it in JupyterLab" in errors + output
    assert "the next cell ran" not in output
    assert "cognito_jupyter/notebook" not in errors
    assert cognito.counts["authorize"] == calls
