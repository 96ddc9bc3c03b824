"""The panel on each ipykernel that is supported, with JupyterLab's comms over subshells and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ..book import LOAD, LOGIN, PANEL, READS_S3
from ..conftest import FAR, SUBSHELLS, Open, Settings
from .conftest import KERNELS, Kernels

pytestmark = [pytest.mark.parametrize("version", KERNELS), pytest.mark.usefixtures("comms")]


@pytest.fixture(scope="module", params=["perCommTarget", "disabled"])
def comms(request: pytest.FixtureRequest, lab_settings_of_module: Settings) -> None:
    """Whether widgets' messages may pass a busy main shell; the first is JupyterLab's own default."""
    lab_settings_of_module(SUBSHELLS, {"commsOverSubshells": request.param})


def test_a_blocked_cell_is_stopped_and_the_next_one_hears_the_listener(
    open_book: Open, kernel_of: Kernels, version: str
) -> None:
    book = open_book(LOAD, LOGIN, LOGIN, READS_S3, "import ipykernel; ipykernel.__version__", kernel=kernel_of(version))
    book.run(0)
    book.start(1)
    expect(book.link).to_be_visible()
    book.interrupt()
    book.says("The sign-in was not finished")
    book.start(2)
    book.sign_in()
    book.is_signed_in()
    book.run(3, 4)
    book.shows(3, "True")
    book.shows(4, "'7." if version == "newest" else f"'{version}.")


def test_a_blocked_cell_takes_what_is_pasted(open_book: Open, far: str, kernel_of: Kernels, version: str) -> None:
    book = open_book(f"{LOAD}\n{far}", LOGIN, READS_S3, kernel=kernel_of(version))
    book.run(0)
    book.start(1)
    address = book.sign_in()
    assert address.startswith(FAR)
    book.address.fill("https://hub.example.org/?code=abc&state=def")
    book.says("belongs to another sign-in")
    book.address.fill(address)
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")


def test_a_panel_in_a_free_kernel_starts_again_by_its_buttons(
    open_book: Open, kernel_of: Kernels, version: str
) -> None:
    book = open_book(LOAD, PANEL, READS_S3, kernel=kernel_of(version))
    book.run(0, 1)
    book.button("Cancel").click()
    book.button("Try again").click()
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")
    book.button("Sign out").click()
    book.says("You are not signed in")
