"""The panel's check box: staying signed in on this computer, from one kernel to the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from cognito_jupyter.local import LocalCognito

from .conftest import OpenNotebook
from .notebook_page import LOAD, LOGIN, PANEL, READS_S3, NotebookPage

REMEMBER = "%config CognitoMagics.remember = True"


@pytest.fixture
def load(tmp_path: Path) -> str:
    """Returns a first cell, after which sign-ins are stored in this test's folder."""
    return f"import os\nos.environ['COGNITO_JUPYTER_FOLDER'] = {str(tmp_path)!r}\n{LOAD}"


def stored_files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.sign-in"))


def remember_box(notebook: NotebookPage) -> Locator:
    return notebook.panel.get_by_role("checkbox", name="Stay signed in on this computer")


def test_checked_it_remembers_the_sign_in_for_later_kernels(
    open_notebook: OpenNotebook, cognito: LocalCognito, load: str, tmp_path: Path
) -> None:
    """Neither the restarted kernel, by the magic, nor another notebook's, by its panel, needs a login."""
    notebook = open_notebook(load, LOGIN, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(remember_box(notebook)).not_to_be_checked()
    remember_box(notebook).check()
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.wait_for_cell(1)
    assert len(stored_files(tmp_path)) == 1
    authorizations = cognito.counts["authorize"]
    notebook.restart_kernel()
    notebook.run_cells(0, 1, 2)
    notebook.expect_output(1, "yes, on this computer")
    notebook.expect_output(2, "True")
    other = open_notebook(load, PANEL, READS_S3)
    other.run_cells(0, 1)
    other.expect_signed_in()
    other.run_and_expect(2, "True")
    assert cognito.counts["authorize"] == authorizations > 0
    other.button("Sign out").click()
    other.expect_panel_text("You are not signed in")
    assert stored_files(tmp_path) == []


def test_unchecked_it_remembers_nothing_whatever_the_settings_are(
    open_notebook: OpenNotebook, load: str, tmp_path: Path
) -> None:
    notebook = open_notebook(f"{load}\n{REMEMBER}", LOGIN, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(remember_box(notebook)).to_be_checked()
    remember_box(notebook).uncheck()
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")
    assert stored_files(tmp_path) == []
    notebook.restart_kernel()
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
