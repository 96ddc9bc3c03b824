"""A login as text, in a front end without widgets, whose redirect URI leads to the Jupyter server of a hub."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE
from tests.support.front_end import FrontEnd
from tests.support.notebook import started_notebook
from tests.support.relay_server import WAITS_FOR_SERVER, jupyter_server_reached_at
from tests.support.systems import needs_unix_sockets

pytestmark = needs_unix_sockets

REDIRECT_URI = "https://hub.example/hub/user-redirect/cognito-jupyter/callback"
EITHER_WAY = "so either way works"
UNREACHABLE = "Does the browser say that it cannot reach the page?"
HOW_TO_PASTE = "Copy that whole address"

StartFrontEnd = Callable[[str | None], FrontEnd]


@pytest.fixture
def start_front_end(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[StartFrontEnd]:
    """Starts a kernel on a hub whose server browsers have reached at a host; None: it has no relay."""
    with contextlib.ExitStack() as stack:

        def start(host: str | None) -> FrontEnd:
            hub = {"JUPYTERHUB_USER": "demo", "COGNITO_REDIRECT_URI": REDIRECT_URI}
            if host is not None:
                server = jupyter_server_reached_at(host, urlsplit(REDIRECT_URI).path)
                hub[FOLDER_VARIABLE] = stack.enter_context(server)
            notebook = stack.enter_context(started_notebook(cognito, environment | hub))
            notebook.text(WAITS_FOR_SERVER)
            return FrontEnd(notebook)

        yield start


def test_no_paste_is_required_where_the_sign_in_comes_back_to_the_jupyter_server(
    start_front_end: StartFrontEnd,
) -> None:
    """JupyterHub is a sign of another machine, and the relay outweighs it: no box opens until the login times out."""
    front_end = start_front_end("hub.example")
    shown: list[str] = []
    front_end.on_link = lambda _: shown.append(front_end.text)
    front_end.start("%cognito_login --no-browser --timeout 4")
    front_end.wait_for_cell()
    assert "timed out" in front_end.errors[0]
    assert UNREACHABLE in shown[0]
    assert (EITHER_WAY in shown[0], HOW_TO_PASTE in shown[0]) == (False, False)
    assert front_end.prompts == []


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (
            "10.0.0.3:8888",
            f"It is not known whether your browser comes back to this notebook by itself, {EITHER_WAY}:",
        ),
        (None, f"This kernel's Jupyter server has no relay for the redirect URI {REDIRECT_URI}."),
    ],
    ids=["behind a proxy that hides the host", "no relay"],
)
def test_the_text_says_why_it_asks_for_a_paste(start_front_end: StartFrontEnd, host: str | None, words: str) -> None:
    front_end = start_front_end(host)
    front_end.start("%cognito_login --no-browser")
    # They come by two channels, in any order.
    front_end.wait_until(lambda: front_end.prompts and front_end.text)
    assert words in front_end.text
    assert HOW_TO_PASTE in front_end.text
    assert UNREACHABLE not in front_end.text
    assert front_end.prompts == ["Paste the address here:"]
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()
