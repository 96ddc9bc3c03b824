"""The panel's check box: staying signed in on this computer, from one kernel to the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from cognito_jupyter.local import LocalCognito

from .book import LOAD, LOGIN, PANEL, READS_S3, Book
from .conftest import Open

REMEMBER = "%config CognitoMagics.remember = True"


@pytest.fixture
def load(tmp_path: Path) -> str:
    """A first cell, after which what is kept between runs is this test's own."""
    return f"import os\nos.environ['XDG_STATE_HOME'] = {str(tmp_path)!r}\n{LOAD}"


def kept(folder: Path) -> list[Path]:
    return list(folder.rglob("*.sign-in"))


def box(book: Book) -> Locator:
    return book.panel.get_by_role("checkbox", name="Stay signed in on this computer")


def test_ticked_it_keeps_the_sign_in_and_no_later_kernel_needs_a_browser(
    open_book: Open, cognito: LocalCognito, load: str, tmp_path: Path
) -> None:
    """Neither the restarted one, by the magic, nor another notebook's, by its panel."""
    book = open_book(load, LOGIN, READS_S3)
    book.run(0)
    book.start(1)
    expect(box(book)).not_to_be_checked()
    box(book).check()
    book.sign_in()
    book.is_signed_in()
    book.done(1)
    assert len(kept(tmp_path)) == 1
    asked = cognito.counts["authorize"]
    book.restart()
    book.run(0, 1, 2)
    book.shows(1, "yes, on this computer")
    book.shows(2, "True")
    other = open_book(load, PANEL, READS_S3)
    other.run(0, 1)
    other.is_signed_in()
    other.run(2)
    other.shows(2, "True")
    assert cognito.counts["authorize"] == asked > 0
    other.button("Sign out").click()
    other.says("You are not signed in")
    assert kept(tmp_path) == []


def test_unticked_it_keeps_nothing_whatever_the_settings_say(open_book: Open, load: str, tmp_path: Path) -> None:
    book = open_book(f"{load}\n{REMEMBER}", LOGIN, READS_S3)
    book.run(0)
    book.start(1)
    expect(box(book)).to_be_checked()
    box(book).uncheck()
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")
    assert kept(tmp_path) == []
    book.restart()
    book.run(0)
    book.start(1)
    expect(book.link).to_be_visible()
