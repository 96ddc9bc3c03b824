"""A kernel on another computer, whose listener the browser cannot reach: one paste, or none where the relay is."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.redirect_uri import RELAY_PATH

from ..kernel_pool import NEWEST, notebook_json
from ..notebook_page import LOAD, LOGIN, READS_S3, NotebookPage, is_authorization_response
from .remote_lab import RemoteLab, lab_behind_proxy, lab_in_namespace, unshare_command

# Counts what the user does in the notebook's page; events that a script makes are not trusted.
_COUNT_INPUT_EVENTS = """for (const kind of ["click", "paste", "keydown"]) {
  addEventListener(kind, (event) => { if (event.isTrusted) (window.deeds ??= []).push(kind) }, true);
}"""


@pytest.fixture(params=["namespace", "proxy"])
def remote(request: pytest.FixtureRequest, cognito: LocalCognito, chromium: Browser) -> Iterator[RemoteLab]:
    """Runs both kinds of remote JupyterLab; the first only where this machine has network namespaces."""
    way = unshare_command()
    with tempfile.TemporaryDirectory(prefix="remote-") as folder:
        if request.param == "namespace" and way is not None:
            with lab_in_namespace(way, Path(folder), cognito, chromium) as remote:
                yield remote
        else:
            with lab_behind_proxy(Path(folder), cognito, chromium) as remote:
                yield remote


@pytest.fixture
def notebook(remote: RemoteLab, cognito: LocalCognito) -> NotebookPage:
    path = remote.notebooks / "remote.ipynb"
    path.write_text(json.dumps(notebook_json((LOAD, LOGIN, READS_S3), NEWEST)), encoding="utf-8")
    remote.browser.grant_permissions(["clipboard-read", "clipboard-write"])
    page = remote.browser.new_page()
    page.add_init_script(_COUNT_INPUT_EVENTS)
    page.goto(f"{remote.url}lab/tree/{path.name}?token={remote.token}")
    notebook = NotebookPage(page, path, cognito)
    notebook.wait_for_kernel()
    return notebook


def test_one_click_one_form_one_copy_and_one_paste_sign_in_on_a_remote_kernel(notebook: NotebookPage) -> None:
    """The user does nothing else in the notebook's page, and no server listens at the redirect URI."""
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.page.evaluate("window.deeds = []")
    done: Counter[str] = Counter()
    with notebook.page.context.expect_event("request", is_authorization_response) as sent:
        with notebook.page.context.expect_page() as opened:
            notebook.sign_in_link.click()
        notebook.submit_sign_in_form(opened.value)
        done["form"] += 1
    assert sent.value.response() is None
    _copy_to_clipboard(notebook.page, sent.value.url)
    done["copy"] += 1
    opened.value.close()
    notebook.page.keyboard.press("Control+V")
    notebook.expect_signed_in()
    done.update(notebook.page.evaluate("window.deeds"))
    # Control and V are the keys of the paste.
    assert done == {"click": 1, "form": 1, "copy": 1, "paste": 1, "keydown": 2}
    notebook.run_and_expect(2, "True")


def test_one_click_and_one_form_sign_in_where_the_jupyter_server_has_the_relay(
    notebook: NotebookPage, remote: RemoteLab, cognito: LocalCognito
) -> None:
    """Also by a forwarded port that is not the server's own, as with ssh -L."""
    uri = remote.url.rstrip("/") + RELAY_PATH
    client = cognito.pool.clients[cognito.client_id]
    cognito.add_client(dataclasses.replace(client, redirect_uris=(*client.redirect_uris, uri)))
    notebook.cell(0).locator(".cm-content").fill(f"import os\nos.environ['COGNITO_REDIRECT_URI'] = {uri!r}\n{LOAD}")
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    expect(notebook.panel).not_to_contain_text("another computer")
    notebook.page.evaluate("window.deeds = []")
    with notebook.page.context.expect_page() as opened:
        notebook.sign_in_link.click()
    notebook.submit_sign_in_form(opened.value)
    expect(opened.value.get_by_role("heading", name="Sign-in received")).to_be_visible()
    assert "code=" not in opened.value.url
    notebook.expect_signed_in()
    assert Counter(notebook.page.evaluate("window.deeds")) == {"click": 1}
    notebook.run_and_expect(2, "True")


def _copy_to_clipboard(page: Page, address: str) -> None:
    """Puts a URL on the clipboard, as the user copies it from the address bar, which no script can reach."""
    page.evaluate("(text) => navigator.clipboard.writeText(text)", address)
