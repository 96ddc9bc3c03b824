"""Each front end with a browser, its server in one environment and the kernel in another: a link, and it signs in."""

from __future__ import annotations

import pytest

from tests.support.busy import BusyMeter

from ..notebook_page import LOAD, LOGIN, PANEL, READS_S3
from .catalogue import FRONT_ENDS
from .conftest import Desk, OpenPage, ReportOutcome
from .matrix import FLOOR_LINK, WHOLE_MATRIX, kernels_for
from .pages import FrontEndPage, VoilaPage

WIDGET = "import cognito_jupyter\ncognito_jupyter.LoginPanel()"
# A panel's login ends in a thread of the kernel, a moment after the browser shows that it has received the answer.
WAITS_AND_READS_S3 = f"""import time
for _ in range(500):
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
TEXT = f"from IPython.display import HTML\nHTML('<a href=\"{FLOOR_LINK}\">Sign in</a>')"
BUTTON = 'import ipywidgets\nipywidgets.Button(description="A button")'
MAX_SECONDS = 5.0
"""A link must be there within a second; a machine that runs several front ends at once is that much slower."""
SOURCES = {"login": LOGIN, "panel": PANEL, "widget": WIDGET}
BROWSERS = [name for name, each in FRONT_ENDS.items() if each.kind in ("jupyterlab", "classic")]


def _cells(*front_ends: str) -> list[object]:
    return [
        pytest.param(front_end, kernel, id=f"{front_end}-{kernel}")
        for front_end in front_ends
        for kernel in kernels_for(front_end)
    ]


def floor_of(*front_ends: str) -> pytest.MarkDecorator:
    """Runs a test in some front ends for the table, and otherwise in one of them."""
    return pytest.mark.parametrize(
        ("desk", "kernel"), _cells(*front_ends) if WHOLE_MATRIX else _cells(front_ends[0])[-1:], indirect=["desk"]
    )


matrix = pytest.mark.parametrize(("desk", "kernel"), _cells(*BROWSERS), indirect=["desk"])


@matrix
def test_a_blocked_cell_shows_a_link_that_signs_in(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome, busy_meter: BusyMeter
) -> None:
    page = open_page(kernel, LOAD, LOGIN, READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    seconds = page.seconds_to_link()
    assert seconds is not None
    allowed = busy_meter.allowed(MAX_SECONDS, seconds)
    report_outcome("login", seconds, ended=_is_signed_in_by_link(page))
    assert seconds < allowed


@matrix
def test_the_panel_in_a_free_kernel_shows_a_link_that_signs_in(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome, busy_meter: BusyMeter
) -> None:
    page = open_page(kernel, LOAD, PANEL, WAITS_AND_READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    seconds = page.seconds_to_link()
    assert seconds is not None
    allowed = busy_meter.allowed(MAX_SECONDS, seconds)
    page.wait_for_cell(1)
    report_outcome("panel", seconds, ended=_is_signed_in_by_link(page))
    assert seconds < allowed


@matrix
def test_a_panel_shows_its_button_or_names_the_magic_that_works(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome, busy_meter: BusyMeter
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
    assert idle_seconds < busy_meter.allowed(MAX_SECONDS, idle_seconds)
    page.press_button("Sign in")
    seconds = page.seconds_to_link()
    assert seconds is not None
    assert seconds < busy_meter.allowed(MAX_SECONDS, seconds)
    report_outcome("widget", seconds, idle_seconds=idle_seconds, ended=_is_signed_in_by_link(page))


@floor_of(*BROWSERS, "voila")
def test_a_cell_that_displays_a_link_takes_its_time_without_this_package_too(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome
) -> None:
    """What the table shows in brackets: the time of the front end and of its kernel."""
    page = _open_with_cell(TEXT, desk, kernel, open_page)
    seconds = page.seconds_to_link()
    assert seconds is not None
    report_outcome("text", seconds)


@floor_of(*(name for name in (*BROWSERS, "voila") if FRONT_ENDS[name].widgets))
def test_a_cell_that_displays_a_button_takes_its_time_without_this_package_too(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome
) -> None:
    page = _open_with_cell(BUTTON, desk, kernel, open_page)
    seconds = page.seconds_to_button("A button")
    assert seconds is not None
    report_outcome("button", seconds)


def _open_with_cell(source: str, desk: Desk, kernel: str, open_page: OpenPage) -> FrontEndPage:
    """Opens a notebook, loads the extension, and starts a cell."""
    if desk.front_end.kind == "voila":
        return open_page(kernel, LOAD, VoilaPage.STAMP, source, READS_S3_BY_BUTTON)
    page = open_page(kernel, LOAD, source)
    page.run_cell(0)
    page.start_cell(1)
    return page


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


@pytest.mark.parametrize("source", [LOGIN, PANEL], ids=["login", "panel"])
@pytest.mark.parametrize(("desk", "kernel"), _cells("lab") if WHOLE_MATRIX else _cells("lab")[-1:], indirect=["desk"])
def test_a_captured_cell_ends_at_once_and_says_why(
    desk: Desk, kernel: str, open_page: OpenPage, report_outcome: ReportOutcome, source: str
) -> None:
    page = open_page(kernel, LOAD, f"%%capture\n{source}")
    page.run_cell(0)
    page.start_cell(1)
    page.wait_for_cell(1)
    page.expect_output("captured")
    assert page.seconds_to_link(0.0) is None
    if source == LOGIN:
        report_outcome("captured", says="ends, and says why")


@pytest.mark.parametrize("desk", ["lab"], indirect=True)
@pytest.mark.parametrize("way", SOURCES)
def test_a_kernel_without_anywidget_shows_a_link_that_signs_in(
    desk: Desk, open_page: OpenPage, busy_meter: BusyMeter, way: str
) -> None:
    page = open_page("newest-no-anywidget", LOAD, SOURCES[way], WAITS_AND_READS_S3)
    page.run_cell(0)
    page.start_cell(1)
    if way == "widget":
        assert page.seconds_to_button("Sign in") is not None
        page.press_button("Sign in")
    seconds = page.seconds_to_link()
    assert seconds is not None
    assert seconds < busy_meter.allowed(MAX_SECONDS, seconds)
    assert _is_signed_in_by_link(page)
