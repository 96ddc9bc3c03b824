"""jupyter console and qtconsole, which replace nothing that they have shown: each step of a sign-in says a sentence."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.busy import BusyMeter
from tests.support.printed_login import AUTHORIZE_URL

from ..notebook_page import LOAD, LOGIN, PANEL, READS_S3
from .catalogue import MATRIX_KERNELS
from .conftest import Desk, ReportOutcome
from .matrix import FLOOR_LINK, kernels_for

if sys.platform == "win32":
    pytest.skip("These consoles are driven by a pseudo-terminal.", allow_module_level=True)

from .consoles import Console, QtConsole, TerminalConsole

MAX_SECONDS = 5.0
"""As in test_matrix.py."""
SOURCES = {"login": LOGIN, "panel": PANEL}
CONSOLES = ("console", "qtconsole")
WRONG_ADDRESS = "https://hub.example.org/?code=abc&state=def"
each_console = pytest.mark.parametrize(
    ("desk", "kernel"),
    [pytest.param(name, kernel, id=f"{name}-{kernel}") for name in CONSOLES for kernel in kernels_for(name)],
    indirect=["desk"],
)
each_console_once = pytest.mark.parametrize(
    ("desk", "kernel"),
    [pytest.param(name, MATRIX_KERNELS[-1], id=name) for name in CONSOLES],
    indirect=["desk"],
)


@pytest.fixture
def console(desk: Desk, kernel: str, cognito: LocalCognito) -> Iterator[Console]:
    """Returns a console with the extension loaded."""
    desk.add_kernel(kernel)
    kind = TerminalConsole if desk.front_end.kind == "console" else QtConsole
    with kind(desk.python, kernel, desk.variables) as console:
        before = console.run(LOAD)
        console.expect(r"In \[2\]: ", before)
        yield console


@each_console
@pytest.mark.parametrize("way", SOURCES)
def test_a_console_shows_a_link_that_signs_in_and_says_so(
    console: Console, way: str, cognito: LocalCognito, report_outcome: ReportOutcome, busy_meter: BusyMeter
) -> None:
    started = time.monotonic()
    before = console.run(SOURCES[way])
    url = console.expect(AUTHORIZE_URL, before)[0]
    seconds = time.monotonic() - started
    allowed = busy_meter.allowed(MAX_SECONDS, seconds)
    shown = len(console.text)
    submit_login(url, cognito.demo_user.username, cognito.demo_user.password)
    console.expect("Signed in", shown)
    before = console.run(READS_S3)
    console.expect("(?m)^True", before)
    report_outcome(way, seconds, ended=True)
    assert seconds < allowed


@each_console
def test_a_console_that_prints_a_link_takes_its_time_without_this_package_too(
    console: Console, report_outcome: ReportOutcome
) -> None:
    started = time.monotonic()
    # In two parts, because a console shows what is typed.
    scheme, rest = FLOOR_LINK.split(":", 1)
    before = console.run(f"print({scheme!r} + {':' + rest!r})")
    console.expect(AUTHORIZE_URL, before)
    report_outcome("text", time.monotonic() - started)


@each_console
def test_a_login_panel_in_a_console_names_the_magic_that_works(console: Console, report_outcome: ReportOutcome) -> None:
    before = console.run("import cognito_jupyter; cognito_jupyter.LoginPanel()")
    console.expect(r"(?s)LoginPanel\(\).*%cognito_login", before)
    report_outcome("widget", says="names `%cognito_login`")


@each_console_once
def test_a_console_says_what_is_wrong_with_a_pasted_address_and_asks_again(
    console: Console, cognito: LocalCognito
) -> None:
    before = console.run(f"{LOGIN} --paste")
    url = console.expect(AUTHORIZE_URL, before)[0]
    console.expect("Paste the address", before)
    shown = console.paste(WRONG_ADDRESS)
    console.expect("belongs to another sign-in", shown)
    console.expect("Paste the address", shown)
    user = cognito.demo_user
    address = submit_login(url, user.username, user.password, follow_callback=False)
    shown = console.paste(address)
    console.expect("Signed in", shown)
    console.run(READS_S3)
    console.expect("True", shown)


@each_console_once
def test_a_console_says_that_the_sign_in_was_denied(console: Console) -> None:
    before = console.run(LOGIN)
    url = console.expect(AUTHORIZE_URL, before)[0]
    query = parse_qs(urlsplit(url).query)
    shown = len(console.text)
    denied = {"error": "access_denied", "error_description": "User said no", "state": query["state"][0]}
    requests.get(query["redirect_uri"][0], params=denied, timeout=10)
    console.expect("User said no", shown)
    console.expect(r"In \[\d+\]: ", shown)


@each_console_once
def test_a_pasted_address_is_not_echoed_or_the_console_says_that_it_will_be(desk: Desk, console: Console) -> None:
    """qtconsole has no input that is not echoed."""
    before = console.run(f"{LOGIN} --paste")
    console.expect("Paste the address", before)
    shown = console.paste(WRONG_ADDRESS)
    console.expect("belongs to another sign-in", shown)
    echoed = WRONG_ADDRESS in console.text
    assert echoed == (desk.name == "qtconsole")
    assert echoed == ("text you type will be visible" in console.text)
