"""What `%cognito_doctor` says of the front end: each line with that one thing in order, and with it broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE
from tests.support.front_end import FrontEnd
from tests.support.notebook import Notebook, started_notebook
from tests.support.relay_server import WAITS_FOR_SERVER, jupyter_server_reached_at
from tests.support.systems import needs_unix_sockets

_DOCTOR = "%cognito_doctor --json"
_RELAY = "https://hub.example/hub/user-redirect/cognito-jupyter/callback"
_WITHOUT_ANYWIDGET = "import sys; sys.modules['anywidget'] = None"
_WITHOUT_IPYWIDGETS = "import sys; sys.modules['ipywidgets'] = None"

Lines = dict[str, str]
"""The verdict of each line, by its sentence and what to do."""


def lines_of(report: str, topic: str = "this front end") -> Lines:
    checks: list[dict[str, Any]] = json.loads(report)["checks"]
    return {f"{each['what']} {each['remedy']}".strip(): each["verdict"] for each in checks if each["topic"] == topic}


def verdict(lines: Lines, *words: str) -> str:
    """Returns the verdict of the one line with these words."""
    (found,) = [verdict for line, verdict in lines.items() if all(word in line for word in words)]
    return found


Report = Callable[[FrontEnd], None]


def reports_nothing(front_end: FrontEnd) -> None:
    """What a front end without a widgets manager sends."""


def reports_widgets(front_end: FrontEnd) -> None:
    """What a front end with ipywidgets alone sends, once for each widget."""
    while front_end.reports:
        front_end.report_widgets(front_end.reports.pop())


def reports_both(front_end: FrontEnd) -> None:
    """What a front end with ipywidgets and anywidget sends."""
    while front_end.views:
        front_end.report(front_end.views.pop())
    reports_widgets(front_end)


_WAITS: dict[Report, float] = {reports_both: 60.0, reports_widgets: 8.0, reports_nothing: 2.0}
"""Seconds that the doctor waits, by what is reported: of all reports it waits for the last, of others for that time."""


@pytest.mark.parametrize(
    ("before", "report", "expected", "words"),
    [
        ("", reports_both, "ok", ["widgets manager and anywidget"]),
        ("", reports_widgets, "note", ["no anywidget", "In the environment of the Jupyter server, run: pip"]),
        (_WITHOUT_ANYWIDGET, reports_widgets, "note", ["no anywidget", "In this kernel's environment, run: pip"]),
        ("", reports_nothing, "note", ["no widgets manager", "link and no panel", "jupyterlab_widgets"]),
        (_WITHOUT_IPYWIDGETS, reports_nothing, "note", ["no ipywidgets", "link and no panel"]),
    ],
    ids=[
        "all in order",
        "no anywidget beside the server",
        "no anywidget beside the kernel",
        "no widgets manager",
        "no ipywidgets beside the kernel",
    ],
)
def test_what_the_front_end_draws_is_found_and_what_is_missing_is_named(
    notebook: Notebook, before: str, report: Report, expected: str, words: list[str]
) -> None:
    front_end = FrontEnd(notebook)
    notebook.text(f"{before}\nfrom cognito_jupyter.notebook.display import doctor; doctor._WAIT = {_WAITS[report]}")
    front_end.start(_DOCTOR, cell_id="1")
    while not front_end._idle:
        front_end.read()
        report(front_end)
    assert front_end.errors == []
    lines = lines_of(front_end.streams)
    assert verdict(lines, "comes from a notebook") == "ok"
    assert verdict(lines, *words) == expected
    assert not front_end.shows_widget
    if before != _WITHOUT_IPYWIDGETS:
        assert notebook.value("len(__import__('ipywidgets').Widget.get_manager_state()['state'])") == "0"


def test_a_notebook_without_input_is_red(cognito: LocalCognito, environment: dict[str, str]) -> None:
    """As in nbconvert and papermill; a sign-in that is remembered on this computer is enough there."""
    with started_notebook(cognito, environment) as notebook:
        assert verdict(lines_of(notebook.text(_DOCTOR)), "can be asked for input") == "ok"
        with started_notebook(cognito, environment, allow_stdin=False) as unattended:
            words = ("No user can be asked for input", "%cognito_login --remember in JupyterLab")
            assert verdict(lines_of(unattended.text(_DOCTOR)), *words) == "fail"
            notebook.text("%cognito_login --remember")
            assert verdict(lines_of(unattended.text(_DOCTOR)), "the sign-in that is there is used") == "note"


@pytest.fixture
def hub_environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a kernel on a hub whose server has the relay."""
    with jupyter_server_reached_at("hub.example", urlsplit(_RELAY).path) as folder:
        yield environment | {"JUPYTERHUB_USER": "ada", FOLDER_VARIABLE: folder, "COGNITO_REDIRECT_URI": _RELAY}


@needs_unix_sockets
def test_a_hub_whose_relay_receives_the_sign_in_is_all_right(
    cognito: LocalCognito, hub_environment: dict[str, str]
) -> None:
    with started_notebook(cognito, hub_environment) as notebook:
        notebook.text(WAITS_FOR_SERVER)
        lines = lines_of(notebook.text(_DOCTOR))
    assert verdict(lines, "comes back to this kernel through its Jupyter server") == "ok"
    assert not [line for line in lines if "is pasted" in line]


@needs_unix_sockets
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({FOLDER_VARIABLE: ""}, ["it was started by JupyterHub", "address is pasted"]),
        ({"COGNITO_REDIRECT_URI": "http://localhost:3000"}, ["register its own address, with /hub/user-redirect/"]),
        ({"COGNITO_REDIRECT_URI": _RELAY.replace("hub.example", "other.example")}, ["address is pasted"]),
    ],
    ids=["no relay beside the server", "the relay's address is not registered", "no browser has come by that address"],
)
def test_a_hub_where_the_address_is_pasted_says_so(
    cognito: LocalCognito, hub_environment: dict[str, str], changes: dict[str, str], words: list[str]
) -> None:
    with started_notebook(cognito, hub_environment | changes) as notebook:
        notebook.text(WAITS_FOR_SERVER)
        assert verdict(lines_of(notebook.text(_DOCTOR)), *words) == "note"


@needs_unix_sockets
def test_the_versions_of_a_server_in_another_environment_are_shown_or_how_to_get_them(
    cognito: LocalCognito, hub_environment: dict[str, str]
) -> None:
    versions = {"jupyterlab": "4.6.6", "anywidget": "0.11.0"}
    environment = hub_environment | {"JPY_SESSION_NAME": "a.ipynb"}
    with (
        jupyter_server_reached_at("hub.example", urlsplit(_RELAY).path, versions) as folder,
        started_notebook(cognito, environment | {FOLDER_VARIABLE: folder}) as notebook,
    ):
        notebook.text(WAITS_FOR_SERVER)
        shown = lines_of(notebook.text(_DOCTOR), "versions")
    assert verdict(shown, "In the environment of the Jupyter server: jupyterlab 4.6.6, anywidget 0.11.0.") == "note"
    with started_notebook(cognito, environment) as notebook:
        shown = lines_of(notebook.text(_DOCTOR), "versions")
    assert verdict(shown, "are not known", "pip install --no-deps cognito_jupyter") == "note"
