"""The panel's check box: staying signed in on this computer, from one kernel to the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from cognito_jupyter.local import LocalCognito

from .book import LOAD, LOGIN, PANEL, READS_S3, NotebookPage
from .conftest import OpenNotebook

REMEMBER = "%config CognitoMagics.remember = True"


@pytest.fixture
def load(tmp_path: Path) -> str:
    """A first cell, after which what is kept between runs is this test's own."""
    return f"import os\nos.environ['XDG_STATE_HOME'] = {str(tmp_path)!r}\n{LOAD}"


def stored_files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.sign-in"))


def remember_box(book: NotebookPage) -> Locator:
    return book.panel.get_by_role("checkbox", name="Stay signed in on this computer")


def test_checked_it_remembers_the_sign_in_for_later_kernels(
    open_book: OpenNotebook, cognito: LocalCognito, load: str, tmp_path: Path
) -> None:
    """Neither the restarted one, by the magic, nor another notebook's, by its panel."""
    book = open_book(load, LOGIN, READS_S3)
    book.run_cells(0)
    book.start_cell(1)
    expect(remember_box(book)).not_to_be_checked()
    remember_box(book).check()
    book.sign_in_by_link()
    book.expect_signed_in()
    book.wait_for_cell(1)
    assert len(stored_files(tmp_path)) == 1
    authorizations = cognito.counts["authorize"]
    book.restart_kernel()
    book.run_cells(0, 1, 2)
    book.expect_output(1, "yes, on this computer")
    book.expect_output(2, "True")
    other = open_book(load, PANEL, READS_S3)
    other.run_cells(0, 1)
    other.expect_signed_in()
    other.run_cells(2)
    other.expect_output(2, "True")
    assert cognito.counts["authorize"] == authorizations > 0
    other.button("Sign out").click()
    other.expect_panel_text("You are not signed in")
    assert stored_files(tmp_path) == []


def test_unchecked_it_remembers_nothing_whatever_the_settings_say(
    open_book: OpenNotebook, load: str, tmp_path: Path
) -> None:
    book = open_book(f"{load}\n{REMEMBER}", LOGIN, READS_S3)
    book.run_cells(0)
    book.start_cell(1)
    expect(remember_box(book)).to_be_checked()
    remember_box(book).uncheck()
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")
    assert stored_files(tmp_path) == []
    book.restart_kernel()
    book.run_cells(0)
    book.start_cell(1)
    expect(book.sign_in_link).to_be_visible()
