"""A sign-in that comes back to the Jupyter server's own address: the browser cannot reach the kernel's ports."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cognito_jupyter.demo.jupyterlab import JupyterLab
from cognito_jupyter.oauth.redirect_uri import RELAY_PATH
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE
from tests.support.busy import BusyMeter
from tests.support.relay_server import WAITS_FOR_SERVER

from .conftest import OpenNotebook
from .notebook_page import LOAD, LOGIN, PANEL, READS_S3, NotebookPage

MOST_SECONDS = 1.0
"""From the password to the signed-in notebook."""
NO_FOLDER = f"os.environ.pop({FOLDER_VARIABLE!r})"
"""What a kernel on another machine, or behind a kernel gateway, does not have."""


def sign_in(notebook: NotebookPage, outcome: str) -> float:
    """Signs in by the panel's link; returns the seconds from the password to the notebook.

    Args:
        notebook: Shows a panel that waits.
        outcome: What the page says at which the browser ends up.
    """
    with notebook.page.context.expect_page() as opened:
        notebook.sign_in_link.click()
    notebook.submit_sign_in_form(opened.value)
    start = time.monotonic()
    notebook.expect_signed_in()
    seconds = time.monotonic() - start
    expect(opened.value.get_by_role("heading", name=outcome)).to_be_visible()
    assert "code=" not in opened.value.url
    opened.value.close()
    return seconds


@pytest.mark.parametrize("way", ["socket", "page"])
@pytest.mark.parametrize("start", [LOGIN, PANEL])
def test_the_sign_in_comes_back_without_a_paste(
    open_notebook: OpenNotebook, relayed: str, busy_meter: BusyMeter, way: str, start: str
) -> None:
    """By the server's socket; or by the page that hands its address to the panel, also while a cell waits."""
    setup = f"{LOAD}\n{relayed}\n{NO_FOLDER if way == 'page' else WAITS_FOR_SERVER}"
    notebook = open_notebook(setup, start, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    if way == "socket":
        expect(notebook.panel).not_to_contain_text("Sign in by these two steps")
    seconds = sign_in(notebook, "Sign-in received")
    print(f"relay by the {way}, {start.partition(' ')[0]}: {seconds:.2f} s")
    assert seconds < busy_meter.allowed(MOST_SECONDS * 3, seconds)  # CI's machines are slow; the figure is printed
    notebook.wait_for_cell(1)
    notebook.run_and_expect(2, "True")


@pytest.fixture
def callback_page(chromium: Browser, lab: JupyterLab) -> Iterator[Page]:
    """A page of a browser that is signed in to the Jupyter server, without any notebook."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{lab.url}api/status?token={lab.token}")
    yield page
    context.close()


def test_the_page_keeps_its_address_if_no_panel_takes_it(callback_page: Page, lab: JupyterLab) -> None:
    url = f"{lab.url.rstrip('/')}{RELAY_PATH}?code=c0de&state=nobodys"
    response = callback_page.goto(url)
    assert response is not None
    assert response.status == 404
    expect(callback_page.get_by_role("heading", name="Copy the address of this page")).to_be_visible()
    assert callback_page.evaluate("location.href") == url


@pytest.mark.parametrize(
    "message",
    ["{ to: 'another', outcome: 'accepted' }", "{ outcome: 'accepted' }", "null", "{ to: data.from, outcome: 'x' }"],
)
def test_any_other_message_on_the_channel_changes_nothing(callback_page: Page, lab: JupyterLab, message: str) -> None:
    """Programs of the same origin may use the same channel."""
    other = callback_page.context.new_page()
    other.goto(f"{lab.url}api/status?token={lab.token}")
    other.evaluate(
        "() => { const channel = new BroadcastChannel('cognito-jupyter');"
        f"channel.onmessage = ({{ data }}) => {{ window.heard = data; channel.postMessage({message}); }}; }}"
    )
    callback_page.goto(f"{lab.url.rstrip('/')}{RELAY_PATH}?code=c0de&state=nobodys")
    other.wait_for_function("window.heard?.relayed.includes('state=nobodys')")
    expect(callback_page.get_by_role("heading", name="Copy the address of this page")).to_be_visible()
    assert "state=nobodys" in callback_page.evaluate("location.href")


_EMBED = """([tag, address, url, attributes]) => {
  const it = Object.assign(document.createElement(tag), attributes);
  it[address] = url;
  document.body.append(it);
}"""


@pytest.mark.parametrize(
    ("tag", "address", "attributes"),
    [
        ("img", "src", {}),
        ("iframe", "src", {}),
        ("script", "src", {}),
        ("embed", "src", {}),
        ("object", "data", {}),
        ("link", "href", {"rel": "prefetch"}),
    ],
    ids=["img", "iframe", "script", "embed", "object", "prefetch"],
)
def test_a_page_that_embeds_the_callback_gets_nothing_to_a_login(
    callback_page: Page, lab: JupyterLab, tag: str, address: str, attributes: dict[str, str]
) -> None:
    """In the browser of the signed-in user, who has opened a page of the same origin."""
    embedding = f"{lab.url}embeds"
    callback_page.route(embedding, lambda route: route.fulfill(body="<!doctype html><p>", content_type="text/html"))
    callback_page.goto(embedding)
    url = f"{lab.url.rstrip('/')}{RELAY_PATH}?code=c0de&state=a-true-one"
    with callback_page.expect_response(lambda response: "state=a-true-one" in response.url) as embedded:
        callback_page.evaluate(_EMBED, [tag, address, url, attributes])
    assert embedded.value.status == 403


def test_a_page_that_takes_the_callback_for_a_style_sheet_gets_nothing(callback_page: Page, lab: JupyterLab) -> None:
    """Chromium tells of no response there: it refuses what calls itself a page, and reads none of it."""
    embedding = f"{lab.url}embeds"
    callback_page.route(embedding, lambda route: route.fulfill(body="<!doctype html><p>", content_type="text/html"))
    callback_page.goto(embedding)
    url = f"{lab.url.rstrip('/')}{RELAY_PATH}?code=c0de&state=a-true-one"
    with callback_page.expect_event("requestfailed", lambda request: "state=a-true-one" in request.url) as refused:
        callback_page.evaluate(_EMBED, ["link", "href", url, {"rel": "stylesheet"}])
    assert refused.value.failure == "net::ERR_ABORTED"
