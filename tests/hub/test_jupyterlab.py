"""In JupyterLab on a hub, the panel takes one click and one form, also where the kernel is behind a kernel gateway."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from cognito_jupyter.local import LocalCognito
from tests.browser.kernel_pool import notebook_json
from tests.browser.notebook_page import LOAD, LOGIN, NotebookPage

from .conftest import GATEWAY_SERVER, Figures, NewBrowser
from .running_hub import RunningHub
from .sign_in import WHO, fill_form
from .static_page import static_redirect_uri

# Counts what the user does in the notebook's page; events that a script makes are not trusted.
_COUNT_INPUT_EVENTS = """for (const kind of ["click", "paste", "keydown"]) {
  addEventListener(kind, (event) => { if (event.isTrusted) (window.deeds ??= []).push(kind) }, true);
}"""
_NOTEBOOK = "sign-in.ipynb"


def test_in_jupyterlab_one_click_and_one_form_sign_in(
    hub: RunningHub, pool: LocalCognito, new_browser: NewBrowser, figures: Figures
) -> None:
    """The user pastes nothing and types nothing in the notebook's page."""
    seconds = _sign_in_by_panel(hub, pool, new_browser(hub, hub.users.grace))
    figures.add("JupyterLab with the panel", seconds)


def test_a_kernel_behind_a_kernel_gateway_gets_its_sign_in_from_the_page_by_the_panel(
    hub: RunningHub, gateway: None, pool: LocalCognito, new_browser: NewBrowser, figures: Figures
) -> None:
    """No folder is common to server and kernel there, so the page passes its address to the panels of its origin."""
    seconds = _sign_in_by_panel(hub, pool, new_browser(hub, hub.users.grace), server=GATEWAY_SERVER)
    figures.add("kernel gateway, by the panel", seconds)


def test_a_static_page_at_the_hub_passes_the_sign_in_to_the_panel(
    hub: RunningHub, pool: LocalCognito, new_browser: NewBrowser, figures: Figures
) -> None:
    """So does a hub whose servers have no relay: the redirect URI leads to the page and to no server."""
    setting = f"import os; os.environ['COGNITO_REDIRECT_URI'] = '{static_redirect_uri(hub.url)}'"
    seconds = _sign_in_by_panel(hub, pool, new_browser(hub, hub.users.grace), first=setting)
    figures.add("static page at the hub, by the panel", seconds)


def _sign_in_by_panel(
    hub: RunningHub, pool: LocalCognito, browser: BrowserContext, server: str = "", first: str = ""
) -> float:
    """Signs grace in by the panel of a notebook on one of her servers; returns the seconds from password to session."""
    user = hub.users.grace
    hub.start_server(user, server)
    content = {
        "type": "notebook",
        "format": "json",
        "content": notebook_json((f"{first}\n{LOAD}", LOGIN, WHO), "python3"),
    }
    at_server = hub.server_url(user, server).removeprefix(hub.url)
    assert hub.request("PUT", f"{at_server}api/contents/{_NOTEBOOK}", json=content).ok
    page = browser.new_page()
    page.add_init_script(_COUNT_INPUT_EVENTS)
    page.goto(f"{hub.server_url(user, server)}lab/tree/{_NOTEBOOK}")
    notebook = NotebookPage(page, Path(_NOTEBOOK), pool)
    notebook.wait_for_kernel()
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    page.evaluate("window.deeds = []")
    with page.context.expect_page() as opened:
        notebook.sign_in_link.click()
    submitted_at = fill_form(opened.value, user)
    expect(opened.value.get_by_role("heading", name="Sign-in received")).to_be_visible()
    notebook.expect_signed_in()
    seconds = time.monotonic() - submitted_at
    assert Counter(page.evaluate("window.deeds")) == {"click": 1}
    assert "code=" not in opened.value.url
    notebook.run_and_expect(2, user)
    return seconds
