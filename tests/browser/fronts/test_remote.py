"""A kernel on another computer: the browser cannot reach its listener, and the sign-in takes a paste and no thought."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cognito_jupyter.local import LocalCognito

from ..book import LOAD, LOGIN, READS_S3, NotebookPage, is_authorization_response
from ..shelf import NEWEST, notebook_json
from .remote import RemoteLab, lab_behind_proxy, lab_in_namespace, unshare_command

# What a person does in the notebook's page, as the browser itself sees it: only what is not made by a script.
_COUNT_INPUT_EVENTS = """for (const kind of ["click", "paste", "keydown"]) {
  addEventListener(kind, (event) => { if (event.isTrusted) (window.deeds ??= []).push(kind) }, true);
}"""


@pytest.fixture(params=["namespace", "proxy"])
def remote(request: pytest.FixtureRequest, cognito: LocalCognito, chromium: Browser) -> Iterator[RemoteLab]:
    """Both ways that keep the browser from the listener; the first where this machine has network namespaces."""
    way = unshare_command()
    with tempfile.TemporaryDirectory(prefix="far-") as folder:
        if request.param == "namespace" and way is not None:
            with lab_in_namespace(way, Path(folder), cognito, chromium) as remote:
                yield remote
        else:
            with lab_behind_proxy(Path(folder), cognito, chromium) as remote:
                yield remote


@pytest.fixture
def book(remote: RemoteLab, cognito: LocalCognito) -> NotebookPage:
    path = remote.notebooks / "remote.ipynb"
    path.write_text(json.dumps(notebook_json((LOAD, LOGIN, READS_S3), NEWEST)), encoding="utf-8")
    remote.browser.grant_permissions(["clipboard-read", "clipboard-write"])
    page = remote.browser.new_page()
    page.add_init_script(_COUNT_INPUT_EVENTS)
    page.goto(f"{remote.url}lab/tree/{path.name}?token={remote.token}")
    book = NotebookPage(page, path, cognito)
    book.wait_for_kernel()
    return book


def test_one_click_one_form_one_copy_and_one_paste_sign_in_on_a_remote_kernel(book: NotebookPage) -> None:
    """Nothing else is done in the notebook's page, and nobody answers at the listener's address."""
    book.run_cells(0)
    book.start_cell(1)
    expect(book.sign_in_link).to_be_visible()
    book.page.evaluate("window.deeds = []")
    done: Counter[str] = Counter()
    with book.page.context.expect_event("request", is_authorization_response) as sent:
        with book.page.context.expect_page() as opened:
            book.sign_in_link.click()
        book.submit_sign_in_form(opened.value)
        done["form"] += 1
    assert sent.value.response() is None
    _copy_to_clipboard(book.page, sent.value.url)
    done["copy"] += 1
    opened.value.close()
    book.page.keyboard.press("Control+V")
    book.expect_signed_in()
    done.update(book.page.evaluate("window.deeds"))
    # Control and V are the paste's own keys.
    assert done == {"click": 1, "form": 1, "copy": 1, "paste": 1, "keydown": 2}
    book.run_cells(2)
    book.expect_output(2, "True")


def _copy_to_clipboard(page: Page, address: str) -> None:
    """What a person copies from the address bar, which no script can reach."""
    page.evaluate("(text) => navigator.clipboard.writeText(text)", address)
