"""Each front end with a browser, its server in one environment and the kernel in another: a link, and it signs in."""

from __future__ import annotations

import pytest

from ..notebook_page import LOAD, LOGIN, PANEL, READS_S3
from .catalogue import FRONT_ENDS
from .conftest import Desk, OpenPage, ReportOutcome
from .matrix import kernels_for
from .pages import FrontEndPage, VoilaPage

WIDGET = "import cognito_jupyter\ncognito_jupyter.LoginPanel()"
# A panel's login ends in a thread of the kernel, a moment after the browser shows that it has received the answer.
WAITS_AND_READS_S3 = f"""import time
for _ in range(100):
    if "session" in globals():
        break
    time.sleep(0.1)
{READS_S3}"""
READS_S3_BY_BUTTON = f"""import time
import ipywidgets
button = ipywidgets.Button(description="Read")
def read(_):
    while "session" not in globals():
        time.sleep(0.1)
    button.description = "Read " + str({READS_S3[len("print(") : -1]})
button.on_click(read)
button"""
"""In Voila nobody can run another cell after the login."""
MAX_SECONDS = 5.0
"""A link must be there within a second; a machine that runs several front ends at once is that much slower."""
SOURCES = {"login": LOGIN, "panel": PANEL, "widget": WIDGET}
BROWSERS = [name for name, each in FRONT_ENDS.items() if each.kind in ("jupyterlab", "classic")]


def _cells(*front_ends: str) -> list[object]:
    return [
        pytest.param(front_end, kernel, marks=pytest.mark.xdist_group(front_end), id=f"{front_end}-{kernel}")
        for front_end in front_ends
        for kernel in kernels_for(front_end)
    ]


matrix = pytest.mark.parametrize(("desk", "kernel"), _cells(*BROWSERS), indirect=["desk"])


@matrix
def test_a_blocked_cell_shows_a_link_that_signs_in(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome
) -> None:
    page = open_page(kernel, LOAD, LOGIN, READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    seconds = page.seconds_to_link()
    assert seconds is not None
    report_outcome("login", seconds, ended=_is_signed_in_by_link(page))
    assert seconds < MAX_SECONDS


@matrix
def test_the_panel_in_a_free_kernel_shows_a_link_that_signs_in(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome
) -> None:
    page = open_page(kernel, LOAD, PANEL, WAITS_AND_READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    seconds = page.seconds_to_link()
    assert seconds is not None
    page.wait_for_cell(1)
    report_outcome("panel", seconds, ended=_is_signed_in_by_link(page))
    assert seconds < MAX_SECONDS


@matrix
def test_a_panel_shows_its_button_or_names_the_magic_that_works(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome
) -> None:
    page = open_page(kernel, LOAD, WIDGET, WAITS_AND_READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    idle_seconds = page.seconds_to_button("Sign in") if desk.front_end.widgets else None
    if idle_seconds is None:
        page.wait_for_cell(1)
        page.expect_output("%cognito_login")
        assert not page.red_boxes()
        report_outcome("widget", says="names `%cognito_login`")
        assert not desk.front_end.widgets
        return
    page.press_button("Sign in")
    seconds = page.seconds_to_link()
    assert seconds is not None
    report_outcome("widget", seconds, idle_seconds=idle_seconds, ended=_is_signed_in_by_link(page))
    assert max(seconds, idle_seconds) < MAX_SECONDS


def _is_signed_in_by_link(page: FrontEndPage) -> bool:
    """Signs in, and reads S3 in the next cell."""
    page.sign_in_by_link()
    page.wait_for_cell(1)
    page.run_cell(2)
    page.expect_output("True")
    page.expect_no_link()
    assert not page.red_boxes()
    return True


@pytest.mark.parametrize("way", SOURCES)
@pytest.mark.parametrize(("desk", "kernel"), _cells("voila"), indirect=["desk"])
def test_a_voila_page_shows_a_link_that_signs_in(
    desk: Desk, kernel: str, way: str, open_page: OpenPage, report_outcome: ReportOutcome
) -> None:
    page = open_page(kernel, LOAD, VoilaPage.STAMP, SOURCES[way], READS_S3_BY_BUTTON)
    idle_seconds = None
    if way == "widget":
        idle_seconds = page.seconds_to_button("Sign in")
        page.press_button("Sign in")
    seconds = page.seconds_to_link()
    assert seconds is not None
    page.sign_in_by_link()
    page.expect_no_link()
    page.press_button("Read")
    page.expect_output("Read True")
    assert not page.red_boxes()
    report_outcome(way, seconds, idle_seconds=idle_seconds, ended=True)


@pytest.mark.parametrize("desk", [pytest.param("lab", marks=pytest.mark.xdist_group("lab"))], indirect=True)
@pytest.mark.parametrize("source", [LOGIN, PANEL], ids=["login", "panel"])
def test_a_captured_cell_shows_its_link_or_ends_at_once_and_says_why(
    desk: Desk, open_page: OpenPage, source: str
) -> None:
    page = open_page("newest", LOAD, f"%%capture\n{source}", READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    if page.seconds_to_link(3.0) is None:
        page.wait_for_cell(1)
        page.expect_output("captured")


@pytest.mark.parametrize("desk", [pytest.param("lab", marks=pytest.mark.xdist_group("lab"))], indirect=True)
@pytest.mark.parametrize("way", SOURCES)
def test_a_kernel_without_anywidget_shows_a_link_that_signs_in(desk: Desk, open_page: OpenPage, way: str) -> None:
    page = open_page("newest-no-anywidget", LOAD, SOURCES[way], WAITS_AND_READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    if way == "widget":
        assert page.seconds_to_button("Sign in") is not None
        page.press_button("Sign in")
    seconds = page.seconds_to_link()
    assert seconds is not None
    assert seconds < MAX_SECONDS
    assert _is_signed_in_by_link(page)
